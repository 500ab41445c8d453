//! Our own CPU operations.
//!
//! Burn's CPU backend writes a matrix of windows for a convolution, and makes one more pass over memory for every
//! activation. These kernels read images in place, keep sums in registers, apply bias and activation before a result leaves
//! them, and have their own gradients. In memory, the channels of a pixel are adjacent.
//!
//! Every function returns `None` for tensors that are not on the CPU, and where the kernels are not compiled; callers then
//! use Burn's operations. All of it is safe Rust: `pulp` provides vectors of the CPU's width. Sums over a batch do not depend
//! on the number of threads.

pub(crate) mod slices;

#[cfg(all(feature = "train", not(feature = "kernel")))]
#[path = "absent.rs"]
mod native;
#[cfg(feature = "kernel")]
mod native;

#[cfg(feature = "train")]
pub(crate) use native::{activate, batch_norm, conv_transpose2d, conv2d, dropout, max_pool2d, normalize};

/// How a window slides.
#[cfg(feature = "train")]
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(feature = "kernel"), allow(dead_code))]
pub(crate) struct Window {
    pub stride: [usize; 2],
    pub dilation: [usize; 2],
    /// Rows above the image and columns left of it.
    pub before: [usize; 2],
    /// Height and width of the result.
    pub size: [usize; 2],
}

/// Mean and variance of each channel of a batch.
#[cfg(feature = "train")]
#[derive(Debug, Clone)]
#[cfg_attr(not(feature = "kernel"), allow(dead_code))]
pub(crate) struct BatchStatistics {
    pub mean: Vec<f32>,
    pub variance: Vec<f32>,
}
