//! Training: one readable loop, and the shared things that it calls.

mod meter;
mod progress;
mod reconstruction;
mod stop;

pub use reconstruction::{Session, train};
pub use stop::Stop;
