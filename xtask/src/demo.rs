//! `cargo xtask demo`: from a fresh clone to your own model in the browser.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::bundle::{CPU, TRAIN_CPU, WEBGPU};
use crate::{process, serve, site, web, workspace};

const PIPELINE: &str = "pipelines/synthetic/quickstart.yaml";
const RUN: &str = "runs/quickstart";

/// Train a small model, build the page, add the model and serve it.
#[derive(clap::Args)]
pub struct Args {
    /// The port to serve on; if it is taken, the next free one
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Train for this many epochs instead of the pipeline's own number
    #[arg(long, value_name = "N")]
    epochs: Option<u32>,
    /// Stop after building the page
    #[arg(long)]
    no_serve: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let dist = Path::new("dist");
    site::check(dist)?;

    println!("Building the trainer (the first time takes 5 to 10 minutes) …");
    workspace::build_imago()?;
    let imago = workspace::imago()?;

    println!("Training {PIPELINE} (a minute or two) …");
    let mut train = Command::new(&imago);
    train.args(["train", PIPELINE, "--run", RUN, "--force"]);
    if let Some(epochs) = args.epochs {
        train.arg("--set").arg(format!("train.epochs={epochs}"));
    }
    process::run(&mut train)?;

    println!("Building the page (the first time takes a few minutes) …");
    web::build(dist, &[&CPU, &WEBGPU, &TRAIN_CPU], None)?;

    println!("Putting the model into the page (a moment) …");
    let mut export = Command::new(&imago);
    export.args(["export", RUN, "--to"]);
    export.arg(dist.join("models").join("quickstart"));
    process::run(export.arg("--force"))?;
    site::finish(dist)?;

    if args.no_serve {
        println!("The page is in {}; `cargo xtask serve` shows it.", dist.display());
        return Ok(());
    }
    serve::serve(dist, args.port)
}
