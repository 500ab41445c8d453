//! The weights that a network begins with.

use std::collections::BTreeMap;

use burn::module::{Initializer, Param, RunningState};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, PaddingConfig2d};
use burn::tensor::{Device, Tensor, TensorData};

use super::{ConvTranspose2d, Cut};
use crate::noise::{Noise, Purpose};

/// Makes weighted layers on a device, with weights that are drawn from a seed, loaded, or zero.
///
/// The numbers are drawn by [`Noise`] and not by the device, so training begins with the same bits on every one.
#[derive(Debug)]
pub struct Start<'a> {
    device: &'a Device,
    source: Source,
    /// The layer that is being built, counted from 0.
    layer: usize,
}

#[derive(Debug)]
enum Source {
    Drawn(Box<Noise>),
    Zeros,
    Loaded {
        /// Weights that no layer has taken yet.
        tensors: BTreeMap<String, TensorData>,
        /// What was missing or had another shape.
        faults: Vec<String>,
    },
}

/// What a weight is before it has learned anything.
enum Fresh {
    /// Glorot's uniform distribution, between ±√(6 / (fan in + fan out)).
    ///
    /// Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks" (2010); also Keras'
    /// default.
    Glorot([usize; 2]),
    Zeros,
    Ones,
}

impl<'a> Start<'a> {
    /// Random weights of network number `network` of a model.
    pub fn seeded(seed: u64, network: u64, device: &'a Device) -> Self {
        Self::from(Source::Drawn(Box::new(Noise::of(Purpose::Weights, seed, network))), device)
    }

    /// Zeros, for weights that are replaced next. Nothing is allocated until they are used.
    pub fn zeros(device: &'a Device) -> Self {
        Self::from(Source::Zeros, device)
    }

    /// The weights of one network by their names, such as `layers.0.weight`. [`Self::finish`] tells whether they fitted.
    pub(crate) fn loaded(tensors: BTreeMap<String, TensorData>, device: &'a Device) -> Self {
        Self::from(Source::Loaded { tensors, faults: Vec::new() }, device)
    }

    fn from(source: Source, device: &'a Device) -> Self {
        Self { device, source, layer: 0 }
    }

    /// Says which layer is built next.
    pub(crate) fn enter(&mut self, layer: usize) {
        self.layer = layer;
    }

    /// Whether all loaded weights fitted and were used.
    ///
    /// # Errors
    /// What was missing, had another shape or belongs to no layer.
    pub(crate) fn finish(self) -> Result<(), String> {
        let Source::Loaded { tensors, mut faults } = self.source else {
            return Ok(());
        };
        faults.extend(tensors.into_keys().map(|name| format!("`{name}` is no weight of this network")));
        if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
    }

    fn parameter<const D: usize>(&mut self, field: &str, shape: [usize; D], fresh: Fresh) -> Param<Tensor<D>> {
        match (&mut self.source, fresh) {
            (Source::Loaded { .. }, _) => Param::from_tensor(self.load(field, shape)),
            (Source::Drawn(noise), Fresh::Glorot(fans)) => {
                let limit = libm::sqrtf(6.0 / (fans[0] + fans[1]) as f32);
                let draw = |_| (2.0 * noise.uniform() - 1.0) * limit;
                let values: Vec<f32> = (0..shape.iter().product()).map(draw).collect();
                Param::from_data(TensorData::new(values, shape), self.device)
            }
            (_, Fresh::Ones) => Initializer::Ones.init(shape, self.device),
            _ => Initializer::Zeros.init(shape, self.device),
        }
    }

    /// Takes a loaded tensor; zeros, and a fault noted, if there is none of that shape.
    fn load<const D: usize>(&mut self, field: &str, shape: [usize; D]) -> Tensor<D> {
        let name = format!("layers.{}.{field}", self.layer);
        if let Source::Loaded { tensors, faults } = &mut self.source {
            match tensors.remove(&name) {
                Some(data) if data.shape().as_slice() == shape => return Tensor::from_data(data, self.device),
                Some(data) => {
                    let found = data.shape().as_slice();
                    faults.push(format!("`{name}` has the shape {found:?}, expected {shape:?}"));
                }
                None => faults.push(format!("`{name}` is missing")),
            }
        }
        Tensor::zeros(shape, self.device)
    }

    fn bias(&mut self, wanted: bool, length: usize) -> Option<Param<Tensor<1>>> {
        wanted.then(|| self.parameter("bias", [length], Fresh::Zeros))
    }

    pub(crate) fn batch_norm(&mut self, features: usize, momentum: f64, epsilon: f64) -> BatchNorm {
        let layer = BatchNormConfig::new(features).with_momentum(momentum).with_epsilon(epsilon).init(self.device);
        let layer = BatchNorm {
            gamma: self.parameter("gamma", [features], Fresh::Ones),
            beta: self.parameter("beta", [features], Fresh::Zeros),
            ..layer
        };
        match self.source {
            Source::Loaded { .. } => BatchNorm {
                running_mean: RunningState::new(self.load("running_mean", [features])),
                running_var: RunningState::new(self.load("running_var", [features])),
                ..layer
            },
            _ => layer,
        }
    }

    pub(crate) fn linear(&mut self, inputs: usize, units: usize, bias: bool) -> Linear {
        Linear {
            weight: self.parameter("weight", [inputs, units], Fresh::Glorot([inputs, units])),
            bias: self.bias(bias, units),
        }
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
            weight: self.parameter(
                "weight",
                [filters, channels, kernel[0], kernel[1]],
                Fresh::Glorot([channels * window, filters * window]),
            ),
            bias: self.bias(bias, filters),
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
        let weight = self.parameter(
            "weight",
            [channels, filters, kernel[0], kernel[1]],
            Fresh::Glorot([channels * window, filters * window]),
        );
        ConvTranspose2d { weight, bias: self.bias(bias, filters), stride, before: cut.before, size: cut.size }
    }
}
