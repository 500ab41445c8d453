//! The loop that all families share.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use burn::tensor::Device;
use imago_core::model::{Learner, Losses, Moment, Saved, restore};
use imago_core::noise::{Noise, Purpose};
use imago_core::spec::{Figure, OnNan, Train};

use super::Stop;
use super::meter::{Meter, Spoiled};
use super::progress::Progress;
use super::samples::Samples;
use super::studio::Studio;
use crate::checkpoint::{Checkpoint, State};
use crate::report::Events;
use crate::run::{Outcome, Run};

/// How many samples are tested at a time.
const TESTED: usize = 500;
/// After so many steps at the latest the losses are read, to see that they are numbers.
pub(super) const UNREAD: usize = 100;
/// How often training may go back before it gives up.
const ROLLBACKS: u32 = 8;

/// What a training works with.
pub struct Session<'a> {
    pub studio: Studio<'a>,
    pub samples: Samples,
    /// Samples that were kept out of training.
    pub validation: Option<Samples>,
    pub test: Samples,
    pub run: &'a Run,
    pub stop: Stop,
    /// Where the weights live: an autodiff device.
    pub device: Device,
    /// How often a checkpoint is saved within an epoch.
    pub save_every: Duration,
}

/// Trains `learner` from the beginning, or from a checkpoint.
///
/// ```text
/// for each epoch:
///     shuffle the samples
///     for each batch:
///         take one step
///         save a checkpoint if the last is old
///     test, picture the same latents, save a checkpoint
/// ```
///
/// What a step is, each family says itself: see the learners of [`imago_core::model`].
pub fn train<L: Learner>(
    mut learner: L,
    session: &Session<'_>,
    checkpoint: Option<Checkpoint>,
    progress: &mut Progress,
    mut report: impl FnMut(Outcome, &State) -> Result<()>,
) -> Result<(Outcome, State)> {
    let Session { studio, samples, run, .. } = session;
    let train = &studio.pipeline.train;
    // Where a rollback ends that comes before the first checkpoint.
    let beginning = match train.on_nan {
        OnNan::Rollback => Some(Checkpoint { state: State::new(), saved: learner.save()? }),
        OnNan::Stop => None,
    };
    let mut state = match checkpoint {
        Some(Checkpoint { state, saved }) => {
            learner = learner.restore(&saved)?;
            state
        }
        None => State::new(),
    };
    let mut course = Course::new(train, steps_per_epoch(samples.count(), train.batch, L::WHOLE_BATCHES), &state);
    if let Some((outcome, why)) = session.is_over(&state, &course) {
        progress.say(format_args!("{run} {why}"));
        report(outcome, &state)?;
        return Ok((outcome, state));
    }
    if state.steps == 0 {
        let untrained = restore(studio.plan, &learner.save()?.weights, &studio.device)?;
        studio.open(run, &untrained, samples.images(), &session.test)?;
    }
    let mut events = Events::open(&run.folder().join("events"), state.steps + 1)?;
    progress.begin(course.epochs, course.steps, state.steps);
    loop {
        let (begun, first) = (Instant::now(), state.steps);
        let taken;
        (learner, taken) = session.epoch(learner, &mut state, &mut course, progress)?;
        let saved = match taken {
            Ok(()) => sound(&learner, state.steps)?,
            Err(spoiled) => Err(spoiled),
        };
        let saved = match (saved, &beginning) {
            (Ok(saved), _) => saved,
            (Err(spoiled), Some(beginning)) if state.rollbacks < ROLLBACKS => {
                let last = run.checkpoints().last()?.map_or_else(|| beginning.clone(), |(last, _)| last);
                state = State { rate: state.rate * 0.5, rollbacks: state.rollbacks + 1, ..last.state };
                learner = learner.restore(&last.saved)?;
                run.trim_metrics(state.steps)?;
                let (steps, rate) = (state.steps, state.rate);
                progress
                    .back(steps, format_args!("{spoiled}: back to step {steps} with {rate} times the learning rate"));
                continue;
            }
            (Err(spoiled), _) => {
                progress.finish();
                report(Outcome::Diverged, &state)?;
                return Err(diverged(&spoiled, session));
            }
        };
        let evaluated =
            !state.partial && (state.steps == course.steps || state.epoch.is_multiple_of(train.evaluate_every));
        let best = evaluated && session.evaluate(&learner, &mut state);
        let outcome = match session.is_over(&state, &course) {
            Some((outcome, _)) if evaluated => outcome,
            _ if session.stop.asked() => Outcome::Interrupted,
            _ => Outcome::Running,
        };
        let last = matches!(outcome, Outcome::Finished | Outcome::StoppedEarly);
        if last && session.validation.is_some() {
            state.test = session.measure(&learner, &session.test, state.steps);
        }
        let images = (state.steps - first) as usize * train.batch;
        let images_per_second = rate_of(images.min(samples.count()), begun);
        let line = line(&state, evaluated, images_per_second);
        if !state.partial {
            run.append_metrics(&line)?;
            events.scalars(state.steps, &line)?;
        }
        if evaluated || outcome != Outcome::Running {
            let trained = restore(studio.plan, &saved.weights, &studio.device)?;
            state.prior = studio.prior(&trained, samples.images(), last);
            if evaluated {
                let picture = studio.publish(run, &state, &trained, &session.test, last)?;
                events.image("samples", state.steps, &picture)?;
            }
            let checkpoint = Checkpoint { state: state.clone(), saved };
            if best {
                run.checkpoints().save_best(&checkpoint)?;
            }
            run.checkpoints().save(&checkpoint)?;
            course.saved = Instant::now();
        }
        if !state.partial {
            let left = if last { Duration::ZERO } else { course.left(&state) };
            progress.epoch(state.epoch, &scores(&state, evaluated), images_per_second, left, &line);
        }
        report(outcome, &state)?;
        if outcome != Outcome::Running {
            progress.finish();
            return Ok((outcome, state));
        }
    }
}

/// How long a training is, and its clocks.
struct Course {
    per_epoch: u64,
    steps: u64,
    epochs: usize,
    begun: Instant,
    /// Step and seconds at which it begun, which are not 0 when it is resumed.
    first: (u64, f64),
    /// When the last checkpoint was saved.
    saved: Instant,
}

impl Course {
    fn new(train: &Train, per_epoch: u64, state: &State) -> Self {
        let steps = train.steps.unwrap_or(train.epochs as u64 * per_epoch);
        let (begun, first) = (Instant::now(), (state.steps, state.seconds));
        Self { per_epoch, steps, epochs: steps.div_ceil(per_epoch) as usize, begun, first, saved: begun }
    }

    /// Time spent training, in seconds.
    fn seconds(&self) -> f64 {
        self.first.1 + self.begun.elapsed().as_secs_f64()
    }

    /// How much longer it will take.
    fn left(&self, state: &State) -> Duration {
        let done = state.steps.saturating_sub(self.first.0).max(1);
        self.begun.elapsed().mul_f64((self.steps - state.steps) as f64 / done as f64)
    }
}

impl Session<'_> {
    /// Takes the steps that are left of an epoch, or fewer when it is told to stop. The learner, and the first loss that is no number
    /// if there is one.
    fn epoch<L: Learner>(
        &self,
        mut learner: L,
        state: &mut State,
        course: &mut Course,
        progress: &mut Progress,
    ) -> Result<(L, Result<(), Spoiled>)> {
        let train = &self.studio.pipeline.train;
        let (begun, first) = (Instant::now(), state.steps);
        state.epoch = (state.steps / course.per_epoch) as usize + 1;
        let end = course.steps.min(course.per_epoch * state.epoch as u64);
        let order = self.samples.images().shuffled(&mut Noise::of(Purpose::Shuffle, train.seed, state.epoch as u64));
        let batches = order.chunks(train.batch).take(course.per_epoch as usize);
        let mut meter = Meter::resume(&state.sums);
        // A resumed epoch goes on behind the steps that it has done.
        for batch in batches.skip((state.steps % course.per_epoch) as usize) {
            self.device.seed(train.seed.wrapping_add(state.steps));
            let mut noise = Noise::of(Purpose::Batch, train.seed, state.steps);
            let batch = self.samples.batch(batch, &mut noise, &self.device);
            let rate = state.rate * train.rate(state.steps, course.steps);
            let losses;
            (learner, losses) = learner.step(batch, &mut Moment::new(train.seed, state.steps, rate));
            state.steps += 1;
            meter.add(state.steps, losses, 1.0);
            let (show, due) = (progress.step(), course.saved.elapsed() >= self.save_every);
            let leave = self.stop.asked() || state.steps == end;
            if !(show || due || leave || meter.pending() >= UNREAD) {
                continue;
            }
            let means = match meter.read() {
                Ok(means) => means,
                Err(spoiled) => return Ok((learner, Err(spoiled))),
            };
            if show {
                let rate = rate_of((state.steps - first) as usize * train.batch, begun);
                progress.show(state.epoch, state.steps, &describe(&means), rate);
            }
            if leave || due {
                state.partial = state.steps < end;
                state.seconds = course.seconds();
                state.losses = meter.means();
                state.sums = if state.steps.is_multiple_of(course.per_epoch) { Vec::new() } else { meter.sums() };
            }
            if leave {
                break;
            }
            if due {
                match sound(&learner, state.steps)? {
                    Ok(saved) => self.run.checkpoints().save(&Checkpoint { state: state.clone(), saved })?,
                    Err(spoiled) => return Ok((learner, Err(spoiled))),
                }
                course.saved = Instant::now();
            }
        }
        Ok((learner, Ok(())))
    }

    /// Whether there is nothing left to do, and why.
    fn is_over(&self, state: &State, course: &Course) -> Option<(Outcome, String)> {
        let patience = self.studio.pipeline.train.early_stop.as_ref().map(|stop| stop.patience);
        if state.steps >= course.steps {
            let why = format!(
                "has taken all of its {} steps; --set train.epochs=… or train.steps=… gives it more",
                course.steps
            );
            return Some((Outcome::Finished, why));
        }
        let why = "was stopped early; --set train.early_stop.patience=… gives it more time";
        patience.filter(|patience| state.stale >= *patience).map(|_| (Outcome::StoppedEarly, why.to_owned()))
    }

    /// Measures the learner, and whether it is better than ever before.
    fn evaluate<L: Learner>(&self, learner: &L, state: &mut State) -> bool {
        let figures = match &self.validation {
            Some(validation) => {
                // The test images are measured at the end.
                state.test = Vec::new();
                state.validation = self.measure(learner, validation, state.steps);
                &state.validation
            }
            None => {
                state.test = self.measure(learner, &self.test, state.steps);
                &state.test
            }
        };
        let Some((figure, value)) = self.figure().and_then(|figure| Some((figure, figure.of(figures)?))) else {
            return false;
        };
        let better = |best: f64| if figure.grows() { value > best } else { value < best };
        let better = value.is_finite() && state.best.is_none_or(|(best, _)| better(best));
        (state.best, state.stale) = match better {
            true => (Some((value, state.steps)), 0),
            false => (state.best, state.stale + 1),
        };
        better
    }

    /// The figure by which a model is better or worse than another of its family, if there is one.
    fn figure(&self) -> Option<Figure> {
        let asked = self.studio.pipeline.train.early_stop.as_ref().and_then(|stop| stop.metric);
        asked.or_else(|| self.studio.plan.family().figures().first().copied())
    }

    /// What the learner measures on all of these samples, if it measures anything there.
    fn measure<L: Learner>(&self, learner: &L, samples: &Samples, step: u64) -> Vec<(String, f64)> {
        let Some(exam) = learner.exam() else { return Vec::new() };
        let train = &self.studio.pipeline.train;
        let all: Vec<usize> = (0..samples.count()).collect();
        let mut meter = Meter::default();
        for (index, indices) in all.chunks(train.batch.min(TESTED)).enumerate() {
            let mut moment = Moment { step, rate: 0.0, noise: Noise::of(Purpose::Exam, train.seed, index as u64) };
            let losses: Losses = exam(samples.plain(indices, &self.studio.device), &mut moment);
            meter.add(step, losses, indices.len() as f64);
        }
        // What is no number shows as such.
        let _ = meter.read();
        meter.means()
    }
}

/// What a learner would save, if its weights are all numbers: a last step may have spoiled them before a loss shows it.
fn sound<L: Learner>(learner: &L, step: u64) -> Result<Result<Saved, Spoiled>> {
    let saved = learner.save()?;
    Ok(match saved.is_finite()? {
        true => Ok(saved),
        false => Err(Spoiled { name: "a weight".into(), step, value: f64::NAN }),
    })
}

/// The error of a training whose losses are no longer numbers.
fn diverged(spoiled: &Spoiled, session: &Session<'_>) -> anyhow::Error {
    let train = &session.studio.pipeline.train;
    let go_on = format!("imago train --resume {}", session.run);
    anyhow!(
        "{spoiled}; the last checkpoint is kept\n\
         what helps, from the most to the least likely:\n  \
         {go_on} --set train.optimizer.adam.lr={}\n  \
         {go_on} --set train.optimizer.adam.clip_norm=1\n  \
         {go_on} --set train.on_nan=rollback   # goes back and halves the learning rates by itself",
        train.optimizer.adam.lr / 10.0
    )
}

/// How many steps an epoch of so many samples has.
fn steps_per_epoch(samples: usize, batch: usize, whole_batches: bool) -> u64 {
    let steps = if whole_batches { samples / batch } else { samples.div_ceil(batch) };
    steps.max(1) as u64
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

/// The losses of an epoch, and what was measured if it was.
fn scores(state: &State, evaluated: bool) -> Vec<String> {
    let mut scores = vec![describe(&state.losses)];
    for (kind, parts) in [("validation", &state.validation), ("test", &state.test)] {
        if evaluated && !parts.is_empty() {
            scores.push(format!("{kind} {}", describe(parts)));
        }
    }
    scores
}

fn line(state: &State, evaluated: bool, images_per_second: f64) -> serde_json::Value {
    let mut line = serde_json::json!({
        "epoch": state.epoch,
        "step": state.steps,
        "seconds": state.seconds,
        "images_per_second": images_per_second,
    });
    for (kind, parts) in [("loss", &state.losses), ("validation", &state.validation), ("test", &state.test)] {
        for (name, mean) in parts.iter().filter(|_| evaluated || kind == "loss") {
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
