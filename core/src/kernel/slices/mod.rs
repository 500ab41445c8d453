//! Loops over plain numbers: blocks of results that stay in registers (`tile`), and what a batch makes of them (`convolve`).
//!
//! Whatever computes on the processor ends here: Burn's tensors through `native`, and a `Program` without Burn.

#![cfg_attr(not(feature = "kernel"), allow(dead_code))] // training needs more than a program does

mod activation;
mod convolve;
mod geometry;
mod instructions;
mod tile;

#[cfg(feature = "kernel")]
pub(crate) use activation::add_rows;
pub(crate) use convolve::{Convolution, Product};
#[cfg(feature = "kernel")]
pub(crate) use convolve::{to_grid, to_image, to_weights};
pub(crate) use geometry::{Geometry, Images};
#[cfg(feature = "kernel")]
pub(crate) use instructions::arch;
#[cfg(all(test, feature = "kernel"))]
pub(crate) use instructions::with_each;

/// Into how many parts sums over a batch are divided, whatever the number of threads, so that results are the same.
pub(crate) const PARTS: usize = 16;
