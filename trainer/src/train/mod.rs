//! Training: one readable loop, and the shared things that it calls.

mod families;
mod meter;
mod progress;
mod resident;
mod samples;
mod speed;
mod stop;
mod studio;
mod training;

pub use families::{Work, with_learner};
pub use meter::Sum;
pub use progress::{Progress, Voice};
pub use samples::{Codes, Samples, encode, encoder, enough, plain};
pub use speed::{Measurement, Speed, Trial};
pub use stop::Stop;
pub use studio::{SAMPLE_SCALE, Studio};
pub use training::{Session, train};
