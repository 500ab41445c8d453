//! What computes: Burn modules, built from a plan whose shapes are known to fit.

mod activation;
mod sequential;
mod spectral;
mod start;
mod value;

pub use activation::Activation;
pub use sequential::Sequential;
pub(crate) use sequential::{build, pass};
pub use spectral::Spectral;
pub use start::{Initial, Start};
pub use value::{Forward, Value, detach};
pub(crate) use value::{activation, any_rank};
