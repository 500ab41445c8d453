//! What models with one loss minimise.

use burn::module::Module;
use burn::tensor::Tensor;

use super::{Batch, Losses, Moment};

/// A model whose networks all follow the gradient of one loss.
pub trait Objective: Module {
    /// The loss of a batch, `[1]`, and its parts. Nothing is read back from the device.
    fn loss(&self, batch: Batch, moment: &mut Moment) -> (Tensor<1>, Losses);
}
