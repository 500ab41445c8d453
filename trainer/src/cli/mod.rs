//! The command line: one file per command.

mod bench;
mod check;
mod data;
mod export;
mod init;
mod layers;
mod sample;
mod schema;
mod summary;
mod sweep;
mod train;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use imago_core::model::Plan;
use imago_core::plan::Limits;
use imago_core::spec::{Override, Pipeline};

use crate::source::Source;

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
    Sweep(sweep::Sweep),
    Check(check::Check),
    Summary(summary::Summary),
    Sample(sample::Sample),
    Export(export::Export),
    Bench(bench::Bench),
    Data(data::Data),
    Init(init::Init),
    Layers(layers::Layers),
    Schema(schema::Schema),
}

/// Runs what the command line asks for. The exit code is 0 when it was done and 1 for a normal negative answer; an error
/// becomes 2.
pub fn run() -> Result<ExitCode> {
    match Command::parse().action {
        Action::Train(command) => command.run(),
        Action::Sweep(command) => command.run(),
        Action::Check(command) => command.run(),
        Action::Summary(command) => command.run(),
        Action::Sample(command) => command.run(),
        Action::Export(command) => command.run(),
        Action::Bench(command) => command.run(),
        Action::Data(command) => command.run(),
        Action::Init(command) => Ok(command.run()),
        Action::Layers(command) => command.run(),
        Action::Schema(command) => Ok(command.run()),
    }
}

/// Changes to a pipeline given on the command line.
#[derive(Args)]
struct Overrides {
    /// Replaces a value of the file, such as train.epochs=5; may be given several times
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = Override::parse)]
    overrides: Vec<Override>,
    /// Lift the limits of file, layers, parameters and memory that catch slips of the keyboard
    #[arg(long)]
    allow_large: bool,
}

impl Overrides {
    fn limits(&self) -> Limits {
        if self.allow_large { Limits::LARGE } else { Limits::DEFAULT }
    }

    /// Reads the pipeline in `file`, and shows what is wrong with it.
    fn read(&self, file: &Path) -> Result<(Pipeline, Plan)> {
        Source::open(file)?.pipeline(&self.overrides, self.limits())
    }
}

/// What several commands are pointed at.
#[derive(Args)]
struct Model {
    /// A run folder (runs/…) or an exported artifact (a folder with model.ron and weights.bpk)
    #[arg(value_name = "RUN|ARTIFACT")]
    path: PathBuf,
}
