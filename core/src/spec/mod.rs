//! The `data` and `train` parts of a pipeline, the same for every family. Unknown keys are errors.

mod data;
mod metric;
mod train;

pub use data::{Augment, Data, PixelRange, PixelRangeError, Set};
pub use metric::Metric;
pub use train::{Adam, EarlyStop, OnNan, Optimizer, Schedule, StepDecay, Train};
