//! The command line: one file per command.

mod bench;
mod check;
mod compare;
mod data;
mod evaluate;
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

use anyhow::{Context, Result, bail};
use burn::tensor::Device;
use clap::{Args, Parser, Subcommand};
use imago_core::hash::sha256;
use imago_core::limits::Limits;
use imago_core::spec;
use imago_core::yaml::Override;

use crate::data::Search;
use crate::device::{DeviceChoice, OpenDevice};
use crate::measure::{EvaluationJob, EvaluationProgress, Evaluator, ImportanceSamples, Inception, ReferenceSet};
use crate::sweep::Seeds;

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
    Evaluate(evaluate::Evaluate),
    Compare(compare::Compare),
    Export(export::Export),
    Bench(bench::Bench),
    Data(data::Data),
    Init(init::Init),
    Layers(layers::Layers),
    Schema(schema::Schema),
}

/// Runs the command line. The exit code is 0 for success and 1 for a normal negative answer; errors
/// become 2.
pub fn run() -> Result<ExitCode> {
    match Command::parse().action {
        Action::Train(command) => command.run(),
        Action::Sweep(command) => command.run(),
        Action::Check(command) => command.run(),
        Action::Summary(command) => command.run(),
        Action::Sample(command) => command.run(),
        Action::Evaluate(command) => command.run(),
        Action::Compare(command) => command.run(),
        Action::Export(command) => command.run(),
        Action::Bench(command) => command.run(),
        Action::Data(command) => command.run(),
        Action::Init(command) => command.run(),
        Action::Layers(command) => command.run(),
        Action::Schema(command) => Ok(command.run()),
    }
}

/// Overrides of a pipeline from the command line.
#[derive(Args)]
struct Overrides {
    /// Override a value of the file, such as train.epochs=5; may be repeated
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = Override::parse)]
    overrides: Vec<Override>,
    /// Lift the limits on file size, layers, parameters and memory that catch typing mistakes
    #[arg(long)]
    allow_large: bool,
}

impl Overrides {
    fn limits(&self) -> Limits {
        if self.allow_large { Limits::LARGE } else { Limits::DEFAULT }
    }
}

/// The model that a command works on.
#[derive(Args)]
struct Model {
    /// A run folder (runs/…) or an exported artifact (a folder with model.ron and weights.bpk)
    #[arg(value_name = "RUN|ARTIFACT")]
    path: PathBuf,
}

/// How to evaluate models.
#[derive(Args)]
struct EvaluationOptions {
    /// Samples per seed; scores of different counts are not comparable
    #[arg(long, value_name = "SAMPLES", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(10..=1_000_000))]
    count: u32,
    /// The seeds of the samples, such as 1..5 or 1,4,7: scores are means ± standard deviation over
    /// them
    #[arg(long, default_value = "1..3")]
    seeds: Seeds,
    /// The classifier whose features are compared: a run or an artifact [default: built in for the
    /// set]
    #[arg(long, value_name = "RUN|ARTIFACT")]
    evaluator: Option<PathBuf>,
    /// Also measure FID in the features of Inception v3, as pytorch-fid does: weights as
    /// .safetensors
    #[arg(long, value_name = "FILE", long_help = INCEPTION_HELP)]
    inception: Option<PathBuf>,
    /// Importance samples per image for the likelihood bound of a VAE
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    draws: u32,
    /// Test images for that bound
    #[arg(long, value_name = "IMAGES", default_value_t = 500, value_parser = clap::value_parser!(u32).range(2..))]
    bounded: u32,
    #[command(flatten)]
    search: Search,
    /// The device to compute on
    #[arg(long, value_enum, default_value_t)]
    device: DeviceChoice,
}

/// How to get the weights of Inception v3, which we may not ship.
const INCEPTION_HELP: &str = "Measure FID in the features of Inception v3 as well, with the weights and the preprocessing of pytorch-fid. \
    Nothing is downloaded: fetch pt_inception-2015-12-05-6726825d.pth from the releases of github.com/mseitzer/pytorch-fid and \
    convert it once, in Python:

  import torch, safetensors.torch
  weights = torch.load(\"pt_inception-2015-12-05-6726825d.pth\", weights_only=True)
  safetensors.torch.save_file(weights, \"inception.safetensors\")
";

impl EvaluationOptions {
    fn job<'a>(&'a self, opened: &'a OpenDevice, progress: &'a EvaluationProgress) -> EvaluationJob<'a> {
        EvaluationJob {
            count: self.count as usize,
            seeds: self.seeds.as_slice(),
            importance_samples: ImportanceSamples { images: self.bounded as usize, draws: self.draws as usize },
            search: &self.search,
            device: &opened.name,
            progress,
        }
    }

    /// The reference images for models of `data`.
    fn reference_set(&self, data: &spec::Data, device: &Device, progress: &EvaluationProgress) -> Result<ReferenceSet> {
        let evaluator = Evaluator::open(self.evaluator.as_deref(), data, device)?;
        let inception = self.inception.as_deref().map(|path| inception(path, data, device)).transpose()?;
        ReferenceSet::new(data, &self.search, evaluator, inception, self.count as usize, device, progress)
    }
}

/// Inception v3 from a file, and the hash of the file.
fn inception(path: &Path, data: &spec::Data, device: &Device) -> Result<(Inception, String)> {
    if ![1, 3].contains(&data.image()[0]) {
        bail!("Inception v3 needs grey or RGB images, not {} channels", data.image()[0]);
    }
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            bail!("{} does not exist. {INCEPTION_HELP}", path.display())
        }
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let network = Inception::read(&bytes, device).with_context(|| path.display().to_string())?;
    Ok((network, sha256(&bytes)))
}
