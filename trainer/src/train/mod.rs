//! Training: one readable loop, and the shared things that it calls.

mod meter;
mod progress;
mod samples;
mod stop;
mod studio;
mod training;

pub use meter::Sum;
pub use progress::{Progress, Voice};
pub use samples::{Codes, Samples, encoder};
pub use stop::Stop;
pub use studio::Studio;
pub use training::{Session, train};
