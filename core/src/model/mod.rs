//! The families of models: what each resolves to, what it minimises, how one step of training goes, how it samples.

mod autoencoder;
#[cfg(feature = "train")]
mod learner;
mod loss;
mod plan;
mod prior;
#[cfg(feature = "train")]
mod restore;
mod sampler;
mod vae;
#[cfg(feature = "yaml")]
mod warnings;

pub use autoencoder::Autoencoder;
#[cfg(feature = "train")]
pub use learner::{Learner, LearnerError};
pub use loss::{Loss, Objective, bce_with_logits, gaussian_kl, squared_error};
pub use plan::Plan;
pub(crate) use plan::generator;
pub use prior::Prior;
#[cfg(feature = "train")]
pub use restore::restore;
pub use sampler::{Output, Sampler};
pub use vae::Vae;
#[cfg(feature = "yaml")]
pub(crate) use warnings::warnings;
