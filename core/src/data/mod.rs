//! Data sets in memory: synthetic ones, and published ones from their bytes.

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
