//! `cargo xtask measure-page`: what a visitor downloads, how soon the first pictures show, and what pictures take.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};

use crate::browser::{Browser, PEERS, TESTS};
use crate::{process, web};

/// Builds the page and measures it in a real browser: bytes of each file, time to the first grid, time of each model's samples on
/// each backend.
#[derive(clap::Args)]
pub struct Args {
    /// Measure TensorFlow.js and ONNX Runtime Web on the same decoders as well, in the same browser; npm downloads 500 MB for it
    #[arg(long)]
    peers: bool,
}

/// Runs the command.
///
/// # Errors
/// When the page cannot be built, the browser is missing, or the measurement fails.
pub fn run(args: &Args) -> Result<()> {
    let dist = Path::new("dist");
    web::build(dist, false)?;
    let browser = Browser::find()?.map_err(|missing| anyhow!(missing))?;
    let mut folders = vec![TESTS];
    folders.extend(args.peers.then_some(PEERS));
    for folder in &folders {
        browser.install_packages(Path::new(folder))?;
    }
    for folder in folders {
        let script: PathBuf = [folder, "measure.mjs"].iter().collect();
        process::run(browser.node(dist)?.arg(script))?;
    }
    Ok(())
}
