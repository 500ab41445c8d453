//! The kernels as operations of Burn, with gradients.

mod dropout;
mod layout;
mod norm;
mod op;
mod parts;
mod pool;
#[cfg(test)]
mod tests;
mod window;

pub(crate) use dropout::dropout;
pub(crate) use norm::{batch_norm, normalize};
pub(crate) use pool::max_pool2d;
pub(crate) use window::{activate, conv_transpose2d, conv2d};

use super::{BatchStatistics, Window};
