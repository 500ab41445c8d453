//! The training loop, shared by all families.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use burn::tensor::read_sync;
use imago_core::spec::OnNan;
use imago_core::training::{End, Run, Snapshot, State, TrainingError};

use super::Stop;
use super::progress::Progress;
use super::reporter::{self, RunReporter};
use crate::report::Events;
use crate::run::{Outcome, RunFolder};

/// Losses are read after at most this many steps, to catch NaN.
pub(super) const MAX_UNREAD: usize = 100;
const MAX_ROLLBACKS: u32 = 8;

pub struct Session<'a> {
    pub folder: &'a RunFolder,
    pub stop: Stop,
    /// How often checkpoints are saved within an epoch.
    pub save_every: Duration,
}

struct Clock {
    begun: Instant,
    /// The step and seconds at its start, not 0 for a resumed run.
    first: (u64, f64),
    saved: Instant,
}

impl Clock {
    fn new(state: &State) -> Self {
        let begun = Instant::now();
        Self { begun, first: (state.steps, state.seconds), saved: begun }
    }

    fn seconds(&self) -> f64 {
        self.first.1 + self.begun.elapsed().as_secs_f64()
    }

    /// The estimated remaining time.
    fn left(&self, run: &Run) -> Duration {
        let done = run.state().steps.saturating_sub(self.first.0).max(1);
        self.begun.elapsed().mul_f64((run.steps() - run.state().steps) as f64 / done as f64)
    }
}

/// Trains from the beginning, or from a checkpoint.
///
/// ```text
/// for each epoch:
///     for each batch:
///         take one step
///         save a checkpoint if the last is old
///     evaluate, write samples of the same latents, save a checkpoint
/// ```
///
/// Families define the step: see [`imago_core::family`].
pub fn train(
    run: &mut Run,
    session: &Session<'_>,
    checkpoint: Option<Snapshot>,
    progress: &mut Progress,
    mut report: impl FnMut(Outcome, &State) -> Result<()>,
) -> Result<Outcome> {
    let folder = session.folder;
    // The target of a rollback before the first checkpoint.
    let beginning = match run.pipeline().train.on_nan {
        OnNan::Rollback => Some(read_sync(run.snapshot(0.0))?),
        OnNan::Stop => None,
    };
    if let Some(checkpoint) = checkpoint {
        run.restore(&checkpoint)?;
    }
    if let Some(end) = run.end() {
        let (outcome, why) = ending(run, end);
        progress.say(format_args!("{folder} {why}"));
        report(outcome, run.state())?;
        return Ok(outcome);
    }
    if run.state().steps == 0 {
        reporter::open(run, folder)?;
    }
    let mut clock = Clock::new(run.state());
    let mut events = Events::open(&folder.path().join("events"), run.state().steps + 1)?;
    progress.begin(run.epochs(), run.steps(), run.state().steps);
    loop {
        let (begun, first) = (Instant::now(), run.state().steps);
        let snapshot = match session.epoch(run, &mut clock, progress) {
            Ok(snapshot) => snapshot,
            Err(Stopped::Diverged(why)) => match &beginning {
                Some(beginning) if run.state().rollbacks < MAX_ROLLBACKS => {
                    let last = folder.checkpoints().last()?.map_or_else(|| beginning.clone(), |(last, _)| last);
                    run.roll_back(&last)?;
                    let State { steps, rate, .. } = *run.state();
                    folder.trim_metrics(steps)?;
                    progress
                        .back(steps, format_args!("{why}: back to step {steps} with {rate} times the learning rate"));
                    continue;
                }
                _ => {
                    progress.finish();
                    report(Outcome::Diverged, run.state())?;
                    return Err(diverged(&why, run, folder));
                }
            },
            Err(Stopped::Failed(error)) => return Err(error),
        };
        let evaluated = run.is_evaluated_here();
        let best = evaluated && read_sync(run.evaluate())?;
        let end = run.end().filter(|_| evaluated);
        let outcome = match end {
            Some(end) => ending(run, end).0,
            None if session.stop.requested() => Outcome::Interrupted,
            None => Outcome::Running,
        };
        let images = (run.state().steps - first) as usize * run.pipeline().train.batch;
        let images_per_second = rate_of(images.min(run.sets().training.count()), begun);
        let line = line(run.state(), evaluated, images_per_second);
        let partial = run.state().partial;
        if !partial {
            folder.append_metrics(&line)?;
            events.scalars(run.state().steps, &line)?;
        }
        if evaluated || outcome != Outcome::Running {
            let trained = run.trained(&snapshot)?;
            read_sync(run.fit_prior(&trained))?;
            if evaluated {
                let image = RunReporter { run, folder }.publish(&trained, end.is_some())?;
                events.image("samples", run.state().steps, &image)?;
            }
            let checkpoint = Snapshot { state: run.state().clone(), saved: snapshot.saved };
            if best {
                folder.checkpoints().save_best(&checkpoint)?;
            }
            folder.checkpoints().save(&checkpoint)?;
            clock.saved = Instant::now();
        }
        if !partial {
            let left = if end.is_some() { Duration::ZERO } else { clock.left(run) };
            progress.epoch(run.state().epoch, &scores(run.state(), evaluated), images_per_second, left, &line);
        }
        report(outcome, run.state())?;
        if outcome != Outcome::Running {
            progress.finish();
            return Ok(outcome);
        }
    }
}

enum Stopped {
    /// A loss or a weight is not finite.
    Diverged(String),
    Failed(anyhow::Error),
}

impl From<TrainingError> for Stopped {
    fn from(error: TrainingError) -> Self {
        match error {
            TrainingError::NonFinite(what) => Self::Diverged(what.to_string()),
            other => Self::Failed(other.into()),
        }
    }
}

impl Session<'_> {
    /// Takes the remaining steps of an epoch, fewer if asked to stop, and returns the run's state.
    fn epoch(&self, run: &mut Run, clock: &mut Clock, progress: &mut Progress) -> Result<Snapshot, Stopped> {
        let (begun, first) = (Instant::now(), run.state().steps);
        loop {
            run.step();
            let (show, due) = (progress.step(), clock.saved.elapsed() >= self.save_every);
            if show || run.unread() >= MAX_UNREAD {
                let means = read_sync(run.read())?;
                if show {
                    let State { steps, epoch, .. } = *run.state();
                    let rate = rate_of((steps - first) as usize * run.pipeline().train.batch, begun);
                    progress.show(epoch, steps, &describe(&means), rate);
                }
            }
            if self.stop.requested() || run.is_at_end_of_epoch() {
                return Ok(read_sync(run.snapshot(clock.seconds()))?);
            }
            if due {
                let snapshot = read_sync(run.snapshot(clock.seconds()))?;
                self.folder.checkpoints().save(&snapshot).map_err(Stopped::Failed)?;
                clock.saved = Instant::now();
            }
        }
    }
}

/// The outcome of a training that has ended, and how to extend it.
fn ending(run: &Run, end: End) -> (Outcome, String) {
    match end {
        End::Finished => {
            let steps = run.steps();
            let why = format!("has taken all of its {steps} steps; --set train.epochs=… or train.steps=… extends it");
            (Outcome::Finished, why)
        }
        End::StoppedEarly => {
            let why = "was stopped early; --set train.early_stop.patience=… extends it";
            (Outcome::StoppedEarly, why.to_owned())
        }
    }
}

fn diverged(why: &str, run: &Run, folder: &RunFolder) -> anyhow::Error {
    let go_on = format!("imago train --resume {folder}");
    anyhow!(
        "{why}; the last checkpoint is kept\n\
         what may help, most likely first:\n  \
         {go_on} --set train.optimizer.adam.lr={}\n  \
         {go_on} --set train.optimizer.adam.clip_norm=1\n  \
         {go_on} --set train.on_nan=rollback   # rolls back and halves the learning rates automatically",
        run.pipeline().train.optimizer.adam.lr / 10.0
    )
}

/// The displayed name of a part of the loss.
pub(super) fn title(part: &str) -> &str {
    match part {
        "real" => "D(real)",
        "made" => "D(fake)",
        part => part,
    }
}

/// `reconstruction 148.70  kl 3.612`
fn describe(parts: &[(String, f64)]) -> String {
    let named = parts.iter().map(|(name, value)| {
        let decimals = if value.abs() < 10.0 { 4 } else { 2 };
        format!("{} {value:.decimals$}", title(name))
    });
    named.collect::<Vec<_>>().join("  ")
}

fn rate_of(images: usize, since: Instant) -> f64 {
    images as f64 / since.elapsed().as_secs_f64().max(1e-9)
}

/// The losses of an epoch, and its other metrics if it was evaluated.
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
    fn small_figures_are_shown_with_more_digits() {
        let parts = [("reconstruction".to_owned(), 148.7), ("accuracy".to_owned(), 0.9931)];
        assert_eq!(describe(&parts), "reconstruction 148.70  accuracy 0.9931");
    }

    #[test]
    fn outputs_of_the_discriminator_are_named_as_in_papers() {
        let parts = [("real".to_owned(), 0.31), ("made".to_owned(), -0.22)];
        assert_eq!(describe(&parts), "D(real) 0.3100  D(fake) -0.2200");
    }
}
