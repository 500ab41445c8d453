//! What all families with a discriminator share: their settings, and the losses of both sides.

#[cfg(feature = "train")]
use burn::tensor::Tensor;
#[cfg(feature = "train")]
use burn::tensor::activation::{relu, softplus};
use serde::{Deserialize, Serialize};

use super::resolver::path;
use super::{Resolver, Role};
use crate::diagnostic::{Problem, Step, extend};
use crate::layer::{LayerSpec, one_key};
use crate::network::Network;
use crate::shape::Shape;

/// The most samples that are scored together.
const MAX_PACKING: usize = 64;

/// How a discriminator is told the class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// As one more channel of the image, a learned picture of each class. Mirza and Osindero, "Conditional Generative AdversarialLoss
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
pub enum AdversarialLoss {
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
    /// Generative AdversarialLoss Networks" (2018).
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

impl Resolver<'_, '_> {
    /// A discriminator of samples of shape `input`, one at a time or packed.
    pub fn discriminator(
        &mut self,
        input: Option<Shape>,
        layers: &[LayerSpec],
        game: &Game,
        loss: AdversarialLoss,
    ) -> Option<Network> {
        self.game(game, loss);
        let packing = game.packing.clamp(1, MAX_PACKING);
        let packed = input.map(|input| match input {
            Shape::Image([channels, height, width]) => Shape::Image([channels * packing, height, width]),
            Shape::Flat(values) => Shape::Flat(values * packing),
        });
        let (discriminator, output) = self.network(Role::Discriminator, packed, layers);
        self.ends_with(Role::Discriminator, 1, "a discriminator tells real from made by one value", output, layers);
        if game.penalty.is_some() {
            for (index, layer) in layers.iter().enumerate() {
                if let Some(name) = unsteady(layer) {
                    let found = format!(
                        "a `penalty` measures the slope at each sample, but with `{name}` the same sample gets another verdict each time"
                    );
                    let at = extend(&path("discriminator"), [Step::Index(index)]);
                    let fix = "`layer_norm` or `spectral_norm` instead, or another way than `penalty`";
                    self.note(Problem::new(at, found).suggest(Some(fix.into())));
                }
            }
        }
        discriminator
    }

    /// Notes what makes no sense in how a discriminator is trained.
    fn game(&mut self, game: &Game, loss: AdversarialLoss) {
        let key = |key: &str| extend(&path("game"), [Step::key(key)]);
        self.within(game.discriminator_steps as f64, 1.0..=1000.0, &["game", "discriminator_steps"]);
        self.within(game.packing as f64, 1.0..=MAX_PACKING as f64, &["game", "packing"]);
        self.within(game.label_smoothing, 0.0..=0.5, &["game", "label_smoothing"]);
        self.within(game.instance_noise, 0.0..=100.0, &["game", "instance_noise"]);
        if !(0.0..1.0).contains(&game.ema) {
            let found = format!("ema must be at least 0 and below 1, found {}", game.ema);
            self.note(Problem::new(key("ema"), found));
        }
        match game.penalty {
            Some(Penalty::R1(weight)) => self.within(weight, 0.0..=1e6, &["game", "penalty", "r1"]),
            Some(Penalty::Gradient(weight)) => self.within(weight, 0.0..=1e6, &["game", "penalty", "gradient"]),
            None => {}
        }
        if let Some(bound) = game.clip.filter(|bound| !(*bound > 0.0 && bound.is_finite())) {
            self.note(Problem::new(key("clip"), format!("clip must be above 0 and finite, found {bound}")));
        }
        let targets = !matches!(loss, AdversarialLoss::Hinge | AdversarialLoss::Wasserstein);
        if game.label_smoothing > 0.0 && !targets {
            let found = "this loss has no targets that could be smoothed";
            let fix = "leave it away, or `loss: non-saturating` or `least-squares`";
            self.note(Problem::new(key("label_smoothing"), found).suggest(Some(fix.into())));
        }
    }
}

/// The name of a layer, or of one within, whose values depend on chance or on the other samples of the batch.
fn unsteady(layer: &LayerSpec) -> Option<&'static str> {
    match layer.name() {
        name @ ("batch_norm" | "dropout" | "gaussian_noise" | "minibatch_stddev") => Some(name),
        _ => layer.inside()?.layers.iter().find_map(unsteady),
    }
}

#[cfg(feature = "train")]
impl AdversarialLoss {
    /// What a discriminator minimises, from its verdicts on `real` and `made` samples, `[batch, 1]` each: `[1]`.
    ///
    /// With the verdict d, and the target 1 − `smoothing` for real samples (Salimans et al. 2016):
    ///
    /// | loss | real | made |
    /// | --- | --- | --- |
    /// | non-saturating, minimax | cross-entropy of d against the target | −log(1 − σ(d)) |
    /// | least-squares | ½ (d − target)² | ½ d² |
    /// | hinge | max(0, 1 − d) | max(0, 1 + d) |
    /// | wasserstein | −d | d |
    pub fn discriminator(self, real: Tensor<2>, made: Tensor<2>, smoothing: f64) -> Tensor<1> {
        let target = 1.0 - smoothing;
        match self {
            Self::NonSaturating | Self::Minimax => {
                (softplus(real.clone(), 1.0) - real * target).mean() + softplus(made, 1.0).mean()
            }
            Self::LeastSquares => ((real - target).square().mean() + made.square().mean()) * 0.5,
            Self::Hinge => relu(-real + 1.0).mean() + relu(made + 1.0).mean(),
            Self::Wasserstein => made.mean() - real.mean(),
        }
    }

    /// What a generator minimises, from the discriminator's verdicts on its samples, `[batch, 1]`: `[1]`.
    ///
    /// With the verdict d: −log σ(d) if non-saturating, log(1 − σ(d)) if minimax, ½ (d − 1)² for least squares, and −d for hinge and
    /// Wasserstein.
    pub fn generator(self, made: Tensor<2>) -> Tensor<1> {
        match self {
            Self::NonSaturating => softplus(-made, 1.0).mean(),
            Self::Minimax => -softplus(made, 1.0).mean(),
            Self::LeastSquares => (made - 1.0).square().mean() * 0.5,
            Self::Hinge | Self::Wasserstein => -made.mean(),
        }
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::tensor::Device;

    use super::*;

    /// The sign of every verdict's slope: a discriminator wants real samples above made ones, a generator its samples above.
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
            let verdict = |value: f32| Tensor::<2>::from_data([[value]], &device).require_grad();
            let slope =
                |verdict: &Tensor<2>, loss: Tensor<1>| verdict.grad(&loss.backward()).unwrap().into_scalar::<f32>();
            let (real, made) = (verdict(0.25), verdict(0.5));
            assert!(slope(&real, loss.discriminator(real.clone(), made.clone(), 0.0)) < 0.0, "{loss:?}");
            assert!(slope(&made, loss.discriminator(real.clone(), made.clone(), 0.0)) > 0.0, "{loss:?}");
            assert!(slope(&made, loss.generator(made.clone())) < 0.0, "{loss:?}");
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
