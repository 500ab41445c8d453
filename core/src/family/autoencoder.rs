//! The autoencoder: reconstructs images through a bottleneck.

use serde::{Deserialize, Serialize};

#[cfg(feature = "yaml")]
use super::Lint;
use super::resolver::{MAX_LATENT, end};
use super::settings::{is_one, one};
use super::{Definition, Exported, Heads, Reconstruction, Resolved, Resolver, Role, Traits, name};
use crate::diagnostic::Problem;
use crate::latent::PriorKind;
use crate::layer::LayerSpec;
use crate::spec::Metric;

/// An autoencoder. The encoder's output is the latent.
///
/// Hinton and Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks" (2006).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Autoencoder {
    /// Always `autoencoder`.
    pub family: name::Autoencoder,
    /// From image to latent.
    pub encoder: Vec<LayerSpec>,
    /// From latent to image.
    pub decoder: Vec<LayerSpec>,
    /// The loss.
    #[serde(default)]
    pub loss: AutoencoderLoss,
    /// The distribution that new latents are drawn from.
    #[serde(default = "gaussian")]
    pub prior: PriorKind,
    /// Factor of the standard deviation of new latents: below 1 for fewer outliers, less variety.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub temperature: f64,
}

/// The loss of an autoencoder.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AutoencoderLoss {
    /// The reconstruction loss.
    #[serde(default)]
    pub reconstruction: Reconstruction,
}

fn gaussian() -> PriorKind {
    PriorKind::Gaussian
}

impl Definition for Autoencoder {
    const METRICS: &'static [Metric] = &[Metric::Reconstruction];

    fn traits(&self) -> Traits<'_> {
        Traits {
            source: None,
            game: None,
            condition: None,
            learns_classes: false,
            prior: self.prior,
            temperature: self.temperature,
            exported: Exported { classifier: None, generator: Some(Role::Decoder), encoder: Some(Heads::One) },
        }
    }

    fn resolve(&self, resolver: &mut Resolver<'_, '_>) -> Resolved {
        let (encoder, output) = resolver.network(Role::Encoder, resolver.image(0), &self.encoder);
        let mut latent = output.and_then(|output| resolver.flat_width(Role::Encoder, output, &self.encoder));
        if let Some(values) = latent.filter(|values| *values > MAX_LATENT) {
            let found = format!("the encoder outputs {values} values, but a latent has 1 to {MAX_LATENT}");
            let fix = "`linear: 32` as its last layer";
            resolver.note(Problem::new(end(Role::Encoder, &self.encoder), found).suggest(Some(fix.into())));
            latent = None;
        }
        let decoder = resolver.generator(Role::Decoder, latent, &self.decoder);
        resolver.check_prior(self.prior, self.temperature);
        if self.loss.reconstruction == Reconstruction::Gaussian {
            let found = "an autoencoder has no divergence to balance a learned scale against";
            resolver.note(
                Problem::at(&["model", "loss", "reconstruction"], found)
                    .suggest(Some("`mse`, or `family: vae`".into())),
            );
        }
        let output = resolver.decoder_output(self.loss.reconstruction);
        Resolved { latent, output, networks: vec![(Role::Encoder, encoder), (Role::Decoder, decoder)] }
    }

    #[cfg(feature = "yaml")]
    fn lint(&self, lint: &mut Lint<'_>) {
        lint.decoder(self.loss.reconstruction);
        lint.compresses();
    }

    #[cfg(feature = "train")]
    fn trainer(&self, setup: &super::TrainerSetup<'_>) -> Box<dyn super::Trainer> {
        super::ObjectiveTrainer::boxed(training::Networks::new(self.loss.reconstruction, setup), setup)
    }
}

#[cfg(feature = "train")]
mod training {
    use burn::module::Module;
    use burn::tensor::Tensor;

    use crate::data::Batch;
    use crate::family::loss::ReconstructionLoss;
    use crate::family::{Losses, Objective, Reconstruction, Role, StepContext, TrainerSetup};
    use crate::network::Sequential;

    /// Hinton and Salakhutdinov (2006). With noise in the encoder's first layers, the denoising
    /// autoencoder of Vincent et al., "Extracting and Composing Robust Features with Denoising
    /// Autoencoders" (2008).
    #[derive(Module, Debug)]
    pub struct Networks {
        encoder: Sequential,
        decoder: Sequential,
        /// Named as in checkpoints.
        likeness: ReconstructionLoss,
    }

    impl Networks {
        pub fn new(reconstruction: Reconstruction, setup: &TrainerSetup<'_>) -> Self {
            Self {
                encoder: setup.network(Role::Encoder),
                decoder: setup.network(Role::Decoder),
                likeness: ReconstructionLoss::new(reconstruction, &mut setup.initializer(Role::Decoder)),
            }
        }
    }

    impl Objective for Networks {
        fn loss(&self, batch: Batch, _context: &mut StepContext) -> (Tensor<1>, Losses) {
            let latents = self.encoder.forward(batch.samples.clone());
            let output = self.decoder.forward(latents);
            let reconstruction = self.likeness.loss(output.flat(), batch.samples.flat());
            (reconstruction.clone(), vec![("reconstruction", reconstruction)])
        }
    }
}

#[cfg(all(test, feature = "flex", feature = "train", feature = "yaml"))]
mod tests {
    use burn::tensor::Device;

    use crate::family::Trainer;
    use crate::family::testing::{mean, resumes, train, trainer};

    fn autoencoder(noise: &str, seed: u64, device: &Device) -> Box<dyn Trainer> {
        let networks = format!(
            "encoder: [flatten, {noise} {{ linear: 3 }}], decoder: [{{ linear: 16 }}, {{ reshape: [1, 4, 4] }}]"
        );
        let model = format!("family: autoencoder, {networks}, loss: {{ reconstruction: mse }}");
        trainer(&model, "{ adam: { lr: 0.01 } }", seed, device).0
    }

    #[test]
    fn images_are_reconstructed_with_and_without_noise() {
        let device = Device::flex().autodiff();
        for noise in ["", "{ gaussian_noise: 0.3 },"] {
            let measured = train(autoencoder(noise, 1, &device), 0..300, &device).1;
            let (first, last) = (mean(&measured[..5], "reconstruction"), mean(&measured[290..], "reconstruction"));
            assert!(last < 0.1 * first, "{noise}: from {first} to {last}");
        }
    }

    #[test]
    fn an_autoencoder_put_back_goes_on_bit_for_bit() {
        let device = Device::flex().autodiff();
        resumes(|seed| autoencoder("{ gaussian_noise: 0.3 },", seed, &device), &device);
    }
}
