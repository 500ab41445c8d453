//! The `train` part of a pipeline.

use serde::{Deserialize, Serialize, Serializer};

use super::Metric;
#[cfg(feature = "yaml")]
use crate::diagnostic::{Problem, Step};
use crate::layer::one_key;
#[cfg(feature = "yaml")]
use crate::network::PlanBuilder;

/// How a model is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Train {
    /// How many times every training image is seen.
    pub epochs: usize,
    /// How many steps are taken; where given, `epochs` does not matter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
    /// Images in one step.
    pub batch: usize,
    /// How the weights follow the gradient.
    pub optimizer: Optimizer,
    /// How the weights of a discriminator follow theirs; as all others if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discriminator: Option<Optimizer>,
    /// How the learning rates change on the way.
    pub schedule: Schedule,
    /// Steps over which the learning rates first grow from nothing to their full value. Goyal et al., "Accurate, Large Minibatch SGD"
    /// (2017).
    #[serde(skip_serializing_if = "is_zero")]
    pub warm_up: u64,
    /// The model is tested, pictured and saved after so many epochs, and at the end.
    pub evaluate_every: usize,
    /// When training ends before its last epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_stop: Option<EarlyStop>,
    /// What happens when a loss is no longer a finite number.
    pub on_nan: OnNan,
    /// What all randomness of a run follows from.
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
    /// How the weights of a discriminator follow their gradient.
    pub fn discriminator_optimizer(&self) -> &Optimizer {
        self.discriminator.as_ref().unwrap_or(&self.optimizer)
    }

    /// What the learning rates are multiplied by at step number `step`, from 0, of `steps`.
    pub fn rate(&self, step: u64, steps: u64) -> f64 {
        let warm = self.warm_up.min(steps);
        match step < warm {
            true => (step + 1) as f64 / warm as f64,
            false => self.schedule.factor(step - warm, steps - warm),
        }
    }
}

/// When training ends before its last epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EarlyStop {
    /// After so many evaluations in a row that brought nothing better.
    pub patience: usize,
    /// The figure that has to become better; if not given, the one that the family learns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<Metric>,
}

/// What happens when a loss is no longer a finite number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum OnNan {
    /// Training ends; the last checkpoint is kept.
    #[default]
    Stop,
    /// Training goes back to the last checkpoint and on from there with half the learning rates.
    Rollback,
}

/// How learning rates change on the way.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// Not at all.
    #[default]
    Constant,
    /// From the full rate to 0 in equal steps.
    Linear,
    /// From the full rate to 0 along half a cosine. Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts"
    /// (2017).
    Cosine,
    /// Multiplied by a factor now and then: see [`StepDecay`].
    Step(StepDecay),
}

/// A learning rate that is multiplied by `factor` after every `every` steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StepDecay {
    /// Steps with the same rate.
    pub every: u64,
    /// What the rate is multiplied by then.
    #[serde(default = "tenth")]
    pub factor: f64,
}

fn tenth() -> f64 {
    0.1
}

impl Schedule {
    /// What the rate is multiplied by at step number `step`, from 0, of `steps`.
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

/// Kingma and Ba, "Adam: A Method for Stochastic Optimization" (2014), with the values of that paper.
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
    /// The length to which longer gradients are shortened, all weights of a network taken together. Pascanu et al., "On the
    /// difficulty of training recurrent neural networks" (2013).
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
    /// Whether the batch has a size that can be.
    pub(crate) fn has_good_batch(&self) -> bool {
        (1..=65_536).contains(&self.batch)
    }

    /// Notes what is spelled right but makes no sense.
    pub(crate) fn check(&self, builder: &mut PlanBuilder<'_>) {
        let mut check = |holds: bool, path: &[&str], found: String| {
            if !holds {
                let path = ["train"].iter().chain(path).map(|key| Step::key(key)).collect();
                builder.note(Problem::new(path, found));
            }
        };
        check(
            (1..=100_000).contains(&self.epochs),
            &["epochs"],
            format!("epochs must lie between 1 and 100,000, found {}", self.epochs),
        );
        let steps = self.steps.unwrap_or(1);
        check((1..=1_000_000_000).contains(&steps), &["steps"], format!("steps must be at least 1, found {steps}"));
        let every = self.evaluate_every;
        check(every >= 1, &["evaluate_every"], format!("evaluate_every must be at least 1, found {every}"));
        if let Schedule::Step(StepDecay { every, factor }) = self.schedule {
            let path = ["schedule", "step"];
            check(every >= 1, &[path[0], path[1], "every"], format!("every must be at least 1, found {every}"));
            let good = factor > 0.0 && factor <= 1.0;
            let found = format!("factor must be above 0 and at most 1, found {factor}");
            check(good, &[path[0], path[1], "factor"], found);
        }
        let patience = self.early_stop.as_ref().map_or(1, |stop| stop.patience);
        check(patience >= 1, &["early_stop", "patience"], format!("patience must be at least 1, found {patience}"));
        check(self.has_good_batch(), &["batch"], format!("batch must lie between 1 and 65,536, found {}", self.batch));
        for (key, optimizer) in [("optimizer", Some(&self.optimizer)), ("discriminator", self.discriminator.as_ref())] {
            let Some(Optimizer { adam }) = optimizer else { continue };
            let decay = |beta: f64| (0.0..1.0).contains(&beta);
            check(
                adam.lr > 0.0 && adam.lr.is_finite(),
                &[key, "adam", "lr"],
                format!("lr must be above 0 and finite, found {}", adam.lr),
            );
            check(
                decay(adam.beta_1),
                &[key, "adam", "beta_1"],
                format!("beta_1 must be at least 0 and below 1, found {}", adam.beta_1),
            );
            check(
                decay(adam.beta_2),
                &[key, "adam", "beta_2"],
                format!("beta_2 must be at least 0 and below 1, found {}", adam.beta_2),
            );
            check(
                adam.epsilon > 0.0 && adam.epsilon.is_finite(),
                &[key, "adam", "epsilon"],
                format!("epsilon must be above 0 and finite, found {}", adam.epsilon),
            );
            let clip_norm = adam.clip_norm.unwrap_or(1.0);
            check(
                clip_norm > 0.0 && clip_norm.is_finite(),
                &[key, "adam", "clip_norm"],
                format!("clip_norm must be above 0 and finite, found {clip_norm}"),
            );
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
