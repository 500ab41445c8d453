//! The `model` part of a pipeline: the families and what each of them asks for.

use serde::{Deserialize, Serialize};

use crate::layer::LayerSpec;

/// The kinds of model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Tells which class an image belongs to.
    Classifier,
    /// Learns a short code for every image, and images from codes.
    Autoencoder,
    /// An autoencoder whose codes follow a normal distribution, so that new ones can be drawn.
    Vae,
    /// A generator that learns to make images which a discriminator cannot tell from real ones.
    Gan,
}

impl Family {
    /// All families.
    pub const ALL: [Self; 4] = [Self::Classifier, Self::Autoencoder, Self::Vae, Self::Gan];

    /// The name in YAML.
    pub fn name(self) -> &'static str {
        match self {
            Self::Classifier => "classifier",
            Self::Autoencoder => "autoencoder",
            Self::Vae => "vae",
            Self::Gan => "gan",
        }
    }
}

/// Declares for each family a type whose only value is its name, so that a file says which family it is of and a type which
/// family a model is of.
macro_rules! family_names {
    ($($name:literal => $family:ident),*) => {
        /// The value of `family` for each family.
        pub mod family {
            use serde::{Deserialize, Serialize};
            $(
                #[doc = concat!("`family: ", $name, "`")]
                #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
                #[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
                pub enum $family {
                    #[doc = concat!("`", $name, "`")]
                    #[default]
                    #[serde(rename = $name)]
                    Name,
                }
            )*
        }
    };
}

family_names! {
    "classifier" => Classifier,
    "autoencoder" => Autoencoder,
    "vae" => Vae,
    "gan" => Gan
}

/// A model as declared.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Model {
    /// `family: classifier`
    Classifier(Classifier),
    /// `family: autoencoder`
    Autoencoder(Autoencoder),
    /// `family: vae`
    Vae(Vae),
    /// `family: gan`
    Gan(Gan),
}

impl Model {
    /// Which kind it is.
    pub fn family(&self) -> Family {
        match self {
            Self::Classifier(_) => Family::Classifier,
            Self::Autoencoder(_) => Family::Autoencoder,
            Self::Vae(_) => Family::Vae,
            Self::Gan(_) => Family::Gan,
        }
    }
}

/// A classifier, which tells which class an image belongs to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Classifier {
    /// Always `classifier`.
    pub family: family::Classifier,
    /// From image to one value a class: a logit.
    pub layers: Vec<LayerSpec>,
    /// What is minimised.
    #[serde(default)]
    pub loss: CrossEntropy,
}

/// The loss of a classifier: cross-entropy of the logits.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CrossEntropy {
    /// Share of the target that is spread over all classes. Szegedy et al., "Rethinking the Inception Architecture" (2016).
    #[serde(default)]
    pub label_smoothing: f64,
}

/// An autoencoder. Its code is as long as what the encoder gives.
///
/// Hinton and Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks" (2006).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Autoencoder {
    /// Always `autoencoder`.
    pub family: family::Autoencoder,
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
/// Behind the encoder comes one more linear layer of 2 × latent units, which gives the mean and the logarithm of the
/// variance of every latent value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Vae {
    /// Always `vae`.
    pub family: family::Vae,
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

/// A generative adversarial network. Goodfellow et al., "Generative Adversarial Nets" (2014).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Gan {
    /// Always `gan`.
    pub family: family::Gan,
    /// Number of latent values.
    pub latent: usize,
    /// From latent values to image.
    pub generator: Vec<LayerSpec>,
    /// From image to one value: high for real images, low for made ones.
    pub discriminator: Vec<LayerSpec>,
    /// What the two play for.
    #[serde(default)]
    pub loss: Adversarial,
}

/// What a generator and a discriminator play for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Adversarial {
    /// Cross-entropy of the discriminator's logit; the generator maximises the logarithm of being taken for real (Goodfellow
    /// et al. 2014).
    #[default]
    NonSaturating,
    /// Squared distance to 1 for real and 0 for made images (Mao et al. 2017).
    LeastSquares,
    /// The hinge loss (Lim and Ye 2017).
    Hinge,
    /// The difference of the means (Arjovsky et al. 2017); the critic has to be kept Lipschitz, for instance by
    /// spectral_norm.
    Wasserstein,
}

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
}

/// The loss of an autoencoder.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReconstructionLoss {
    /// Distance between image and reconstruction.
    #[serde(default)]
    pub reconstruction: Reconstruction,
}

/// The loss of a VAE: reconstruction + kl × divergence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
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
