//! The generative adversarial network: two networks that play against each other.

use burn::module::Module;

use super::average::{Average, clip};
use super::condition::behind;
use super::critic::Critic;
use super::learner::{Learner, LearnerError, Optimizer, Saved};
use super::vae::normals;
use super::{Batch, Losses, Moment, Plan};
use crate::artifact::{Pack, Unpack};
use crate::nn::{Sequential, Start};
use crate::noise::Noise;
use crate::spec::{self, Adversarial, Game, Train};

/// A generator, the critic that it plays against, and their optimisers.
pub struct Duel {
    generator: Sequential,
    critic: Critic,
    /// The moving average of the generator, if there is one.
    average: Option<Average>,
    latent: usize,
    loss: Adversarial,
    game: Game,
    generator_optimizer: Optimizer,
    critic_optimizer: Optimizer,
}

impl Duel {
    /// A GAN of images: builds the networks of `plan`; `start` gives the weights of generator, discriminator and class.
    pub fn new(spec: &spec::Gan, plan: &Plan, train: &Train, start: [Start<'_>; 3]) -> Self {
        Self::of(spec.latent, spec.loss, &spec.game, plan, train, start)
    }

    /// A GAN of codes: builds the networks of `plan`; `start` gives the weights of each.
    pub fn latent(spec: &spec::LatentGan, plan: &Plan, train: &Train, start: [Start<'_>; 3]) -> Self {
        Self::of(spec.latent, spec.loss, &spec.game, plan, train, start)
    }

    fn of(
        latent: usize,
        loss: Adversarial,
        game: &Game,
        plan: &Plan,
        train: &Train,
        [mut generator, discriminator, class]: [Start<'_>; 3],
    ) -> Self {
        let generator = Sequential::new(plan.network(0), &mut generator);
        Self {
            average: Average::new(&generator, game.ema),
            generator,
            critic: Critic::new(game, plan, discriminator, class),
            latent,
            loss,
            game: game.clone(),
            generator_optimizer: Optimizer::new(&train.optimizer),
            critic_optimizer: Optimizer::new(train.discriminator.as_ref().unwrap_or(&train.optimizer)),
        }
    }

    /// What a generator makes of new draws: `G(z)`, or `G(z, y)` with the classes of the batch.
    fn make(&self, generator: &Sequential, batch: &Batch, noise: &mut Noise) -> crate::nn::Value {
        let latents = normals([batch.classes.dims()[0], self.latent], noise, &batch.classes);
        generator.forward(behind(latents, self.critic.sees_classes().then(|| batch.classes.clone())))
    }
}

impl Learner for Duel {
    /// One turn of the game: Goodfellow et al. (2014), algorithm 1.
    ///
    /// ```text
    /// draw z, let D see a batch x of the data and G(z), and improve D
    /// every n-th time: draw z, let D see G(z), and improve G
    /// ```
    fn step(mut self, batch: Batch, moment: &mut Moment) -> (Self, Losses) {
        // The discriminator's turn. Nothing of the generator is to learn, so nothing of it is recorded.
        let made = self.make(&self.generator.clone().no_grad(), &batch, &mut moment.noise).detach();
        let seen = self.critic.prepare(batch.samples.clone(), &mut moment.noise);
        let shown = self.critic.prepare(made.clone(), &mut moment.noise);
        let real = self.critic.judge(seen.clone(), &batch.classes);
        let fake = self.critic.judge(shown.clone(), &batch.classes);
        let loss = self.loss.discriminator(real.clone(), fake.clone(), self.game.label_smoothing);
        let mut losses = vec![("discriminator", loss.clone()), ("real", real.mean()), ("made", fake.mean())];
        let mut total = loss;
        if let Some(penalty) = self.game.penalty {
            let (slope, value) = self.critic.penalty(penalty, seen, shown, &batch.classes, &mut moment.noise);
            total = total + slope;
            losses.push(("penalty", value));
        }
        self.critic = self.critic_optimizer.step(moment.rate, self.critic, total);
        if let Some(bound) = self.game.clip {
            self.critic = clip(self.critic, bound);
        }
        // The generator's turn, against the discriminator as it is now.
        let every = self.game.discriminator_steps as u64;
        if (moment.step + 1).is_multiple_of(every) {
            let made = self.make(&self.generator, &batch, &mut moment.noise);
            let shown = self.critic.prepare(made, &mut moment.noise);
            let fake = self.critic.clone().no_grad().judge(shown, &batch.classes);
            let loss = self.loss.generator(fake);
            losses.insert(1, ("generator", loss.clone()));
            self.generator = self.generator_optimizer.step(moment.rate, self.generator, loss);
            self.average = self.average.map(|average| average.follow(&self.generator, moment.step / every));
        }
        (self, detached(losses))
    }

    fn save(&self) -> Result<Saved, LearnerError> {
        let mut weights = Pack::default();
        weights.add("generator", &self.generator);
        weights.add("", &self.critic);
        if let Some(average) = &self.average {
            weights.add("average", average.network());
        }
        Ok(Saved {
            weights: weights.bytes()?,
            optimizers: vec![self.generator_optimizer.save()?, self.critic_optimizer.save()?],
        })
    }

    fn restore(mut self, saved: &Saved) -> Result<Self, LearnerError> {
        let mut weights = Unpack::read(&saved.weights)?;
        self.generator = weights.fill("generator", self.generator)?;
        if let Some(average) = self.average {
            self.average = Some(average.restore(&mut weights)?);
        }
        self.critic = weights.fill("", self.critic)?;
        weights.finish()?;
        self.generator_optimizer = self.generator_optimizer.restore(saved, 0)?;
        self.critic_optimizer = self.critic_optimizer.restore(saved, 1)?;
        Ok(self)
    }

    const WHOLE_BATCHES: bool = true;
}

/// Takes the losses out of the graph, so that it can be freed.
pub(super) fn detached(losses: Losses) -> Losses {
    losses.into_iter().map(|(name, loss)| (name, loss.detach())).collect()
}

#[cfg(all(test, feature = "flex", feature = "yaml"))]
mod tests {
    use burn::tensor::{Device, Tensor};

    use super::*;
    use crate::model::testing::{Measured, grey, mean, pipeline, resumes, spec, starts, train, weights};
    use crate::model::{one_hot, restore};
    use crate::nn::Value;
    use crate::spec::Model;

    const ADAM: &str = "{ adam: { lr: 0.005, beta_1: 0.5 } }";
    const GENERATOR: &str = "generator: [{ linear: 16 }, relu, { linear: 16 }, tanh, { reshape: [1, 4, 4] }]";
    const DISCRIMINATOR: &str = "discriminator: [flatten, { linear: 32 }, { leaky_relu: 0.2 }, { linear: 1 }]";

    fn learner(rest: &str, seed: u64, device: &Device) -> (Duel, Plan) {
        let model = format!("family: gan, latent: 2, {GENERATOR}, {DISCRIMINATOR}, {rest}");
        let (pipeline, plan) = pipeline(&model, ADAM);
        (Duel::new(spec!(pipeline, Gan), &plan, &pipeline.train, starts(seed, device)), plan)
    }

    fn run(rest: &str, steps: u64, device: &Device) -> (Duel, Plan, Vec<Measured>) {
        let (learner, plan) = learner(rest, 1, device);
        let (learner, measured) = train(learner, 0..steps, device);
        (learner, plan, measured)
    }

    /// Samples of what would be exported, of the classes if there are any: 16 pixels each.
    fn samples(learner: &Duel, plan: &Plan, classes: &[usize]) -> Vec<Vec<f32>> {
        let device = Device::flex();
        let trained = restore(plan, &learner.save().unwrap().weights, &device).unwrap();
        let latents = normals([classes.len(), 2], &mut Noise::new(8, 0), &Tensor::zeros([1, 1], &device));
        let given = plan.condition().map(|_| one_hot(classes, 10, &device));
        let made = trained.generator.unwrap().network.forward(behind(latents, given)).flat().into_data();
        made.iter::<f32>().collect::<Vec<_>>().chunks(16).map(<[f32]>::to_vec).collect()
    }

    /// How far the halves of samples are from being negatives of one another, as those of all images are.
    fn unlike_data(samples: &[Vec<f32>]) -> f32 {
        samples
            .iter()
            .map(|pixels| (0..4).map(|row| (pixels[row * 4] + pixels[row * 4 + 3]).abs()).sum::<f32>() / 4.0)
            .sum::<f32>()
            / samples.len() as f32
    }

    /// The generator as it was at first is told from the data: real samples are judged higher than made ones.
    #[test]
    fn a_discriminator_alone_learns_to_tell_real_from_made_and_leaves_the_generator_alone() {
        let device = Device::flex().autodiff();
        for loss in ["non-saturating", "minimax", "least-squares", "hinge", "wasserstein, game: { clip: 0.1,"] {
            let game = if loss.contains("game") { "" } else { ", game: {" };
            let rest = format!("loss: {loss} {game} discriminator_steps: 1000 }}");
            let before = learner(&rest, 1, &device).0.save().unwrap();
            let (learner, _, measured) = run(&rest, 100, &device);
            let after = learner.save().unwrap();
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
            let (begin, plan) = learner(rest, 1, &device);
            let before = unlike_data(&samples(&begin, &plan, &classes));
            let steps = if rest.starts_with("loss: wasserstein") { 1200 } else { 400 };
            let (learner, plan, _) = run(rest, steps, &device);
            let after = unlike_data(&samples(&learner, &plan, &classes));
            assert!(after < 0.7 * before, "{rest}: from {before} to {after}");
        }
    }

    #[test]
    fn a_conditional_generator_makes_the_class_that_it_is_asked_for() {
        let device = Device::flex().autodiff();
        for condition in ["class", "projection"] {
            let (learner, plan, _) = run(&format!("condition: {condition}"), 800, &device);
            let of = |class: usize| {
                let made = samples(&learner, &plan, &[class; 32]);
                made.iter().map(|pixels| pixels[0] + pixels[1] - pixels[2] - pixels[3]).sum::<f32>() / 128.0
            };
            assert!(of(0) < 0.6 * grey(0) && of(9) > 0.6 * grey(9), "{condition}: {} and {}", of(0), of(9));
        }
    }

    #[test]
    fn the_average_follows_the_generator_and_is_what_is_taken_out() {
        let device = Device::flex().autodiff();
        let (begin, _) = learner("game: { ema: 0.75 }", 1, &device);
        let start = weights(&begin.save().unwrap(), "generator");
        let (learner, plan, _) = run("game: { ema: 0.75 }", 1, &device);
        let saved = learner.save().unwrap();
        let (now, average) = (weights(&saved, "generator"), weights(&saved, "average"));
        assert_ne!(start, now);
        for ((start, now), average) in start.iter().zip(&now).zip(&average) {
            assert!((0.1 * start + 0.9 * now - average).abs() < 1e-6);
        }
        let plain = Plan::clone(&self::learner("loss: non-saturating", 1, &device).1);
        let of_average = restore(&plan, &saved.weights, &Device::flex()).unwrap().generator.unwrap();
        let of_generator = restore(&plain, &saved.weights, &Device::flex()).unwrap().generator.unwrap();
        let first = |part: &crate::model::Part| {
            let latents = Value::Flat(Tensor::ones([1, 2], &Device::flex()));
            part.network.forward(latents).flat().into_data().iter::<f32>().collect::<Vec<_>>()
        };
        assert_ne!(first(&of_average), first(&of_generator));
    }

    #[test]
    fn clipping_keeps_the_weights_of_the_critic_and_only_them_within_bounds() {
        let device = Device::flex().autodiff();
        let (learner, _, _) = run("loss: wasserstein, game: { clip: 0.01 }", 5, &device);
        let saved = learner.save().unwrap();
        let largest = |name: &str| weights(&saved, name).into_iter().fold(0.0_f32, |most, value| most.max(value.abs()));
        assert!((0.009..=0.01).contains(&largest("discriminator")));
        assert!(largest("generator") > 0.1);
    }

    /// The slope of a critic without hidden layers is its weight, so both penalties are known.
    #[test]
    fn penalties_of_a_linear_critic_are_those_of_its_weight() {
        let device = Device::flex().autodiff();
        for (penalty, expected) in [
            ("r1: 6", (|length: f32| 3.0 * length * length) as fn(f32) -> f32),
            ("gradient: 5", |length: f32| 5.0 * (length - 1.0) * (length - 1.0)),
        ] {
            let networks = format!("{GENERATOR}, discriminator: [flatten, {{ linear: 1 }}]");
            let model = format!("family: gan, latent: 2, {networks}, game: {{ penalty: {{ {penalty} }} }}");
            let (pipeline, plan) = pipeline(&model, ADAM);
            let duel = Duel::new(spec!(pipeline, Gan), &plan, &pipeline.train, starts(1, &device));
            let saved = duel.save().unwrap();
            let weight: Vec<f32> = weights(&saved, "discriminator.layers.1.weight");
            let length = weight.iter().map(|value| value * value).sum::<f32>().sqrt();
            let (_, measured) = train(duel, 0..1, &device);
            let found = measured[0].get("penalty").unwrap();
            assert!((found - expected(length)).abs() < 1e-3 * expected(length), "{penalty}: {found}");
        }
    }

    #[test]
    fn a_penalty_flattens_the_critic() {
        let device = Device::flex().autodiff();
        let gap = |rest: &str| {
            let (_, _, measured) = run(&format!("game: {{ discriminator_steps: 1000 {rest} }}"), 200, &device);
            mean(&measured[190..], "real") - mean(&measured[190..], "made")
        };
        let (free, priced) = (gap(""), gap(", penalty: { r1: 30 }"));
        assert!(priced < 0.5 * free, "{priced} and {free}");
    }

    #[test]
    fn a_gan_put_back_goes_on_bit_for_bit() {
        let device = Device::flex().autodiff();
        let rest =
            "condition: class, game: { ema: 0.5, discriminator_steps: 2, augment: [translate], instance_noise: 0.1 }";
        resumes(|seed| learner(rest, seed, &device).0, &device);
    }
}
