//! Settings shared by several families.

use serde::{Deserialize, Serialize};

/// The reconstruction loss, summed over the pixels of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Reconstruction {
    /// Binary cross-entropy. The decoder outputs logits, without a sigmoid.
    #[default]
    Bce,
    /// Squared error. The decoder outputs pixels.
    Mse,
    /// Absolute error. The decoder outputs pixels.
    L1,
    /// Negative log-likelihood of a normal distribution around the decoder's pixels with one
    /// learned scale. Rybkin et al., "Simple and Effective VAE Training with Calibrated Decoders"
    /// (2021).
    Gaussian,
}

/// The Kullback–Leibler divergence in a loss. A number alone is its weight.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Kl {
    /// Its weight: 1 for the evidence lower bound, more for a β-VAE (Higgins et al. 2017).
    pub weight: f64,
    /// Steps over which the weight grows linearly from 0 (Bowman et al. 2016).
    pub warm_up: u64,
    /// A lower bound, in nats, of the divergence of each latent value, averaged over the batch:
    /// free bits (Kingma et al. 2016).
    pub free_bits: f64,
}

impl Default for Kl {
    fn default() -> Self {
        Self { weight: 1.0, warm_up: 0, free_bits: 0.0 }
    }
}

pub(super) fn kl<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Kl, D::Error> {
    Kl::deserialize(value)
}

#[cfg(feature = "yaml")]
pub(super) fn kl_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let (number, map) = (generator.subschema_for::<f64>(), generator.subschema_for::<Kl>());
    schemars::json_schema!({
        "description": "The Kullback–Leibler divergence. A number alone is its weight.",
        "anyOf": [number, map]
    })
}

pub(super) fn one() -> f64 {
    1.0
}

pub(super) fn is_one(number: &f64) -> bool {
    *number == 1.0
}
