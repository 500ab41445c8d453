//! What a run shows: pictures and arrays.

mod grid;
mod npy;
pub mod reference;
pub mod summary;

pub use grid::png_grid;
pub use npy::npy;
