//! What latents are drawn from.

mod kind;
mod mixture;
mod packed;
mod prior;

pub use kind::PriorKind;
pub use mixture::Mixture;
pub use prior::{Draws, Prior, moments};
