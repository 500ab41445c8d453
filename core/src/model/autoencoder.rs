//! The autoencoder: an image goes through a narrow code and back.

use burn::module::Module;
use burn::tensor::Tensor;

use super::loss::Likeness;
use super::{Batch, Losses, Moment, Objective, Plan};
use crate::nn::{Sequential, Start};
use crate::spec;

/// An encoder and a decoder that together reproduce their input.
///
/// Hinton and Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks" (2006). With noise in the encoder's first
/// layers, the denoising autoencoder of Vincent et al., "Extracting and Composing Robust Features with Denoising Autoencoders" (2008).
#[derive(Module, Debug)]
pub struct Autoencoder {
    /// From image to code.
    pub(super) encoder: Sequential,
    /// From code to image.
    pub(super) decoder: Sequential,
    likeness: Likeness,
}

impl Autoencoder {
    /// Builds the networks of `plan`; `start` gives the weights of the encoder and of the decoder.
    pub fn new(spec: &spec::Autoencoder, plan: &Plan, [mut encoder, mut decoder]: [Start<'_>; 2]) -> Self {
        Self {
            encoder: Sequential::new(plan.network(0), &mut encoder),
            decoder: Sequential::new(plan.network(1), &mut decoder),
            likeness: Likeness::new(spec.loss.reconstruction, &mut decoder),
        }
    }
}

impl Objective for Autoencoder {
    /// The distance between every image and what comes back of it.
    fn loss(&self, batch: Batch, _moment: &mut Moment) -> (Tensor<1>, Losses) {
        let code = self.encoder.forward(batch.samples.clone());
        let output = self.decoder.forward(code);
        let reconstruction = self.likeness.loss(output.flat(), batch.samples.flat());
        (reconstruction.clone(), vec![("reconstruction", reconstruction)])
    }
}

#[cfg(all(test, feature = "flex", feature = "yaml"))]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::model::Solo;
    use crate::model::testing::{mean, pipeline, resumes, spec, starts, train};
    use crate::spec::Model;

    fn learner(noise: &str, seed: u64, device: &Device) -> Solo<Autoencoder> {
        let networks = format!(
            "encoder: [flatten, {noise} {{ linear: 3 }}], decoder: [{{ linear: 16 }}, {{ reshape: [1, 4, 4] }}]"
        );
        let model = format!("family: autoencoder, {networks}, loss: {{ reconstruction: mse }}");
        let (pipeline, plan) = pipeline(&model, "{ adam: { lr: 0.01 } }");
        let [encoder, decoder, _] = starts(seed, device);
        let model = Autoencoder::new(spec!(pipeline, Autoencoder), &plan, [encoder, decoder]);
        Solo::new(model, &pipeline.train)
    }

    #[test]
    fn images_come_back_also_through_noise() {
        let device = Device::flex().autodiff();
        for noise in ["", "{ gaussian_noise: 0.3 },"] {
            let measured = train(learner(noise, 1, &device), 0..300, &device).1;
            let (first, last) = (mean(&measured[..5], "reconstruction"), mean(&measured[290..], "reconstruction"));
            assert!(last < 0.1 * first, "{noise}: from {first} to {last}");
        }
    }

    #[test]
    fn an_autoencoder_put_back_goes_on_bit_for_bit() {
        let device = Device::flex().autodiff();
        resumes(|seed| learner("{ gaussian_noise: 0.3 },", seed, &device), &device);
    }
}
