//! `imago train`: the main job.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use imago_core::model::{Autoencoder, Plan, Vae};
use imago_core::nn::Start;
use imago_core::spec::{Family, Model, Pipeline};
use indicatif::HumanDuration;

use super::Overrides;
use crate::data::Images;
use crate::device::Choice;
use crate::run::{Checkpoint, Outcome, Record, Run, State};
use crate::train::{Session, Stop, train};

/// Train a pipeline: progress, samples after every epoch, checkpoints
#[derive(clap::Args)]
pub struct Train {
    /// The YAML file
    #[arg(required_unless_present = "resume", conflicts_with = "resume")]
    file: Option<PathBuf>,
    #[command(flatten)]
    set: Overrides,
    /// What computes
    #[arg(long, value_enum, default_value_t)]
    device: Choice,
    /// Where mnist/ and fashion-mnist/ are; otherwise IMAGO_DATA_DIR, the cache, or a download
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    /// The run folder to make; `runs/<name>-<time>` if not given
    #[arg(long, value_name = "FOLDER", conflicts_with = "resume")]
    run: Option<PathBuf>,
    /// Replace a run that the folder holds already
    #[arg(long, conflicts_with = "resume")]
    force: bool,
    /// Go on with a run where it stopped
    #[arg(long, value_name = "RUN")]
    resume: Option<PathBuf>,
}

impl Train {
    pub fn run(self) -> Result<ExitCode> {
        match (&self.resume, &self.file) {
            (Some(folder), _) => self.resume(folder),
            (None, Some(file)) => self.begin(file),
            (None, None) => bail!("name a YAML file, or a run with --resume"),
        }
    }

    fn begin(&self, file: &Path) -> Result<ExitCode> {
        let (pipeline, plan) = self.set.read(file)?;
        if matches!(pipeline.model, Model::Classifier(_) | Model::Gan(_)) {
            bail!(untrained(plan.family()));
        }
        // The images come first: a run folder is only made for a training that can begin.
        let images = Images::training(&pipeline.data, self.data_dir.as_deref())?;
        let folder = match &self.run {
            Some(folder) => folder.clone(),
            None => Path::new("runs").join(format!("{}-{}", pipeline.name, stamp()?)),
        };
        let run = Run::create(folder, &pipeline, self.force)?;
        self.go(&pipeline, &plan, images, &run, None)
    }

    fn resume(&self, folder: &Path) -> Result<ExitCode> {
        let run = Run::open(folder)?;
        let (before, _) = run.pipeline(&[])?;
        let (pipeline, plan) = run.pipeline(&self.set.overrides)?;
        if (&before.model, &before.data, before.train.batch) != (&pipeline.model, &pipeline.data, pipeline.train.batch)
        {
            bail!("a resumed run keeps its model, data and batch; --set may change other keys, such as train.epochs");
        }
        let checkpoint = run.last()?;
        if checkpoint.state.epoch >= pipeline.train.epochs && !checkpoint.state.partial {
            say!("{run} has all of its {} epochs; --set train.epochs=… gives it more", pipeline.train.epochs);
            return Ok(ExitCode::SUCCESS);
        }
        let images = Images::training(&pipeline.data, self.data_dir.as_deref())?;
        run.write_pipeline(&pipeline)?;
        self.go(&pipeline, &plan, images, &run, Some(checkpoint))
    }

    fn go(
        &self,
        pipeline: &Pipeline,
        plan: &Plan,
        images: Images,
        run: &Run,
        checkpoint: Option<Checkpoint>,
    ) -> Result<ExitCode> {
        let opened = self.device.open()?;
        say!("{}: {} with {} parameters", pipeline.name, plan.family().name(), plan.parameters());
        say!("data    {}, {} images", pipeline.data.set.name(), images.count());
        say!("device  {}", opened.name);
        say!("run     {run}");
        let mut record = Record {
            name: pipeline.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            device: opened.name,
            seed: pipeline.train.seed,
            parameters: plan.parameters(),
            started: jiff::Timestamp::now().to_string(),
            outcome: Outcome::Running,
            epochs: 0,
            steps: 0,
            seconds: 0.0,
            losses: Vec::new(),
        };
        run.write_record(&record)?;
        let device = opened.device.autodiff();
        let session = Session {
            train: &pipeline.train,
            latent: plan.latent(),
            output: plan.output(),
            images,
            run,
            stop: Stop::listen()?,
            device: device.clone(),
        };
        let starts = [0, 1].map(|network| Start::seeded(pipeline.train.seed, network, &device));
        let report = |outcome: Outcome, state: &State| {
            record.outcome = outcome;
            record.epochs = state.epoch - usize::from(state.partial);
            record.steps = state.steps;
            record.seconds = state.seconds;
            record.losses.clone_from(&state.losses);
            run.write_record(&record)
        };
        let result = match &pipeline.model {
            Model::Autoencoder(spec) => train(Autoencoder::new(spec, plan, starts), &session, checkpoint, report),
            Model::Vae(spec) => train(Vae::new(spec, plan, starts), &session, checkpoint, report),
            Model::Classifier(_) | Model::Gan(_) => bail!(untrained(plan.family())),
        };
        let (outcome, state) = result?;
        Ok(conclude(run, outcome, &state))
    }
}

/// Says where everything is and what to do next.
fn conclude(run: &Run, outcome: Outcome, state: &State) -> ExitCode {
    let time = HumanDuration(Duration::from_secs_f64(state.seconds));
    match outcome {
        Outcome::Interrupted => {
            say!("\nstopped after {} steps and saved; go on with", state.steps);
            say!("  imago train --resume {run}");
            ExitCode::from(130)
        }
        _ => {
            say!("\ntrained for {time}; look at {run}/samples/epoch-{:04}.png, then", state.epoch);
            say!("  imago sample {run}");
            say!("  imago export {run} --to www/models/<name>");
            ExitCode::SUCCESS
        }
    }
}

/// What can be declared and checked, but not yet trained.
fn untrained(family: Family) -> String {
    format!(
        "this version checks and summarises the family `{}` but cannot train it yet; it trains vae and autoencoder",
        family.name()
    )
}

/// The time as part of a folder's name: 20261122-141500, UTC.
fn stamp() -> Result<String> {
    let time = jiff::fmt::strtime::format("%Y%m%d-%H%M%S", jiff::Timestamp::now());
    time.context("the time cannot be written")
}
