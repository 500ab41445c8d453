//! The samples of a run by what they are for.

use burn::tensor::Device;

use super::{Source, TrainingError};
use crate::data::{Images, Latents, Samples};

/// The splits of a data set.
#[derive(Debug, Clone)]
pub struct Sets<T> {
    /// The training set.
    pub training: T,
    /// The held-out part of the training images, if any.
    pub validation: Option<T>,
    /// The test set.
    pub test: T,
}

/// The samples that a run takes from images: themselves, or the latents that the encoder of
/// `source` gives them, `latent` values each.
pub(super) async fn samples(
    images: Sets<Images>,
    source: &mut Option<Source>,
    latent: usize,
    device: &Device,
    resident: bool,
) -> Result<Sets<Samples>, TrainingError> {
    let Sets { training, validation, test } = images;
    let training = match source {
        // All sets use the scale of the training latents.
        Some(source) => {
            let latents = Latents::of(training, &source.encoder, latent, None, device).await?;
            source.scale = Some(latents.scale().clone());
            Samples::Latents(latents)
        }
        None if resident => Samples::resident(training, &device.clone().autodiff()),
        None => Samples::images_of(training),
    };
    let source = &*source;
    let held_out = async |images: Images| match source {
        Some(Source { encoder, scale, .. }) => {
            Ok(Samples::Latents(Latents::of(images, encoder, latent, scale.clone(), device).await?))
        }
        None => Ok::<_, TrainingError>(Samples::images_of(images)),
    };
    let validation = match validation {
        Some(images) => Some(held_out(images).await?),
        None => None,
    };
    Ok(Sets { training, validation, test: held_out(test).await? })
}
