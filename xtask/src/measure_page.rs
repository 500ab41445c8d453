//! `cargo xtask measure-page`: how soon the page shows its first pictures and what a visitor downloads.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};

use crate::browser::{Browser, TESTS};
use crate::{process, web};

/// Builds the page and measures it in a real browser: time to the first grid, bytes transferred.
#[derive(clap::Args)]
pub struct Args {}

/// Runs the command.
///
/// # Errors
/// When the page cannot be built, the browser is missing, or the measurement fails.
pub fn run(_: &Args) -> Result<()> {
    let dist = Path::new("dist");
    web::build(dist, false)?;
    let browser = Browser::find()?.map_err(|missing| anyhow!(missing))?;
    browser.install_packages()?;
    let script: PathBuf = [TESTS, "measure.mjs"].iter().collect();
    process::run(browser.node(dist)?.arg(script))
}
