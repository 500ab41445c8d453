//! Our operations: loops over slices (`tile`), what a batch makes of them (`convolve`, `norm`, `pool`, `dropout`), and how
//! Burn comes to them (`op`, `window`, `layout`).

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
