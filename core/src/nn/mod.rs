//! What computes: Burn modules, built from a plan whose shapes are known to fit.

mod activation;
mod initial;
#[cfg(feature = "train")]
mod sequential;
#[cfg(feature = "train")]
mod spectral;
#[cfg(feature = "train")]
mod start;
#[cfg(feature = "train")]
mod value;

pub use activation::Activation;
pub use initial::Initial;
#[cfg(feature = "train")]
pub use sequential::Sequential;
#[cfg(feature = "train")]
pub(crate) use sequential::{build, pass};
#[cfg(feature = "train")]
pub use spectral::Spectral;
#[cfg(feature = "train")]
pub use start::Start;
#[cfg(feature = "train")]
pub use value::{Forward, Value, detach};
#[cfg(feature = "train")]
pub(crate) use value::{activation, any_rank};
