//! What one step of training is given, and what it tells.

use burn::tensor::Tensor;

use crate::nn::Value;
use crate::noise::{Noise, Purpose};

/// Samples to learn from.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Images, `[batch, channels, height, width]` in the range of the data, or codes, `[batch, values]`.
    pub samples: Value,
    /// The class of each as a row with a single 1: `[batch, classes]`.
    pub classes: Tensor<2>,
}

/// Where a training stands when a step is taken, and what the step may draw from.
#[derive(Debug)]
pub struct Moment {
    /// Steps taken before this one.
    pub step: u64,
    /// What learning rates are multiplied by: see [`Train::rate`](crate::spec::Train::rate).
    pub rate: f64,
    /// The randomness of this step and of no other.
    pub noise: Noise,
}

impl Moment {
    /// Step number `step`, from 0, of a training with `seed`.
    pub fn new(seed: u64, step: u64, rate: f64) -> Self {
        Self { step, rate, noise: Noise::of(Purpose::Step, seed, step) }
    }
}

/// What a step measured, by name: `[1]` each, still on the device. The same names come in the same order at every step, but one that a
/// step does not measure is left out.
pub type Losses = Vec<(&'static str, Tensor<1>)>;
