//! Loops over slices, for Burn's tensors through `native` and for a `Program`.

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

/// Parts of a sum over a batch, whatever the number of threads, so that results are reproducible.
pub(crate) const PARTS: usize = 16;
