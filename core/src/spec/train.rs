//! The `train` part of a pipeline.

use serde::{Deserialize, Serialize};

#[cfg(feature = "yaml")]
use crate::plan::{Outline, Problem, Step};

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
            seed: 42,
        }
    }
}

/// How learning rates change on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// Not at all.
    #[default]
    Constant,
    /// From the full rate to 0 along half a cosine. Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts"
    /// (2017).
    Cosine,
}

impl Schedule {
    /// What the rate is multiplied by, where `done` of the training, a share in 0 to 1, is behind.
    pub fn factor(self, done: f64) -> f64 {
        match self {
            Self::Constant => 1.0,
            Self::Cosine => 0.5 * (1.0 + libm::cos(core::f64::consts::PI * done.clamp(0.0, 1.0))),
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
}

impl Default for Adam {
    fn default() -> Self {
        Self { lr: 1e-3, beta_1: 0.9, beta_2: 0.999, epsilon: 1e-8 }
    }
}

#[cfg(feature = "yaml")]
impl Train {
    /// Whether the batch has a size that can be.
    pub(crate) fn has_good_batch(&self) -> bool {
        (1..=65_536).contains(&self.batch)
    }

    /// Notes what is spelled right but makes no sense.
    pub(crate) fn check(&self, outline: &mut Outline<'_>) {
        let mut check = |holds: bool, path: &[&str], found: String| {
            if !holds {
                let path = ["train"].iter().chain(path).map(|key| Step::key(key)).collect();
                outline.note(Problem::new(path, found));
            }
        };
        check(
            (1..=100_000).contains(&self.epochs),
            &["epochs"],
            format!("epochs must lie between 1 and 100,000, found {}", self.epochs),
        );
        let steps = self.steps.unwrap_or(1);
        check((1..=1_000_000_000).contains(&steps), &["steps"], format!("steps must be at least 1, found {steps}"));
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
        }
    }
}
