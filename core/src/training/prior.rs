//! What latents are drawn from once a model has learned.

use super::TrainingError;
use crate::data::{Images, Scale, encode};
use crate::family::{Plan, Trained};
use crate::latent::{Mixture, Prior, PriorKind};
use crate::noise::{Noise, Purpose};
use crate::pipeline::Pipeline;
use burn::tensor::Device;

/// What latents are drawn from: N(0, I) where training brings them there, a learned network for the latent families, otherwise a fit to
/// the latents of the first `count` training images. `scale` is that of the latents of a source.
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
            deviation: scale.deviation.clone(),
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
    // What has to be met are draws from the distributions of the latents, not their means alone.
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
