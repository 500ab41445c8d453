//! The variational autoencoder: codes are distributions, kept close to N(0, I), so that new ones can be drawn.

use burn::module::Module;
use burn::tensor::{Tensor, TensorData};

use super::{Loss, Objective, Plan, gaussian_kl};
use crate::nn::{Sequential, Start, Value};
use crate::noise::Noise;
use crate::spec::{self, VaeLoss};

/// An encoder to the mean and variance of a latent normal distribution, and a decoder from its draws.
///
/// Kingma and Welling, "Auto-Encoding Variational Bayes" (2013).
#[derive(Module, Debug)]
pub struct Vae {
    encoder: Sequential,
    decoder: Sequential,
    #[module(skip)]
    loss: VaeLoss,
}

impl Vae {
    /// Builds the networks of `plan`; `start` gives the weights of the encoder and of the decoder.
    pub fn new(spec: &spec::Vae, plan: &Plan, [mut encoder, mut decoder]: [Start<'_>; 2]) -> Self {
        Self {
            encoder: Sequential::new(&plan.networks()[0], &mut encoder),
            decoder: Sequential::new(&plan.networks()[1], &mut decoder),
            loss: spec.loss.clone(),
        }
    }

    /// Means and logarithms of the variances of the posterior, `[batch, latent]` each.
    pub fn posterior(&self, images: Tensor<4>) -> (Tensor<2>, Tensor<2>) {
        let heads = self.encoder.forward(Value::Image(images)).flat();
        let latent = heads.dims()[1] / 2;
        (heads.clone().narrow(1, 0, latent), heads.narrow(1, latent, latent))
    }
}

impl Objective for Vae {
    const PARTS: &'static [&'static str] = &["reconstruction", "kl"];
    const NORMAL_PRIOR: bool = true;

    /// The negative evidence lower bound, with the divergence weighted: −E log p(x|z) + β KL(q(z|x) ‖ N(0, I)).
    fn loss(&self, images: Tensor<4>, noise: &mut Noise) -> Loss {
        let (means, log_variances) = self.posterior(images.clone());
        let shape = means.dims();
        let noise = TensorData::new(noise.normals(shape[0] * shape[1]), shape);
        let noise = Tensor::from_data(noise, &means.device());
        // The reparameterisation: a draw that a gradient passes through.
        let codes = means.clone() + (log_variances.clone() * 0.5).exp() * noise;
        let reconstruction = self.loss.reconstruction.loss(self.decode(codes), images);
        let kl = gaussian_kl(means, log_variances);
        Loss { total: reconstruction.clone() + kl.clone() * self.loss.kl, parts: vec![reconstruction, kl] }
    }

    fn encode(&self, images: Tensor<4>) -> Tensor<2> {
        self.posterior(images).0
    }

    fn decoder(&self) -> &Sequential {
        &self.decoder
    }
}
