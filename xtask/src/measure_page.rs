//! `cargo xtask measure-page`: download size, time to the first images, and sampling time.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};

use crate::browser::{Browser, PEERS, TESTS};
use crate::bundle::{ALL, CPU, Module, WEBGPU};
use crate::{process, web};

/// Build the page and measure it in a real browser: file sizes, time to the first grid, and each
/// model's sampling time on each backend.
#[derive(clap::Args)]
pub struct Args {
    /// Also measure TensorFlow.js and ONNX Runtime Web on the same decoders; npm downloads 500 MB
    #[arg(long)]
    peers: bool,
    /// Measure training instead, beside TensorFlow.js on the same networks
    #[arg(long, conflicts_with = "peers")]
    training: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let dist = Path::new("dist");
    let modules: &[&Module] = if args.training { &ALL } else { &[&CPU, &WEBGPU] };
    web::build(dist, modules, None)?;
    let browser = Browser::find()?.map_err(|missing| anyhow!(missing))?;
    if args.training {
        browser.install_packages(Path::new(TESTS))?;
        browser.install_packages(Path::new(PEERS))?;
        return process::run(browser.node(dist)?.arg(Path::new(PEERS).join("train.mjs")));
    }
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
