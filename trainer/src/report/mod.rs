//! Files that a run produces: images, charts, arrays and tables.

mod animation;
mod chart;
mod columns;
mod confusion;
mod curves;
mod events;
mod grid;
mod npy;
pub mod reference;
mod scatter;
pub mod summary;

pub use animation::animation;
pub use columns::columns;
pub use confusion::confusion_png;
pub use curves::{Line, Panel, curves_svg};
pub use events::Events;
pub use grid::{png_grid, png_rows};
pub use npy::npy;
pub use scatter::scatter_svg;
