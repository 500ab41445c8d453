//! Metrics on held-out samples.

use serde::{Deserialize, Serialize};

/// A metric of a model on held-out samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// The share of images that are classified correctly.
    Accuracy,
    /// The cross-entropy of a classifier, in nats per image.
    CrossEntropy,
    /// The evidence lower bound, −(reconstruction + kl), in nats per sample.
    Elbo,
    /// The reconstruction loss, summed over the values of a sample.
    Reconstruction,
    /// The divergence of the latents from N(0, I), in nats per sample.
    Kl,
}

impl Metric {
    /// The name in YAML.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::CrossEntropy => "cross-entropy",
            Self::Elbo => "elbo",
            Self::Reconstruction => "reconstruction",
            Self::Kl => "kl",
        }
    }

    /// Whether higher is better.
    pub fn higher_is_better(self) -> bool {
        matches!(self, Self::Accuracy | Self::Elbo)
    }

    /// The metric from named losses, if they contain it.
    pub fn of(self, parts: &[(String, f64)]) -> Option<f64> {
        let part = |name: &str| parts.iter().find(|(found, _)| found == name).map(|(_, value)| *value);
        match self {
            Self::Elbo => Some(-(part(Self::Reconstruction.name())? + part(Self::Kl.name())?)),
            _ => part(self.name()),
        }
    }
}
