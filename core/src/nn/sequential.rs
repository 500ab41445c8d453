//! Layers one after another.

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::nn::{BatchNorm, Dropout, LeakyRelu, Linear, Relu, Sigmoid, Tanh};
use burn::tensor::Tensor;

use super::{ConvTranspose2d, Start};
use crate::plan::{Network, PlannedLayer};

/// A batch of samples on its way through a network.
#[derive(Debug, Clone)]
pub enum Value {
    /// `[batch, values]`
    Flat(Tensor<2>),
    /// `[batch, channels, height, width]`
    Image(Tensor<4>),
}

impl Value {
    /// The values of each sample in a row.
    pub fn flat(self) -> Tensor<2> {
        match self {
            Self::Flat(tensor) => tensor,
            Self::Image(tensor) => tensor.flatten(1, 3),
        }
    }

    /// The samples as images; a row of n values is an image of n channels with one pixel each.
    pub fn image(self) -> Tensor<4> {
        match self {
            Self::Image(tensor) => tensor,
            Self::Flat(tensor) => {
                let [batch, values] = tensor.dims();
                tensor.reshape([batch, values, 1, 1])
            }
        }
    }
}

/// See [`crate::layer::Flatten`].
#[derive(Module, Debug)]
pub struct Flatten;

/// See [`crate::layer::Reshape`].
#[derive(Module, Debug)]
pub struct Reshape {
    /// Channels, height and width.
    pub shape: [usize; 3],
}

/// One layer of a network.
#[derive(Module, Debug)]
#[allow(missing_docs, clippy::large_enum_variant)]
pub enum Layer {
    Linear(Linear),
    Conv2d(Conv2d),
    ConvTranspose2d(ConvTranspose2d),
    BatchNorm(BatchNorm),
    Dropout(Dropout),
    Flatten(Flatten),
    Reshape(Reshape),
    Relu(Relu),
    LeakyRelu(LeakyRelu),
    Sigmoid(Sigmoid),
    Tanh(Tanh),
}

/// Applies the same function to a value of either rank.
macro_rules! either {
    ($value:expr, $tensor:ident => $result:expr) => {
        match $value {
            Value::Flat($tensor) => Value::Flat($result),
            Value::Image($tensor) => Value::Image($result),
        }
    };
}

impl Layer {
    pub(crate) fn forward(&self, value: Value) -> Value {
        match self {
            Self::Linear(layer) => Value::Flat(layer.forward(value.flat())),
            Self::Conv2d(layer) => Value::Image(layer.forward(value.image())),
            Self::ConvTranspose2d(layer) => Value::Image(layer.forward(value.image())),
            Self::BatchNorm(layer) => either!(value, x => layer.forward(x)),
            Self::Dropout(layer) => either!(value, x => layer.forward(x)),
            Self::Flatten(_) => Value::Flat(value.flat()),
            Self::Reshape(Reshape { shape: [c, h, w] }) => {
                let tensor = value.flat();
                let [batch, _] = tensor.dims();
                Value::Image(tensor.reshape([batch, *c, *h, *w]))
            }
            Self::Relu(layer) => either!(value, x => layer.forward(x)),
            Self::LeakyRelu(layer) => either!(value, x => layer.forward(x)),
            Self::Sigmoid(layer) => either!(value, x => layer.forward(x)),
            Self::Tanh(layer) => either!(value, x => layer.forward(x)),
        }
    }
}

/// A network: its layers, each fed with what the one before gives.
#[derive(Module, Debug)]
pub struct Sequential {
    layers: Vec<Layer>,
}

impl Sequential {
    /// Builds what `plan` describes.
    pub fn new(plan: &Network, start: &mut Start<'_>) -> Self {
        let build = |(index, layer): (usize, &PlannedLayer)| {
            start.enter(index);
            layer.spec.build(layer.input, start)
        };
        Self { layers: plan.layers().iter().enumerate().map(build).collect() }
    }

    /// Sends a batch through all layers.
    pub fn forward(&self, value: Value) -> Value {
        self.layers.iter().fold(value, |value, layer| layer.forward(value))
    }
}
