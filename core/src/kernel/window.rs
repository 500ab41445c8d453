//! Convolutions and activations as operations with gradients.

use burn::tensor::Tensor;
use burn_flex::FlexTensor;
use rayon::prelude::*;

use crate::nn::Activation;
use super::convolve::{to_grid, to_image, to_weights};
use super::geometry::{Geometry, Pictures};
use super::layout::{forwards, images, numbers, pictures, slice, tensor};
use super::Window;
use super::op::{Operand, Operation, Past, apply};

/// The activation of the convolution of `image`, `[batch, channels, height, width]`, with `weight`, `[filters,
/// channels, kernel height, kernel width]`; nothing if a tensor is not on the processor.
pub(crate) fn conv2d(
    image: &Tensor<4>,
    weight: &Tensor<4>,
    bias: Option<&Tensor<1>>,
    window: Window,
    activation: Activation,
) -> Option<Tensor<4>> {
    let [_, channels, height, width] = image.dims();
    let [filters, _, rows, columns] = weight.dims();
    let geometry = Geometry {
        image: [height, width, channels],
        grid: [window.size[0], window.size[1], filters],
        kernel: [rows, columns],
        stride: window.stride,
        dilation: window.dilation,
        before: window.before,
    };
    convolve(Convolution { geometry, transposed: false, activation }, image, weight, bias)
}

/// The activation of the transposed convolution of `grid`, `[batch, channels, height, width]`, with `weight`,
/// `[channels, filters, kernel height, kernel width]`; nothing if a tensor is not on the processor.
pub(crate) fn conv_transpose2d(
    grid: &Tensor<4>,
    weight: &Tensor<4>,
    bias: Option<&Tensor<1>>,
    window: Window,
    activation: Activation,
) -> Option<Tensor<4>> {
    let [_, channels, height, width] = grid.dims();
    let [_, filters, rows, columns] = weight.dims();
    let geometry = Geometry {
        image: [window.size[0], window.size[1], filters],
        grid: [height, width, channels],
        kernel: [rows, columns],
        stride: window.stride,
        dilation: window.dilation,
        before: window.before,
    };
    convolve(Convolution { geometry, transposed: true, activation }, grid, weight, bias)
}

/// The activation of `input`; nothing if it is not on the processor.
pub(crate) fn activate<const D: usize>(input: &Tensor<D>, activation: Activation) -> Option<Tensor<D>> {
    Some(apply(Activate(activation), [Operand::new(input)?]).0)
}

fn convolve(
    convolution: Convolution,
    input: &Tensor<4>,
    weight: &Tensor<4>,
    bias: Option<&Tensor<1>>,
) -> Option<Tensor<4>> {
    let (input, weight) = (Operand::new(input)?, Operand::new(weight)?);
    Some(match bias {
        Some(bias) => apply(convolution, [input, weight, Operand::new(bias)?]).0,
        None => apply(convolution, [input, weight]).0,
    })
}

/// A convolution, or a transposed one, with an activation; its inputs are image or grid, weight, and a bias if there is
/// one.
#[derive(Debug, Clone)]
struct Convolution {
    geometry: Geometry,
    /// Whether it leads from the grid to the image.
    transposed: bool,
    activation: Activation,
}

impl Convolution {
    /// `[height, width, channels]` of the result.
    fn result(&self) -> [usize; 3] {
        if self.transposed { self.geometry.image } else { self.geometry.grid }
    }
}

impl<const N: usize> Operation<N> for Convolution {
    type Kept = ();

    fn forward(&self, inputs: &[FlexTensor; N]) -> (FlexTensor, ()) {
        let input = forwards(inputs[0].clone());
        let weight = numbers(&inputs[1]);
        let bias = inputs.get(2).map(numbers);
        let (batch, _, from) = pictures(&input);
        let bias = bias.as_ref().map(slice);
        let run = if self.transposed { to_image } else { to_grid };
        let output = run(&self.geometry, batch, from, slice(&weight), bias, self.activation);
        (images(output, batch, self.result()), ())
    }

    fn backward(&self, past: &Past<N, ()>, gradient: FlexTensor, wanted: [bool; N]) -> [Option<FlexTensor>; N] {
        let geometry = &self.geometry;
        let input = forwards(past.inputs[0].clone());
        let weight = numbers(&past.inputs[1]);
        let (batch, sides, from) = pictures(&input);
        let (gradient, sums) = before_activation(self.activation, gradient, &past.output);
        let gradient = Pictures::dense(&gradient, self.result());
        let mut wanted = wanted.into_iter();
        let mut input_gradient = wanted.next().unwrap_or_default().then(|| {
            let run = if self.transposed { to_grid } else { to_image };
            images(run(geometry, batch, gradient, slice(&weight), None, Activation::Identity), batch, sides)
        });
        let mut weight_gradient = wanted.next().unwrap_or_default().then(|| {
            let (image, grid) = if self.transposed { (gradient, from) } else { (from, gradient) };
            tensor(to_weights(geometry, batch, image, grid), past.inputs[1].layout().shape().to_vec())
        });
        let mut bias_gradient = wanted.next().unwrap_or_default().then(|| {
            let channels = sums.len();
            tensor(sums, vec![channels])
        });
        std::array::from_fn(|input| match input {
            0 => input_gradient.take(),
            1 => weight_gradient.take(),
            _ => bias_gradient.take(),
        })
    }
}

/// The gradient before an activation from that behind it, `[batch, height, width, channels]`, and its sum for each
/// channel.
pub(super) fn before_activation(activation: Activation, gradient: FlexTensor, output: &FlexTensor) -> (Vec<f32>, Vec<f32>) {
    let gradient = forwards(gradient);
    let (batch, sides, behind) = pictures(&gradient);
    let (_, _, output) = pictures(output);
    let [height, width, channels] = sides;
    let length = height * width * channels;
    let mut before = vec![0.0; batch * length];
    let mut sums = vec![0.0; batch * channels];
    let arch = pulp::Arch::new();
    before.par_chunks_mut(length.max(1)).zip(sums.par_chunks_mut(channels.max(1))).enumerate().for_each_init(
        Vec::new,
        |scratch, (picture, (before, sums))| {
            arch.dispatch(#[inline(always)] || {
                behind.copy(picture, before, width * channels);
                if activation != Activation::Identity {
                    let output = output.whole_or(picture, scratch);
                    for (gradient, y) in before.iter_mut().zip(output) {
                        *gradient *= activation.slope(*y);
                    }
                }
                for pixel in before.chunks_exact(channels) {
                    for (sum, gradient) in sums.iter_mut().zip(pixel) {
                        *sum += gradient;
                    }
                }
            });
        },
    );
    let mut total = vec![0.0; channels];
    for sums in sums.chunks_exact(channels) {
        for (total, sum) in total.iter_mut().zip(sums) {
            *total += sum;
        }
    }
    (before, total)
}

/// An activation alone.
#[derive(Debug, Clone)]
struct Activate(Activation);

/// Numbers that a thread takes at once where each is for itself.
const GRAIN: usize = 1 << 14;

impl Operation<1> for Activate {
    type Kept = ();

    fn forward(&self, [input]: &[FlexTensor; 1]) -> (FlexTensor, ()) {
        let input = in_one_piece(input.clone());
        let data: &[f32] = input.storage();
        let mut output = vec![0.0; data.len()];
        let arch = pulp::Arch::new();
        output.par_chunks_mut(GRAIN).zip(data.par_chunks(GRAIN)).for_each(|(output, input)| {
            arch.dispatch(#[inline(always)] || {
                for (y, x) in output.iter_mut().zip(input) {
                    *y = self.0.at(*x);
                }
            });
        });
        (like(output, &input), ())
    }

    fn backward(&self, past: &Past<1, ()>, gradient: FlexTensor, _wanted: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let output: &[f32] = past.output.storage();
        let same = gradient.layout().strides() == past.output.layout().strides();
        let (gradient, output) = match same && gradient.storage::<f32>().len() == output.len() {
            true => (gradient, past.output.clone()),
            false => (numbers(&gradient), numbers(&past.output)),
        };
        let mut before = vec![0.0; output.layout().num_elements()];
        let (from, behind): (&[f32], &[f32]) = match gradient.layout().contiguous_offsets() {
            Some(_) => (slice(&gradient), slice(&output)),
            None => (gradient.storage(), output.storage()),
        };
        let arch = pulp::Arch::new();
        before.par_chunks_mut(GRAIN).zip(from.par_chunks(GRAIN).zip(behind.par_chunks(GRAIN))).for_each(
            |(before, (gradient, output))| {
                arch.dispatch(#[inline(always)] || {
                    for ((before, gradient), y) in before.iter_mut().zip(gradient).zip(output) {
                        *before = gradient * self.0.slope(*y);
                    }
                });
            },
        );
        [Some(like(before, &output))]
    }
}

/// A tensor whose memory holds its numbers and nothing else, in whatever order.
fn in_one_piece(tensor: FlexTensor) -> FlexTensor {
    let layout = tensor.layout();
    let whole = layout.start_offset() == 0
        && tensor.storage::<f32>().len() == layout.num_elements()
        && layout.strides().iter().zip(layout.shape().iter()).all(|(stride, side)| *stride > 0 || *side == 1);
    if whole { tensor } else { tensor.to_contiguous() }
}

/// A tensor of these numbers, in memory as `other` is.
fn like(data: Vec<f32>, other: &FlexTensor) -> FlexTensor {
    use burn::tensor::{Bytes, DType};
    FlexTensor::new(Bytes::from_elems(data), other.layout().clone(), DType::F32)
}
