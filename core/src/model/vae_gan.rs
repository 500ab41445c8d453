//! The VAE-GAN: reconstructions are compared by what a discriminator sees in them.

use burn::module::Module;

use super::average::{Average, clip};
use super::condition::behind;
use super::critic::Critic;
use super::gan::detached;
use super::heads;
use super::learner::{Learner, LearnerError, Optimizer, Saved, gradients};
use super::vae::{draw, normals};
use super::{Batch, Losses, Moment, Plan, gaussian_kl, squared_error};
use crate::artifact::{Pack, Unpack};
use crate::nn::{Sequential, Start, Value, detach};
use crate::spec::{self, Game, Train, VaeGanLoss};

/// An encoder, a decoder that is also a generator, the critic of what it makes, and their optimisers.
///
/// Larsen et al., "Autoencoding beyond pixels using a learned similarity metric" (2016).
pub struct VaeGan {
    encoder: Sequential,
    decoder: Sequential,
    critic: Critic,
    /// The moving average of the decoder, if there is one.
    average: Option<Average>,
    /// How many layers of the discriminator make the features.
    features: usize,
    loss: VaeGanLoss,
    game: Game,
    encoder_optimizer: Optimizer,
    decoder_optimizer: Optimizer,
    critic_optimizer: Optimizer,
}

impl VaeGan {
    /// Builds the networks of `plan`; `start` gives the weights of encoder, decoder and discriminator.
    pub fn new(spec: &spec::VaeGan, plan: &Plan, train: &Train, start: [Start<'_>; 3]) -> Self {
        let [mut encoder, mut decoder, discriminator] = start;
        let layers = plan.discriminator().layers();
        let last = layers.iter().rposition(|layer| layer.macs > 0).unwrap_or(0);
        let none = Start::zeros(discriminator.device());
        let decoder = Sequential::new(plan.network(1), &mut decoder);
        Self {
            encoder: Sequential::new(plan.network(0), &mut encoder),
            average: Average::new(&decoder, spec.game.ema),
            decoder,
            features: spec.loss.features.unwrap_or(last).min(layers.len()),
            critic: Critic::new(&spec.game, plan, discriminator, none),
            loss: spec.loss.clone(),
            game: spec.game.clone(),
            encoder_optimizer: Optimizer::new(&train.optimizer),
            decoder_optimizer: Optimizer::new(&train.optimizer),
            critic_optimizer: Optimizer::new(train.discriminator.as_ref().unwrap_or(&train.optimizer)),
        }
    }
}

impl Learner for VaeGan {
    /// Larsen et al. (2016), algorithm 1. All three networks are improved from where they stood before the step.
    ///
    /// ```text
    /// x a batch of the data, z drawn from the encoder's q(z|x), z' from N(0, I)
    /// the encoder learns from      KL(q(z|x) ‖ N(0, I)) + ½ ‖f(x) − f(Dec(z))‖², where f are features of the discriminator
    /// the decoder learns from      γ ½ ‖f(x) − f(Dec(z))‖², and to have Dec(z) and Dec(z') taken for real
    /// the discriminator learns to tell x from Dec(z) and Dec(z')
    /// ```
    fn step(mut self, batch: Batch, moment: &mut Moment) -> (Self, Losses) {
        let classes = &batch.classes;
        let judge = self.critic.clone().no_grad();
        let sees = |samples| judge.discriminator.pass(0..self.features, samples);
        let true_features = detach(sees(batch.samples.clone()).flat());

        let (means, log_variances) = heads(self.encoder.forward(batch.samples.clone()).flat());
        let codes = draw(means.clone(), log_variances.clone(), &mut moment.noise);
        let divergences = gaussian_kl(means, log_variances);
        let output = self.decoder.clone().no_grad().forward(behind(codes.clone(), None));
        let likeness = squared_error(sees(output).flat(), true_features.clone()) * 0.5;
        let loss = self.loss.kl.price(divergences.clone(), moment.step) + likeness.clone();
        let mut losses = vec![("kl", divergences.sum()), ("features", likeness)];
        let codes = detach(codes);
        let encoder_gradients = gradients(&self.encoder, loss);

        let drawn = normals(codes.dims(), &mut moment.noise, &codes);
        let output = self.decoder.forward(behind(codes, None));
        let made = self.decoder.forward(behind(drawn, None));
        let features = sees(output.clone());
        let rest = self.features..judge.discriminator.len();
        let likes_output = judge.discriminator.pass(rest, features.clone()).flat();
        let shown = judge.prepare(made.clone(), &mut moment.noise);
        let likes_made = judge.judge(shown, classes);
        let game = self.loss.adversarial;
        let taken = (game.generator(likes_output) + game.generator(likes_made)) * 0.5;
        let unlike = squared_error(features.flat(), true_features) * 0.5;
        let (output, made) = (output.detach(), made.detach());
        let decoder_gradients = gradients(&self.decoder, unlike * self.loss.gamma + taken.clone());

        let real = self.critic.prepare(batch.samples.clone(), &mut moment.noise);
        let real_judged = self.critic.judge(real.clone(), classes);
        let mut told = |made: Value| {
            let shown = self.critic.prepare(made, &mut moment.noise);
            let smoothing = self.game.label_smoothing;
            game.discriminator(real_judged.clone(), self.critic.judge(shown, classes), smoothing)
        };
        let told = (told(output) + told(made.clone())) * 0.5;
        losses.extend([("discriminator", told.clone()), ("generator", taken)]);
        let mut loss = told;
        if let Some(penalty) = self.game.penalty {
            let (slope, value) = self.critic.penalty(penalty, real, made, classes, &mut moment.noise);
            loss = loss + slope;
            losses.push(("penalty", value));
        }
        let critic_gradients = gradients(&self.critic, loss);

        let rate = moment.rate;
        self.encoder = self.encoder_optimizer.follow(rate, self.encoder, encoder_gradients);
        self.decoder = self.decoder_optimizer.follow(rate, self.decoder, decoder_gradients);
        self.critic = self.critic_optimizer.follow(rate, self.critic, critic_gradients);
        if let Some(bound) = self.game.clip {
            self.critic = clip(self.critic, bound);
        }
        self.average = self.average.map(|average| average.follow(&self.decoder, moment.step));
        (self, detached(losses))
    }

    fn save(&self) -> Result<Saved, LearnerError> {
        let mut weights = Pack::default();
        weights.add("encoder", &self.encoder);
        weights.add("decoder", &self.decoder);
        weights.add("", &self.critic);
        if let Some(average) = &self.average {
            weights.add("average", average.network());
        }
        let optimizers = [&self.encoder_optimizer, &self.decoder_optimizer, &self.critic_optimizer];
        Ok(Saved {
            weights: weights.bytes()?,
            optimizers: optimizers.into_iter().map(Optimizer::save).collect::<Result<_, _>>()?,
        })
    }

    fn restore(mut self, saved: &Saved) -> Result<Self, LearnerError> {
        let mut weights = Unpack::read(&saved.weights)?;
        self.encoder = weights.fill("encoder", self.encoder)?;
        self.decoder = weights.fill("decoder", self.decoder)?;
        if let Some(average) = self.average {
            self.average = Some(average.restore(&mut weights)?);
        }
        self.critic = weights.fill("", self.critic)?;
        weights.finish()?;
        self.encoder_optimizer = self.encoder_optimizer.restore(saved, 0)?;
        self.decoder_optimizer = self.decoder_optimizer.restore(saved, 1)?;
        self.critic_optimizer = self.critic_optimizer.restore(saved, 2)?;
        Ok(self)
    }

    const WHOLE_BATCHES: bool = true;
}

#[cfg(all(test, feature = "flex", feature = "yaml"))]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::model::testing::{Measured, mean, pipeline, resumes, spec, starts, train, weights};
    use crate::spec::Model;

    fn learner(rest: &str, seed: u64, device: &Device) -> VaeGan {
        let networks = "encoder: [flatten, { linear: 16 }, relu], \
                        decoder: [{ linear: 16 }, relu, { linear: 16 }, tanh, { reshape: [1, 4, 4] }], \
                        discriminator: [flatten, { linear: 32 }, { leaky_relu: 0.2 }, { linear: 1 }]";
        let (pipeline, plan) = pipeline(
            &format!("family: vae-gan, latent: 2, {networks}, {rest}"),
            "{ adam: { lr: 0.003, beta_1: 0.5 } }",
        );
        VaeGan::new(spec!(pipeline, VaeGan), &plan, &pipeline.train, starts(seed, device))
    }

    #[test]
    fn reconstructions_come_closer_in_the_features() {
        let device = Device::flex().autodiff();
        let (_, measured) = train(learner("loss: { gamma: 1.0, kl: 0.01 }", 1, &device), 0..300, &device);
        let of = |steps: &[Measured]| mean(steps, "features");
        assert!(of(&measured[280..]) < 0.5 * of(&measured[..5]), "{}", of(&measured[280..]));
    }

    #[test]
    fn one_step_moves_all_three_networks() {
        let device = Device::flex().autodiff();
        let before = learner("game: {}", 1, &device).save().unwrap();
        let after = train(learner("game: {}", 1, &device), 0..1, &device).0.save().unwrap();
        for network in ["encoder", "decoder", "discriminator"] {
            assert_ne!(weights(&before, network), weights(&after, network), "{network}");
        }
    }

    #[test]
    fn a_vae_gan_put_back_goes_on_bit_for_bit() {
        let device = Device::flex().autodiff();
        resumes(|seed| learner("game: { ema: 0.5, penalty: { r1: 1 } }", seed, &device), &device);
    }
}
