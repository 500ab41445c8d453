//! One training run, step by step. It knows neither files nor clocks, and every read from the device can wait.

mod error;
mod export;
mod meter;
mod prior;
mod run;
mod source;
mod state;
#[cfg(all(test, feature = "flex", feature = "yaml"))]
mod tests;

pub use error::TrainingError;
pub use export::{Export, export};
pub use meter::{Meter, NonFinite, Sum};
pub use prior::fit as fit_prior;
pub use run::{End, Run, Sets};
pub use source::{Source, SourceError};
pub use state::{Snapshot, State};
