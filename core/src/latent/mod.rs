//! The distributions that latents are drawn from.

mod kind;
mod mixture;
mod packed;
mod prior;

pub use kind::PriorKind;
pub use mixture::Mixture;
pub use prior::{LatentRequest, Prior, mean_and_std};
