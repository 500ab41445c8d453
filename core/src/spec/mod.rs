//! The parts of a pipeline that are the same for every family, as its YAML file spells them.
//!
//! Everything has a default but what defines the experiment. Unknown keys are errors.

mod data;
mod metric;
mod train;

pub use data::{Augment, Data, PixelRange, Set};
pub use metric::Metric;
pub use train::{Adam, EarlyStop, OnNan, Optimizer, Schedule, StepDecay, Train};
