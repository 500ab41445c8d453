//! `imago train`: the main job.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use imago_core::artifact::Artifact;
use imago_core::model::{Autoencoder, Classifier, Duel, Plan, Solo, Vae, VaeGan};
use imago_core::nn::Start;
use imago_core::spec::{Model, Pipeline};
use indicatif::HumanDuration;

use super::Overrides;
use crate::data::Images;
use crate::device::Choice;
use crate::run::{Checkpoint, Outcome, Record, Run, State, open_artifact};
use crate::train::{Codes, Samples, Session, Stop, Studio, encoder, train};

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
        // The samples come first: a run folder is only made for a training that can begin.
        let source = match pipeline.model.source() {
            Some(from) => Some(open_artifact(Path::new(from), true).with_context(|| format!("model.from, `{from}`"))?),
            None => None,
        };
        let samples = self.samples(&pipeline, &plan, source.as_ref())?;
        let folder = match &self.run {
            Some(folder) => folder.clone(),
            None => Path::new("runs").join(format!("{}-{}", pipeline.name, stamp()?)),
        };
        let run = Run::create(folder, &pipeline, self.force)?;
        if let Some(source) = &source {
            run.write_source(source)?;
        }
        self.go(&pipeline, &plan, samples, source.as_ref(), &run, None)
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
        let source = pipeline.model.source().map(|_| run.source()).transpose()?;
        let samples = self.samples(&pipeline, &plan, source.as_ref())?;
        run.write_pipeline(&pipeline)?;
        self.go(&pipeline, &plan, samples, source.as_ref(), &run, Some(checkpoint))
    }

    /// What is learned from, and what is tested with: images, or the codes that `source` makes of them.
    fn samples(&self, pipeline: &Pipeline, plan: &Plan, source: Option<&Artifact>) -> Result<[Samples; 2]> {
        let training = Images::training(&pipeline.data, self.data_dir.as_deref())?;
        let packing = pipeline.model.game().map_or(1, |game| game.packing);
        if training.count() < packing {
            bail!(
                "{packing} images are judged together, but there are only {}: lower model.game.packing",
                training.count()
            );
        }
        let test = Images::test(&pipeline.data, self.data_dir.as_deref())?;
        let Some((source, from)) = source.zip(pipeline.model.source()) else {
            return Ok([Samples::Images(training), Samples::Images(test)]);
        };
        let device = self.device.open()?.device;
        let encoder = encoder(source, from, plan.code(), &training, &device)?;
        let training = Codes::of(training, &encoder, plan.code(), None, &device);
        let test = Codes::of(test, &encoder, plan.code(), Some(training.scale().clone()), &device);
        Ok([Samples::Codes(training), Samples::Codes(test)])
    }

    fn go(
        &self,
        pipeline: &Pipeline,
        plan: &Plan,
        [samples, test]: [Samples; 2],
        source: Option<&Artifact>,
        run: &Run,
        checkpoint: Option<Checkpoint>,
    ) -> Result<ExitCode> {
        let opened = self.device.open()?;
        say!("{}: {} with {} parameters", pipeline.name, plan.family().name(), plan.parameters());
        say!("data    {}, {} images", pipeline.data.set.name(), samples.count());
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
            test: Vec::new(),
        };
        run.write_record(&record)?;
        let device = opened.device.clone().autodiff();
        let scale = match &samples {
            Samples::Codes(codes) => Some(codes.scale().clone()),
            Samples::Images(_) => None,
        };
        let session = Session {
            studio: Studio { pipeline, plan, source: source.zip(scale), device: opened.device },
            samples,
            test,
            run,
            stop: Stop::listen()?,
            device: device.clone(),
        };
        let starts = [0, 1, 2].map(|network| Start::seeded(pipeline.train.seed, network, &device));
        let report = |outcome: Outcome, state: &State| {
            record.outcome = outcome;
            record.epochs = state.epoch - usize::from(state.partial);
            record.steps = state.steps;
            record.seconds = state.seconds;
            record.losses.clone_from(&state.losses);
            record.test.clone_from(&state.test);
            run.write_record(&record)
        };
        let settings = &pipeline.train;
        let result = match &pipeline.model {
            Model::Classifier(spec) => {
                let [start, ..] = starts;
                train(Solo::new(Classifier::new(spec, plan, start), settings), &session, checkpoint, report)
            }
            Model::Autoencoder(spec) => {
                let [encoder, decoder, _] = starts;
                let model = Autoencoder::new(spec, plan, [encoder, decoder]);
                train(Solo::new(model, settings), &session, checkpoint, report)
            }
            Model::Vae(spec) => train(Solo::new(Vae::new(spec, plan, starts), settings), &session, checkpoint, report),
            Model::LatentVae(spec) => {
                train(Solo::new(Vae::second_stage(spec, plan, starts), settings), &session, checkpoint, report)
            }
            Model::Gan(spec) => train(Duel::new(spec, plan, settings, starts), &session, checkpoint, report),
            Model::LatentGan(spec) => train(Duel::latent(spec, plan, settings, starts), &session, checkpoint, report),
            Model::VaeGan(spec) => train(VaeGan::new(spec, plan, settings, starts), &session, checkpoint, report),
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

/// The time as part of a folder's name: 20261122-141500, UTC.
fn stamp() -> Result<String> {
    let time = jiff::fmt::strtime::format("%Y%m%d-%H%M%S", jiff::Timestamp::now());
    time.context("the time cannot be written")
}
