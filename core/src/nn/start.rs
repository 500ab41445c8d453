//! The weights that a network begins with.

use burn::module::{Initializer, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Linear, PaddingConfig2d};
use burn::tensor::{Device, Tensor, TensorData};

use super::{ConvTranspose2d, Cut};
use crate::noise::{Noise, Purpose};

/// Makes weighted layers on a device, with weights drawn from a seed or with zeros that are about to be overwritten.
///
/// The numbers are drawn by [`Noise`] and not by the device, so training begins with the same bits on every one.
#[derive(Debug)]
pub struct Start<'a> {
    device: &'a Device,
    noise: Option<Noise>,
}

impl<'a> Start<'a> {
    /// Random weights of network number `network` of a model.
    pub fn seeded(seed: u64, network: u64, device: &'a Device) -> Self {
        Self { device, noise: Some(Noise::of(Purpose::Weights, seed, network)) }
    }

    /// Zeros, for weights that are loaded next. Nothing is allocated until they are used.
    pub fn zeros(device: &'a Device) -> Self {
        Self { device, noise: None }
    }

    pub(crate) fn device(&self) -> &Device {
        self.device
    }

    /// Weights from Glorot's uniform distribution, between ±√(6 / (fan in + fan out)).
    ///
    /// Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks" (2010); also Keras'
    /// default.
    fn glorot<const D: usize>(&mut self, shape: [usize; D], fans: [usize; 2]) -> Param<Tensor<D>> {
        let Some(noise) = &mut self.noise else {
            return Initializer::Zeros.init(shape, self.device);
        };
        let limit = libm::sqrtf(6.0 / (fans[0] + fans[1]) as f32);
        let values = shape.iter().product();
        let values: Vec<f32> = (0..values).map(|_| (2.0 * noise.uniform() - 1.0) * limit).collect();
        Param::from_data(TensorData::new(values, shape), self.device)
    }

    fn bias(&self, length: usize) -> Param<Tensor<1>> {
        Initializer::Zeros.init([length], self.device)
    }

    pub(crate) fn linear(&mut self, inputs: usize, units: usize, bias: bool) -> Linear {
        Linear { weight: self.glorot([inputs, units], [inputs, units]), bias: bias.then(|| self.bias(units)) }
    }

    pub(crate) fn conv2d(
        &mut self,
        [channels, filters]: [usize; 2],
        kernel: [usize; 2],
        stride: [usize; 2],
        (top, left, bottom, right): (usize, usize, usize, usize),
        bias: bool,
    ) -> Conv2d {
        let window = kernel[0] * kernel[1];
        let layer = Conv2dConfig::new([channels, filters], kernel)
            .with_stride(stride)
            .with_padding(PaddingConfig2d::Explicit(top, left, bottom, right))
            .with_bias(false)
            .with_initializer(Initializer::Zeros)
            .init(self.device);
        Conv2d {
            weight: self.glorot([filters, channels, kernel[0], kernel[1]], [channels * window, filters * window]),
            bias: bias.then(|| self.bias(filters)),
            ..layer
        }
    }

    pub(crate) fn conv_transpose2d(
        &mut self,
        [channels, filters]: [usize; 2],
        kernel: [usize; 2],
        stride: [usize; 2],
        cut: Cut,
        bias: bool,
    ) -> ConvTranspose2d {
        let window = kernel[0] * kernel[1];
        let weight = self.glorot([channels, filters, kernel[0], kernel[1]], [channels * window, filters * window]);
        ConvTranspose2d { weight, bias: bias.then(|| self.bias(filters)), stride, before: cut.before, size: cut.size }
    }
}
