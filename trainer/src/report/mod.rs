//! What a run shows: pictures and arrays.

mod confusion;
mod grid;
mod npy;
pub mod reference;
pub mod summary;

pub use confusion::confusion_png;
pub use grid::png_grid;
pub use npy::npy;
