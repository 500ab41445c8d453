//! The generative adversarial network: a generator and a discriminator that compete.

use serde::{Deserialize, Serialize};

#[cfg(feature = "yaml")]
use super::Lint;
use super::resolver::end;
use super::settings::{is_one, one};
use super::{AdversarialLoss, Condition, Definition, Exported, Game, Resolved, Resolver, Role, Traits, name};
use crate::diagnostic::Problem;
use crate::inference::Output;
use crate::latent::PriorKind;
use crate::layer::{LayerSpec, Linear};
use crate::network::Network;
use crate::shape::Shape;
use crate::spec::Metric;

/// A generative adversarial network. Goodfellow et al., "Generative Adversarial Nets" (2014).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Gan {
    /// Always `gan`.
    pub family: name::Gan,
    /// Number of latent values.
    pub latent: usize,
    /// Conditions both networks on the class: the generator by one-hot values after the latent
    /// ones, the discriminator in one of two ways.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// From latent values to image.
    pub generator: Vec<LayerSpec>,
    /// From image to one value: high for real images, low for generated ones.
    pub discriminator: Vec<LayerSpec>,
    /// The loss of both.
    #[serde(default)]
    pub loss: AdversarialLoss,
    /// How both are trained.
    #[serde(default)]
    pub game: Game,
    /// Factor of the standard deviation of new latents: below 1 for fewer outliers, less variety.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub temperature: f64,
}

pub(super) const EXPORTED: Exported = Exported { classifier: None, generator: Some(Role::Generator), encoder: None };

impl Definition for Gan {
    const METRICS: &'static [Metric] = &[];

    fn traits(&self) -> Traits<'_> {
        Traits {
            source: None,
            game: Some(&self.game),
            condition: self.condition,
            learns_classes: false,
            prior: PriorKind::Normal,
            temperature: self.temperature,
            exported: EXPORTED,
        }
    }

    fn resolve(&self, resolver: &mut Resolver<'_, '_>) -> Resolved {
        let classes = if self.condition.is_some() { resolver.classes() } else { 0 };
        let latent = resolver.latent(self.latent);
        resolver.check_prior(PriorKind::Normal, self.temperature);
        let given = latent.map(|latent| latent + classes);
        let generator = resolver.generator(Role::Generator, given, &self.generator);
        let input = resolver.image(usize::from(self.condition == Some(Condition::Class)));
        let discriminator = resolver.discriminator(input, &self.discriminator, &self.game, self.loss);
        let class = match self.condition {
            None => None,
            Some(Condition::Class) => Some(resolver.class_plane()),
            Some(Condition::Projection) => {
                let features = discriminator.as_ref().and_then(|network| self.features(network, resolver));
                Some(features.and_then(|(features, spectral)| direction(classes, features, spectral, resolver)))
            }
        };
        let mut networks = vec![(Role::Generator, generator), (Role::Discriminator, discriminator)];
        networks.extend(class.map(|network| (Role::Class, network)));
        Resolved { latent, output: Output::pixels_of(resolver.data.range), networks }
    }

    #[cfg(feature = "yaml")]
    fn lint(&self, lint: &mut Lint<'_>) {
        lint.generator(Role::Generator);
        lint.bottleneck(Role::Generator, self.latent);
        lint.discriminator(self.loss, &self.game);
    }

    #[cfg(feature = "train")]
    fn trainer(&self, setup: &super::TrainerSetup<'_>) -> Box<dyn super::Trainer> {
        Box::new(training::GanTrainer::new(self.latent, self.loss, &self.game, setup))
    }
}

impl Gan {
    /// The inputs of the discriminator's last layer, and whether it has spectral norm.
    fn features(&self, discriminator: &Network, resolver: &mut Resolver<'_, '_>) -> Option<(usize, bool)> {
        if self.game.packing > 1 {
            let found = "a projection scores each sample by its own class, so samples cannot be packed";
            resolver.note(
                Problem::at(&["model", "game", "packing"], found)
                    .suggest(Some("`packing: 1`, or `condition: class`".into())),
            );
        }
        match discriminator.layers().last().map(|layer| (&layer.spec, layer.input)) {
            Some((LayerSpec::Linear(linear), Shape::Flat(features))) => Some((features, linear.spectral_norm)),
            _ => {
                let found = "a projection needs a discriminator whose last layer is `linear: 1`";
                resolver.note(Problem::new(end(Role::Discriminator, &self.discriminator), found));
                None
            }
        }
    }
}

/// The network from a class to its vector, normalised like the discriminator's last layer.
fn direction(classes: usize, features: usize, spectral_norm: bool, resolver: &mut Resolver<'_, '_>) -> Option<Network> {
    let vector = Linear { bias: false, spectral_norm, ..Linear::new(features) };
    resolver.network(Role::Class, Some(Shape::Flat(classes)), &[vector.into()]).0
}

#[cfg(feature = "train")]
pub(super) mod training {
    use burn::module::Module;

    use crate::data::Batch;
    use crate::family::average::{MovingAverage, clip};
    use crate::family::discriminator::Discriminator;
    use crate::family::optimizer::Optimizer;
    use crate::family::trainer::detached;
    use crate::family::vae::training::normals;
    use crate::family::{
        AdversarialLoss, Game, Losses, Role, Saved, StepContext, Trainer, TrainerError, TrainerSetup, Unsaved,
    };
    use crate::inference::condition::with_class;
    use crate::layer::Value;
    use crate::network::Sequential;
    use crate::noise::Noise;
    use crate::weights::{Pack, Unpack};

    /// A generator, a discriminator and their optimisers.
    pub struct GanTrainer {
        generator: Sequential,
        discriminator: Discriminator,
        average: Option<MovingAverage>,
        latent: usize,
        loss: AdversarialLoss,
        game: Game,
        generator_optimizer: Optimizer,
        discriminator_optimizer: Optimizer,
    }

    impl GanTrainer {
        pub fn new(latent: usize, loss: AdversarialLoss, game: &Game, setup: &TrainerSetup<'_>) -> Self {
            let generator = setup.network(Role::Generator);
            Self {
                average: MovingAverage::new(&generator, game.ema),
                generator,
                discriminator: Discriminator::new(game, setup),
                latent,
                loss,
                game: game.clone(),
                generator_optimizer: Optimizer::new(&setup.train.optimizer),
                discriminator_optimizer: Optimizer::new(setup.train.discriminator_optimizer()),
            }
        }

        /// `G(z)` for new z, or `G(z, y)` with the classes of the batch.
        fn generate(&self, generator: &Sequential, batch: &Batch, noise: &mut Noise) -> Value {
            let latents = normals([batch.classes.dims()[0], self.latent], noise, &batch.classes);
            generator.forward(with_class(latents, self.discriminator.is_conditional().then(|| batch.classes.clone())))
        }
    }

    impl Trainer for GanTrainer {
        /// Goodfellow et al. (2014), algorithm 1.
        ///
        /// ```text
        /// sample z, and update D on a batch x of the data and G(z)
        /// every n-th time: sample z, and update G on D(G(z))
        /// ```
        fn step(mut self: Box<Self>, batch: Batch, context: &mut StepContext) -> (Box<dyn Trainer>, Losses) {
            // The discriminator's turn; the generator needs no graph.
            let generated = self.generate(&self.generator.clone().no_grad(), &batch, &mut context.noise).detach();
            let real_input = self.discriminator.prepare(batch.samples.clone(), &mut context.noise);
            let fake_input = self.discriminator.prepare(generated.clone(), &mut context.noise);
            let real = self.discriminator.score(real_input.clone(), &batch.classes);
            let fake = self.discriminator.score(fake_input.clone(), &batch.classes);
            let loss = self.loss.discriminator(real.clone(), fake.clone(), self.game.label_smoothing);
            let mut losses = vec![("discriminator", loss.clone()), ("real", real.mean()), ("made", fake.mean())];
            let mut total = loss;
            if let Some(penalty) = self.game.penalty {
                let (slope, value) =
                    self.discriminator.penalty(penalty, real_input, fake_input, &batch.classes, &mut context.noise);
                total = total + slope;
                losses.push(("penalty", value));
            }
            self.discriminator = self.discriminator_optimizer.step(context.rate, self.discriminator, total);
            if let Some(bound) = self.game.clip {
                self.discriminator = clip(self.discriminator, bound);
            }
            // The generator's turn, against the updated discriminator.
            let every = self.game.discriminator_steps as u64;
            if (context.step + 1).is_multiple_of(every) {
                let generated = self.generate(&self.generator, &batch, &mut context.noise);
                let fake_input = self.discriminator.prepare(generated, &mut context.noise);
                let fake = self.discriminator.clone().no_grad().score(fake_input, &batch.classes);
                let loss = self.loss.generator(fake);
                losses.insert(1, ("generator", loss.clone()));
                self.generator = self.generator_optimizer.step(context.rate, self.generator, loss);
                self.average = self.average.map(|average| average.update(&self.generator, context.step / every));
            }
            (self, detached(losses))
        }

        fn save(&self) -> Unsaved {
            let mut weights = Pack::default();
            weights.add(Role::Generator.prefix(), &self.generator);
            weights.add("", &self.discriminator);
            if let Some(average) = &self.average {
                weights.add("average", average.network());
            }
            Unsaved { weights, optimizers: vec![self.generator_optimizer.pack(), self.discriminator_optimizer.pack()] }
        }

        fn restore(mut self: Box<Self>, saved: &Saved) -> Result<Box<dyn Trainer>, TrainerError> {
            let mut weights = Unpack::read(&saved.weights)?;
            self.generator = weights.fill(Role::Generator.prefix(), self.generator)?;
            if let Some(average) = self.average {
                self.average = Some(average.restore(&mut weights)?);
            }
            self.discriminator = weights.fill("", self.discriminator)?;
            weights.finish()?;
            self.generator_optimizer.restore(saved.optimizer(0)?, &self.generator)?;
            self.discriminator_optimizer.restore(saved.optimizer(1)?, &self.discriminator)?;
            Ok(self)
        }

        fn evaluator(&self) -> Option<crate::family::Evaluator<'_>> {
            None
        }

        fn drops_last(&self) -> bool {
            true
        }
    }
}

#[cfg(all(test, feature = "flex", feature = "train", feature = "yaml"))]
mod tests {
    use burn::tensor::{Device, Tensor};

    use super::super::vae::training::normals;
    use crate::family::testing::{Measured, gan, grey, mean, resumes, run_gan, save, weights};
    use crate::family::{Plan, Trainer, restore};
    use crate::inference::condition::with_class;
    use crate::inference::{TrainedNetwork, one_hot};
    use crate::layer::Value;
    use crate::noise::Noise;

    /// Samples of the exported generator, of these classes if it is conditional: 16 pixels each.
    fn samples(trainer: &dyn Trainer, plan: &Plan, classes: &[usize]) -> Vec<Vec<f32>> {
        let device = Device::flex();
        let trained = restore(plan, &save(trainer).weights, &device).unwrap();
        let latents = normals([classes.len(), 2], &mut Noise::new(8, 0), &Tensor::zeros([1, 1], &device));
        let given = plan.condition().map(|_| one_hot(classes, 10, &device));
        let generated = trained.generator.unwrap().network.forward(with_class(latents, given)).flat().into_data();
        generated.iter::<f32>().collect::<Vec<_>>().chunks(16).map(<[f32]>::to_vec).collect()
    }

    /// How far the halves of samples are from being each other's negatives, as in the data.
    fn unlike_data(samples: &[Vec<f32>]) -> f32 {
        samples
            .iter()
            .map(|pixels| (0..4).map(|row| (pixels[row * 4] + pixels[row * 4 + 3]).abs()).sum::<f32>() / 4.0)
            .sum::<f32>()
            / samples.len() as f32
    }

    #[test]
    fn a_discriminator_alone_learns_to_tell_real_from_fake_and_leaves_the_generator_alone() {
        let device = Device::flex().autodiff();
        for loss in ["non-saturating", "minimax", "least-squares", "hinge", "wasserstein, game: { clip: 0.1,"] {
            let game = if loss.contains("game") { "" } else { ", game: {" };
            let rest = format!("loss: {loss} {game} discriminator_steps: 1000 }}");
            let before = save(&*gan(&rest, 1, &device).0);
            let (trainer, _, measured) = run_gan(&rest, 100, &device);
            let after = save(&*trainer);
            assert_eq!(weights(&before, "generator"), weights(&after, "generator"), "{loss}");
            assert_ne!(weights(&before, "discriminator"), weights(&after, "discriminator"), "{loss}");
            let gap = |steps: &[Measured]| mean(steps, "real") - mean(steps, "made");
            assert!(gap(&measured[90..]) > gap(&measured[..5]) + 0.2, "{loss}: {}", gap(&measured[90..]));
            assert!(measured.iter().all(|step| step.get("generator").is_none()), "{loss}");
        }
    }

    #[test]
    fn samples_come_closer_to_the_data_with_every_loss() {
        let device = Device::flex().autodiff();
        for rest in [
            "loss: non-saturating",
            "loss: least-squares",
            "loss: hinge",
            "loss: minimax",
            "loss: wasserstein, game: { penalty: { gradient: 10 }, discriminator_steps: 2 }",
            "game: { penalty: { r1: 0.1 }, label_smoothing: 0.1 }",
            "game: { packing: 2 }",
            "game: { instance_noise: 0.1, augment: [brightness] }",
            "game: { ema: 0.9 }",
        ] {
            let classes = vec![0; 64];
            let (begin, plan) = gan(rest, 1, &device);
            let before = unlike_data(&samples(&*begin, &plan, &classes));
            let steps = if rest.starts_with("loss: wasserstein") { 1200 } else { 400 };
            let (trainer, plan, _) = run_gan(rest, steps, &device);
            let after = unlike_data(&samples(&*trainer, &plan, &classes));
            assert!(after < 0.7 * before, "{rest}: from {before} to {after}");
        }
    }

    #[test]
    fn a_conditional_generator_generates_the_requested_class() {
        let device = Device::flex().autodiff();
        for condition in ["class", "projection"] {
            let (trainer, plan, _) = run_gan(&format!("condition: {condition}"), 800, &device);
            let of = |class: usize| {
                let generated = samples(&*trainer, &plan, &[class; 32]);
                generated.iter().map(|pixels| pixels[0] + pixels[1] - pixels[2] - pixels[3]).sum::<f32>() / 128.0
            };
            assert!(of(0) < 0.6 * grey(0) && of(9) > 0.6 * grey(9), "{condition}: {} and {}", of(0), of(9));
        }
    }

    #[test]
    fn the_average_follows_the_generator_and_is_exported() {
        let device = Device::flex().autodiff();
        let (begin, _) = gan("game: { ema: 0.75 }", 1, &device);
        let first = weights(&save(&*begin), "generator");
        let (averaged, plan, _) = run_gan("game: { ema: 0.75 }", 1, &device);
        let saved = save(&*averaged);
        let (now, average) = (weights(&saved, "generator"), weights(&saved, "average"));
        assert_ne!(first, now);
        for ((first, now), average) in first.iter().zip(&now).zip(&average) {
            assert!((0.1 * first + 0.9 * now - average).abs() < 1e-6);
        }
        let plain = gan("loss: non-saturating", 1, &device).1;
        let of_average = restore(&plan, &saved.weights, &Device::flex()).unwrap().generator.unwrap();
        let of_generator = restore(&plain, &saved.weights, &Device::flex()).unwrap().generator.unwrap();
        let first = |part: &TrainedNetwork| {
            let latents = Value::Flat(Tensor::ones([1, 2], &Device::flex()));
            part.network.forward(latents).flat().into_data().iter::<f32>().collect::<Vec<_>>()
        };
        assert_ne!(first(&of_average), first(&of_generator));
    }

    #[test]
    fn a_gan_put_back_goes_on_bit_for_bit() {
        let device = Device::flex().autodiff();
        let rest =
            "condition: class, game: { ema: 0.5, discriminator_steps: 2, augment: [translate], instance_noise: 0.1 }";
        resumes(|seed| gan(rest, seed, &device).0, &device);
    }
}
