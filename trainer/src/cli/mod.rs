//! The command line: one file per command.

mod check;
mod export;
mod sample;
mod summary;
mod train;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use imago_core::model::Plan;
use imago_core::spec::{self, Override, Pipeline};

/// Generative models, declared in YAML, trained on your GPU, sampled in a web page.
#[derive(Parser)]
#[command(name = "imago", version, arg_required_else_help = true)]
struct Command {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    Train(train::Train),
    Check(check::Check),
    Summary(summary::Summary),
    Sample(sample::Sample),
    Export(export::Export),
}

/// Runs what the command line asks for. The exit code is 0 when it was done and 1 for a normal negative answer; an error
/// becomes 2.
pub fn run() -> Result<ExitCode> {
    match Command::parse().action {
        Action::Train(command) => command.run(),
        Action::Check(command) => Ok(command.run()),
        Action::Summary(command) => command.run(),
        Action::Sample(command) => command.run(),
        Action::Export(command) => command.run(),
    }
}

/// Changes to a pipeline given on the command line.
#[derive(Args)]
struct Overrides {
    /// Replaces a value of the file, such as train.epochs=5; may be given several times
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = Override::parse)]
    overrides: Vec<Override>,
}

/// Reads the pipeline in `file`.
fn read(file: &Path, overrides: &[Override]) -> Result<(Pipeline, Plan)> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(spec::read(&file.display().to_string(), &text, overrides)?)
}

/// What several commands are pointed at.
#[derive(Args)]
struct Model {
    /// A run folder (runs/…) or an exported artifact (a folder with model.ron and weights.bpk)
    #[arg(value_name = "RUN|ARTIFACT")]
    path: PathBuf,
}
