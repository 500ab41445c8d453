//! Errors of training.

use burn::tensor::ExecutionError;

use super::{NonFinite, SnapshotError, SourceError};
use crate::artifact::ArtifactError;
use crate::family::TrainerError;
use crate::weights::WeightsError;

/// Why training cannot start or continue.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    /// A loss or a weight is not finite.
    #[error(transparent)]
    NonFinite(#[from] NonFinite),
    /// The device cannot be read.
    #[error("the device cannot be read: {0}")]
    Device(String),
    /// Weights cannot be packed, or do not fit the model.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// A saved state does not fit the model.
    #[error(transparent)]
    Trainer(#[from] TrainerError),
    /// Bytes are not a snapshot.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The latents of the source cannot be learned.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The model cannot be exported, or its source cannot be used.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// There are fewer images than a discriminator scores together.
    #[error("{packing} images are scored together, but there are only {images}: lower model.game.packing")]
    Packing {
        /// Images that are scored together.
        packing: usize,
        /// Training images.
        images: usize,
    },
    /// A classifier has no samples.
    #[error("a classifier generates no images")]
    NoImages,
    /// Latents that are not whole rows, or not as many rows as classes.
    #[error("{values} values and {classes} classes are not rows of {width} latent values with a class each")]
    Latents {
        /// Values in all.
        values: usize,
        /// Values of a latent.
        width: usize,
        /// Classes.
        classes: usize,
    },
}

impl From<ExecutionError> for TrainingError {
    fn from(error: ExecutionError) -> Self {
        Self::Device(error.to_string())
    }
}
