//! From images to codes: the part of a model that is shipped where the page draws, or another model learns from the codes.

use burn::tensor::Tensor;

use super::condition;
use crate::layer::LayerSpec;
use crate::layer::Value;
use crate::network::Sequential;

/// A network with its layers as declared.
#[derive(Debug, Clone)]
pub struct TrainedNetwork {
    /// What computes.
    pub network: Sequential,
    /// Its layers; the shapes follow.
    pub layers: Vec<LayerSpec>,
}

/// What makes codes of images.
#[derive(Debug, Clone)]
pub struct Encoder {
    /// From images, and the channel of the class, to codes.
    pub network: TrainedNetwork,
    /// From class to that channel.
    pub class: Option<Sequential>,
    /// Whether it gives means and log-variances.
    pub heads: bool,
}

impl Encoder {
    /// The code of every sample, `[batch, latent]`, and the logarithm of its variance if it has one. `classes` are rows with a
    /// single 1, `[batch, classes]`.
    pub fn encode(&self, samples: Value, classes: &Tensor<2>) -> (Tensor<2>, Option<Tensor<2>>) {
        let classes = self.class.is_some().then(|| classes.clone());
        let seen = condition::beside(samples, self.class.as_ref(), classes);
        let values = self.network.network.forward(seen).flat();
        match self.heads {
            true => {
                let (means, log_variances) = heads(values);
                (means, Some(log_variances))
            }
            false => (values, None),
        }
    }
}

/// Splits what a VAE's encoder gives, `[batch, 2 × latent]`, into means and logarithms of the variances, `[batch, latent]` each.
pub fn heads(values: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let latent = values.dims()[1] / 2;
    (values.clone().narrow(1, 0, latent), values.narrow(1, latent, latent))
}
