//! `imago train`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use burn::tensor::{Device, read_sync};
use imago_core::artifact::Artifact;
use imago_core::family::Plan;
use imago_core::pipeline::Pipeline;
use imago_core::training::{Run, Sets, Snapshot, Source, SourceError, State, TrainingError};
use imago_core::yaml::Override;
use indicatif::HumanDuration;

use super::Overrides;
use crate::changes::{Change, changes};
use crate::data::{Images, Search};
use crate::device::DeviceChoice;
use crate::facts;
use crate::files::parent;
use crate::pipeline_file::PipelineFile;
use crate::run::{Outcome, Record, RunFolder, open_artifact};
use crate::sweep::{Seeds, Sweep, Workers};
use crate::train::{Progress, Session, Stop, Verbosity, train};

/// What a resumed run must keep.
const KEPT: [&str; 4] = ["name", "model", "data", "train.batch"];

/// Train a pipeline: progress, samples after every epoch, checkpoints
#[derive(clap::Args)]
pub struct Train {
    /// The YAML file
    #[arg(required_unless_present = "resume", conflicts_with = "resume")]
    file: Option<PathBuf>,
    #[command(flatten)]
    set: Overrides,
    /// The device to compute on
    #[arg(long, value_enum, default_value_t)]
    device: DeviceChoice,
    #[command(flatten)]
    search: Search,
    /// The run folder to create; `runs/<name>-<time>` by default
    #[arg(long, value_name = "FOLDER", conflicts_with = "resume")]
    run: Option<PathBuf>,
    /// Replace an existing run
    #[arg(long, conflicts_with = "resume")]
    force: bool,
    /// Train once for each of these seeds, such as 1..5 or 1,4,7; report mean and standard
    /// deviation
    #[arg(long, value_name = "SEEDS", conflicts_with_all = ["resume", "force", "json", "quiet", "save_every"])]
    seeds: Option<Seeds>,
    /// Resume a run
    #[arg(long, value_name = "RUN")]
    resume: Option<PathBuf>,
    /// Resume although the run's pipeline.yaml or the training images have changed
    #[arg(long, requires = "resume")]
    accept_changes: bool,
    /// Also save a checkpoint after this many seconds within an epoch; 0 for every step
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    save_every: u64,
    /// Print only warnings and errors
    #[arg(long, short, conflicts_with = "json")]
    quiet: bool,
    /// Print every epoch as a line of JSON, and nothing else
    #[arg(long)]
    json: bool,
}

struct Setup {
    pipeline: Pipeline,
    plan: Plan,
    images: Sets<Images>,
    source: Option<Artifact>,
    folder: RunFolder,
    record: Record,
    checkpoint: Option<Snapshot>,
    _lock: File,
}

impl Train {
    pub fn run(self) -> Result<ExitCode> {
        if let (Some(file), Some(seeds)) = (&self.file, &self.seeds) {
            return self.train_seeds(file, seeds);
        }
        let setup = match (&self.resume, &self.file) {
            (Some(folder), _) => self.resume(folder)?,
            (None, Some(file)) => self.begin(file)?,
            (None, None) => bail!("name a YAML file, or a run with --resume"),
        };
        crate::device::within_threads(|| self.train(setup))
    }

    /// Trains once for each seed, each in its own process.
    fn train_seeds(&self, file: &Path, seeds: &Seeds) -> Result<ExitCode> {
        let sweep = Sweep::over_seeds(file, &self.set.overrides, self.set.limits(), seeds, self.run.clone())?;
        let workers = Workers {
            devices: vec![self.device],
            search: self.search.clone(),
            allow_large: self.set.allow_large,
            ..Workers::default()
        };
        sweep.train(None, &workers)
    }

    fn begin(&self, file: &Path) -> Result<Setup> {
        let text = PipelineFile::open(file)?;
        let (pipeline, plan) = text.pipeline(&self.set.overrides, self.set.limits())?;
        // The images come first: only a training that can start gets a run folder.
        let source = match pipeline.model.traits().source {
            Some(from) => Some(open_artifact(Path::new(from), true).with_context(|| format!("model.from, `{from}`"))?),
            None => None,
        };
        let images = self.images(&pipeline)?;
        if let Some((source, from)) = source.as_ref().zip(pipeline.model.traits().source) {
            let checked = Source::new(source.clone(), from, plan.source_latent(), &images.training, &Device::flex());
            checked.map_err(|error| match &error {
                TrainingError::Source(SourceError::NoEncoder(_)) => {
                    anyhow!("{error}: `imago export RUN --to FOLDER --encoder`")
                }
                _ => error.into(),
            })?;
        }
        let folder = match &self.run {
            Some(folder) => folder.clone(),
            None => Path::new("runs").join(format!("{}-{}", pipeline.name, facts::stamp()?)),
        };
        let record = Record {
            name: pipeline.name.clone(),
            git: facts::git_state(&parent(file)),
            parameters: plan.parameters(),
            set: self.set.overrides.iter().map(|change| change.text().to_owned()).collect(),
            data_sha256: images.training.sha256(),
            started: facts::now(),
            ..Record::default()
        };
        let run = RunFolder::create(folder, text.bytes(), &pipeline, &record, source.as_ref(), self.force)?;
        let lock = run.lock()?;
        Ok(Setup { pipeline, plan, images, source, folder: run, record, checkpoint: None, _lock: lock })
    }

    fn resume(&self, folder: &Path) -> Result<Setup> {
        let run = RunFolder::open(folder)?;
        let lock = run.lock()?;
        run.tidy()?;
        let (before, _) = run.pipeline()?;
        let mut record = run.record()?;
        // Earlier overrides still apply, followed by the new ones.
        let earlier = record.set.iter().map(|text| Override::parse(text).map_err(anyhow::Error::msg));
        let mut overrides = earlier.collect::<Result<Vec<_>>>().context("run.ron")?;
        overrides.extend(self.set.overrides.iter().cloned());
        let (pipeline, plan) = run.written(&overrides)?;
        self.check_changes(&run, &overrides, &changes(&before, &pipeline)?)?;
        let images = self.images(&pipeline)?;
        let found = images.training.sha256();
        if found != record.data_sha256 && !self.accept_changes {
            bail!(
                "the training images of {run} have changed: their SHA-256 was {} and is now {found}; \
                 --accept-changes resumes with them",
                record.data_sha256
            );
        }
        let source = pipeline.model.traits().source.map(|_| run.source()).transpose()?;
        let checkpoint = run.latest()?;
        run.trim_metrics(checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.state.steps))?;
        record.set = overrides.iter().map(|change| change.text().to_owned()).collect();
        record.data_sha256 = found;
        // In this order: overrides in the record count as requested, should the program be killed
        // now.
        run.write_record(&record)?;
        run.write_pipeline(&pipeline)?;
        Ok(Setup { pipeline, plan, images, source, folder: run, record, checkpoint, _lock: lock })
    }

    /// Refuses changes that a resumed run may not have, and changes that `overrides` did not
    /// request.
    fn check_changes(&self, run: &RunFolder, overrides: &[Override], changes: &[Change]) -> Result<()> {
        let within =
            |path: &str, keys: &str| path == keys || path.strip_prefix(keys).is_some_and(|rest| rest.starts_with('.'));
        let listed = |changes: &[&Change]| changes.iter().map(|change| format!("\n  {change}")).collect::<String>();
        let kept: Vec<&Change> =
            changes.iter().filter(|change| KEPT.iter().any(|keys| within(&change.path, keys))).collect();
        if !kept.is_empty() {
            bail!(
                "a resumed run keeps its name, model, data and batch size, but these changed since {run} was trained:{}",
                listed(&kept)
            );
        }
        let requested = |change: &Change| {
            overrides
                .iter()
                .any(|requested| within(&change.path, requested.path()) || within(requested.path(), &change.path))
        };
        let unexpected: Vec<&Change> = changes.iter().filter(|change| !requested(change)).collect();
        if !unexpected.is_empty() && !self.accept_changes {
            bail!(
                "pipeline.yaml of {run} has changed:{}\nrestore it, or resume with the changes: --accept-changes",
                listed(&unexpected)
            );
        }
        Ok(())
    }

    fn images(&self, pipeline: &Pipeline) -> Result<Sets<Images>> {
        let (training, validation) = crate::data::training(&pipeline.data, &self.search)?;
        Ok(Sets { training, validation, test: crate::data::test(&pipeline.data, &self.search)? })
    }

    fn train(&self, setup: Setup) -> Result<ExitCode> {
        let Setup { pipeline, plan, images, source, folder, mut record, checkpoint, _lock } = setup;
        let opened = self.device.open()?;
        let verbosity = match (self.json, self.quiet) {
            (true, _) => Verbosity::Json,
            (false, true) => Verbosity::Quiet,
            (false, false) => Verbosity::People,
        };
        let mut progress = Progress::new(verbosity, &opened.name);
        progress.say(format_args!("{}: {} with {} parameters", pipeline.name, plan.family().name(), plan.parameters()));
        progress.say(format_args!("data    {}, {} images", pipeline.data.set.name(), images.training.count()));
        progress.say(format_args!("device  {}", opened.name));
        progress.say(format_args!("run     {folder}"));
        record.version = env!("CARGO_PKG_VERSION").to_owned();
        record.burn = facts::BURN.to_owned();
        record.device.clone_from(&opened.name);
        record.driver.clone_from(&opened.driver);
        record.seed = pipeline.train.seed;
        record.outcome = Outcome::Running;
        record.updated = facts::now();
        folder.write_record(&record)?;

        let from = pipeline.model.traits().source.unwrap_or_default().to_owned();
        let source = match source {
            Some(source) => Some(Source::new(source, &from, plan.source_latent(), &images.training, &opened.device)?),
            None => None,
        };
        let mut run = read_sync(Run::new(pipeline, plan, images, source, &opened.device, opened.gpu))?;
        let session =
            Session { folder: &folder, stop: Stop::listen()?, save_every: Duration::from_secs(self.save_every) };
        let report = |outcome: Outcome, state: &State| {
            record.outcome = outcome;
            record.updated = facts::now();
            record.epochs = state.epochs();
            record.steps = state.steps;
            record.seconds = state.seconds;
            record.peak_memory = facts::peak_memory();
            record.losses.clone_from(&state.losses);
            record.validation.clone_from(&state.validation);
            record.test.clone_from(&state.test);
            folder.write_record(&record)
        };
        let outcome = train(&mut run, &session, checkpoint, &mut progress, report)?;
        Ok(conclude(&progress, &folder, outcome, run.state()))
    }
}

/// Prints where everything is and what to do next.
fn conclude(progress: &Progress, run: &RunFolder, outcome: Outcome, state: &State) -> ExitCode {
    let time = HumanDuration(Duration::from_secs_f64(state.seconds));
    match outcome {
        Outcome::Interrupted => {
            progress.say(format_args!(
                "\nstopped after {} steps and saved; resume with\n  imago train --resume {run}",
                state.steps
            ));
            ExitCode::from(130)
        }
        _ => {
            let early = if outcome == Outcome::StoppedEarly { ", stopped early as nothing improved" } else { "" };
            progress.say(format_args!(
                "\ntrained for {time}{early}; images and curves are in {run}; next:\n  \
                 imago sample {run}\n  \
                 imago export {run} --to www/models/<name>"
            ));
            ExitCode::SUCCESS
        }
    }
}
