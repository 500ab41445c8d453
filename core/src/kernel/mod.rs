//! Operations of our own for the processor.
//!
//! Burn's processor backend computes a convolution through a matrix of windows in memory and its gradients through
//! other convolutions of awkward shapes, and every activation as one more pass over memory. What is here reads pictures
//! where they lie, keeps sums in registers, applies bias and activation before a result leaves them, and has gradients
//! of its own. Tensors keep their meaning, `[batch, channels, height, width]`; only in memory the channels of a pixel
//! lie side by side.
//!
//! Every function gives nothing for tensors that are not on the processor, or where these operations are not compiled;
//! then Burn's own are the way. Everything is safe Rust: `pulp` gives vectors of whatever width the processor has. Sums
//! over a batch are formed in an order that depends on neither the number of threads nor chance.

#[cfg(not(feature = "kernel"))]
mod absent;
#[cfg(feature = "kernel")]
mod activation;
#[cfg(feature = "kernel")]
mod convolve;
#[cfg(feature = "kernel")]
mod dropout;
#[cfg(feature = "kernel")]
mod geometry;
#[cfg(feature = "kernel")]
mod instructions;
#[cfg(feature = "kernel")]
mod layout;
#[cfg(feature = "kernel")]
mod norm;
#[cfg(feature = "kernel")]
mod op;
#[cfg(feature = "kernel")]
mod parts;
#[cfg(feature = "kernel")]
mod pool;
#[cfg(all(test, feature = "kernel"))]
mod tests;
#[cfg(feature = "kernel")]
mod tile;
#[cfg(feature = "kernel")]
mod window;

#[cfg(not(feature = "kernel"))]
pub(crate) use absent::{activate, batch_norm, conv_transpose2d, conv2d, dropout, max_pool2d, normalize};
#[cfg(feature = "kernel")]
pub use convolve::{to_grid, to_image, to_weights};
#[cfg(feature = "kernel")]
pub(crate) use dropout::dropout;
#[cfg(feature = "kernel")]
pub use geometry::{Geometry, Pictures};
#[cfg(feature = "kernel")]
pub(crate) use norm::{batch_norm, normalize};
#[cfg(feature = "kernel")]
pub(crate) use pool::max_pool2d;
#[cfg(feature = "kernel")]
pub(crate) use window::{activate, conv_transpose2d, conv2d};

/// How a window slides.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub stride: [usize; 2],
    pub dilation: [usize; 2],
    /// Rows above the image and columns left of it.
    pub before: [usize; 2],
    /// Height and width of the result.
    pub size: [usize; 2],
}

/// Mean and variance of each channel of a batch.
#[derive(Debug, Clone)]
pub(crate) struct BatchStatistics {
    pub mean: Vec<f32>,
    pub variance: Vec<f32>,
}
