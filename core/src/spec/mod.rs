//! What a person writes: a pipeline, as its YAML file spells it.
//!
//! Everything has a default but what defines the experiment. Unknown keys are errors.

mod data;
mod model;
#[cfg(feature = "yaml")]
mod position;
mod train;
#[cfg(feature = "yaml")]
mod yaml;

pub use data::{Data, Set};
pub use model::{Autoencoder, Family, Model, Reconstruction, ReconstructionLoss, Vae, VaeLoss};
pub use train::{Adam, Optimizer, Train};
#[cfg(feature = "yaml")]
pub use yaml::{Override, SpecError, read};

use serde::Serialize;

/// One file: what to train, on what, and how.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pipeline {
    /// Names runs and artifacts: letters, digits, `-` and `_`.
    pub name: String,
    /// The images.
    pub data: Data,
    /// The networks and their loss.
    pub model: Model,
    /// How long and how fast.
    pub train: Train,
}
