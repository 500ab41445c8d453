//! The page's wasm modules: compiled by cargo, bound by wasm-bindgen.

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
    /// Bytes that it may have, compressed.
    pub budget: u64,
}

/// Samples on the CPU: small, so the page loads it first.
pub const CPU: Module = Module { name: "cpu", profile: "web-cpu", features: "cpu", budget: 300_000 };
/// Samples on the GPU; the page loads it second.
pub const WEBGPU: Module = Module { name: "webgpu", profile: "web-gpu", features: "webgpu", budget: 300_000 };
/// Trains on the CPU; loaded when somebody trains, as is the next.
pub const TRAIN_CPU: Module =
    Module { name: "train-cpu", profile: "web-train-cpu", features: "train-cpu", budget: 1_100_000 };
/// Trains on the GPU.
pub const TRAIN_WEBGPU: Module =
    Module { name: "train-webgpu", profile: "web-train-gpu", features: "train-webgpu", budget: 3_000_000 };
/// All of them, in the order in which a visitor meets them.
pub const ALL: [&Module; 4] = [&CPU, &WEBGPU, &TRAIN_CPU, &TRAIN_WEBGPU];

impl Module {
    /// Whether it needs a GPU.
    pub fn is_for_gpu(&self) -> bool {
        self.name.ends_with("webgpu")
    }

    /// `cargo SUBCOMMAND` on this module with a profile.
    fn cargo(&self, subcommand: &str, profile: &str) -> Command {
        process::cargo([
            subcommand,
            "--package",
            "imago-wasm",
            "--target",
            workspace::WASM,
            "--profile",
            profile,
            "--no-default-features",
            "--features",
            self.features,
        ])
    }

    /// The lints of this module. All modules have one profile here, that of the other lints: what
    /// they share, and all macros, are checked once.
    pub fn clippy(&self) -> Command {
        self.cargo("clippy", "release")
    }

    pub fn compile(&self) -> Result<PathBuf> {
        process::run(&mut self.cargo("build", self.profile))?;
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
