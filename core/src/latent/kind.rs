//! The prior as declared.

use serde::{Deserialize, Serialize};

use crate::layer::one_key;

/// The distribution that new latents are drawn from. All but `normal` are fitted to the latents of
/// the training images after training: ex-post density estimation (Ghosh et al., "From Variational
/// to Deterministic Autoencoders", 2020).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PriorKind {
    /// N(0, I), which the loss of a VAE keeps the latents close to.
    #[default]
    Normal,
    /// A normal distribution for each latent value.
    Gaussian,
    /// A mixture of this many normal distributions, each with its own covariance; for a conditional
    /// model one mixture per class.
    Mixture(usize),
}

impl Serialize for PriorKind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Normal => serializer.serialize_str("normal"),
            Self::Gaussian => serializer.serialize_str("gaussian"),
            Self::Mixture(parts) => one_key(serializer, "mixture", parts),
        }
    }
}
