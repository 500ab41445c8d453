//! The images that models learn from, in memory: drawn by the program itself, or read from the bytes of published sets.

mod augment;
pub mod idx;
mod images;
#[cfg(feature = "train")]
mod resident;
#[cfg(feature = "train")]
mod samples;
mod stacked;
mod statistics;
pub mod synthetic;

pub use idx::IdxError;
pub use images::{DataError, Images, Resize, SIDE, Split};
#[cfg(feature = "train")]
pub use samples::{Batch, Latents, Samples, Scale, encode, plain};
pub use statistics::Statistics;
