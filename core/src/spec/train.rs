//! The `train` part of a pipeline.

#[cfg(feature = "yaml")]
use std::fmt::Display;

use serde::{Deserialize, Serialize, Serializer};

use super::Metric;
#[cfg(feature = "yaml")]
use crate::diagnostic::{PathStep, Problem};
use crate::layer::one_key;
#[cfg(feature = "yaml")]
use crate::network::PlanBuilder;

/// How a model is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Train {
    /// Number of epochs.
    pub epochs: usize,
    /// Number of steps; if given, `epochs` is ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
    /// Images per step.
    pub batch: usize,
    /// The optimiser.
    pub optimizer: Optimizer,
    /// The optimiser of the discriminator, if it has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discriminator: Option<Optimizer>,
    /// How the learning rates change during training.
    pub schedule: Schedule,
    /// Steps over which the learning rates first grow linearly from 0. Goyal et al., "Accurate,
    /// Large Minibatch SGD" (2017).
    #[serde(skip_serializing_if = "is_zero")]
    pub warm_up: u64,
    /// Epochs between evaluations, each with sample images and a checkpoint; one more at the end.
    pub evaluate_every: usize,
    /// When to stop before the last epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_stop: Option<EarlyStop>,
    /// What to do when a loss is not finite.
    pub on_nan: OnNan,
    /// The seed of all randomness of a run.
    pub seed: u64,
}

impl Default for Train {
    fn default() -> Self {
        Self {
            epochs: 30,
            steps: None,
            batch: 128,
            optimizer: Optimizer::default(),
            discriminator: None,
            schedule: Schedule::default(),
            warm_up: 0,
            evaluate_every: 1,
            early_stop: None,
            on_nan: OnNan::default(),
            seed: 42,
        }
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Train {
    /// The optimiser of the discriminator.
    pub fn discriminator_optimizer(&self) -> &Optimizer {
        self.discriminator.as_ref().unwrap_or(&self.optimizer)
    }

    /// The factor of the learning rates at step `step`, from 0, of `steps`.
    pub fn rate(&self, step: u64, steps: u64) -> f64 {
        let warm = self.warm_up.min(steps);
        match step < warm {
            true => (step + 1) as f64 / warm as f64,
            false => self.schedule.factor(step - warm, steps - warm),
        }
    }
}

/// When to stop before the last epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EarlyStop {
    /// Stop after this many evaluations in a row without improvement.
    pub patience: usize,
    /// The metric that has to improve; by default the first of the family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<Metric>,
}

/// What to do when a loss is not finite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum OnNan {
    /// Stop; the last checkpoint is kept.
    #[default]
    Stop,
    /// Continue from the last checkpoint with half the learning rates.
    Rollback,
}

/// How the learning rates change during training.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// Not at all.
    #[default]
    Constant,
    /// From the full rate to 0 in equal steps.
    Linear,
    /// From the full rate to 0 along half a cosine. Loshchilov and Hutter, "SGDR: Stochastic
    /// Gradient Descent with Warm Restarts" (2017).
    Cosine,
    /// By a factor at regular intervals: see [`StepDecay`].
    Step(StepDecay),
}

/// A learning rate that is multiplied by `factor` after every `every` steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StepDecay {
    /// Steps between changes.
    pub every: u64,
    /// The factor of each change.
    #[serde(default = "tenth")]
    pub factor: f64,
}

fn tenth() -> f64 {
    0.1
}

impl Schedule {
    /// The factor of the rate at step `step`, from 0, of `steps`.
    pub fn factor(&self, step: u64, steps: u64) -> f64 {
        let done = step as f64 / steps.max(1) as f64;
        match self {
            Self::Constant => 1.0,
            Self::Linear => 1.0 - done,
            Self::Cosine => 0.5 * (1.0 + libm::cos(core::f64::consts::PI * done.clamp(0.0, 1.0))),
            Self::Step(StepDecay { every, factor }) => libm::pow(*factor, (step / (*every).max(1)) as f64),
        }
    }
}

impl Serialize for Schedule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Constant => "constant".serialize(serializer),
            Self::Linear => "linear".serialize(serializer),
            Self::Cosine => "cosine".serialize(serializer),
            Self::Step(decay) => one_key(serializer, "step", decay),
        }
    }
}

/// The optimiser, as a map with its name as the only key.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Optimizer {
    /// See [`Adam`].
    pub adam: Adam,
}

/// Kingma and Ba, "Adam: A Method for Stochastic Optimization" (2014), with its defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Adam {
    /// Learning rate.
    pub lr: f64,
    /// Decay of the first moment.
    pub beta_1: f64,
    /// Decay of the second moment.
    pub beta_2: f64,
    /// Keeps the step finite where gradients vanish.
    pub epsilon: f64,
    /// The largest norm of the gradient of a network; longer ones are scaled down to it. Pascanu et
    /// al., "On the difficulty of training recurrent neural networks" (2013).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
}

impl Default for Adam {
    fn default() -> Self {
        Self { lr: 1e-3, beta_1: 0.9, beta_2: 0.999, epsilon: 1e-8, clip_norm: None }
    }
}

#[cfg(feature = "yaml")]
impl Train {
    pub(crate) fn has_good_batch(&self) -> bool {
        (1..=65_536).contains(&self.batch)
    }

    /// Notes values out of range.
    pub(crate) fn check(&self, builder: &mut PlanBuilder<'_>) {
        let mut check = |holds: bool, keys: &[&str], rule: &str, found: &dyn Display| {
            if !holds {
                let path = ["train"].iter().chain(keys).map(|key| PathStep::key(key)).collect();
                let key = keys.last().unwrap_or(&"");
                builder.note(Problem::new(path, format!("{key} must {rule}, found {found}")));
            }
        };
        let (epochs, steps, every, batch) = (self.epochs, self.steps.unwrap_or(1), self.evaluate_every, self.batch);
        let positive = |value: f64| value > 0.0 && value.is_finite();
        check((1..=100_000).contains(&epochs), &["epochs"], "lie between 1 and 100,000", &epochs);
        check((1..=1_000_000_000).contains(&steps), &["steps"], "lie between 1 and 1,000,000,000", &steps);
        check(every >= 1, &["evaluate_every"], "be at least 1", &every);
        if let Schedule::Step(StepDecay { every, factor }) = self.schedule {
            check(every >= 1, &["schedule", "step", "every"], "be at least 1", &every);
            let holds = factor > 0.0 && factor <= 1.0;
            check(holds, &["schedule", "step", "factor"], "be above 0 and at most 1", &factor);
        }
        let patience = self.early_stop.as_ref().map_or(1, |stop| stop.patience);
        check(patience >= 1, &["early_stop", "patience"], "be at least 1", &patience);
        check(self.has_good_batch(), &["batch"], "lie between 1 and 65,536", &batch);
        for (key, optimizer) in [("optimizer", Some(&self.optimizer)), ("discriminator", self.discriminator.as_ref())] {
            let Some(Optimizer { adam }) = optimizer else { continue };
            check(positive(adam.lr), &[key, "adam", "lr"], "be above 0 and finite", &adam.lr);
            for (name, beta) in [("beta_1", adam.beta_1), ("beta_2", adam.beta_2)] {
                check((0.0..1.0).contains(&beta), &[key, "adam", name], "be at least 0 and below 1", &beta);
            }
            let clip_norm = adam.clip_norm.unwrap_or(1.0);
            for (name, value) in [("epsilon", adam.epsilon), ("clip_norm", clip_norm)] {
                check(positive(value), &[key, "adam", name], "be above 0 and finite", &value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(schedule: Schedule, warm_up: u64) -> [f64; 5] {
        let train = Train { schedule, warm_up, ..Train::default() };
        [0, 1, 2, 5, 9].map(|step| train.rate(step, 10))
    }

    fn close(found: [f64; 5], expected: [f64; 5]) {
        for (found, expected) in found.into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} instead of {expected}");
        }
    }

    #[test]
    fn rates_follow_their_schedule() {
        close(rates(Schedule::Constant, 0), [1.0; 5]);
        close(rates(Schedule::Linear, 0), [1.0, 0.9, 0.8, 0.5, 0.1]);
        let cosine = |share: f64| 0.5 + 0.5 * (std::f64::consts::PI * share).cos();
        close(rates(Schedule::Cosine, 0), [0.0, 0.1, 0.2, 0.5, 0.9].map(cosine));
        close(rates(Schedule::Step(StepDecay { every: 2, factor: 0.5 }), 0), [1.0, 1.0, 0.5, 0.25, 0.0625]);
    }

    #[test]
    fn rates_grow_first_and_follow_their_schedule_then() {
        close(rates(Schedule::Constant, 2), [0.5, 1.0, 1.0, 1.0, 1.0]);
        close(rates(Schedule::Linear, 2), [0.5, 1.0, 1.0, 0.625, 0.125]);
        // A warm-up that is longer than the training is cut to it.
        close(rates(Schedule::Linear, 100), [0.1, 0.2, 0.3, 0.6, 1.0]);
    }
}
