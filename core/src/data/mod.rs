//! Data sets in memory: synthetic ones, and published ones from their bytes.

mod augment;
mod error;
mod files;
pub mod idx;
mod images;
mod published;
#[cfg(feature = "train")]
mod resident;
#[cfg(feature = "train")]
mod samples;
mod stacked;
mod statistics;
pub mod synthetic;

pub use error::DataError;
pub use files::{shuffle_files, split_files};
pub use idx::IdxError;
pub use images::{Images, Resize, SIDE};
pub use published::{FASHION_MNIST_SHA256, IDX_FILES, MNIST_SHA256, checksums};
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
