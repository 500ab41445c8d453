//! From images to latents.

use burn::tensor::Tensor;

use super::condition;
use crate::layer::{LayerSpec, Value};
use crate::network::Sequential;

/// A network with its layers as declared.
#[derive(Debug, Clone)]
pub struct TrainedNetwork {
    /// The network with its weights.
    pub network: Sequential,
    /// Its declared layers; the shapes follow.
    pub layers: Vec<LayerSpec>,
}

/// Turns images into latents.
#[derive(Debug, Clone)]
pub struct Encoder {
    /// From images, with the channel of the class if there is one, to latents.
    pub network: TrainedNetwork,
    /// From class to that channel.
    pub class: Option<Sequential>,
    /// Whether it outputs means and log-variances.
    pub heads: bool,
}

impl Encoder {
    /// The latent of every sample, `[batch, latent]`, and its log-variance if it has one. `classes`
    /// are one-hot rows, `[batch, classes]`.
    pub fn encode(&self, samples: Value, classes: &Tensor<2>) -> (Tensor<2>, Option<Tensor<2>>) {
        let classes = self.class.is_some().then(|| classes.clone());
        let input = condition::with_class_plane(samples, self.class.as_ref(), classes);
        let values = self.network.network.forward(input).flat();
        match self.heads {
            true => {
                let (means, log_variances) = heads(values);
                (means, Some(log_variances))
            }
            false => (values, None),
        }
    }
}

/// Splits a VAE encoder's output, `[batch, 2 × latent]`, into means and log-variances.
pub fn heads(values: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let latent = values.dims()[1] / 2;
    (values.clone().narrow(1, 0, latent), values.narrow(1, latent, latent))
}
