//! The settings and losses of all families with a discriminator.

#[cfg(feature = "train")]
use burn::tensor::Tensor;
#[cfg(feature = "train")]
use burn::tensor::activation::{relu, softplus};
use serde::{Deserialize, Serialize};

use super::resolver::path;
use super::{Resolver, Role};
use crate::diagnostic::{PathStep, Problem, extend};
use crate::layer::{LayerSpec, one_key};
use crate::network::Network;
use crate::shape::Shape;

const MAX_PACKING: usize = 64;

/// How a discriminator is conditioned on the class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// By one more channel of the image, a learned plane for each class. Mirza and Osindero,
    /// "Conditional Generative Adversarial Nets" (2014).
    Class,
    /// By the dot product of its last features with a learned vector for each class, added to its
    /// logit. Miyato and Koyama, "cGANs with Projection Discriminator" (2018).
    Projection,
}

/// The loss of a generator and a discriminator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum AdversarialLoss {
    /// Cross-entropy; the generator maximises log D(G(z)) (Goodfellow et al. 2014).
    #[default]
    NonSaturating,
    /// Cross-entropy; the generator minimises log(1 − D(G(z))) (Goodfellow et al. 2014).
    Minimax,
    /// Squared distance to 1 for real and 0 for generated images (Mao et al. 2017).
    LeastSquares,
    /// The hinge loss (Lim and Ye 2017).
    Hinge,
    /// Difference of means (Arjovsky et al. 2017), with `clip`, `penalty` or `spectral_norm`.
    Wasserstein,
}

/// How a generator and a discriminator are trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Game {
    /// Steps of the discriminator per step of the generator, each on its own batch.
    pub discriminator_steps: usize,
    /// Decay of a moving average of the generator's weights, which is sampled and exported; 0 for
    /// none. At step t, from 0, it is at most (1 + t) / (10 + t). Yazıcı et al., "The Unusual
    /// Effectiveness of Averaging in GAN Training" (2019).
    pub ema: f64,
    /// A penalty on the gradient of the discriminator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub penalty: Option<Penalty>,
    /// Clips every weight of the discriminator to ± this number (Arjovsky et al. 2017).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip: Option<f64>,
    /// One-sided label smoothing: the target of real images is 1 minus this. Salimans et al.,
    /// "Improved Techniques for Training GANs" (2016).
    pub label_smoothing: f64,
    /// Standard deviation of noise on all inputs of the discriminator. Sønderby et al., "Amortised
    /// MAP Inference for Image Super-resolution" (2016).
    pub instance_noise: f64,
    /// Random changes of all inputs of the discriminator. Zhao et al., "Differentiable Augmentation
    /// for Data-Efficient GAN Training" (2020).
    pub augment: Vec<Augmentation>,
    /// Number of samples that the discriminator scores together, stacked as channels. Lin et al.,
    /// "PacGAN: The Power of Two Samples in Generative Adversarial Networks" (2018).
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

/// A penalty on the gradient of the discriminator, as a map from its name to its weight.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Penalty {
    /// Weight / 2 × squared norm of the gradient at real samples (Mescheder et al. 2018).
    R1(f64),
    /// Weight × (norm − 1)² between real and generated samples (Gulrajani et al. 2017).
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

/// A differentiable change of images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Augmentation {
    /// Moves each image by up to an eighth of its sides, padded with 0.
    Translate,
    /// Sets a square with half the sides, at a random place of each image, to 0.
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

impl Resolver<'_, '_> {
    /// The discriminator of samples of shape `input`, packed as declared.
    pub fn discriminator(
        &mut self,
        input: Option<Shape>,
        layers: &[LayerSpec],
        game: &Game,
        loss: AdversarialLoss,
    ) -> Option<Network> {
        self.check_game(game, loss);
        let packing = game.packing.clamp(1, MAX_PACKING);
        let packed = input.map(|input| match input {
            Shape::Image([channels, height, width]) => Shape::Image([channels * packing, height, width]),
            Shape::Flat(values) => Shape::Flat(values * packing),
        });
        let (discriminator, output) = self.network(Role::Discriminator, packed, layers);
        self.check_output(Role::Discriminator, 1, "a discriminator outputs one value", output, layers);
        if game.penalty.is_some() {
            for (index, layer) in layers.iter().enumerate() {
                if let Some(name) = unsteady(layer) {
                    let found = format!(
                        "a `penalty` needs the gradient at each sample, but with `{name}` the score of a sample varies"
                    );
                    let at = extend(&path("discriminator"), [PathStep::Index(index)]);
                    let fix = "`layer_norm` or `spectral_norm` instead, or no `penalty`";
                    self.note(Problem::new(at, found).suggest(Some(fix.into())));
                }
            }
        }
        discriminator
    }

    fn check_game(&mut self, game: &Game, loss: AdversarialLoss) {
        let key = |key: &str| extend(&path("game"), [PathStep::key(key)]);
        self.check_within(game.discriminator_steps as f64, 1.0..=1000.0, &["game", "discriminator_steps"]);
        self.check_within(game.packing as f64, 1.0..=MAX_PACKING as f64, &["game", "packing"]);
        self.check_within(game.label_smoothing, 0.0..=0.5, &["game", "label_smoothing"]);
        self.check_within(game.instance_noise, 0.0..=100.0, &["game", "instance_noise"]);
        if !(0.0..1.0).contains(&game.ema) {
            let found = format!("ema must be at least 0 and below 1, found {}", game.ema);
            self.note(Problem::new(key("ema"), found));
        }
        match game.penalty {
            Some(Penalty::R1(weight)) => self.check_within(weight, 0.0..=1e6, &["game", "penalty", "r1"]),
            Some(Penalty::Gradient(weight)) => self.check_within(weight, 0.0..=1e6, &["game", "penalty", "gradient"]),
            None => {}
        }
        if let Some(bound) = game.clip.filter(|bound| !(*bound > 0.0 && bound.is_finite())) {
            self.note(Problem::new(key("clip"), format!("clip must be above 0 and finite, found {bound}")));
        }
        let targets = !matches!(loss, AdversarialLoss::Hinge | AdversarialLoss::Wasserstein);
        if game.label_smoothing > 0.0 && !targets {
            let found = "this loss has no targets to smooth";
            let fix = "remove it, or `loss: non-saturating` or `least-squares`";
            self.note(Problem::new(key("label_smoothing"), found).suggest(Some(fix.into())));
        }
    }
}

/// The name of this or an inner layer that depends on chance or on the rest of the batch.
fn unsteady(layer: &LayerSpec) -> Option<&'static str> {
    match layer.name() {
        name @ ("batch_norm" | "dropout" | "gaussian_noise" | "minibatch_stddev") => Some(name),
        _ => layer.inside()?.layers.iter().find_map(unsteady),
    }
}

#[cfg(feature = "train")]
impl AdversarialLoss {
    /// The loss of a discriminator from its scores, `[batch, 1]` each: `[1]`.
    ///
    /// With the score d, and the target 1 − `smoothing` for real samples (Salimans et al. 2016):
    ///
    /// | loss | real | fake |
    /// | --- | --- | --- |
    /// | non-saturating, minimax | cross-entropy of d against the target | −log(1 − σ(d)) |
    /// | least-squares | ½ (d − target)² | ½ d² |
    /// | hinge | max(0, 1 − d) | max(0, 1 + d) |
    /// | wasserstein | −d | d |
    pub fn discriminator(self, real: Tensor<2>, fake: Tensor<2>, smoothing: f64) -> Tensor<1> {
        let target = 1.0 - smoothing;
        match self {
            Self::NonSaturating | Self::Minimax => {
                (softplus(real.clone(), 1.0) - real * target).mean() + softplus(fake, 1.0).mean()
            }
            Self::LeastSquares => ((real - target).square().mean() + fake.square().mean()) * 0.5,
            Self::Hinge => relu(-real + 1.0).mean() + relu(fake + 1.0).mean(),
            Self::Wasserstein => fake.mean() - real.mean(),
        }
    }

    /// The loss of a generator from the scores d of its samples, `[batch, 1]`: `[1]`.
    ///
    /// −log σ(d), log(1 − σ(d)), ½ (d − 1)², −d and −d in the order of the variants.
    pub fn generator(self, fake: Tensor<2>) -> Tensor<1> {
        match self {
            Self::NonSaturating => softplus(-fake, 1.0).mean(),
            Self::Minimax => -softplus(fake, 1.0).mean(),
            Self::LeastSquares => (fake - 1.0).square().mean() * 0.5,
            Self::Hinge | Self::Wasserstein => -fake.mean(),
        }
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn the_two_players_pull_in_opposite_directions() {
        let device = Device::flex().autodiff();
        for loss in [
            AdversarialLoss::NonSaturating,
            AdversarialLoss::Minimax,
            AdversarialLoss::LeastSquares,
            AdversarialLoss::Hinge,
            AdversarialLoss::Wasserstein,
        ] {
            let score = |value: f32| Tensor::<2>::from_data([[value]], &device).require_grad();
            let slope = |score: &Tensor<2>, loss: Tensor<1>| score.grad(&loss.backward()).unwrap().into_scalar::<f32>();
            let (real, fake) = (score(0.25), score(0.5));
            assert!(slope(&real, loss.discriminator(real.clone(), fake.clone(), 0.0)) < 0.0, "{loss:?}");
            assert!(slope(&fake, loss.discriminator(real.clone(), fake.clone(), 0.0)) > 0.0, "{loss:?}");
            assert!(slope(&fake, loss.generator(fake.clone())) < 0.0, "{loss:?}");
        }
    }

    #[test]
    fn a_smoothed_target_is_reached_before_full_certainty() {
        let device = Device::flex().autodiff();
        for loss in [AdversarialLoss::NonSaturating, AdversarialLoss::LeastSquares] {
            let real = Tensor::<2>::from_data([[4.0]], &device).require_grad();
            let total = loss.discriminator(real.clone(), real.clone().detach(), 0.1);
            assert!(real.grad(&total.backward()).unwrap().into_scalar::<f32>() > 0.0, "{loss:?}");
        }
    }
}
