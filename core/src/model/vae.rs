//! The variational autoencoder: codes are distributions, kept close to N(0, I), so that new ones can be drawn.

use burn::module::Module;
use burn::tensor::{Tensor, TensorData};

use super::loss::Likeness;
use super::{Batch, Losses, Moment, Objective, Plan, condition, gaussian_kl, heads};
use crate::nn::{Sequential, Start};
use crate::noise::Noise;
use crate::spec::{self, Kl, Reconstruction};

/// An encoder to the mean and variance of a latent normal distribution, and a decoder from its draws.
///
/// Kingma and Welling, "Auto-Encoding Variational Bayes" (2013). With the class given to both, the conditional VAE of Sohn et al.
/// (2015). On codes instead of images, the second stage of Dai and Wipf (2019).
#[derive(Module, Debug)]
pub struct Vae {
    /// From samples to mean and log-variance of every latent value.
    pub(super) encoder: Sequential,
    /// From latent values to samples.
    pub(super) decoder: Sequential,
    /// From the class to one more channel of the encoder's image.
    pub(super) class: Option<Sequential>,
    likeness: Likeness,
    #[module(skip)]
    kl: Kl,
}

impl Vae {
    /// Builds the networks of `plan`; `start` gives the weights of each.
    pub fn new(spec: &spec::Vae, plan: &Plan, start: [Start<'_>; 3]) -> Self {
        Self::of(spec.loss.reconstruction, &spec.loss.kl, plan, start)
    }

    /// A VAE of codes: builds the networks of `plan`; `start` gives the weights of each.
    pub fn second_stage(spec: &spec::LatentVae, plan: &Plan, start: [Start<'_>; 3]) -> Self {
        Self::of(Reconstruction::Gaussian, &spec.loss.kl, plan, start)
    }

    fn of(reconstruction: Reconstruction, kl: &Kl, plan: &Plan, start: [Start<'_>; 3]) -> Self {
        let [mut encoder, mut decoder, mut class] = start;
        Self {
            encoder: Sequential::new(plan.network(0), &mut encoder),
            decoder: Sequential::new(plan.network(1), &mut decoder),
            class: plan.class().map(|network| Sequential::new(network, &mut class)),
            likeness: Likeness::new(reconstruction, &mut decoder),
            kl: kl.clone(),
        }
    }
}

impl Objective for Vae {
    /// The negative evidence lower bound, with the divergence weighted: −E log p(x|z) + β KL(q(z|x) ‖ N(0, I)).
    fn loss(&self, batch: Batch, moment: &mut Moment) -> (Tensor<1>, Losses) {
        let classes = self.class.is_some().then_some(batch.classes);
        let seen = condition::beside(batch.samples.clone(), self.class.as_ref(), classes.clone());
        let (means, log_variances) = heads(self.encoder.forward(seen).flat());
        let codes = draw(means.clone(), log_variances.clone(), &mut moment.noise);
        let output = self.decoder.forward(condition::behind(codes, classes));
        let reconstruction = self.likeness.loss(output.flat(), batch.samples.flat());
        let divergences = gaussian_kl(means, log_variances);
        let total = reconstruction.clone() + self.kl.price(divergences.clone(), moment.step);
        (total, vec![("reconstruction", reconstruction), ("kl", divergences.sum())])
    }
}

/// The reparameterisation: a draw μ + σ ε from normal distributions, `[batch, latent]`, that a gradient passes through.
pub(super) fn draw(means: Tensor<2>, log_variances: Tensor<2>, noise: &mut Noise) -> Tensor<2> {
    let epsilon = normals(means.dims(), noise, &means);
    means + (log_variances * 0.5).exp() * epsilon
}

/// Numbers from N(0, 1) where `like` lives.
pub(super) fn normals(shape: [usize; 2], noise: &mut Noise, like: &Tensor<2>) -> Tensor<2> {
    Tensor::from_data(TensorData::new(noise.normals(shape[0] * shape[1]), shape), &like.device())
}

#[cfg(all(test, feature = "flex", feature = "yaml"))]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::model::testing::{batch, mean, pipeline, resumes, spec, starts, train};
    use crate::model::{Learner, Solo, restore};
    use crate::nn::Value;
    use crate::spec::Model;

    const ADAM: &str = "{ adam: { lr: 0.01 } }";
    const NETWORKS: &str = "encoder: [flatten, { linear: 16 }, relu], decoder: [{ linear: 16 }, relu, { linear: 16 }, { reshape: [1, 4, 4] }]";

    fn learner(rest: &str, seed: u64, device: &Device) -> (Solo<Vae>, Plan) {
        let (pipeline, plan) = pipeline(&format!("family: vae, latent: 2, {NETWORKS}, {rest}"), ADAM);
        let vae = Vae::new(spec!(pipeline, Vae), &plan, starts(seed, device));
        (Solo::new(vae, &pipeline.train), plan)
    }

    #[test]
    fn both_parts_of_the_loss_fall_and_steps_repeat_bit_for_bit() {
        let device = Device::flex().autodiff();
        let run = || train(learner("loss: { reconstruction: mse, kl: 0.1 }", 1, &device).0, 0..150, &device).1;
        let measured = run();
        let reconstruction = |steps| mean(&measured[steps], "reconstruction");
        assert!(reconstruction(140..150) < 0.4 * reconstruction(0..10));
        assert_eq!(measured, run());
    }

    /// The divergence is a price: a larger weight brings the codes closer to N(0, I), and without one they move away from it.
    #[test]
    fn the_weight_of_the_divergence_keeps_the_codes_close() {
        let device = Device::flex().autodiff();
        let divergence = |kl: &str| {
            let run =
                train(learner(&format!("loss: {{ reconstruction: mse, kl: {kl} }}"), 1, &device).0, 0..150, &device);
            mean(&run.1[140..], "kl")
        };
        let (none, some, much) = (divergence("0"), divergence("0.3"), divergence("30"));
        assert!(much < 0.1 * some && some < 0.5 * none, "{none}, {some}, {much}");
        assert!(divergence("{ weight: 30, free_bits: 1.5 }") > 1.0);
    }

    #[test]
    fn a_learned_scale_finds_the_noise_of_the_data() {
        let device = Device::flex().autodiff();
        let (learner, _) = learner("loss: { reconstruction: gaussian }", 1, &device);
        let (learner, measured) = train(learner, 0..300, &device);
        let scale = crate::model::testing::weights(&learner.save().unwrap(), "likeness")[0].exp();
        assert!((0.03..0.3).contains(&scale), "{scale}");
        // With a scale below 1 a density may exceed 1.
        assert!(mean(&measured[290..], "reconstruction") < 0.0);
    }

    /// The left half of an image has the grey of its class.
    #[test]
    fn a_conditional_decoder_makes_the_class_that_it_is_asked_for() {
        let device = Device::flex().autodiff();
        let (learner, plan) = learner("condition: class, loss: { reconstruction: mse, kl: 5 }", 1, &device);
        let (learner, _) = train(learner, 0..300, &device);
        let trained = restore(&plan, &learner.save().unwrap().weights, &Device::flex()).unwrap();
        let decoder = trained.generator.unwrap().network;
        let classes = crate::model::one_hot(&[0, 9], 10, &Device::flex());
        let codes = Tensor::zeros([2, 2], &Device::flex());
        let pixels: Vec<f32> =
            decoder.forward(condition::behind(codes, Some(classes))).flat().into_data().iter().collect();
        assert!(pixels[0] < -0.5 && pixels[2] > 0.5, "class 0: {pixels:?}");
        assert!(pixels[16] > 0.5 && pixels[18] < -0.5, "class 9: {pixels:?}");
    }

    #[test]
    fn the_encoder_taken_out_gives_the_codes_of_the_model() {
        let device = Device::flex().autodiff();
        let (learner, plan) = learner("loss: { reconstruction: mse, kl: 0.01 }", 1, &device);
        let (learner, _) = train(learner, 0..200, &device);
        let trained = restore(&plan, &learner.save().unwrap().weights, &Device::flex()).unwrap();
        let batch = batch(1, &Device::flex());
        let (codes, log_variances) = trained.encoder.unwrap().encode(batch.samples.clone(), &batch.classes);
        assert!(log_variances.unwrap().mean().into_scalar::<f32>() < -1.0);
        let back = trained.generator.unwrap().network.forward(Value::Flat(codes)).flat();
        let error = (back - batch.samples.flat()).square().mean().into_scalar::<f32>();
        assert!(error < 0.05, "{error}");
    }

    #[test]
    fn a_vae_put_back_goes_on_bit_for_bit() {
        let device = Device::flex().autodiff();
        resumes(|seed| learner("condition: class, loss: { reconstruction: gaussian }", seed, &device).0, &device);
    }
}
