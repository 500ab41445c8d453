//! The `model` part of a pipeline: the families and what each of them asks for.

use serde::{Deserialize, Serialize};

use crate::layer::{LayerSpec, one_key};

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
    /// A VAE whose decoder is a generator as well, judged by what a discriminator sees.
    VaeGan,
    /// A GAN that makes codes of a model trained before, which that model's decoder makes images of.
    LatentGan,
    /// A VAE that makes codes of a model trained before, which that model's decoder makes images of.
    LatentVae,
}

impl Family {
    /// All families.
    pub const ALL: [Self; 7] =
        [Self::Classifier, Self::Autoencoder, Self::Vae, Self::Gan, Self::VaeGan, Self::LatentGan, Self::LatentVae];

    /// The name in YAML.
    pub fn name(self) -> &'static str {
        match self {
            Self::Classifier => "classifier",
            Self::Autoencoder => "autoencoder",
            Self::Vae => "vae",
            Self::Gan => "gan",
            Self::VaeGan => "vae-gan",
            Self::LatentGan => "latent-gan",
            Self::LatentVae => "latent-vae",
        }
    }

    /// The figures that say on samples that were not learned from how good a model is, what the family learns first. None where two
    /// networks play: what they reach against each other says nothing of the samples.
    pub fn figures(self) -> &'static [Figure] {
        match self {
            Self::Classifier => &[Figure::Accuracy, Figure::CrossEntropy],
            Self::Autoencoder => &[Figure::Reconstruction],
            Self::Vae | Self::LatentVae => &[Figure::Elbo, Figure::Reconstruction, Figure::Kl],
            Self::Gan | Self::VaeGan | Self::LatentGan => &[],
        }
    }
}

/// A figure of a model on samples that it did not learn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Figure {
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

impl Figure {
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
    pub fn grows(self) -> bool {
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
    "gan" => Gan,
    "vae-gan" => VaeGan,
    "latent-gan" => LatentGan,
    "latent-vae" => LatentVae
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
    /// `family: vae-gan`
    VaeGan(VaeGan),
    /// `family: latent-gan`
    LatentGan(LatentGan),
    /// `family: latent-vae`
    LatentVae(LatentVae),
}

impl Model {
    /// Which kind it is.
    pub fn family(&self) -> Family {
        match self {
            Self::Classifier(_) => Family::Classifier,
            Self::Autoencoder(_) => Family::Autoencoder,
            Self::Vae(_) => Family::Vae,
            Self::Gan(_) => Family::Gan,
            Self::VaeGan(_) => Family::VaeGan,
            Self::LatentGan(_) => Family::LatentGan,
            Self::LatentVae(_) => Family::LatentVae,
        }
    }

    /// The run or artifact whose codes are learned, for the families that have one.
    pub fn source(&self) -> Option<&str> {
        match self {
            Self::LatentGan(model) => Some(&model.from),
            Self::LatentVae(model) => Some(&model.from),
            _ => None,
        }
    }

    /// How a discriminator is trained, for the families that have one.
    pub fn game(&self) -> Option<&Game> {
        match self {
            Self::Gan(model) => Some(&model.game),
            Self::VaeGan(model) => Some(&model.game),
            Self::LatentGan(model) => Some(&model.game),
            _ => None,
        }
    }

    /// How far from the likeliest ones codes are drawn; 1 for the families that do not ask.
    pub fn temperature(&self) -> f64 {
        match self {
            Self::Autoencoder(model) => model.temperature,
            Self::Vae(model) => model.temperature,
            Self::Gan(model) => model.temperature,
            _ => 1.0,
        }
    }

    /// Whether the classes of the images take part.
    pub fn is_conditional(&self) -> bool {
        match self {
            Self::Vae(model) => model.condition.is_some(),
            Self::Gan(model) => model.condition.is_some(),
            _ => false,
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
    /// What new codes are drawn from.
    #[serde(default = "gaussian")]
    pub prior: PriorKind,
    /// How far from the likeliest ones new codes are drawn: their deviation as a share of what it was. Below 1 there are fewer odd samples,
    /// and less variety.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub temperature: f64,
}

fn one() -> f64 {
    1.0
}

/// A default that resolved pipelines of earlier versions do not know.
fn is_one(number: &f64) -> bool {
    *number == 1.0
}

fn gaussian() -> PriorKind {
    PriorKind::Gaussian
}

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
    /// Whether the class of an image is given to both networks: to the encoder as one more channel, a learned picture of each class;
    /// to the decoder as one value a class behind the latent ones, 1 for the class and 0 for all others. Sohn et al., "Learning
    /// Structured Output Representation using Deep Conditional Generative Models" (2015).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<ByClass>,
    /// From image to features.
    pub encoder: Vec<LayerSpec>,
    /// From latent values to image.
    pub decoder: Vec<LayerSpec>,
    /// What is minimised.
    #[serde(default)]
    pub loss: VaeLoss,
    /// What new codes are drawn from.
    #[serde(default)]
    pub prior: PriorKind,
    /// How far from the likeliest ones new codes are drawn: their deviation as a share of what it was. Below 1 there are fewer odd samples,
    /// and less variety.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub temperature: f64,
}

/// What a VAE may be told of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ByClass {
    /// Its class.
    Class,
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
    /// Whether the class is given to both networks: to the generator as one value a class behind the latent ones, 1 for the class
    /// and 0 for all others; to the discriminator in one of two ways.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// From latent values to image.
    pub generator: Vec<LayerSpec>,
    /// From image to one value: high for real images, low for made ones.
    pub discriminator: Vec<LayerSpec>,
    /// What the two play for.
    #[serde(default)]
    pub loss: Adversarial,
    /// How the two are trained.
    #[serde(default)]
    pub game: Game,
    /// How far from the likeliest ones latent values are drawn: their deviation as a share of what it was. Below 1 there are fewer odd samples,
    /// and less variety.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub temperature: f64,
}

/// How a discriminator is told the class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// As one more channel of the image, a learned picture of each class. Mirza and Osindero, "Conditional Generative Adversarial
    /// Nets" (2014).
    Class,
    /// By the scalar product of its last features with a learned vector of each class, added to its verdict. Miyato and Koyama,
    /// "cGANs with Projection Discriminator" (2018).
    Projection,
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
    /// The same for the discriminator; the generator minimises the logarithm of being found out (Goodfellow et al. 2014), whose
    /// gradient vanishes while the discriminator wins.
    Minimax,
    /// Squared distance to 1 for real and 0 for made images (Mao et al. 2017).
    LeastSquares,
    /// The hinge loss (Lim and Ye 2017).
    Hinge,
    /// The difference of the means (Arjovsky et al. 2017); the critic has to be kept Lipschitz, by `clip`, by `penalty` or by
    /// `spectral_norm`.
    Wasserstein,
}

/// How a generator and a discriminator are trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Game {
    /// Steps of the discriminator, each on a batch of its own, for one of the generator.
    pub discriminator_steps: usize,
    /// Share of the old weights in a moving average of the generator's, which is what is sampled and exported; 0 for no average.
    /// While (1 + t) / (10 + t) is less, that is the share at step t, from 0: the average soon forgets its beginning. Yazıcı et al.,
    /// "The Unusual Effectiveness of Averaging in GAN Training" (2019).
    pub ema: f64,
    /// A price on the slope of the discriminator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub penalty: Option<Penalty>,
    /// Keeps every weight of the discriminator within ± this number (Arjovsky et al. 2017).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip: Option<f64>,
    /// What real images lack to the full target of 1. One-sided label smoothing: Salimans et al., "Improved Techniques for Training
    /// GANs" (2016).
    pub label_smoothing: f64,
    /// Standard deviation of the noise that real and made samples get before they are judged. Sønderby et al., "Amortised MAP
    /// Inference for Image Super-resolution" (2016).
    pub instance_noise: f64,
    /// How real and made images are changed alike before they are judged. Zhao et al., "Differentiable Augmentation for
    /// Data-Efficient GAN Training" (2020).
    pub augment: Vec<Augmentation>,
    /// How many samples the discriminator judges together, stacked as channels. Lin et al., "PacGAN: The Power of Two Samples in
    /// Generative Adversarial Networks" (2018).
    pub packing: usize,
}

impl Default for Game {
    fn default() -> Self {
        Self {
            discriminator_steps: 1,
            ema: 0.0,
            penalty: None,
            clip: None,
            label_smoothing: 0.0,
            instance_noise: 0.0,
            augment: Vec::new(),
            packing: 1,
        }
    }
}

/// A price on the slope of the discriminator, as a map with its name as the only key and its weight.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Penalty {
    /// Weight / 2 × squared slope at real samples (Mescheder et al. 2018).
    R1(f64),
    /// Weight × squared distance of the slope from 1, between real and made samples (Gulrajani et al. 2017).
    Gradient(f64),
}

impl Serialize for Penalty {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::R1(weight) => one_key(serializer, "r1", weight),
            Self::Gradient(weight) => one_key(serializer, "gradient", weight),
        }
    }
}

/// A change of images that gradients pass through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Augmentation {
    /// Moves each image by up to an eighth of its sides; what comes in is 0.
    Translate,
    /// Puts a square of 0 with half of the sides somewhere over each image.
    Cutout,
    /// Adds a number between −½ and ½ to each image.
    Brightness,
    /// Multiplies the distance of each pixel from the image's mean by a number between ½ and 1½.
    Contrast,
}

impl Augmentation {
    /// The name in YAML.
    pub fn name(self) -> &'static str {
        match self {
            Self::Translate => "translate",
            Self::Cutout => "cutout",
            Self::Brightness => "brightness",
            Self::Contrast => "contrast",
        }
    }
}

/// A VAE whose decoder is also the generator of a GAN, and whose reconstructions are compared by the discriminator's features.
///
/// Larsen et al., "Autoencoding beyond pixels using a learned similarity metric" (2016).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct VaeGan {
    /// Always `vae-gan`.
    pub family: family::VaeGan,
    /// Number of latent values.
    pub latent: usize,
    /// From image to features.
    pub encoder: Vec<LayerSpec>,
    /// From latent values to image.
    pub decoder: Vec<LayerSpec>,
    /// From image to one value: high for real images, low for made ones.
    pub discriminator: Vec<LayerSpec>,
    /// What is minimised beside the game.
    #[serde(default)]
    pub loss: VaeGanLoss,
    /// How the discriminator is trained.
    #[serde(default)]
    pub game: Game,
}

/// The loss of a VAE-GAN: kl × divergence + squared error of the discriminator's features, and what the game gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct VaeGanLoss {
    /// What the discriminator and the decoder play for.
    pub adversarial: Adversarial,
    /// The divergence of the codes from N(0, I).
    #[serde(deserialize_with = "kl")]
    #[cfg_attr(feature = "yaml", schemars(schema_with = "kl_schema"))]
    pub kl: Kl,
    /// Weight of the features' distance in the loss of the decoder: γ in the paper.
    pub gamma: f64,
    /// How many layers of the discriminator make the features; all before the last one with weights if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub features: Option<usize>,
}

impl Default for VaeGanLoss {
    fn default() -> Self {
        Self { adversarial: Adversarial::default(), kl: Kl::default(), gamma: 1e-2, features: None }
    }
}

/// A GAN that makes codes of a model trained before; that model's decoder makes images of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LatentGan {
    /// Always `latent-gan`.
    pub family: family::LatentGan,
    /// The run, or the artifact with an encoder, of a vae, autoencoder or vae-gan whose codes are learned.
    pub from: String,
    /// Number of latent values of this model.
    pub latent: usize,
    /// From latent values to code.
    pub generator: Vec<LayerSpec>,
    /// From code to one value: high for codes of images, low for made ones.
    pub discriminator: Vec<LayerSpec>,
    /// What the two play for.
    #[serde(default)]
    pub loss: Adversarial,
    /// How the two are trained.
    #[serde(default)]
    pub game: Game,
}

/// A VAE that makes codes of a model trained before; that model's decoder makes images of them. Codes are compared by a normal
/// distribution whose scale is learned.
///
/// Dai and Wipf, "Diagnosing and Enhancing VAE Models" (2019).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LatentVae {
    /// Always `latent-vae`.
    pub family: family::LatentVae,
    /// The run, or the artifact with an encoder, of a vae, autoencoder or vae-gan whose codes are learned.
    pub from: String,
    /// Number of latent values of this model.
    pub latent: usize,
    /// From code to features.
    pub encoder: Vec<LayerSpec>,
    /// From latent values to code.
    pub decoder: Vec<LayerSpec>,
    /// What is minimised.
    #[serde(default)]
    pub loss: LatentVaeLoss,
}

/// The loss of a latent VAE.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct LatentVaeLoss {
    /// The divergence of its own codes from N(0, I).
    #[serde(deserialize_with = "kl")]
    #[cfg_attr(feature = "yaml", schemars(schema_with = "kl_schema"))]
    pub kl: Kl,
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
    /// Absolute error. The decoder gives pixels.
    L1,
    /// The negative logarithm of a normal density around the decoder's pixels, whose one scale is learned with the weights. Rybkin
    /// et al., "Simple and Effective VAE Training with Calibrated Decoders" (2021).
    Gaussian,
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
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct VaeLoss {
    /// Distance between image and reconstruction.
    #[serde(default)]
    pub reconstruction: Reconstruction,
    /// The divergence of the codes from N(0, I).
    #[serde(default, deserialize_with = "kl")]
    #[cfg_attr(feature = "yaml", schemars(schema_with = "kl_schema"))]
    pub kl: Kl,
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

fn kl<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Kl, D::Error> {
    crate::layer::fields(value, Some("weight"))
}

#[cfg(feature = "yaml")]
fn kl_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let (number, map) = (generator.subschema_for::<f64>(), generator.subschema_for::<Kl>());
    schemars::json_schema!({
        "description": "The Kullback–Leibler divergence. A number alone is its weight.",
        "anyOf": [number, map]
    })
}
