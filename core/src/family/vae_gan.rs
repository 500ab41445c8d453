//! The VAE-GAN: features of a discriminator measure the reconstructions.

use serde::{Deserialize, Serialize};

#[cfg(feature = "yaml")]
use super::Lint;
use super::settings::kl;
#[cfg(feature = "yaml")]
use super::settings::kl_schema;
use super::{AdversarialLoss, Definition, Game, Kl, Resolved, Resolver, Role, Traits, name, vae};
use crate::diagnostic::Problem;
use crate::inference::Output;
use crate::latent::PriorKind;
use crate::layer::LayerSpec;
use crate::spec::Metric;

/// A VAE that is also a GAN and compares reconstructions by the discriminator's features.
///
/// Larsen et al., "Autoencoding beyond pixels using a learned similarity metric" (2016).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct VaeGan {
    /// Always `vae-gan`.
    pub family: name::VaeGan,
    /// Number of latent values.
    pub latent: usize,
    /// From image to features.
    pub encoder: Vec<LayerSpec>,
    /// From latent values to image.
    pub decoder: Vec<LayerSpec>,
    /// From image to one value: high for real images, low for generated ones.
    pub discriminator: Vec<LayerSpec>,
    /// The loss.
    #[serde(default)]
    pub loss: VaeGanLoss,
    /// How the discriminator is trained.
    #[serde(default)]
    pub game: Game,
}

/// The loss of a VAE-GAN: kl × divergence + squared error of features + adversarial loss.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct VaeGanLoss {
    /// The adversarial loss of the discriminator and the decoder.
    pub adversarial: AdversarialLoss,
    /// The divergence of the latents from N(0, I).
    #[serde(deserialize_with = "kl")]
    #[cfg_attr(feature = "yaml", schemars(schema_with = "kl_schema"))]
    pub kl: Kl,
    /// Weight of the squared error of features in the loss of the decoder: γ in the paper.
    pub gamma: f64,
    /// Layers of the discriminator for the features; by default all before the last with weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub features: Option<usize>,
}

impl Default for VaeGanLoss {
    fn default() -> Self {
        Self { adversarial: AdversarialLoss::default(), kl: Kl::default(), gamma: 1e-2, features: None }
    }
}

impl Definition for VaeGan {
    const METRICS: &'static [Metric] = &[];

    fn traits(&self) -> Traits<'_> {
        Traits {
            source: None,
            game: Some(&self.game),
            condition: None,
            learns_classes: false,
            prior: PriorKind::Normal,
            temperature: 1.0,
            exported: vae::EXPORTED,
        }
    }

    fn resolve(&self, resolver: &mut Resolver<'_, '_>) -> Resolved {
        let latent = resolver.latent(self.latent);
        resolver.check_kl(&self.loss.kl);
        resolver.check_within(self.loss.gamma, 0.0..=1e6, &["loss", "gamma"]);
        let input = resolver.image(0);
        let encoder = resolver.heads(input, latent, &self.encoder);
        let decoder = resolver.generator(Role::Decoder, latent, &self.decoder);
        let discriminator = resolver.discriminator(input, &self.discriminator, &self.game, self.loss.adversarial);
        let layers = self.discriminator.len();
        if let Some(features) = self.loss.features.filter(|features| !(1..layers).contains(features)) {
            let found = format!("features must lie between 1 and {}, found {features}", layers.saturating_sub(1));
            let note = format!("the discriminator has {layers} layers, the last of which outputs the score");
            resolver.note(Problem::at(&["model", "loss", "features"], found).note(note));
        }
        let Game { discriminator_steps, packing, .. } = self.game;
        for (key, odd) in [("discriminator_steps", discriminator_steps != 1), ("packing", packing != 1)] {
            if odd {
                let found = format!("`vae-gan` updates its networks together, sample by sample, without `{key}`");
                resolver.note(Problem::at(&["model", "game", key], found).suggest(Some("remove it".into())));
            }
        }
        let networks = vec![(Role::Encoder, encoder), (Role::Decoder, decoder), (Role::Discriminator, discriminator)];
        Resolved { latent, output: Output::pixels_of(resolver.data.range), networks }
    }

    #[cfg(feature = "yaml")]
    fn lint(&self, lint: &mut Lint<'_>) {
        lint.generator(Role::Decoder);
        lint.bottleneck(Role::Decoder, self.latent);
        lint.discriminator(self.loss.adversarial, &self.game);
    }

    #[cfg(feature = "train")]
    fn trainer(&self, setup: &super::TrainerSetup<'_>) -> Box<dyn super::Trainer> {
        Box::new(training::VaeGanTrainer::new(&self.loss, &self.game, setup))
    }
}

#[cfg(feature = "train")]
mod training {
    use burn::module::Module;

    use super::VaeGanLoss;
    use crate::data::Batch;
    use crate::family::average::{MovingAverage, clip};
    use crate::family::discriminator::Discriminator;
    use crate::family::optimizer::{Optimizer, gradients};
    use crate::family::trainer::detached;
    use crate::family::vae::training::{normals, sample};
    use crate::family::{
        Evaluator, Game, Losses, Role, Saved, StepContext, Trainer, TrainerError, TrainerSetup, Unsaved, gaussian_kl,
        squared_error,
    };
    use crate::inference::condition::with_class;
    use crate::inference::heads;
    use crate::layer::{Value, detach};
    use crate::network::Sequential;
    use crate::weights::{Pack, Unpack};

    /// An encoder, a decoder that is also a generator, a discriminator, and their optimisers.
    pub struct VaeGanTrainer {
        encoder: Sequential,
        decoder: Sequential,
        discriminator: Discriminator,
        average: Option<MovingAverage>,
        /// Layers of the discriminator that compute the features.
        features: usize,
        loss: VaeGanLoss,
        game: Game,
        encoder_optimizer: Optimizer,
        decoder_optimizer: Optimizer,
        discriminator_optimizer: Optimizer,
    }

    impl VaeGanTrainer {
        pub fn new(loss: &VaeGanLoss, game: &Game, setup: &TrainerSetup<'_>) -> Self {
            let decoder = setup.network(Role::Decoder);
            let layers = setup.plan.network(Role::Discriminator).map_or(&[][..], |network| network.layers());
            let last = layers.iter().rposition(|layer| layer.macs > 0).unwrap_or(0);
            let optimizer = || Optimizer::new(&setup.train.optimizer);
            Self {
                encoder: setup.network(Role::Encoder),
                average: MovingAverage::new(&decoder, game.ema),
                decoder,
                features: loss.features.unwrap_or(last).min(layers.len()),
                discriminator: Discriminator::new(game, setup),
                loss: loss.clone(),
                game: game.clone(),
                encoder_optimizer: optimizer(),
                decoder_optimizer: optimizer(),
                discriminator_optimizer: Optimizer::new(setup.train.discriminator_optimizer()),
            }
        }
    }

    impl Trainer for VaeGanTrainer {
        /// Larsen et al. (2016), algorithm 1, with gradients of all networks before any update.
        ///
        /// ```text
        /// x a batch of the data, z from the encoder's q(z|x), z' from N(0, I), f features of D
        /// encoder         KL(q(z|x) ‖ N(0, I)) + ½ ‖f(x) − f(Dec(z))‖²
        /// decoder         γ ½ ‖f(x) − f(Dec(z))‖² + adversarial, D(Dec(z)) and D(Dec(z'))
        /// discriminator   adversarial, D(x), D(Dec(z)) and D(Dec(z'))
        /// ```
        fn step(mut self: Box<Self>, batch: Batch, context: &mut StepContext) -> (Box<dyn Trainer>, Losses) {
            let classes = &batch.classes;
            let frozen = self.discriminator.clone().no_grad();
            let features_of = |samples| frozen.discriminator.pass(0..self.features, samples);
            let true_features = detach(features_of(batch.samples.clone()).flat());

            let (means, log_variances) = heads(self.encoder.forward(batch.samples.clone()).flat());
            let latents = sample(means.clone(), log_variances.clone(), &mut context.noise);
            let divergences = gaussian_kl(means, log_variances);
            let output = self.decoder.clone().no_grad().forward(with_class(latents.clone(), None));
            let distance = squared_error(features_of(output).flat(), true_features.clone()) * 0.5;
            let loss = self.loss.kl.weighted(divergences.clone(), context.step) + distance.clone();
            let mut losses = vec![("kl", divergences.sum()), ("features", distance)];
            let latents = detach(latents);
            let encoder_gradients = gradients(&self.encoder, loss);

            let drawn = normals(latents.dims(), &mut context.noise, &latents);
            let output = self.decoder.forward(with_class(latents, None));
            let generated = self.decoder.forward(with_class(drawn, None));
            let features = features_of(output.clone());
            let rest = self.features..frozen.discriminator.len();
            let output_score = frozen.discriminator.pass(rest, features.clone()).flat();
            let fake_input = frozen.prepare(generated.clone(), &mut context.noise);
            let generated_score = frozen.score(fake_input, classes);
            let adversarial = self.loss.adversarial;
            let generator_loss = (adversarial.generator(output_score) + adversarial.generator(generated_score)) * 0.5;
            let feature_distance = squared_error(features.flat(), true_features) * 0.5;
            let (output, generated) = (output.detach(), generated.detach());
            let decoder_gradients =
                gradients(&self.decoder, feature_distance * self.loss.gamma + generator_loss.clone());

            let real = self.discriminator.prepare(batch.samples.clone(), &mut context.noise);
            let real_score = self.discriminator.score(real.clone(), classes);
            let mut discriminator_loss = |samples: Value| {
                let fake_input = self.discriminator.prepare(samples, &mut context.noise);
                let smoothing = self.game.label_smoothing;
                adversarial.discriminator(real_score.clone(), self.discriminator.score(fake_input, classes), smoothing)
            };
            let discriminator_loss = (discriminator_loss(output) + discriminator_loss(generated.clone())) * 0.5;
            losses.extend([("discriminator", discriminator_loss.clone()), ("generator", generator_loss)]);
            let mut loss = discriminator_loss;
            if let Some(penalty) = self.game.penalty {
                let (slope, value) = self.discriminator.penalty(penalty, real, generated, classes, &mut context.noise);
                loss = loss + slope;
                losses.push(("penalty", value));
            }
            let discriminator_gradients = gradients(&self.discriminator, loss);

            let rate = context.rate;
            self.encoder = self.encoder_optimizer.apply(rate, self.encoder, encoder_gradients);
            self.decoder = self.decoder_optimizer.apply(rate, self.decoder, decoder_gradients);
            self.discriminator = self.discriminator_optimizer.apply(rate, self.discriminator, discriminator_gradients);
            if let Some(bound) = self.game.clip {
                self.discriminator = clip(self.discriminator, bound);
            }
            self.average = self.average.map(|average| average.update(&self.decoder, context.step));
            (self, detached(losses))
        }

        fn save(&self) -> Unsaved {
            let mut weights = Pack::default();
            weights.add(Role::Encoder.prefix(), &self.encoder);
            weights.add(Role::Decoder.prefix(), &self.decoder);
            weights.add("", &self.discriminator);
            if let Some(average) = &self.average {
                weights.add("average", average.network());
            }
            let optimizers = [&self.encoder_optimizer, &self.decoder_optimizer, &self.discriminator_optimizer];
            Unsaved { weights, optimizers: optimizers.map(Optimizer::pack).into() }
        }

        fn restore(mut self: Box<Self>, saved: &Saved) -> Result<Box<dyn Trainer>, TrainerError> {
            let mut weights = Unpack::read(&saved.weights)?;
            self.encoder = weights.fill(Role::Encoder.prefix(), self.encoder)?;
            self.decoder = weights.fill(Role::Decoder.prefix(), self.decoder)?;
            if let Some(average) = self.average {
                self.average = Some(average.restore(&mut weights)?);
            }
            self.discriminator = weights.fill("", self.discriminator)?;
            weights.finish()?;
            self.encoder_optimizer.restore(saved.optimizer(0)?, &self.encoder)?;
            self.decoder_optimizer.restore(saved.optimizer(1)?, &self.decoder)?;
            self.discriminator_optimizer.restore(saved.optimizer(2)?, &self.discriminator)?;
            Ok(self)
        }

        fn evaluator(&self) -> Option<Evaluator<'_>> {
            None
        }

        fn drops_last(&self) -> bool {
            true
        }
    }
}

#[cfg(all(test, feature = "flex", feature = "train", feature = "yaml"))]
mod tests {
    use burn::tensor::Device;

    use crate::family::Trainer;
    use crate::family::testing::{self, Measured, mean, resumes, save, train, weights};

    fn trainer(rest: &str, seed: u64, device: &Device) -> Box<dyn Trainer> {
        let networks = "encoder: [flatten, { linear: 16 }, relu], \
                        decoder: [{ linear: 16 }, relu, { linear: 16 }, tanh, { reshape: [1, 4, 4] }], \
                        discriminator: [flatten, { linear: 32 }, { leaky_relu: 0.2 }, { linear: 1 }]";
        let model = format!("family: vae-gan, latent: 2, {networks}, {rest}");
        testing::trainer(&model, "{ adam: { lr: 0.003, beta_1: 0.5 } }", seed, device).0
    }

    #[test]
    fn reconstructions_come_closer_in_the_features() {
        let device = Device::flex().autodiff();
        let (_, measured) = train(trainer("loss: { gamma: 1.0, kl: 0.01 }", 1, &device), 0..300, &device);
        let of = |steps: &[Measured]| mean(steps, "features");
        assert!(of(&measured[280..]) < 0.5 * of(&measured[..5]), "{}", of(&measured[280..]));
    }

    #[test]
    fn one_step_moves_all_three_networks() {
        let device = Device::flex().autodiff();
        let before = save(&*trainer("game: {}", 1, &device));
        let after = save(&*train(trainer("game: {}", 1, &device), 0..1, &device).0);
        for network in ["encoder", "decoder", "discriminator"] {
            assert_ne!(weights(&before, network), weights(&after, network), "{network}");
        }
    }

    #[test]
    fn a_vae_gan_put_back_goes_on_bit_for_bit() {
        let device = Device::flex().autodiff();
        resumes(|seed| trainer("game: { ema: 0.5, penalty: { r1: 1 } }", seed, &device), &device);
    }
}
