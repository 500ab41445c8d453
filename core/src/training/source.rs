//! The model whose latents a latent family learns.

use burn::tensor::Device;

use super::TrainingError;
use crate::artifact::Artifact;
use crate::data::{Images, Scale};
use crate::inference::Encoder;

/// Why the latents of a model cannot be learned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// It is a classifier.
    #[error("{0} is a classifier: it has no latents")]
    Classifier(String),
    /// It is conditional.
    #[error("{0} is conditional; only the latents of an unconditional model can be learned")]
    Conditional(String),
    /// It has no encoder.
    #[error("{0} has no encoder; name the run of a vae, autoencoder or vae-gan, or export it with its encoder")]
    NoEncoder(String),
    /// Its latents have another length.
    #[error(
        "the latents of {from} have {latent} values, but the model outputs {output}; its last layer must be \
         `linear: {latent}`"
    )]
    Length {
        /// The source.
        from: String,
        /// Values of its latents.
        latent: usize,
        /// Values that the model outputs.
        output: usize,
    },
    /// It was trained on other images.
    #[error(
        "{from} was trained on {} images {:?} in the range {:?}, but the pipeline has {} {:?} in {:?}; `data` must be the same",
        .theirs.0, .theirs.1, .theirs.2, .ours.0, .ours.1, .ours.2
    )]
    Data {
        /// The source.
        from: String,
        /// The set, the shape of its images and their range.
        theirs: Box<(String, [usize; 3], [i8; 2])>,
        /// Those of the pipeline.
        ours: Box<(String, [usize; 3], [i8; 2])>,
    },
}

/// The model whose latents are learned, with its encoder.
#[derive(Debug, Clone)]
pub struct Source {
    /// The model.
    pub artifact: Artifact,
    /// From images to latents.
    pub encoder: Encoder,
    /// The scale of the training latents, once they are encoded.
    pub(super) scale: Option<Scale>,
}

impl Source {
    /// Checks that the latents of `artifact`, named `from` in messages, have `output` values and
    /// that it was trained on such images.
    ///
    /// # Errors
    /// They cannot be learned.
    pub fn new(
        artifact: Artifact,
        from: &str,
        output: usize,
        images: &Images,
        device: &Device,
    ) -> Result<Self, TrainingError> {
        let (manifest, from) = (&artifact.manifest, from.to_owned());
        let Some(generator) = &manifest.generator else { return Err(SourceError::Classifier(from).into()) };
        if generator.classes > 0 {
            return Err(SourceError::Conditional(from).into());
        }
        let (Some(encoder), Some(declared)) = (artifact.encoder(device)?, &manifest.encoder) else {
            return Err(SourceError::NoEncoder(from).into());
        };
        if generator.latent != output {
            return Err(SourceError::Length { from, latent: generator.latent, output }.into());
        }
        let ends = |range| <[f64; 2]>::from(range).map(|end| end as i8);
        let ours = (images.set().title().to_owned(), images.shape(), ends(images.range()));
        let theirs = (manifest.data.set.clone(), manifest.data.image, ends(declared.range));
        if ours != theirs {
            return Err(SourceError::Data { from, theirs: theirs.into(), ours: ours.into() }.into());
        }
        Ok(Self { artifact, encoder, scale: None })
    }
}
