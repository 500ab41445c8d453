//! Data sets in memory: synthetic ones, and published ones from their bytes.

mod augment;
mod error;
pub mod idx;
mod images;
#[cfg(feature = "train")]
mod resident;
#[cfg(feature = "train")]
mod samples;
mod stacked;
mod statistics;
pub mod synthetic;

pub use error::DataError;
pub use idx::IdxError;
pub use images::{Images, Resize, SIDE};
#[cfg(feature = "train")]
pub use samples::{Batch, Latents, Samples, Scale, encode, plain};
pub use statistics::Statistics;

/// A split of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// For training.
    Training,
    /// Held out of the training images.
    Validation,
    /// For testing.
    Test,
}

impl Split {
    /// The name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}
