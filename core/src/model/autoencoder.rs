//! The autoencoder: an image goes through a narrow code and back.

use burn::module::Module;
use burn::tensor::Tensor;

use super::{Loss, Objective, Plan};
use crate::nn::{Sequential, Start, Value};
use crate::noise::Noise;
use crate::spec::{self, Reconstruction};

/// An encoder and a decoder that together reproduce their input.
///
/// Hinton and Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks" (2006).
#[derive(Module, Debug)]
pub struct Autoencoder {
    encoder: Sequential,
    decoder: Sequential,
    #[module(skip)]
    reconstruction: Reconstruction,
}

impl Autoencoder {
    /// Builds the networks of `plan`; `start` gives the weights of the encoder and of the decoder.
    pub fn new(spec: &spec::Autoencoder, plan: &Plan, [mut encoder, mut decoder]: [Start<'_>; 2]) -> Self {
        Self {
            encoder: Sequential::new(&plan.networks()[0], &mut encoder),
            decoder: Sequential::new(&plan.networks()[1], &mut decoder),
            reconstruction: spec.loss.reconstruction,
        }
    }
}

impl Objective for Autoencoder {
    const PARTS: &'static [&'static str] = &["reconstruction"];
    const NORMAL_PRIOR: bool = false;

    fn loss(&self, images: Tensor<4>, _noise: &mut Noise) -> Loss {
        let output = self.decode(self.encode(images.clone()));
        let reconstruction = self.reconstruction.loss(output, images);
        Loss { total: reconstruction.clone(), parts: vec![reconstruction] }
    }

    fn encode(&self, images: Tensor<4>) -> Tensor<2> {
        self.encoder.forward(Value::Image(images)).flat()
    }

    fn decoder(&self) -> &Sequential {
        &self.decoder
    }
}
