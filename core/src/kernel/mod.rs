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
