//! The capabilities of this machine, and safe ways to extend them.

use std::env;
use std::fs;
use std::process::Command;

use anyhow::Result;

use crate::process;

/// Whether this is an unattended run, in which nothing may be skipped.
pub fn is_ci() -> bool {
    env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

/// Whether system packages can be installed without asking: Linux with apt-get, as root.
pub fn can_install() -> bool {
    cfg!(target_os = "linux")
        && process::on_path(&["apt-get"]).is_some()
        && process::query(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

pub fn install(packages: &[&str]) -> Result<()> {
    let apt = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    process::run(apt().arg("update"))?;
    process::run(apt().args(["install", "-y"]).args(packages))
}

/// Whether a Vulkan driver, real or software, is registered (Linux only).
pub fn has_vulkan_driver() -> bool {
    ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"]
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .any(|mut drivers| drivers.next().is_some())
}
