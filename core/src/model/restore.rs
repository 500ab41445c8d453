//! From a training's weights to the networks that are used.

use burn::tensor::Device;

use super::{Encoder, Part, Plan};
use crate::artifact::{ArtifactError, Unpack, tensors};
use crate::nn::{Sequential, Start};
use crate::plan::Network;
use crate::spec::Family;

/// What a training is for: the networks that make images, codes or verdicts.
#[derive(Debug, Clone)]
pub struct Trained {
    /// From latent values to images, or for the latent families to codes: a decoder, a generator, or the moving average of one.
    pub generator: Option<Part>,
    /// From images to codes, or to means and log-variances of codes.
    pub encoder: Option<Encoder>,
    /// From images to logits.
    pub classifier: Option<Part>,
    /// The standard deviation that a decoder with the `gaussian` likelihood learned; 0 for all others.
    pub scale: f32,
}

/// Takes the networks of use out of the packed weights of a whole model.
///
/// # Errors
/// The weights are not those of this model.
pub fn restore(plan: &Plan, weights: &[u8], device: &Device) -> Result<Trained, ArtifactError> {
    let packed = weights;
    let mut weights = Unpack::read(packed)?;
    let mut fill = |name: &str, network: &Network| -> Result<Part, ArtifactError> {
        let sequential = weights.fill(name, Sequential::new(network, &mut Start::zeros(device)))?;
        Ok(Part { network: sequential, layers: network.layers().iter().map(|layer| layer.spec.clone()).collect() })
    };
    let mut trained = Trained { generator: None, encoder: None, classifier: None, scale: 0.0 };
    match plan.family() {
        Family::Classifier => trained.classifier = Some(fill("network", plan.network(0))?),
        Family::Autoencoder | Family::Vae | Family::VaeGan | Family::LatentVae => {
            let name = if plan.is_averaged() { "average" } else { "decoder" };
            trained.generator = Some(fill(name, plan.network(1))?);
            let class = plan.class().map(|network| fill("class", network)).transpose()?;
            trained.encoder = Some(Encoder {
                part: fill("encoder", plan.network(0))?,
                class: class.map(|part| part.network),
                heads: plan.family() != Family::Autoencoder,
            });
        }
        Family::Gan | Family::LatentGan => {
            let name = if plan.is_averaged() { "average" } else { "generator" };
            trained.generator = Some(fill(name, plan.network(0))?);
        }
    }
    if let Some(log_scale) = tensors(packed)?.get("likeness.log_scale") {
        trained.scale = log_scale.iter::<f32>().map(libm::expf).sum();
    }
    Ok(trained)
}
