//! Our own CPU operations.
//!
//! Burn's CPU backend writes a matrix of windows for a convolution, and makes one more pass over
//! memory for every activation. These kernels read images in place, the channels of a pixel
//! adjacent, and apply bias and activation to sums in registers. They have their own gradients.
//!
//! Every function returns `None` for tensors that are not on the CPU, or if the kernels are not
//! compiled. Sums over a batch do not depend on the number of threads.

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
