//! Settings that several families share.

use serde::{Deserialize, Serialize};

/// How the distance between an image and its reconstruction is measured, summed over the pixels of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Reconstruction {
    /// Binary cross-entropy. The decoder gives logits; a sigmoid makes pixels of them and need not be written.
    #[default]
    Bce,
    /// Squared error. The decoder gives pixels.
    Mse,
    /// Absolute error. The decoder gives pixels.
    L1,
    /// The negative logarithm of a normal density around the decoder's pixels, whose one scale is learned with the weights. Rybkin
    /// et al., "Simple and Effective VAE Training with Calibrated Decoders" (2021).
    Gaussian,
}

/// The Kullback–Leibler divergence in a loss. A number alone is its weight.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Kl {
    /// Its weight. 1 is the evidence lower bound; more is a β-VAE (Higgins et al. 2017).
    pub weight: f64,
    /// Steps over which the weight grows evenly from 0 (Bowman et al. 2016, Sønderby et al. 2016); 0 for the full weight from the
    /// beginning.
    pub warm_up: u64,
    /// Nats of each latent value that cost nothing: its divergence, averaged over the batch, counts as no less. Free bits: Kingma
    /// et al. (2016).
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

/// The default of a temperature.
pub(super) fn one() -> f64 {
    1.0
}

/// A default that resolved pipelines of earlier versions do not know.
pub(super) fn is_one(number: &f64) -> bool {
    *number == 1.0
}
