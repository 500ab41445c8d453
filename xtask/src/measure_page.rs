//! `cargo xtask measure-page`: download size, time to the first images, and sampling time.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};

use crate::browser::{Browser, PEERS, TESTS};
use crate::bundle::{CPU, WEBGPU};
use crate::{process, web};

/// Build the page and measure it in a real browser: file sizes, time to the first grid, and each
/// model's sampling time on each backend.
#[derive(clap::Args)]
pub struct Args {
    /// Also measure TensorFlow.js and ONNX Runtime Web on the same decoders; npm downloads 500 MB
    #[arg(long)]
    peers: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let dist = Path::new("dist");
    web::build(dist, &[&CPU, &WEBGPU], None)?;
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
