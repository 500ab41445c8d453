//! The page's two wasm modules: compiled by cargo, bound by wasm-bindgen.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow};
use wasm_bindgen_cli_support::Bindgen;

use crate::{process, site, workspace};

pub struct Module {
    /// Its folder under `wasm/` in the page.
    pub name: &'static str,
    profile: &'static str,
    features: &'static str,
}

/// Samples on the CPU: small, so the page loads it first.
pub const CPU: Module = Module { name: "cpu", profile: "web-cpu", features: "cpu" };
/// Samples on the GPU; the page loads it second.
pub const WEBGPU: Module = Module { name: "webgpu", profile: "web-gpu", features: "webgpu" };

impl Module {
    /// `cargo SUBCOMMAND` on this module, the same for building and for linting.
    pub fn cargo(&self, subcommand: &str) -> Command {
        process::cargo([
            subcommand,
            "--package",
            "imago-wasm",
            "--target",
            workspace::WASM,
            "--profile",
            self.profile,
            "--no-default-features",
            "--features",
            self.features,
        ])
    }

    pub fn compile(&self) -> Result<PathBuf> {
        process::run(&mut self.cargo("build"))?;
        Ok(workspace::target_dir()?.join(workspace::WASM).join(self.profile).join("imago_wasm.wasm"))
    }

    /// Writes the module for browsers, `imago.js` and `imago_bg.wasm`, into its folder under
    /// `wasm`, unless it is newer than `input`.
    pub fn bind(&self, input: &Path, wasm: &Path) -> Result<()> {
        let folder = wasm.join(self.name);
        let fresh = ["imago.js", "imago_bg.wasm"].iter().all(|file| site::is_newer(&folder.join(file), input));
        if fresh {
            return Ok(());
        }
        // Built beside its place and renamed, so that an interrupted run leaves nothing
        // half-written.
        let unfinished = wasm.join(format!("{}.unfinished", self.name));
        site::remove(&unfinished)?;
        Bindgen::new()
            .input_path(input)
            .out_name("imago")
            .web(true)
            .and_then(|bindgen| {
                bindgen.typescript(false).remove_name_section(true).remove_producers_section(true).generate(&unfinished)
            })
            .map_err(|error| anyhow!("{error:#}"))
            .with_context(|| format!("wasm-bindgen failed on {}", input.display()))?;
        site::remove(&folder)?;
        fs::rename(&unfinished, &folder).with_context(|| format!("cannot write {}", folder.display()))
    }
}
