//! `imago bench`: training and sampling speed.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use burn::tensor::read_sync;
use imago_core::training::{Run, Sets};
use imago_core::yaml::Override;
use serde::Serialize;

use super::Overrides;
use crate::data::Search;
use crate::device::{DeviceChoice, within_threads};
use crate::pipeline_file::PipelineFile;
use crate::train::{Speed, measure};

/// Measure how fast a pipeline trains and samples on this machine; nothing is written
#[derive(clap::Args)]
pub struct Bench {
    /// The YAML file
    file: PathBuf,
    #[command(flatten)]
    set: Overrides,
    /// The device to compute on
    #[arg(long, value_enum, default_value_t)]
    device: DeviceChoice,
    #[command(flatten)]
    search: Search,
    /// How many steps to time
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    steps: u64,
    /// How many steps to take before timing
    #[arg(long, default_value_t = 10)]
    warm_up: u64,
    /// Time a whole epoch as well
    #[arg(long)]
    epoch: bool,
    /// Images in a batch [default: from the file]
    #[arg(long)]
    batch: Option<usize>,
    /// CPU threads [default: all]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1024))]
    threads: Option<u32>,
    /// How many samples to draw, timed separately for each count
    #[arg(long, value_name = "COUNTS", value_delimiter = ',', default_value = "1,64,10000")]
    sample: Vec<usize>,
    /// Print one line of JSON and nothing else
    #[arg(long)]
    json: bool,
}

/// The output of `--json`.
#[derive(Serialize)]
struct Line {
    program: &'static str,
    version: &'static str,
    network: String,
    device: String,
    threads: usize,
    batch: usize,
    parameters: u64,
    #[serde(flatten)]
    speed: Speed,
}

impl Bench {
    pub fn run(self) -> Result<ExitCode> {
        if let Some(threads) = self.threads {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads as usize);
            pool.build_global().context("the threads could not be started")?;
        }
        let mut overrides = self.set.overrides.clone();
        if let Some(batch) = self.batch {
            overrides.push(Override::parse(&format!("train.batch={batch}")).map_err(anyhow::Error::msg)?);
        }
        let (pipeline, plan) = PipelineFile::open(&self.file)?.pipeline(&overrides, self.set.limits())?;
        if pipeline.model.traits().source.is_some() {
            bail!("{} learns the latents of another model; bench needs a model of images", pipeline.name);
        }
        let opened = self.device.open()?;
        let (training, _) = crate::data::training(&pipeline.data, &self.search)?;
        // Nothing is evaluated.
        let sets = Sets { test: training.clone(), training, validation: None };
        let samples: Vec<usize> = self.sample.iter().copied().filter(|count| *count > 0).collect();
        let batch = pipeline.train.batch.min(sets.training.count());
        let (network, parameters) = (pipeline.name.clone(), plan.parameters());
        let speed = within_threads(|| {
            let mut run = read_sync(Run::new(pipeline, plan, sets, None, &opened.device, opened.gpu))?;
            measure(&mut run, self.warm_up, self.steps, self.epoch, &samples)
        })?;
        let line = Line {
            program: "imago",
            version: env!("CARGO_PKG_VERSION"),
            network,
            device: opened.name,
            threads: rayon::current_num_threads(),
            batch,
            parameters,
            speed,
        };
        match self.json {
            true => say!("{}", serde_json::to_string(&line)?),
            false => line.show(),
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Line {
    fn show(&self) {
        let Speed { first_step_s, steps, seconds, steps_per_s, images_per_s, .. } = self.speed;
        say!(
            "{} with {} parameters on {}, {} images per batch",
            self.network,
            self.parameters,
            self.device,
            self.batch
        );
        say!("first step  {first_step_s:.2} s after the start of the program");
        say!("training    {steps_per_s:.2} steps/s, {images_per_s:.0} images/s ({steps} steps in {seconds:.2} s)");
        if let Some(epoch) = self.speed.epoch_s {
            say!("epoch       {epoch:.1} s");
        }
        if let Some(bytes) = self.speed.peak_memory_bytes {
            say!("memory      {} MiB at the peak", bytes >> 20);
        }
        for drawn in &self.speed.sample {
            let rate = drawn.images as f64 / drawn.seconds;
            let plural = if drawn.images == 1 { "" } else { "s" };
            say!("sampling    {} image{plural} in {:.2} ms, {rate:.0} images/s", drawn.images, drawn.seconds * 1e3);
        }
    }
}
