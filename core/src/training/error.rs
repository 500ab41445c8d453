//! Why a training cannot go on.

use burn::tensor::ExecutionError;

use super::{NonFinite, SourceError};
use crate::artifact::ArtifactError;
use crate::family::TrainerError;
use crate::weights::WeightsError;

/// Why a training cannot begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    /// A loss or a weight is no longer a finite number.
    #[error(transparent)]
    NonFinite(#[from] NonFinite),
    /// The device cannot be read.
    #[error("the device cannot be read: {0}")]
    Device(String),
    /// Weights cannot be packed, or are not those of the model.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// What was saved is not of this model.
    #[error(transparent)]
    Trainer(#[from] TrainerError),
    /// Latents of the source cannot be learned.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The model cannot be exported, or its source cannot be used.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// There are fewer images than a discriminator scores together.
    #[error("{packing} images are judged together, but there are only {images}: lower model.game.packing")]
    Packing {
        /// Images that are scored together.
        packing: usize,
        /// Training images.
        images: usize,
    },
    /// A classifier has no samples.
    #[error("a classifier makes no images")]
    NoImages,
}

impl From<ExecutionError> for TrainingError {
    fn from(error: ExecutionError) -> Self {
        Self::Device(error.to_string())
    }
}
