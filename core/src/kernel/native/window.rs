use burn::tensor::Tensor;
use burn_flex::FlexTensor;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::Window;
use super::layout::{as_images, forwards, images, in_one_piece, like, numbers, slice, tensor};
use super::op::{Operand, Operation, Past, apply};
use crate::activation::Activation;
use crate::kernel::slices::{Geometry, Images, add_rows, arch, to_grid, to_image, to_weights};

/// The activation of a convolution; `weight` is `[filters, channels, kernel height, kernel width]`.
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

/// The same for a transposed convolution; `weight` is `[channels, filters, …]`.
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

/// The activation of `input`.
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

/// A convolution with an activation, of image or grid, weight, and maybe a bias.
#[derive(Debug, Clone)]
struct Convolution {
    geometry: Geometry,
    /// Whether it maps the grid to the image.
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
        let (batch, _, from) = as_images(&input);
        let bias = bias.as_ref().map(slice);
        let run = if self.transposed { to_image } else { to_grid };
        let output = run(&self.geometry, batch, from, slice(&weight), bias, self.activation);
        (images(output, batch, self.result()), ())
    }

    fn backward(&self, past: &Past<N, ()>, gradient: FlexTensor, wanted: [bool; N]) -> [Option<FlexTensor>; N] {
        let geometry = &self.geometry;
        let input = forwards(past.inputs[0].clone());
        let weight = numbers(&past.inputs[1]);
        let (batch, sides, from) = as_images(&input);
        let (gradient, sums) = undo_activation(self.activation, gradient, &past.output);
        let gradient = Images::dense(&gradient, self.result());
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

/// The gradient of an activation's input, and its sum per channel.
fn undo_activation(activation: Activation, gradient: FlexTensor, output: &FlexTensor) -> (Vec<f32>, Vec<f32>) {
    let gradient = forwards(gradient);
    let (batch, sides, grad_output) = as_images(&gradient);
    let (_, _, output) = as_images(output);
    let channels = sides[2];
    let length = sides.iter().product::<usize>().max(1);
    let mut grad_input = vec![0.0; batch * length];
    let mut sums = vec![0.0; batch * channels];
    let arch = arch();
    grad_input.par_chunks_mut(length).zip(sums.par_chunks_mut(channels)).enumerate().for_each_init(
        <[Vec<f32>; 2]>::default,
        |[one, other], (sample, (grad_input, sums))| {
            let (grad_output, output) = (grad_output.whole_or(sample, one), output.whole_or(sample, other));
            arch.dispatch(Undo { activation, grad_output, output, grad_input, sums });
        },
    );
    let mut total = vec![0.0; channels];
    arch.dispatch(Undo {
        activation: Activation::Identity,
        grad_output: &[],
        output: &[],
        grad_input: &mut sums,
        sums: &mut total,
    });
    (grad_input, total)
}

/// [`undo_activation`] for one image; adds to `sums`. With an empty `grad_output`, only the sums.
struct Undo<'a> {
    activation: Activation,
    grad_output: &'a [f32],
    output: &'a [f32],
    grad_input: &'a mut [f32],
    sums: &'a mut [f32],
}

impl WithSimd for Undo<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.activation {
            _ if self.grad_output.is_empty() => {}
            Activation::Identity => self.grad_input.copy_from_slice(self.grad_output),
            activation => activation.undo(simd, self.grad_output, self.output, self.grad_input),
        }
        if !self.sums.is_empty() {
            add_rows(simd, self.grad_input, self.sums);
        }
    }
}

struct Apply<'a> {
    activation: Activation,
    input: &'a [f32],
    output: &'a mut [f32],
}

impl WithSimd for Apply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.activation.apply(simd, self.input, self.output);
    }
}

#[derive(Debug, Clone)]
struct Activate(Activation);

/// Values per task of an elementwise operation.
const GRAIN: usize = 1 << 14;

impl Operation<1> for Activate {
    type Kept = ();

    fn forward(&self, [input]: &[FlexTensor; 1]) -> (FlexTensor, ()) {
        let input = in_one_piece(input.clone());
        let data: &[f32] = input.storage();
        let mut output = vec![0.0; data.len()];
        let arch = arch();
        output.par_chunks_mut(GRAIN).zip(data.par_chunks(GRAIN)).for_each(|(output, input)| {
            arch.dispatch(Apply { activation: self.0, input, output });
        });
        (like(output, &input), ())
    }

    fn backward(&self, past: &Past<1, ()>, gradient: FlexTensor, _wanted: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let same = gradient.layout().strides() == past.output.layout().strides();
        let (gradient, output) = match same && gradient.storage::<f32>().len() == past.output.layout().num_elements() {
            true => (gradient, past.output.clone()),
            false => (numbers(&gradient), numbers(&past.output)),
        };
        let start = gradient.layout().start_offset();
        let count = output.layout().num_elements();
        let mut grad_input = vec![0.0; count];
        let grad_output = gradient.storage::<f32>()[start..start + count].par_chunks(GRAIN);
        let arch = arch();
        grad_input.par_chunks_mut(GRAIN).zip(grad_output.zip(output.storage::<f32>().par_chunks(GRAIN))).for_each(
            |(grad_input, (grad_output, output))| {
                arch.dispatch(Undo { activation: self.0, grad_output, output, grad_input, sums: &mut [] });
            },
        );
        [Some(like(grad_input, &output))]
    }
}
