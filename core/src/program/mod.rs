//! A network as a list of a few operations on plain numbers: what runs where nothing is trained, such as in the page.
//!
//! Each layer says in [`Layer::lower`](crate::layer::Layer::lower) what it comes to. [`CpuExecutor`] carries the operations out
//! with our own kernels, `gpu::GpuExecutor` as compute shaders. Neither knows of tensors or gradients, so neither needs
//! Burn, and the page stays small.

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

/// Weights by their names, such as `layers.0.weight`.
pub type Arrays = BTreeMap<String, Array>;

/// Numbers with the sides of the tensor that they are.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// The sides.
    pub shape: Vec<usize>,
    /// The numbers, the last index running fastest.
    pub values: Vec<f32>,
}

/// Weights that do not fit a network: what is missing, has another shape, or belongs to no layer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct WeightMismatch(pub Vec<String>);

/// What a network does to a batch of samples, operation for operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    pub(crate) operations: Vec<Operation>,
    /// Channels, height and width of a sample before the first operation.
    input: [usize; 3],
    /// For each layer how many operations there are up to its end.
    ends: Vec<usize>,
}

/// One operation with the channels, height and width of a sample before and behind it.
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
    /// scale x + shift, with one of each for every channel.
    Scale { scale: Vec<f32>, shift: Vec<f32> },
    /// A function of each value.
    Apply(Function),
    /// x, below 0 times the slope of the channel, or of all.
    Slope(Vec<f32>),
    /// Groups of channels of a sample are brought to mean 0 and variance 1.
    Normalize(Normalize),
    /// The channels of a pixel, or the values of a row, become shares of 1.
    Softmax,
    /// The largest value or the mean of each window.
    Pool(Pool),
    /// An image becomes larger by whole factors.
    Resize { scale: [usize; 2], bilinear: bool },
    /// Channels become pixels.
    Shuffle { factor: usize },
    /// The same values with other sides.
    Reshape,
    /// The same values with other sides, in the memory of which the channels of a pixel lie side by side, as they lie already.
    Alias,
    /// What two ways from the same sample give, added.
    Branches([Vec<Operation>; 2]),
}

/// A convolution or a transposed one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Convolve {
    /// Of one group; the sides of a transposed convolution are exchanged, see [`Geometry`].
    pub geometry: Geometry,
    pub transposed: bool,
    pub groups: usize,
    /// As the layers have them: `[filters, channels / groups, ..]`, transposed `[channels, filters / groups, ..]`.
    pub weights: Vec<f32>,
    /// One for each filter, or none.
    pub bias: Vec<f32>,
    pub function: Function,
}

impl Convolve {
    /// `[batch, inputs]` times `weights`, `[inputs, outputs]`: a convolution of images of one pixel.
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

/// What a group is and what is done behind it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Normalize {
    pub groups: usize,
    pub epsilon: f32,
    /// One for each channel, or for each value of a sample.
    pub scale: Vec<f32>,
    /// As many.
    pub shift: Vec<f32>,
}

/// How a pool slides.
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
    /// The size of the window, what lies around the image included.
    Window,
}

impl Program {
    /// The same with fewer operations: constant factors are in the weights, and functions are computed with what is before them. Where
    /// one layer ends and another begins is forgotten.
    pub fn folded(self) -> Self {
        let operations = fold::fold(self.operations);
        Self { ends: vec![operations.len()], operations, input: self.input }
    }

    /// Values of a sample before the first operation.
    pub fn inputs(&self) -> usize {
        self.input.iter().product()
    }

    /// The most values of a sample at any place.
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
