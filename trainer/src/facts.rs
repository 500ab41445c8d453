//! Facts about the machine and the time of a run.

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

pub const BURN: &str = "0.22.1";

/// The commit of the repository that contains `folder`, and whether files were changed; None
/// outside of a repository.
pub fn git_state(folder: &Path) -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(folder).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = git(&["rev-parse", "HEAD"])?;
    let changes = git(&["status", "--porcelain"])?;
    Some(if changes.is_empty() { commit } else { format!("{commit} with changes") })
}

/// The peak memory of this process in bytes, where the system reports it.
pub fn peak_memory() -> Option<u64> {
    #[cfg(unix)]
    {
        use nix::sys::resource::{UsageWho, getrusage};
        let most = u64::try_from(getrusage(UsageWho::RUSAGE_SELF).ok()?.max_rss()).ok()?;
        // Apple reports bytes, other systems kibibytes.
        Some(if cfg!(target_vendor = "apple") { most } else { most * 1024 })
    }
    #[cfg(not(unix))]
    None
}

/// The time since the first call, which is the first thing the program does.
pub fn since_start() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}

pub fn now() -> String {
    jiff::Timestamp::now().to_string()
}

/// The time as part of a folder's name: 20261122-141500, UTC.
pub fn stamp() -> Result<String> {
    let time = jiff::fmt::strtime::format("%Y%m%d-%H%M%S", jiff::Timestamp::now());
    time.context("the time cannot be written")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_burn_is_that_of_the_lock_file() {
        let lock = include_str!("../../Cargo.lock");
        assert!(lock.contains(&format!("name = \"burn\"\nversion = \"{BURN}\"")));
    }

    #[test]
    #[cfg(unix)]
    fn memory_is_counted_in_bytes() {
        let before = peak_memory().unwrap();
        let large = vec![1_u8; 64 << 20];
        assert!(std::hint::black_box(&large).iter().all(|byte| *byte == 1));
        let grown = peak_memory().unwrap().max(before);
        assert!((64 << 20..1 << 40).contains(&grown), "{grown}");
    }

    #[test]
    fn a_folder_that_git_does_not_know_has_no_commit() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(git_state(&folder.path().join("nowhere")), None);
    }
}
