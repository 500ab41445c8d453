//! From the weights of a checkpoint to the exported networks.

use burn::tensor::Device;

use super::{Heads, Plan, Role};
use crate::inference::{Encoder, TrainedNetwork};
use crate::layer::Initializer;
use crate::network::Sequential;
use crate::weights::{Unpack, WeightsError, tensors};

/// The exported networks of a trained model.
#[derive(Debug, Clone)]
pub struct Trained {
    /// From latents to images or, for the latent families, to the latents of their source.
    pub generator: Option<TrainedNetwork>,
    /// From images to latents, or to their means and log-variances.
    pub encoder: Option<Encoder>,
    /// From images to logits.
    pub classifier: Option<TrainedNetwork>,
    /// The scale that a `gaussian` reconstruction loss learned; 0 for all others.
    pub scale: f32,
}

/// Loads the exported networks from the packed weights of a whole model.
///
/// # Errors
/// The weights do not fit the model.
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
