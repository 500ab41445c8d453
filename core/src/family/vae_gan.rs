//! The VAE-GAN: reconstructions are compared by what a discriminator sees in them.

use serde::{Deserialize, Serialize};

use super::resolver::path;
use super::settings::kl;
#[cfg(feature = "yaml")]
use super::settings::kl_schema;
use super::{AdversarialLoss, Definition, Game, Kl, Resolved, Resolver, Role, Traits, name, vae};
#[cfg(feature = "yaml")]
use super::Lint;
use crate::diagnostic::{Problem, Step, extend};
use crate::inference::Output;
use crate::latent::PriorKind;
use crate::layer::LayerSpec;
use crate::spec::Metric;

/// A VAE whose decoder is also the generator of a GAN, and whose reconstructions are compared by the discriminator's features.
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
    pub adversarial: AdversarialLoss,
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
        resolver.divergence(&self.loss.kl);
        resolver.within(self.loss.gamma, 0.0..=1e6, &["loss", "gamma"]);
        let input = resolver.image(0);
        let encoder = resolver.heads(input, latent, &self.encoder);
        let decoder = resolver.generator(Role::Decoder, latent, &self.decoder);
        let discriminator = resolver.discriminator(input, &self.discriminator, &self.game, self.loss.adversarial);
        let layers = self.discriminator.len();
        if let Some(features) = self.loss.features.filter(|features| !(1..layers).contains(features)) {
            let found = format!("features must lie between 1 and {}, found {features}", layers.saturating_sub(1));
            let note = format!("the discriminator has {layers} layers, the last of which gives the verdict");
            resolver.note(Problem::new(extend(&path("loss"), [Step::key("features")]), found).note(note));
        }
        let Game { discriminator_steps, packing, .. } = self.game;
        for (key, odd) in [("discriminator_steps", discriminator_steps != 1), ("packing", packing != 1)] {
            if odd {
                let found =
                    format!("a vae-gan takes its three steps together, one sample at a time, and knows no `{key}`");
                let at = extend(&path("game"), [Step::key(key)]);
                resolver.note(Problem::new(at, found).suggest(Some("leave it away".into())));
            }
        }
        let networks = vec![(Role::Encoder, encoder), (Role::Decoder, decoder), (Role::Discriminator, discriminator)];
        Resolved { latent, output: Output::pixels_of(resolver.data.range), networks }
    }

    #[cfg(feature = "yaml")]
    fn lint(&self, lint: &mut Lint<'_>) {
        lint.generator(Role::Decoder);
        lint.narrow(Role::Decoder, self.latent);
        lint.discriminator(self.loss.adversarial, &self.game);
    }

    #[cfg(feature = "train")]
    fn trainer(&self, start: &super::Start<'_>) -> Box<dyn super::Trainer> {
        Box::new(training::VaeGanTrainer::new(&self.loss, &self.game, start))
    }
}

#[cfg(feature = "train")]
mod training {
    use burn::module::Module;

    use super::VaeGanLoss;
    use crate::family::average::{Average, clip};
    use crate::family::discriminator::Discriminator;
    use crate::family::optimizer::{Optimizer, gradients};
    use crate::family::trainer::detached;
    use crate::family::vae::training::{draw, normals};
    use crate::data::Batch;
    use crate::family::{Evaluator, Game, Losses, Role, Saved, Start, StepContext, Trainer, TrainerError, Unsaved, gaussian_kl,
        squared_error,
    };
    use crate::inference::condition::behind;
    use crate::inference::heads;
    use crate::layer::{Value, detach};
    use crate::network::Sequential;
    use crate::weights::{Pack, Unpack};

    /// An encoder, a decoder that is also a generator, the critic of what it makes, and their optimisers.
    ///
    /// Larsen et al., "Autoencoding beyond pixels using a learned similarity metric" (2016).
    pub struct VaeGanTrainer {
        encoder: Sequential,
        decoder: Sequential,
        discriminator: Discriminator,
        /// The moving average of the decoder, if there is one.
        average: Option<Average>,
        /// How many layers of the discriminator make the features.
        features: usize,
        loss: VaeGanLoss,
        game: Game,
        encoder_optimizer: Optimizer,
        decoder_optimizer: Optimizer,
        discriminator_optimizer: Optimizer,
    }

    impl VaeGanTrainer {
        pub fn new(loss: &VaeGanLoss, game: &Game, start: &Start<'_>) -> Self {
            let decoder = start.network(Role::Decoder);
            let layers = start.plan.network(Role::Discriminator).map_or(&[][..], |network| network.layers());
            let last = layers.iter().rposition(|layer| layer.macs > 0).unwrap_or(0);
            let optimizer = || Optimizer::new(&start.train.optimizer);
            Self {
                encoder: start.network(Role::Encoder),
                average: Average::new(&decoder, game.ema),
                decoder,
                features: loss.features.unwrap_or(last).min(layers.len()),
                discriminator: Discriminator::new(game, start),
                loss: loss.clone(),
                game: game.clone(),
                encoder_optimizer: optimizer(),
                decoder_optimizer: optimizer(),
                discriminator_optimizer: Optimizer::new(start.train.discriminator_optimizer()),
            }
        }
    }

    impl Trainer for VaeGanTrainer {
        /// Larsen et al. (2016), algorithm 1. All three networks are improved from where they stood before the step.
        ///
        /// ```text
        /// x a batch of the data, z drawn from the encoder's q(z|x), z' from N(0, I)
        /// the encoder learns from      KL(q(z|x) ‖ N(0, I)) + ½ ‖f(x) − f(Dec(z))‖², where f are features of the discriminator
        /// the decoder learns from      γ ½ ‖f(x) − f(Dec(z))‖², and to have Dec(z) and Dec(z') taken for real
        /// the discriminator learns to tell x from Dec(z) and Dec(z')
        /// ```
        fn step(mut self: Box<Self>, batch: Batch, context: &mut StepContext) -> (Box<dyn Trainer>, Losses) {
            let classes = &batch.classes;
            let frozen = self.discriminator.clone().no_grad();
            let sees = |samples| frozen.discriminator.pass(0..self.features, samples);
            let true_features = detach(sees(batch.samples.clone()).flat());

            let (means, log_variances) = heads(self.encoder.forward(batch.samples.clone()).flat());
            let latents = draw(means.clone(), log_variances.clone(), &mut context.noise);
            let divergences = gaussian_kl(means, log_variances);
            let output = self.decoder.clone().no_grad().forward(behind(latents.clone(), None));
            let distance = squared_error(sees(output).flat(), true_features.clone()) * 0.5;
            let loss = self.loss.kl.weighted(divergences.clone(), context.step) + distance.clone();
            let mut losses = vec![("kl", divergences.sum()), ("features", distance)];
            let latents = detach(latents);
            let encoder_gradients = gradients(&self.encoder, loss);

            let drawn = normals(latents.dims(), &mut context.noise, &latents);
            let output = self.decoder.forward(behind(latents, None));
            let made = self.decoder.forward(behind(drawn, None));
            let features = sees(output.clone());
            let rest = self.features..frozen.discriminator.len();
            let likes_output = frozen.discriminator.pass(rest, features.clone()).flat();
            let shown = frozen.prepare(made.clone(), &mut context.noise);
            let likes_made = frozen.score(shown, classes);
            let game = self.loss.adversarial;
            let taken = (game.generator(likes_output) + game.generator(likes_made)) * 0.5;
            let unlike = squared_error(features.flat(), true_features) * 0.5;
            let (output, made) = (output.detach(), made.detach());
            let decoder_gradients = gradients(&self.decoder, unlike * self.loss.gamma + taken.clone());

            let real = self.discriminator.prepare(batch.samples.clone(), &mut context.noise);
            let real_judged = self.discriminator.score(real.clone(), classes);
            let mut told = |made: Value| {
                let shown = self.discriminator.prepare(made, &mut context.noise);
                let smoothing = self.game.label_smoothing;
                game.discriminator(real_judged.clone(), self.discriminator.score(shown, classes), smoothing)
            };
            let told = (told(output) + told(made.clone())) * 0.5;
            losses.extend([("discriminator", told.clone()), ("generator", taken)]);
            let mut loss = told;
            if let Some(penalty) = self.game.penalty {
                let (slope, value) = self.discriminator.penalty(penalty, real, made, classes, &mut context.noise);
                loss = loss + slope;
                losses.push(("penalty", value));
            }
            let discriminator_gradients = gradients(&self.discriminator, loss);

            let rate = context.rate;
            self.encoder = self.encoder_optimizer.follow(rate, self.encoder, encoder_gradients);
            self.decoder = self.decoder_optimizer.follow(rate, self.decoder, decoder_gradients);
            self.discriminator = self.discriminator_optimizer.follow(rate, self.discriminator, discriminator_gradients);
            if let Some(bound) = self.game.clip {
                self.discriminator = clip(self.discriminator, bound);
            }
            self.average = self.average.map(|average| average.follow(&self.decoder, context.step));
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
            self.encoder_optimizer.restore(saved.optimizer(0)?)?;
            self.decoder_optimizer.restore(saved.optimizer(1)?)?;
            self.discriminator_optimizer.restore(saved.optimizer(2)?)?;
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
