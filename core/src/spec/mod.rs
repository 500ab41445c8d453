//! What a person writes: a pipeline, as its YAML file spells it.
//!
//! Everything has a default but what defines the experiment. Unknown keys are errors.

mod data;
mod model;
#[cfg(feature = "yaml")]
mod names;
#[cfg(feature = "yaml")]
mod node;
#[cfg(feature = "yaml")]
mod position;
#[cfg(feature = "yaml")]
mod repair;
#[cfg(feature = "yaml")]
mod schema;
mod train;
#[cfg(feature = "yaml")]
mod yaml;

pub use data::{Augment, Data, Range, Set};
pub use model::{
    Adversarial, Augmentation, Autoencoder, ByClass, Classifier, Condition, CrossEntropy, Family, Figure, Game, Gan,
    Kl, LatentGan, LatentVae, LatentVaeLoss, Model, Penalty, PriorKind, Reconstruction, ReconstructionLoss, Vae,
    VaeGan, VaeGanLoss, VaeLoss, family,
};
#[cfg(feature = "yaml")]
pub use names::nearest;
#[cfg(feature = "yaml")]
pub use repair::MAX_PROBLEMS;
#[cfg(feature = "yaml")]
pub use schema::schema;
pub use train::{Adam, EarlyStop, OnNan, Optimizer, Schedule, StepDecay, Train};
#[cfg(feature = "yaml")]
pub use yaml::{Finding, Override, Place, Reading, Severity, read, text, too_long};

use serde::Serialize;

/// One file: what to train, on what, and how.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Pipeline {
    /// Names runs and artifacts: 1 to 64 letters, digits, `-` and `_`.
    pub name: String,
    /// The images.
    pub data: Data,
    /// The networks and their loss.
    pub model: Model,
    /// How long and how fast.
    #[serde(default)]
    pub train: Train,
}
