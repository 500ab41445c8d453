//! The families of models: what each resolves to, what it minimises, how one step of training goes, how it samples.

#[cfg(feature = "train")]
mod augment;
#[cfg(feature = "train")]
mod autoencoder;
#[cfg(feature = "train")]
mod average;
#[cfg(feature = "train")]
mod batch;
#[cfg(feature = "train")]
mod classifier;
#[cfg(feature = "train")]
mod condition;
#[cfg(feature = "train")]
mod critic;
#[cfg(feature = "train")]
mod encoder;
#[cfg(feature = "train")]
mod gan;
#[cfg(feature = "train")]
mod learner;
#[cfg(feature = "train")]
mod loss;
mod mixture;
#[cfg(feature = "train")]
mod objective;
mod output;
mod packed;
mod plan;
mod prior;
#[cfg(feature = "train")]
mod restore;
#[cfg(feature = "train")]
mod sampler;
#[cfg(all(test, feature = "flex", feature = "train", feature = "yaml"))]
mod testing;
#[cfg(feature = "train")]
mod vae;
#[cfg(feature = "train")]
mod vae_gan;
#[cfg(feature = "yaml")]
mod warnings;

#[cfg(feature = "train")]
pub use autoencoder::Autoencoder;
#[cfg(feature = "train")]
pub use batch::{Batch, Losses, Moment};
#[cfg(feature = "train")]
pub use classifier::Classifier;
#[cfg(feature = "train")]
pub use encoder::{Encoder, Part, heads};
#[cfg(feature = "train")]
pub use gan::Duel;
#[cfg(feature = "train")]
pub use learner::{Exam, Learner, LearnerError, Saved, Solo};
#[cfg(feature = "train")]
pub use loss::{absolute_error, bce_with_logits, cross_entropy, gaussian_kl, gaussian_nll, squared_error};
pub use mixture::Mixture;
#[cfg(feature = "train")]
pub use objective::Objective;
pub use output::{Output, asked};
pub use plan::Plan;
pub(crate) use plan::generator;
pub use prior::{Draws, Prior, moments};
#[cfg(feature = "train")]
pub use restore::{Trained, restore};
#[cfg(feature = "train")]
pub use sampler::{Judge, Sampler, one_hot, seen};
#[cfg(feature = "train")]
pub use vae::Vae;
#[cfg(feature = "train")]
pub use vae_gan::VaeGan;
#[cfg(feature = "yaml")]
pub(crate) use warnings::warnings;
