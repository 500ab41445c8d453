//! The loop that all families share.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use burn::tensor::Device;
use imago_core::model::{Learner, Losses, Moment, restore};
use imago_core::noise::{Noise, Purpose};

use super::Stop;
use super::meter::Meter;
use super::progress::Progress;
use super::samples::Samples;
use super::studio::Studio;
use crate::run::{Checkpoint, Outcome, Run, State};

/// How many samples are tested at a time.
const TESTED: usize = 500;

/// What a training works with.
pub struct Session<'a> {
    pub studio: Studio<'a>,
    pub samples: Samples,
    pub test: Samples,
    pub run: &'a Run,
    pub stop: Stop,
    /// Where the weights live: an autodiff device.
    pub device: Device,
}

/// Trains `learner` from the beginning, or from a checkpoint.
///
/// ```text
/// for each epoch:
///     shuffle the samples
///     for each batch:
///         take one step
///     test, picture the same latents, save a checkpoint
/// ```
///
/// What a step is, each family says itself: see the learners of [`imago_core::model`].
pub fn train<L: Learner>(
    mut learner: L,
    session: &Session<'_>,
    checkpoint: Option<Checkpoint>,
    mut report: impl FnMut(Outcome, &State) -> Result<()>,
) -> Result<(Outcome, State)> {
    let Session { studio, samples, test, run, stop, device } = session;
    let train = &studio.pipeline.train;
    let steps_per_epoch = steps_per_epoch(samples.count(), train.batch, L::WHOLE_BATCHES);
    let steps = train.steps.unwrap_or(train.epochs as u64 * steps_per_epoch);
    let epochs = steps.div_ceil(steps_per_epoch) as usize;
    let mut state = match checkpoint {
        Some(Checkpoint { state, saved }) => {
            learner = learner.restore(&saved)?;
            state
        }
        None => State::default(),
    };
    if state.steps >= steps {
        say!("{run} has taken all of its {steps} steps; --set train.epochs=… or train.steps=… gives it more");
        return Ok((Outcome::Finished, state));
    }
    let mut progress = Progress::new(epochs, steps, state.steps);
    let (begun, before) = (Instant::now(), state.seconds);
    let first_step = state.steps;

    for epoch in (state.steps / steps_per_epoch) as usize + 1..=epochs {
        let (epoch_begun, epoch_steps) = (Instant::now(), state.steps);
        let order = samples.images().shuffled(&mut Noise::of(Purpose::Shuffle, train.seed, epoch as u64));
        let batches = order.chunks(train.batch).take(steps_per_epoch as usize);
        let mut meter = Meter::default();
        // A resumed epoch goes on behind the steps that it has done.
        for batch in batches.skip((state.steps % steps_per_epoch) as usize) {
            device.seed(train.seed.wrapping_add(state.steps));
            let mut noise = Noise::of(Purpose::Batch, train.seed, state.steps);
            let batch = samples.batch(batch, &mut noise, device);
            let rate = train.schedule.factor(state.steps as f64 / steps as f64);
            let losses;
            (learner, losses) = learner.step(batch, &mut Moment::new(train.seed, state.steps, rate));
            meter.add(losses);
            state.steps += 1;
            if progress.step() {
                let rate = rate_of((state.steps - epoch_steps) as usize * train.batch, epoch_begun);
                progress.show(epoch, &describe(&meter.read()), rate);
            }
            if stop.asked() || state.steps == steps {
                break;
            }
        }
        meter.read();
        state.epoch = epoch;
        state.partial = state.steps < steps.min(steps_per_epoch * epoch as u64);
        state.seconds = before + begun.elapsed().as_secs_f64();
        state.losses = meter.means();
        if state.losses.iter().any(|(_, mean)| !mean.is_finite()) {
            progress.finish();
            report(Outcome::Diverged, &state)?;
            bail!(
                "the loss is no longer finite in epoch {epoch} ({}); the last checkpoint is kept. A lower learning rate \
                 often helps: --set train.optimizer.adam.lr={}",
                describe(&meter.means()),
                train.optimizer.adam.lr / 10.0
            );
        }
        let saved = learner.save()?;
        let trained = restore(studio.plan, &saved.weights, &studio.device)?;
        let last = state.steps == steps;
        state.prior = studio.prior(&trained, samples.images(), last);
        if !state.partial {
            state.test = evaluate(&learner, test, train.batch, train.seed, state.steps, &studio.device);
        }
        run.save(Checkpoint { state: state.clone(), saved })?;
        if state.partial {
            progress.finish();
            report(Outcome::Interrupted, &state)?;
            return Ok((Outcome::Interrupted, state));
        }
        run.write_samples(epoch, &studio.picture(&trained, &state.prior, test)?)?;
        let done = (state.steps - epoch_steps) as usize * train.batch;
        let images_per_second = rate_of(done.min(samples.count()), epoch_begun);
        run.append_metrics(&line(&state, images_per_second))?;
        let left = begun.elapsed().as_secs_f64() / (state.steps - first_step) as f64 * (steps - state.steps) as f64;
        let losses = match state.test.is_empty() {
            true => describe(&state.losses),
            false => format!("{}  test {}", describe(&state.losses), describe(&state.test)),
        };
        progress.epoch(epoch, &losses, images_per_second, Duration::from_secs_f64(left));
        let outcome = if last { Outcome::Finished } else { Outcome::Running };
        report(outcome, &state)?;
        if stop.asked() && !last {
            progress.finish();
            report(Outcome::Interrupted, &state)?;
            return Ok((Outcome::Interrupted, state));
        }
    }
    progress.finish();
    Ok((Outcome::Finished, state))
}

/// How many steps an epoch of so many samples has.
fn steps_per_epoch(samples: usize, batch: usize, whole_batches: bool) -> u64 {
    let steps = if whole_batches { samples / batch } else { samples.div_ceil(batch) };
    steps.max(1) as u64
}

/// What the learner measures on all test samples, if it measures anything there.
fn evaluate<L: Learner>(
    learner: &L,
    test: &Samples,
    batch: usize,
    seed: u64,
    step: u64,
    device: &Device,
) -> Vec<(String, f64)> {
    let Some(exam) = learner.exam() else { return Vec::new() };
    let all: Vec<usize> = (0..test.count()).collect();
    let mut meter = Meter::default();
    for (index, indices) in all.chunks(batch.min(TESTED)).enumerate() {
        let mut moment = Moment { step, rate: 0.0, noise: Noise::of(Purpose::Exam, seed, index as u64) };
        let share = indices.len() as f64;
        let losses: Losses = exam(test.plain(indices, device), &mut moment);
        meter.add_weighted(losses, share);
    }
    meter.read();
    meter.means()
}

/// `reconstruction 148.70  kl 3.612`
fn describe(parts: &[(String, f64)]) -> String {
    let named = parts.iter().map(|(name, value)| {
        let decimals = if value.abs() < 10.0 { 4 } else { 2 };
        format!("{name} {value:.decimals$}")
    });
    named.collect::<Vec<_>>().join("  ")
}

fn rate_of(images: usize, since: Instant) -> f64 {
    images as f64 / since.elapsed().as_secs_f64().max(1e-9)
}

fn line(state: &State, images_per_second: f64) -> serde_json::Value {
    let mut line = serde_json::json!({
        "epoch": state.epoch,
        "step": state.steps,
        "seconds": state.seconds,
        "images_per_second": images_per_second,
    });
    for (kind, parts) in [("loss", &state.losses), ("test", &state.test)] {
        for (name, mean) in parts {
            line[format!("{kind}/{name}")] = serde_json::json!(mean);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_last_small_batch_counts_but_in_a_game() {
        assert_eq!(steps_per_epoch(100, 32, false), 4);
        assert_eq!(steps_per_epoch(100, 32, true), 3);
        assert_eq!(steps_per_epoch(20, 32, true), 1);
    }

    #[test]
    fn small_figures_are_shown_with_more_digits() {
        let parts = [("reconstruction".to_owned(), 148.7), ("accuracy".to_owned(), 0.9931)];
        assert_eq!(describe(&parts), "reconstruction 148.70  accuracy 0.9931");
    }
}
