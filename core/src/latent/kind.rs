//! What new latents are drawn from, as declared.

use serde::{Deserialize, Serialize};

use crate::layer::one_key;

/// What new codes are drawn from. All but `normal` are fitted to the codes of the training images when training has ended: ex-post
/// density estimation (Ghosh et al., "From Variational to Deterministic Autoencoders", 2020).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PriorKind {
    /// N(0, I), to which the loss of a VAE keeps the codes close.
    #[default]
    Normal,
    /// A normal distribution for each latent value.
    Gaussian,
    /// A mixture of so many normal distributions, each with a covariance of its own; of a conditional model one for each class.
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
