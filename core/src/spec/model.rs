//! The `model` part of a pipeline: the families and what each of them asks for.

use serde::{Deserialize, Serialize};

use crate::layer::LayerSpec;

/// The kinds of model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Learns a short code for every image, and images from codes.
    Autoencoder,
    /// An autoencoder whose codes follow a normal distribution, so that new ones can be drawn.
    Vae,
}

impl Family {
    /// The name in YAML.
    pub fn name(self) -> &'static str {
        match self {
            Self::Autoencoder => "autoencoder",
            Self::Vae => "vae",
        }
    }
}

/// A model as declared.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Model {
    /// `family: autoencoder`
    Autoencoder(Autoencoder),
    /// `family: vae`
    Vae(Vae),
}

impl Model {
    /// Which kind it is.
    pub fn family(&self) -> Family {
        match self {
            Self::Autoencoder(model) => model.family,
            Self::Vae(model) => model.family,
        }
    }
}

/// An autoencoder. Its code is as long as what the encoder gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Autoencoder {
    /// Always `autoencoder`.
    pub family: Family,
    /// From image to code.
    pub encoder: Vec<LayerSpec>,
    /// From code to image.
    pub decoder: Vec<LayerSpec>,
    /// What is minimised.
    #[serde(default)]
    pub loss: ReconstructionLoss,
}

/// A variational autoencoder. Kingma and Welling, "Auto-Encoding Variational Bayes" (2013).
///
/// Behind the encoder comes one more linear layer of 2 × `latent` units, which gives the mean and the logarithm of the
/// variance of every latent value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vae {
    /// Always `vae`.
    pub family: Family,
    /// Number of latent values.
    pub latent: usize,
    /// From image to features.
    pub encoder: Vec<LayerSpec>,
    /// From latent values to image.
    pub decoder: Vec<LayerSpec>,
    /// What is minimised.
    #[serde(default)]
    pub loss: VaeLoss,
}

/// How the distance between an image and its reconstruction is measured, summed over the pixels of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reconstruction {
    /// Binary cross-entropy. The decoder gives logits; a sigmoid makes pixels of them and need not be written.
    #[default]
    Bce,
    /// Squared error. The decoder gives pixels.
    Mse,
}

/// The loss of an autoencoder.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReconstructionLoss {
    /// Distance between image and reconstruction.
    #[serde(default)]
    pub reconstruction: Reconstruction,
}

/// The loss of a VAE: reconstruction + `kl` × divergence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaeLoss {
    /// Distance between image and reconstruction.
    #[serde(default)]
    pub reconstruction: Reconstruction,
    /// Weight of the Kullback–Leibler divergence. 1 is the evidence lower bound; more is a β-VAE (Higgins et al. 2017).
    #[serde(default = "one")]
    pub kl: f64,
}

fn one() -> f64 {
    1.0
}

impl Default for VaeLoss {
    fn default() -> Self {
        Self { reconstruction: Reconstruction::default(), kl: one() }
    }
}
