//! What computes: Burn modules, built from a plan whose shapes are known to fit.

mod conv_transpose2d;
mod sequential;
mod start;

pub use conv_transpose2d::{ConvTranspose2d, Cut};
pub use sequential::{Flatten, Layer, Reshape, Sequential, Value};
pub use start::Start;
