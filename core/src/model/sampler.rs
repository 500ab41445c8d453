//! From a seed to pictures: the part of a model that is shipped.

use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::Prior;
use crate::nn::{Sequential, Value};

/// What turns the values of a generator into pixels between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Output {
    /// The values are logits.
    Sigmoid,
    /// The values are pixels; what lies outside of 0 to 1 is cut off.
    Identity,
    /// The values are pixels between −1 and 1; what lies outside is cut off.
    Signed,
}

impl Output {
    /// Pixels between 0 and 1.
    pub fn pixels(self, values: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Sigmoid => sigmoid(values),
            Self::Identity => values.clamp(0.0, 1.0),
            Self::Signed => ((values + 1.0) * 0.5).clamp(0.0, 1.0),
        }
    }
}

/// A generator with all that is needed to draw from it.
#[derive(Debug)]
pub struct Sampler {
    generator: Sequential,
    latent: usize,
    prior: Prior,
    output: Output,
    device: Device,
}

impl Sampler {
    /// A sampler of `generator`, which takes `latent` values and lives on `device`.
    pub fn new(generator: Sequential, latent: usize, prior: Prior, output: Output, device: Device) -> Self {
        Self { generator, latent, prior, output, device }
    }

    /// The samples `first .. first + count` of `seed`: `[count, channels, height, width]`, pixels in 0 to 1.
    ///
    /// Sample number `i` of a seed is the same picture whatever `first` and `count` are, on every device up to rounding.
    pub fn sample(&self, seed: u64, first: u64, count: usize) -> Tensor<4> {
        self.decode(self.prior.draw(seed, first, count, self.latent, &self.device))
    }

    /// The pictures of `latents`, `[count, latent]` → `[count, channels, height, width]`, pixels in 0 to 1.
    pub fn decode(&self, latents: Tensor<2>) -> Tensor<4> {
        self.output.pixels(self.generator.forward(Value::Flat(latents)).image())
    }

    /// Number of latent values.
    pub fn latent(&self) -> usize {
        self.latent
    }
}
