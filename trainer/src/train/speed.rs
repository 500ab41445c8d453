//! How fast a pipeline trains and draws on a device.

use std::time::Instant;

use anyhow::{Result, anyhow};
use burn::tensor::Device;
use imago_core::model::{Learner, Moment, Plan, Prior, Sampler, restore};
use imago_core::noise::{Noise, Purpose};
use imago_core::spec::Pipeline;
use serde::Serialize;

use super::families::Work;
use super::meter::Meter;
use super::samples::Samples;
use super::studio::Studio;
use super::training::UNREAD;
use crate::facts;

/// How often samples are drawn for the median of the times, and for how long at the most.
const DRAWS: usize = 9;
const DRAWN_SECONDS: f64 = 10.0;
/// How many samples are drawn at a time.
const DRAWN: usize = 500;

/// What is measured.
#[derive(Debug, Clone)]
pub struct Measurement {
    /// Steps that are not timed.
    pub warm_up: u64,
    /// Steps that are.
    pub steps: u64,
    /// Whether a whole epoch is timed as well.
    pub epoch: bool,
    /// How many samples are drawn, each for itself.
    pub samples: Vec<usize>,
}

/// What came of it. All times are in seconds.
#[derive(Debug, Clone, Serialize)]
pub struct Speed {
    /// From the start of the program to the end of the first step.
    pub first_step_s: f64,
    pub steps: u64,
    pub seconds: f64,
    pub steps_per_s: f64,
    pub images_per_s: f64,
    pub epoch_s: Option<f64>,
    /// The most memory that the program had while it trained.
    pub peak_memory_bytes: Option<u64>,
    pub sample: Vec<Drawn>,
}

/// The time that so many samples take, from latents to pixels in memory.
#[derive(Debug, Clone, Serialize)]
pub struct Drawn {
    pub images: usize,
    pub seconds: f64,
}

/// Trains and draws against the clock.
pub struct Trial<'a> {
    pub measurement: &'a Measurement,
    pub pipeline: &'a Pipeline,
    pub plan: &'a Plan,
    pub samples: &'a Samples,
    /// A device without gradients.
    pub device: &'a Device,
}

impl Work for Trial<'_> {
    type Output = Result<Speed>;

    fn on<L: Learner>(self, mut learner: L) -> Result<Speed> {
        let Measurement { warm_up, steps, epoch, samples } = self.measurement;
        let batch = self.pipeline.train.batch.min(self.samples.count());
        let mut taken = 0;
        learner = self.steps(learner, &mut taken, 1)?;
        let first_step_s = facts::since_start().as_secs_f64();
        learner = self.steps(learner, &mut taken, *warm_up)?;
        let begun = Instant::now();
        learner = self.steps(learner, &mut taken, *steps)?;
        let seconds = begun.elapsed().as_secs_f64();
        let mut epoch_s = None;
        if *epoch {
            let begun = Instant::now();
            learner = self.steps(learner, &mut taken, self.samples.count().div_ceil(batch) as u64)?;
            epoch_s = Some(begun.elapsed().as_secs_f64());
        }
        let peak_memory_bytes = facts::peak_memory();
        let steps_per_s = *steps as f64 / seconds;
        Ok(Speed {
            first_step_s,
            steps: *steps,
            seconds,
            steps_per_s,
            images_per_s: steps_per_s * batch as f64,
            epoch_s,
            peak_memory_bytes,
            sample: self.draw(&learner, samples)?,
        })
    }
}

impl Trial<'_> {
    /// Takes steps as a training does, and waits for their end.
    fn steps<L: Learner>(&self, mut learner: L, taken: &mut u64, count: u64) -> Result<L> {
        let train = &self.pipeline.train;
        let device = self.device.clone().autodiff();
        let mut meter = Meter::default();
        let mut order = Vec::new();
        for _ in 0..count {
            let size = train.batch.min(self.samples.count());
            if order.len() < size {
                order = self.samples.images().shuffled(&mut Noise::of(Purpose::Shuffle, train.seed, *taken));
            }
            let indices = order.split_off(order.len() - size);
            device.seed(train.seed.wrapping_add(*taken));
            let batch = self.samples.batch(&indices, &mut Noise::of(Purpose::Batch, train.seed, *taken), &device);
            let losses;
            (learner, losses) = learner.step(batch, &mut Moment::new(train.seed, *taken, 1.0));
            *taken += 1;
            meter.add(*taken, losses, 1.0);
            if meter.pending() >= UNREAD {
                meter.read()?;
            }
        }
        meter.read()?;
        Ok(learner)
    }

    /// The median time of drawing so many samples, if the model makes any.
    fn draw<L: Learner>(&self, learner: &L, counts: &[usize]) -> Result<Vec<Drawn>> {
        let Self { pipeline, plan, device, .. } = self;
        let trained = restore(plan, &learner.save()?.weights, device)?;
        if trained.generator.is_none() {
            return Ok(Vec::new());
        }
        let studio = Studio { pipeline, plan, source: None, device: (*device).clone() };
        let sampler = studio.sampler(&trained, &Prior::Normal)?;
        counts.iter().map(|images| Ok(Drawn { images: *images, seconds: time(&sampler, *images)? })).collect()
    }
}

/// The median time of drawing `count` samples, after one drawing that is not timed.
fn time(sampler: &Sampler, count: usize) -> Result<f64> {
    let mut times = Vec::new();
    let all = Instant::now();
    for seed in 0..=DRAWS as u64 {
        let begun = Instant::now();
        for first in (0..count).step_by(DRAWN) {
            let pixels = sampler.sample(seed, first as u64, DRAWN.min(count - first), None).into_data();
            if pixels.iter::<f32>().any(|pixel| !pixel.is_finite()) {
                return Err(anyhow!("a sample has a pixel that is no number"));
            }
        }
        if seed > 0 {
            times.push(begun.elapsed().as_secs_f64());
        }
        if all.elapsed().as_secs_f64() > DRAWN_SECONDS && !times.is_empty() {
            break;
        }
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}
