//! The variational autoencoder.

use serde::{Deserialize, Serialize};

#[cfg(feature = "yaml")]
use super::Lint;
#[cfg(feature = "yaml")]
use super::settings::kl_schema;
use super::settings::{is_one, kl, one};
use super::{Condition, Definition, Exported, Heads, Kl, Reconstruction, Resolved, Resolver, Role, Traits, name};
use crate::latent::PriorKind;
use crate::layer::LayerSpec;
use crate::spec::Metric;

/// A variational autoencoder. Kingma and Welling, "Auto-Encoding Variational Bayes" (2013).
///
/// A linear layer for the means and log-variances follows the encoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Vae {
    /// Always `vae`.
    pub family: name::Vae,
    /// Number of latent values.
    pub latent: usize,
    /// Conditions both networks on the class: the encoder by one more channel, a learned plane for
    /// each class, the decoder by one-hot values after the latent ones. Sohn et al., "Learning
    /// Structured Output Representation using Deep Conditional Generative Models" (2015).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<ByClass>,
    /// From image to features.
    pub encoder: Vec<LayerSpec>,
    /// From latent values to image.
    pub decoder: Vec<LayerSpec>,
    /// The loss.
    #[serde(default)]
    pub loss: VaeLoss,
    /// The distribution that new latents are drawn from.
    #[serde(default)]
    pub prior: PriorKind,
    /// Factor of the standard deviation of new latents: below 1 for fewer outliers, less variety.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub temperature: f64,
}

/// What a VAE can be conditioned on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ByClass {
    /// The class.
    Class,
}

/// The loss of a VAE: reconstruction + kl × divergence.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct VaeLoss {
    /// The reconstruction loss.
    #[serde(default)]
    pub reconstruction: Reconstruction,
    /// The divergence of the latents from N(0, I).
    #[serde(default, deserialize_with = "kl")]
    #[cfg_attr(feature = "yaml", schemars(schema_with = "kl_schema"))]
    pub kl: Kl,
}

pub(super) const EXPORTED: Exported =
    Exported { classifier: None, generator: Some(Role::Decoder), encoder: Some(Heads::MeanAndLogVariance) };

pub(super) const METRICS: &[Metric] = &[Metric::Elbo, Metric::Reconstruction, Metric::Kl];

impl Definition for Vae {
    const METRICS: &'static [Metric] = METRICS;

    fn traits(&self) -> Traits<'_> {
        Traits {
            source: None,
            game: None,
            condition: self.condition.map(|ByClass::Class| Condition::Class),
            learns_classes: false,
            prior: self.prior,
            temperature: self.temperature,
            exported: EXPORTED,
        }
    }

    fn resolve(&self, resolver: &mut Resolver<'_, '_>) -> Resolved {
        let classes = if self.condition.is_some() { resolver.classes() } else { 0 };
        let latent = resolver.latent(self.latent);
        resolver.check_kl(&self.loss.kl);
        resolver.check_prior(self.prior, self.temperature);
        let input = resolver.image(usize::from(self.condition.is_some()));
        let encoder = resolver.heads(input, latent, &self.encoder);
        let given = latent.map(|latent| latent + classes);
        let decoder = resolver.generator(Role::Decoder, given, &self.decoder);
        let mut networks = vec![(Role::Encoder, encoder), (Role::Decoder, decoder)];
        if self.condition.is_some() {
            networks.push((Role::Class, resolver.class_plane()));
        }
        Resolved { latent, output: resolver.decoder_output(self.loss.reconstruction), networks }
    }

    #[cfg(feature = "yaml")]
    fn lint(&self, lint: &mut Lint<'_>) {
        lint.decoder(self.loss.reconstruction);
        lint.bottleneck(Role::Decoder, self.latent);
        if self.loss.kl.weight == 0.0 && self.prior == PriorKind::Normal {
            let found = "with `kl: 0` nothing keeps the latents close to the prior N(0, I)";
            let fix = "`kl: 1`, or a fitted prior such as `prior: { mixture: 10 }`";
            lint.warn(&["model", "loss", "kl"], found, fix);
        }
    }

    #[cfg(feature = "train")]
    fn trainer(&self, setup: &super::TrainerSetup<'_>) -> Box<dyn super::Trainer> {
        let networks = training::Networks::new(self.loss.reconstruction, &self.loss.kl, setup);
        super::ObjectiveTrainer::boxed(networks, setup)
    }
}

#[cfg(feature = "train")]
pub(super) mod training {
    use burn::module::Module;
    use burn::tensor::{Tensor, TensorData};

    use crate::data::Batch;
    use crate::family::loss::ReconstructionLoss;
    use crate::family::{Kl, Losses, Objective, Reconstruction, Role, StepContext, TrainerSetup, gaussian_kl};
    use crate::inference::{condition, heads};
    use crate::network::Sequential;
    use crate::noise::Noise;

    /// Kingma and Welling (2013); if conditional, Sohn et al. (2015); on latents instead of images,
    /// the second stage of Dai and Wipf (2019).
    #[derive(Module, Debug)]
    pub struct Networks {
        encoder: Sequential,
        decoder: Sequential,
        /// From the class to one more channel of the encoder's image.
        class: Option<Sequential>,
        /// Named as in checkpoints.
        likeness: ReconstructionLoss,
        #[module(skip)]
        kl: Kl,
    }

    impl Networks {
        pub fn new(reconstruction: Reconstruction, kl: &Kl, setup: &TrainerSetup<'_>) -> Self {
            Self {
                encoder: setup.network(Role::Encoder),
                decoder: setup.network(Role::Decoder),
                class: setup.optional(Role::Class),
                likeness: ReconstructionLoss::new(reconstruction, &mut setup.initializer(Role::Decoder)),
                kl: kl.clone(),
            }
        }
    }

    impl Objective for Networks {
        /// −E log p(x|z) + β KL(q(z|x) ‖ N(0, I)).
        fn loss(&self, batch: Batch, context: &mut StepContext) -> (Tensor<1>, Losses) {
            let classes = self.class.is_some().then_some(batch.classes);
            let input = condition::with_class_plane(batch.samples.clone(), self.class.as_ref(), classes.clone());
            let (means, log_variances) = heads(self.encoder.forward(input).flat());
            let latents = sample(means.clone(), log_variances.clone(), &mut context.noise);
            let output = self.decoder.forward(condition::with_class(latents, classes));
            let reconstruction = self.likeness.loss(output.flat(), batch.samples.flat());
            let divergences = gaussian_kl(means, log_variances);
            let total = reconstruction.clone() + self.kl.weighted(divergences.clone(), context.step);
            (total, vec![("reconstruction", reconstruction), ("kl", divergences.sum())])
        }
    }

    /// The reparameterisation trick: μ + σ ε, `[batch, latent]`.
    pub fn sample(means: Tensor<2>, log_variances: Tensor<2>, noise: &mut Noise) -> Tensor<2> {
        let epsilon = normals(means.dims(), noise, &means);
        means + (log_variances * 0.5).exp() * epsilon
    }

    /// Numbers from N(0, 1) on the device of `like`.
    pub fn normals(shape: [usize; 2], noise: &mut Noise, like: &Tensor<2>) -> Tensor<2> {
        Tensor::from_data(TensorData::new(noise.normals(shape[0] * shape[1]), shape), &like.device())
    }
}

#[cfg(all(test, feature = "flex", feature = "train", feature = "yaml"))]
mod tests {
    use burn::tensor::{Device, Tensor};

    use crate::family::testing::{self, batch, mean, resumes, save, train, weights};
    use crate::family::{Plan, Trainer, restore};
    use crate::inference::{condition, one_hot};
    use crate::layer::Value;

    const ADAM: &str = "{ adam: { lr: 0.01 } }";
    const NETWORKS: &str = "encoder: [flatten, { linear: 16 }, relu], decoder: [{ linear: 16 }, relu, { linear: 16 }, { reshape: [1, 4, 4] }]";

    fn vae(rest: &str, seed: u64, device: &Device) -> (Box<dyn Trainer>, Plan) {
        testing::trainer(&format!("family: vae, latent: 2, {NETWORKS}, {rest}"), ADAM, seed, device)
    }

    #[test]
    fn both_parts_of_the_loss_fall_and_steps_repeat_bit_for_bit() {
        let device = Device::flex().autodiff();
        let run = || train(vae("loss: { reconstruction: mse, kl: 0.1 }", 1, &device).0, 0..150, &device).1;
        let measured = run();
        let reconstruction = |steps| mean(&measured[steps], "reconstruction");
        assert!(reconstruction(140..150) < 0.4 * reconstruction(0..10));
        assert_eq!(measured, run());
    }

    #[test]
    fn the_weight_of_the_divergence_keeps_the_latents_close() {
        let device = Device::flex().autodiff();
        let divergence = |kl: &str| {
            let run = train(vae(&format!("loss: {{ reconstruction: mse, kl: {kl} }}"), 1, &device).0, 0..150, &device);
            mean(&run.1[140..], "kl")
        };
        let (none, some, much) = (divergence("0"), divergence("0.3"), divergence("30"));
        assert!(much < 0.1 * some && some < 0.5 * none, "{none}, {some}, {much}");
        assert!(divergence("{ weight: 30, free_bits: 1.5 }") > 1.0);
    }

    #[test]
    fn a_learned_scale_finds_the_noise_of_the_data() {
        let device = Device::flex().autodiff();
        let (trainer, _) = vae("loss: { reconstruction: gaussian }", 1, &device);
        let (trainer, measured) = train(trainer, 0..300, &device);
        let scale = weights(&save(&*trainer), "likeness")[0].exp();
        assert!((0.03..0.3).contains(&scale), "{scale}");
        // A density may exceed 1.
        assert!(mean(&measured[290..], "reconstruction") < 0.0);
    }

    /// The left half of an image has the grey of its class.
    #[test]
    fn a_conditional_decoder_generates_the_requested_class() {
        let device = Device::flex().autodiff();
        let (trainer, plan) = vae("condition: class, loss: { reconstruction: mse, kl: 5 }", 1, &device);
        let (trainer, _) = train(trainer, 0..300, &device);
        let trained = restore(&plan, &save(&*trainer).weights, &Device::flex()).unwrap();
        let decoder = trained.generator.unwrap().network;
        let classes = one_hot(&[0, 9], 10, &Device::flex());
        let latents = Tensor::zeros([2, 2], &Device::flex());
        let pixels: Vec<f32> =
            decoder.forward(condition::with_class(latents, Some(classes))).flat().into_data().iter().collect();
        assert!(pixels[0] < -0.5 && pixels[2] > 0.5, "class 0: {pixels:?}");
        assert!(pixels[16] > 0.5 && pixels[18] < -0.5, "class 9: {pixels:?}");
    }

    #[test]
    fn the_exported_encoder_gives_the_latents_of_the_model() {
        let device = Device::flex().autodiff();
        let (trainer, plan) = vae("loss: { reconstruction: mse, kl: 0.01 }", 1, &device);
        let (trainer, _) = train(trainer, 0..200, &device);
        let trained = restore(&plan, &save(&*trainer).weights, &Device::flex()).unwrap();
        let batch = batch(1, &Device::flex());
        let (latents, log_variances) = trained.encoder.unwrap().encode(batch.samples.clone(), &batch.classes);
        assert!(log_variances.unwrap().mean().into_scalar::<f32>() < -1.0);
        let back = trained.generator.unwrap().network.forward(Value::Flat(latents)).flat();
        let error = (back - batch.samples.flat()).square().mean().into_scalar::<f32>();
        assert!(error < 0.05, "{error}");
    }

    #[test]
    fn a_vae_put_back_goes_on_bit_for_bit() {
        let device = Device::flex().autodiff();
        resumes(|seed| vae("condition: class, loss: { reconstruction: gaussian }", seed, &device).0, &device);
    }
}
