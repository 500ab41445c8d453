//! Training and sampling speed.

use std::time::Instant;

use anyhow::{Result, anyhow};
use burn::tensor::read_sync;
use imago_core::inference::Sampler;
use imago_core::latent::Prior;
use imago_core::training::Run;
use serde::Serialize;

use super::training::MAX_UNREAD;
use crate::facts;

/// Repetitions for the median of the sampling time, and the limit in seconds.
const TIMED_RUNS: usize = 9;
const SAMPLING_SECONDS: f64 = 10.0;
const SAMPLING_BATCH: usize = 500;

#[derive(Debug, Clone, Serialize)]
pub struct Speed {
    /// From the start of the program to the end of the first step.
    pub first_step_s: f64,
    pub steps: u64,
    pub seconds: f64,
    pub steps_per_s: f64,
    pub images_per_s: f64,
    pub epoch_s: Option<f64>,
    pub peak_memory_bytes: Option<u64>,
    pub sample: Vec<SamplingTime>,
}

/// The time for this many samples, from latents to pixels in memory.
#[derive(Debug, Clone, Serialize)]
pub struct SamplingTime {
    pub images: usize,
    pub seconds: f64,
}

/// Times `steps` steps, an `epoch` if wanted, and the sampling of each of these numbers of images.
pub fn measure(run: &mut Run, warm_up: u64, steps: u64, epoch: bool, samples: &[usize]) -> Result<Speed> {
    take(run, 1)?;
    let first_step_s = facts::since_start().as_secs_f64();
    take(run, warm_up)?;
    let begun = Instant::now();
    take(run, steps)?;
    let seconds = begun.elapsed().as_secs_f64();
    let batch = run.pipeline().train.batch.min(run.sets().training.count());
    let mut epoch_s = None;
    if epoch {
        let begun = Instant::now();
        take(run, run.steps_per_epoch())?;
        epoch_s = Some(begun.elapsed().as_secs_f64());
    }
    let peak_memory_bytes = facts::peak_memory();
    let steps_per_s = steps as f64 / seconds;
    let sample = time_samples(run, samples)?;
    let images_per_s = steps_per_s * batch as f64;
    Ok(Speed { first_step_s, steps, seconds, steps_per_s, images_per_s, epoch_s, peak_memory_bytes, sample })
}

/// Takes steps as in training, and waits for the last.
fn take(run: &mut Run, count: u64) -> Result<()> {
    for _ in 0..count {
        run.step();
        if run.unread() >= MAX_UNREAD {
            read_sync(run.read())?;
        }
    }
    read_sync(run.read())?;
    Ok(())
}

/// The median time for each number of samples, if the model generates images.
fn time_samples(run: &mut Run, counts: &[usize]) -> Result<Vec<SamplingTime>> {
    let snapshot = read_sync(run.snapshot(0.0))?;
    let trained = run.trained(&snapshot)?;
    if trained.generator.is_none() {
        return Ok(Vec::new());
    }
    let sampler = run.sampler(&trained, &Prior::Normal)?;
    counts.iter().map(|images| Ok(SamplingTime { images: *images, seconds: time(&sampler, *images)? })).collect()
}

/// The median time of `count` samples, after an untimed first run.
fn time(sampler: &Sampler, count: usize) -> Result<f64> {
    let mut times = Vec::new();
    let all = Instant::now();
    for seed in 0..=TIMED_RUNS as u64 {
        let begun = Instant::now();
        for first in (0..count).step_by(SAMPLING_BATCH) {
            let pixels = sampler.sample(seed, first as u64, SAMPLING_BATCH.min(count - first), None).into_data();
            if pixels.iter::<f32>().any(|pixel| !pixel.is_finite()) {
                return Err(anyhow!("a sample has a pixel that is not finite"));
            }
        }
        if seed > 0 {
            times.push(begun.elapsed().as_secs_f64());
        }
        if all.elapsed().as_secs_f64() > SAMPLING_SECONDS && !times.is_empty() {
            break;
        }
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}
