//! What computes: Burn modules, built from a plan whose shapes are known to fit.

mod sequential;
mod spectral;
mod start;
mod value;

pub use sequential::Sequential;
pub(crate) use sequential::{build, pass};
pub use spectral::Spectral;
pub use start::{Initial, Start};
pub(crate) use value::any_rank;
pub use value::{Forward, Value, detach};
