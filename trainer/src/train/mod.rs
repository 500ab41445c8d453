//! Training: the loop, its output and its files.

mod progress;
mod reporter;
mod speed;
mod stop;
mod training;

pub use progress::{Progress, Verbosity};
pub use reporter::SAMPLE_SCALE;
pub use speed::{Speed, measure};
pub use stop::Stop;
pub use training::{Session, train};
