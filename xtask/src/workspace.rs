//! Paths of this repository.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process;

/// Changes to the root of the repository, so that all paths here are relative to it.
pub fn enter() -> Result<()> {
    // Cargo sets the package's folder at run time too, which stays right if the repository moves.
    let package = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    let root = package.parent().unwrap_or(Path::new("."));
    env::set_current_dir(root).with_context(|| format!("cannot enter {}", root.display()))
}

/// What a folder holds, in order.
pub fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// The files in a folder and below whose names have this ending, in order.
pub fn files(folder: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in entries(folder)? {
        if path.is_dir() {
            found.extend(files(&path, ending)?);
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    Ok(found)
}

/// Cargo's target folder, wherever it is configured.
pub fn target_dir() -> Result<PathBuf> {
    let metadata = process::query(&mut process::cargo(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    let folder = metadata["target_directory"].as_str().context("`cargo metadata` names no target directory")?;
    Ok(PathBuf::from(folder))
}

/// Builds the release version of `imago`. Selecting the workspace builds dependencies with the same
/// features as `cargo test --workspace`, so that the heavy ones are compiled once.
pub fn build_imago() -> Result<()> {
    process::run(&mut process::cargo(["build", "--release", "--workspace", "--bin", "imago"]))
}

/// The path of the release build of `imago`, which may not exist yet.
pub fn imago() -> Result<PathBuf> {
    let name = format!("imago{}", env::consts::EXE_SUFFIX);
    Ok(target_dir()?.join("release").join(name))
}

pub const WASM: &str = "wasm32-unknown-unknown";

/// Adds the wasm target to the toolchain if it is missing.
pub fn ensure_wasm_target() -> Result<()> {
    let folder = process::query(Command::new("rustc").args(["--print", "target-libdir", "--target", WASM]))?;
    if Path::new(folder.trim()).is_dir() {
        return Ok(());
    }
    process::run(Command::new("rustup").args(["target", "add", WASM])).with_context(|| {
        format!(
            "the page needs Rust's target {WASM}: install it with `rustup target add {WASM}`, \
             or from where this Rust came from (Debian: libstd-rust-dev-wasm32)"
        )
    })
}
