//! The prior of a trained model.

use super::TrainingError;
use crate::data::{Images, Scale, encode};
use crate::family::{Plan, Trained};
use crate::latent::{Mixture, Prior, PriorKind};
use crate::noise::{Noise, Purpose};
use crate::pipeline::Pipeline;
use burn::tensor::Device;

/// N(0, I), the trained network for the latent families, or a fit to `count` latents.
///
/// # Errors
/// The device cannot be read.
pub async fn fit(
    pipeline: &Pipeline,
    plan: &Plan,
    trained: &Trained,
    scale: Option<&Scale>,
    images: &Images,
    count: usize,
    device: &Device,
) -> Result<Prior, TrainingError> {
    let (traits, latent) = (pipeline.model.traits(), plan.latent());
    let temperature = traits.temperature as f32;
    if let (Some(scale), Some(generator)) = (scale, &trained.generator) {
        let learned = Prior::Learned {
            latent,
            layers: generator.layers.clone(),
            mean: scale.mean.clone(),
            std: scale.std.clone(),
            noise: trained.scale,
        };
        return Ok(learned.cooled(temperature, latent));
    }
    let (kind, Some(encoder)) = (traits.prior, &trained.encoder) else {
        return Ok(Prior::Normal.cooled(temperature, latent));
    };
    if kind == PriorKind::Normal {
        return Ok(Prior::Normal.cooled(temperature, latent));
    }
    let mut noise = Noise::of(Purpose::Prior, pipeline.train.seed, 0);
    let (mut latents, log_variances) = encode(images, count, encoder, device).await?;
    // The fit is to samples from the encoder's distributions, not to their means.
    for (value, log_variance) in latents.iter_mut().zip(log_variances.into_iter().flatten()) {
        *value += libm::expf(0.5 * log_variance) * noise.normal();
    }
    let prior = match kind {
        PriorKind::Mixture(components) if plan.condition().is_some() => {
            let fit = |class: usize| {
                let labels = images.labels().iter().map(|label| usize::from(*label));
                let own = latents.chunks_exact(latent).zip(labels).filter(|(_, label)| *label == class);
                let own: Vec<f32> = own.flat_map(|(values, _)| values).copied().collect();
                Mixture::fit(&own, latent, components, &mut noise)
            };
            Prior::ByClass((0..plan.classes()).map(fit).collect())
        }
        PriorKind::Mixture(components) => Prior::Mixture(Mixture::fit(&latents, latent, components, &mut noise)),
        PriorKind::Gaussian => Prior::fit(&latents, latent),
        PriorKind::Normal => Prior::Normal,
    };
    Ok(prior.cooled(temperature, latent))
}
