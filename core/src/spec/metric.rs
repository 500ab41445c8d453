//! What is measured on samples that a model did not learn from.

use serde::{Deserialize, Serialize};

/// A figure of a model on samples that it did not learn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// The share of images that are told rightly.
    Accuracy,
    /// Of a classifier, in nats an image.
    CrossEntropy,
    /// The evidence lower bound, −(reconstruction + kl), in nats a sample.
    Elbo,
    /// What the reconstruction costs, a sum over a sample's values.
    Reconstruction,
    /// The divergence of the codes from N(0, I) in nats a sample.
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

    /// Whether more is better.
    pub fn higher_is_better(self) -> bool {
        matches!(self, Self::Accuracy | Self::Elbo)
    }

    /// The figure among the parts that a model measured, if they hold it.
    pub fn of(self, parts: &[(String, f64)]) -> Option<f64> {
        let part = |name: &str| parts.iter().find(|(found, _)| found == name).map(|(_, value)| *value);
        match self {
            Self::Elbo => Some(-(part(Self::Reconstruction.name())? + part(Self::Kl.name())?)),
            _ => part(self.name()),
        }
    }
}
