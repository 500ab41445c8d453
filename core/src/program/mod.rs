//! A network as a list of operations on plain numbers, for inference without Burn, such as in the
//! page.
//!
//! [`Layer::lower`](crate::layer::Layer::lower) turns a layer into operations. [`CpuExecutor`] runs
//! them with our own kernels, `gpu::GpuExecutor` as compute shaders.

mod cpu;
mod fold;
mod function;
#[cfg(feature = "gpu")]
pub mod gpu;
mod lowering;

use std::collections::BTreeMap;

pub use cpu::CpuExecutor;
pub(crate) use function::{Function, exp};
pub use lowering::Lowering;

use crate::kernel::slices::Geometry;

/// Weights by name, such as `layers.0.weight`.
pub type Arrays = BTreeMap<String, Array>;

/// The values of a tensor with its shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// The shape.
    pub shape: Vec<usize>,
    /// The values in row-major order.
    pub values: Vec<f32>,
}

/// Weights that do not fit a network: what is missing, has another shape, or belongs to no layer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct WeightMismatch(pub Vec<String>);

/// The operations of a network on a batch of samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    pub(crate) operations: Vec<Operation>,
    /// Channels, height and width of an input sample.
    input: [usize; 3],
    /// Number of operations up to the end of each layer.
    ends: Vec<usize>,
}

/// One operation with the channels, height and width of its input and output samples.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Operation {
    pub kind: Kind,
    pub input: [usize; 3],
    pub output: [usize; 3],
}

/// What an operation does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// A convolution, a transposed one, or a matrix.
    Convolve(Convolve),
    /// scale x + shift, per channel.
    Scale { scale: Vec<f32>, shift: Vec<f32> },
    /// A function of each value.
    Apply(Function),
    /// x, times a slope below 0; one slope, or one per channel.
    Slope(Vec<f32>),
    /// Normalizes groups of channels to mean 0 and variance 1.
    Normalize(Normalize),
    /// Over the channels of a pixel, or the values of a row.
    Softmax,
    /// The largest value or the mean of each window.
    Pool(Pool),
    /// Enlarges an image by whole factors.
    Resize { scale: [usize; 2], bilinear: bool },
    /// Turns channels into pixels.
    Shuffle { factor: usize },
    /// The same values with another shape.
    Reshape,
    /// A reshape of values that have the new memory layout already.
    Alias,
    /// The sum of two branches.
    Branches([Vec<Operation>; 2]),
}

/// A convolution or a transposed one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Convolve {
    /// Of one group; a transposed convolution maps grid to image.
    pub geometry: Geometry,
    pub transposed: bool,
    pub groups: usize,
    /// `[filters, channels / groups, ..]`, transposed `[channels, filters / groups, ..]`.
    pub weights: Vec<f32>,
    /// One per filter, or empty.
    pub bias: Vec<f32>,
    pub function: Function,
}

impl Convolve {
    /// `[batch, inputs]` times `weights`, `[inputs, outputs]`: a convolution of one-pixel images.
    pub fn matrix(weights: &[f32], bias: Vec<f32>, [inputs, outputs]: [usize; 2]) -> Self {
        let turned = (0..weights.len()).map(|index| weights[index % inputs * outputs + index / inputs]);
        let geometry = Geometry {
            image: [1, 1, inputs],
            grid: [1, 1, outputs],
            kernel: [1, 1],
            stride: [1, 1],
            dilation: [1, 1],
            before: [0, 0],
        };
        Self { geometry, transposed: false, groups: 1, weights: turned.collect(), bias, function: Function::NONE }
    }
}

/// A normalization of groups, with scale and shift.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Normalize {
    pub groups: usize,
    pub epsilon: f32,
    /// One per channel, or per value of a sample; or empty.
    pub scale: Vec<f32>,
    /// As long.
    pub shift: Vec<f32>,
}

/// A pooling window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pool {
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub dilation: [usize; 2],
    /// Rows above the image and columns left of it.
    pub before: [usize; 2],
    pub mean: Option<Mean>,
}

/// What the sum of a window is divided by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Mean {
    /// The number of pixels in it.
    Pixels,
    /// The size of the window, including padding.
    Window,
}

impl Program {
    /// The same with fewer operations: factors and functions merge into the operations before them.
    /// Only the end of the last layer is kept.
    pub fn folded(self) -> Self {
        let operations = fold::fold(self.operations);
        Self { ends: vec![operations.len()], operations, input: self.input }
    }

    /// Values of an input sample.
    pub fn inputs(&self) -> usize {
        self.input.iter().product()
    }

    /// The largest number of values of a sample between operations.
    fn widest(&self) -> usize {
        fn most(operations: &[Operation]) -> usize {
            let inside = |kind: &Kind| match kind {
                Kind::Branches(branches) => branches.iter().map(|branch| most(branch)).max().unwrap_or(0),
                _ => 0,
            };
            let of = |operation: &Operation| operation.output.iter().product::<usize>().max(inside(&operation.kind));
            operations.iter().map(of).max().unwrap_or(0)
        }
        most(&self.operations).max(self.inputs())
    }
}
