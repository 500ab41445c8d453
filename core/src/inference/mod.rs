//! What trained networks are used for: samples, latents of images, classes.

#[cfg(feature = "train")]
pub(crate) mod condition;
#[cfg(feature = "train")]
mod encoder;
mod output;
#[cfg(feature = "train")]
mod sampler;

#[cfg(feature = "train")]
pub use encoder::{Encoder, TrainedNetwork, heads};
pub use output::{Output, sample_classes};
#[cfg(feature = "train")]
pub use sampler::{ImageClassifier, Sampler, one_hot, to_pixel_range};
