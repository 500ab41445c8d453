//! From a training's weights to the networks that are used.

use burn::tensor::Device;

use super::{Heads, Plan, Role};
use crate::inference::{Encoder, TrainedNetwork};
use crate::layer::Initializer;
use crate::network::Sequential;
use crate::weights::{Unpack, WeightsError, tensors};

/// What a training is for: the networks that make images, latents or class scores.
#[derive(Debug, Clone)]
pub struct Trained {
    /// From latents to images, or for the latent families to latents of their source: a decoder, a generator, or the moving
    /// average of one.
    pub generator: Option<TrainedNetwork>,
    /// From images to latents, or to their means and log-variances.
    pub encoder: Option<Encoder>,
    /// From images to logits.
    pub classifier: Option<TrainedNetwork>,
    /// The standard deviation that a decoder with the `gaussian` reconstruction loss learned; 0 for all others.
    pub scale: f32,
}

/// Takes the networks of use out of the packed weights of a whole model.
///
/// # Errors
/// The weights are not those of this model.
pub fn restore(plan: &Plan, weights: &[u8], device: &Device) -> Result<Trained, WeightsError> {
    let packed = weights;
    let mut weights = Unpack::read(packed)?;
    let mut fill = |prefix: &str, role: Role| -> Result<Option<TrainedNetwork>, WeightsError> {
        let Some(network) = plan.network(role) else { return Ok(None) };
        let sequential = weights.fill(prefix, Sequential::new(network, &mut Initializer::zeros(device)))?;
        let layers = network.layers().iter().map(|layer| layer.spec.clone()).collect();
        Ok(Some(TrainedNetwork { network: sequential, layers }))
    };
    let exported = plan.exported();
    let classifier = exported.classifier.map(|role| fill(role.prefix(), role)).transpose()?.flatten();
    let generator = match exported.generator {
        Some(role) if plan.is_averaged() => fill("average", role)?,
        Some(role) => fill(role.prefix(), role)?,
        None => None,
    };
    let mut encoder = None;
    if let Some(heads) = exported.encoder
        && let Some(network) = fill(Role::Encoder.prefix(), Role::Encoder)?
    {
        let class = fill(Role::Class.prefix(), Role::Class)?.map(|class| class.network);
        encoder = Some(Encoder { network, class, heads: heads == Heads::MeanAndLogVariance });
    }
    let scale = match tensors(packed)?.get("likeness.log_scale") {
        Some(log_scale) => log_scale.iter::<f32>().map(libm::expf).sum(),
        None => 0.0,
    };
    Ok(Trained { generator, encoder, classifier, scale })
}
