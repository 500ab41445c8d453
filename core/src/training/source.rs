//! The model whose latents another one learns.

use burn::tensor::Device;

use super::TrainingError;
use crate::artifact::Artifact;
use crate::data::{Images, Scale};
use crate::inference::Encoder;

/// Why the latents of a model cannot be learned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// It makes no images.
    #[error("{0} is a classifier: it has no codes")]
    Classifier(String),
    /// It knows classes.
    #[error("{0} is conditional; codes are learned of models without a condition")]
    Conditional(String),
    /// It has no encoder.
    #[error(
        "{0} has no encoder that could make codes of images; name the run of a vae, autoencoder or vae-gan, or export \
         it with `imago export RUN --to FOLDER --encoder`"
    )]
    NoEncoder(String),
    /// Its latents have another length.
    #[error(
        "the codes of {from} have {latent} values, but the model gives {code}; its last layer must be `linear: {latent}`"
    )]
    Length {
        /// The source.
        from: String,
        /// Values of its latents.
        latent: usize,
        /// Values that the model gives.
        code: usize,
    },
    /// It learned from other images.
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
    /// Mean and standard deviation of every latent value of the training images, once these are encoded.
    pub(super) scale: Option<Scale>,
}

impl Source {
    /// Checks that the latents of `artifact`, which is called `from`, have `code` values and can be learned from images like these.
    ///
    /// # Errors
    /// They cannot.
    pub fn new(
        artifact: Artifact,
        from: &str,
        code: usize,
        images: &Images,
        device: &Device,
    ) -> Result<Self, TrainingError> {
        let (manifest, from) = (&artifact.manifest, from.to_owned());
        let Some(generator) = &manifest.generator else { return Err(SourceError::Classifier(from).into()) };
        if generator.classes > 0 {
            return Err(SourceError::Conditional(from).into());
        }
        let (Some(encoder), Some(reader)) = (artifact.encoder(device)?, &manifest.encoder) else {
            return Err(SourceError::NoEncoder(from).into());
        };
        if generator.latent != code {
            return Err(SourceError::Length { from, latent: generator.latent, code }.into());
        }
        let ends = |range| <[f64; 2]>::from(range).map(|end| end as i8);
        let ours = (images.set().title().to_owned(), images.shape(), ends(images.range()));
        let theirs = (manifest.data.set.clone(), manifest.data.image, ends(reader.range));
        if ours != theirs {
            return Err(SourceError::Data { from, theirs: theirs.into(), ours: ours.into() }.into());
        }
        Ok(Self { artifact, encoder, scale: None })
    }
}
