//! A training run, step by step, without files or clocks. Every read from the device is async.

mod error;
mod export;
mod meter;
mod prior;
mod run;
mod sets;
mod snapshot;
mod source;
mod state;
#[cfg(all(test, feature = "flex", feature = "yaml"))]
mod tests;

pub use error::TrainingError;
pub use export::{Export, export};
pub use meter::{Meter, NonFinite, Sum};
pub use prior::fit as fit_prior;
pub use run::{End, Run};
pub use sets::Sets;
pub use snapshot::SnapshotError;
pub use source::{Source, SourceError};
pub use state::{Snapshot, State};
