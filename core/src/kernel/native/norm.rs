use burn::backend::Flex;
use burn::tensor::Tensor;
use burn_flex::FlexTensor;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::BatchStatistics;
use super::layout::{images, numbers, slice, tensor};
use super::op::{Operand, Operation, Past, apply};
use super::parts::{dense, part};
use crate::activation::Activation;
use crate::kernel::slices::PARTS;
use crate::kernel::slices::arch;

/// The activation of γ (x − mean) / √(variance + ε) + β with statistics of the batch.
pub(crate) fn batch_norm<const D: usize>(
    input: &Tensor<D>,
    [gamma, beta]: [&Tensor<1>; 2],
    epsilon: f64,
    activation: Activation,
) -> Option<(Tensor<D>, BatchStatistics)> {
    let operands = [Operand::new(input)?, Operand::new(gamma)?, Operand::new(beta)?];
    Some(apply(BatchNorm { epsilon: epsilon as f32, activation }, operands))
}

/// The same with a given mean and variance; `None` for a tensor that may have a gradient.
pub(crate) fn normalize<const D: usize>(
    input: &Tensor<D>,
    [gamma, beta, mean, variance]: [&Tensor<1>; 4],
    epsilon: f64,
    activation: Activation,
) -> Option<Tensor<D>> {
    let plain = |operand| match operand {
        Operand::Plain(tensor) => Some(tensor),
        Operand::Tracked(_) => None,
    };
    let input = plain(Operand::new(input)?)?;
    let mut vectors = Vec::new();
    for vector in [gamma, beta, mean, variance] {
        vectors.push(numbers(&plain(Operand::new(vector)?)?));
    }
    let [gamma, beta, mean, variance] = [0, 1, 2, 3].map(|vector| slice(&vectors[vector]));
    let scale: Vec<f32> = gamma.iter().zip(variance).map(|(gamma, v)| gamma / (v + epsilon as f32).sqrt()).collect();
    let shift: Vec<f32> = beta.iter().zip(mean).zip(&scale).map(|((beta, mean), scale)| beta - mean * scale).collect();
    let (batch, sides, data) = dense(&input);
    let output = scaled(&data, &scale, &shift, activation);
    Some(Tensor::from_primitive::<Flex>(shaped(output, batch, sides, &input)))
}

/// The activation of each channel times `scale` plus `shift`.
fn scaled(data: &[f32], scale: &[f32], shift: &[f32], activation: Activation) -> Vec<f32> {
    let channels = scale.len();
    let size = part(data.len() / channels) * channels;
    let arch = arch();
    let mut output = vec![0.0; data.len()];
    output.par_chunks_mut(size).zip(data.par_chunks(size)).for_each(|(output, input)| {
        arch.dispatch(Scale { input, scale, shift, activation, output });
    });
    output
}

#[derive(Debug, Clone)]
struct BatchNorm {
    epsilon: f32,
    activation: Activation,
}

impl Operation<3> for BatchNorm {
    type Kept = BatchStatistics;

    fn forward(&self, [input, gamma, beta]: &[FlexTensor; 3]) -> (FlexTensor, BatchStatistics) {
        let (batch, sides, data) = dense(input);
        let channels = sides[2];
        let pixels = (data.len() / channels) as f32;
        let zero = vec![0.0; channels];
        let arch = arch();
        let mut mean = sums(&data, channels, |rows, sums| arch.dispatch(Sum { rows, mean: &zero, power: 1, sums }));
        mean.iter_mut().for_each(|sum| *sum /= pixels);
        let mut variance = sums(&data, channels, |rows, sums| arch.dispatch(Sum { rows, mean: &mean, power: 2, sums }));
        variance.iter_mut().for_each(|sum| *sum /= pixels);
        let (gamma, beta) = (numbers(gamma), numbers(beta));
        let [gamma, beta] = [slice(&gamma), slice(&beta)];
        let scale: Vec<f32> = gamma.iter().zip(&variance).map(|(gamma, v)| gamma / (v + self.epsilon).sqrt()).collect();
        let shift: Vec<f32> =
            beta.iter().zip(&mean).zip(&scale).map(|((beta, mean), scale)| beta - mean * scale).collect();
        let output = scaled(&data, &scale, &shift, self.activation);
        (shaped(output, batch, sides, input), BatchStatistics { mean, variance })
    }

    fn backward(&self, past: &Past<3, BatchStatistics>, gradient: FlexTensor, _: [bool; 3]) -> [Option<FlexTensor>; 3] {
        let [input, gamma, _] = &past.inputs;
        let (batch, sides, data) = dense(input);
        let (_, _, output) = dense(&past.output);
        let (_, _, gradient) = dense(&gradient);
        let channels = sides[2];
        let pixels = data.len() / channels;
        let size = part(pixels) * channels;
        let activation = self.activation;
        let BatchStatistics { mean, variance } = &past.kept;
        let arch = arch();
        // The gradients of the activation's input, their sums, and their products with x − mean.
        let mut grad_input = vec![0.0; data.len()];
        let mut parts = vec![0.0; PARTS * 2 * channels];
        let rows = data.par_chunks(size).zip(output.par_chunks(size).zip(gradient.par_chunks(size)));
        grad_input.par_chunks_mut(size).zip(parts.par_chunks_mut(2 * channels)).zip(rows).for_each(
            |((grad_input, sums), (input, (output, grad_output)))| {
                let (beta, gamma) = sums.split_at_mut(channels);
                arch.dispatch(GradientSums { activation, input, output, grad_output, mean, grad_input, beta, gamma });
            },
        );
        let both = parts.chunks_exact(2 * channels).fold(vec![0.0; 2 * channels], |mut total, part| {
            total.iter_mut().zip(part).for_each(|(total, part)| *total += part);
            total
        });
        let (beta_gradient, products) = both.split_at(channels);
        // γ / √(variance + ε) (g − mean g − x̂ mean(g x̂)) = g × scale + x × slope +
        // shift
        let gamma = numbers(gamma);
        let n = pixels as f32;
        let inverse: Vec<f32> = variance.iter().map(|v| 1.0 / (v + self.epsilon).sqrt()).collect();
        let gamma_gradient: Vec<f32> =
            products.iter().zip(&inverse).map(|(product, inverse)| product * inverse).collect();
        let scale: Vec<f32> = slice(&gamma).iter().zip(&inverse).map(|(gamma, inverse)| gamma * inverse).collect();
        let slope: Vec<f32> = (0..channels).map(|c| -scale[c] * inverse[c] * gamma_gradient[c] / n).collect();
        let shift: Vec<f32> = (0..channels).map(|c| -scale[c] * beta_gradient[c] / n - slope[c] * mean[c]).collect();
        grad_input.par_chunks_mut(size).zip(data.par_chunks(size)).for_each(|(grad_input, input)| {
            arch.dispatch(InputGradient { input, scale: &scale, slope: &slope, shift: &shift, grad_input });
        });
        [
            Some(shaped(grad_input, batch, sides, input)),
            Some(tensor(gamma_gradient, vec![channels])),
            Some(tensor(beta_gradient.to_vec(), vec![channels])),
        ]
    }
}

/// The sum of what `add` adds for each part, in an order independent of the number of threads.
fn sums(rows: &[f32], width: usize, add: impl Fn(&[f32], &mut [f32]) + Sync) -> Vec<f32> {
    let size = part(rows.len() / width) * width;
    let mut parts = vec![0.0; PARTS * width];
    parts.par_chunks_mut(width).zip(rows.par_chunks(size)).for_each(|(sums, rows)| add(rows, sums));
    parts.chunks_exact(width).fold(vec![0.0; width], |mut total, part| {
        total.iter_mut().zip(part).for_each(|(total, part)| *total += part);
        total
    })
}

/// The activation of x × scale + shift.
struct Scale<'a> {
    input: &'a [f32],
    scale: &'a [f32],
    shift: &'a [f32],
    activation: Activation,
    output: &'a mut [f32],
}

impl WithSimd for Scale<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let channels = self.scale.len();
        let (scale, scale_end) = S::as_simd_f32s(self.scale);
        let (shift, shift_end) = S::as_simd_f32s(self.shift);
        let of = |x, scale, shift| self.activation.of(simd, simd.mul_add_f32s(x, scale, shift));
        for (output, input) in self.output.chunks_exact_mut(channels).zip(self.input.chunks_exact(channels)) {
            let (input, input_end) = S::as_simd_f32s(input);
            let (output, output_end) = S::as_mut_simd_f32s(output);
            for (((y, x), scale), shift) in output.iter_mut().zip(input).zip(scale).zip(shift) {
                *y = of(*x, *scale, *shift);
            }
            if !output_end.is_empty() {
                let end = |end| simd.partial_load_f32s(end);
                simd.partial_store_f32s(output_end, of(end(input_end), end(scale_end), end(shift_end)));
            }
        }
        self.activation.finish(self.output);
    }
}

/// The sums of (x − mean), or of its squares, over rows.
struct Sum<'a> {
    rows: &'a [f32],
    mean: &'a [f32],
    power: u32,
    sums: &'a mut [f32],
}

impl WithSimd for Sum<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (mean, mean_end) = S::as_simd_f32s(self.mean);
        let width = self.sums.len();
        let (sums, sums_end) = S::as_mut_simd_f32s(self.sums);
        for row in self.rows.chunks_exact(width) {
            let (row, row_end) = S::as_simd_f32s(row);
            for ((sum, x), mean) in sums.iter_mut().zip(row).zip(mean) {
                let off = simd.sub_f32s(*x, *mean);
                *sum = if self.power == 2 { simd.mul_add_f32s(off, off, *sum) } else { simd.add_f32s(*sum, off) };
            }
            for ((sum, x), mean) in sums_end.iter_mut().zip(row_end).zip(mean_end) {
                let off = x - mean;
                *sum += if self.power == 2 { off * off } else { off };
            }
        }
    }
}

/// Gradients of the activation's input, their sums, and those of their products with x − mean.
struct GradientSums<'a> {
    activation: Activation,
    input: &'a [f32],
    output: &'a [f32],
    grad_output: &'a [f32],
    mean: &'a [f32],
    grad_input: &'a mut [f32],
    beta: &'a mut [f32],
    gamma: &'a mut [f32],
}

impl WithSimd for GradientSums<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let channels = self.mean.len();
        self.activation.undo(simd, self.grad_output, self.output, self.grad_input);
        let (mean, mean_end) = S::as_simd_f32s(self.mean);
        let (beta, beta_end) = S::as_mut_simd_f32s(self.beta);
        let (gamma, gamma_end) = S::as_mut_simd_f32s(self.gamma);
        for (gradient, input) in self.grad_input.chunks_exact(channels).zip(self.input.chunks_exact(channels)) {
            let (gradient, gradient_end) = S::as_simd_f32s(gradient);
            let (input, input_end) = S::as_simd_f32s(input);
            let numbers = gradient.iter().zip(input).zip(mean);
            for ((beta, gamma), ((gradient, x), mean)) in beta.iter_mut().zip(gamma.iter_mut()).zip(numbers) {
                *beta = simd.add_f32s(*beta, *gradient);
                *gamma = simd.mul_add_f32s(*gradient, simd.sub_f32s(*x, *mean), *gamma);
            }
            let numbers = gradient_end.iter().zip(input_end).zip(mean_end);
            for ((beta, gamma), ((gradient, x), mean)) in beta_end.iter_mut().zip(gamma_end.iter_mut()).zip(numbers) {
                *beta += gradient;
                *gamma += gradient * (x - mean);
            }
        }
    }
}

/// Gradients × scale + x × slope + shift.
struct InputGradient<'a> {
    input: &'a [f32],
    scale: &'a [f32],
    slope: &'a [f32],
    shift: &'a [f32],
    grad_input: &'a mut [f32],
}

impl WithSimd for InputGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let channels = self.scale.len();
        let (scale, scale_end) = S::as_simd_f32s(self.scale);
        let (slope, slope_end) = S::as_simd_f32s(self.slope);
        let (shift, shift_end) = S::as_simd_f32s(self.shift);
        for (gradient, input) in self.grad_input.chunks_exact_mut(channels).zip(self.input.chunks_exact(channels)) {
            let (input, input_end) = S::as_simd_f32s(input);
            let (gradient, gradient_end) = S::as_mut_simd_f32s(gradient);
            let terms = scale.iter().zip(slope).zip(shift);
            for ((gradient, x), ((scale, slope), shift)) in gradient.iter_mut().zip(input).zip(terms) {
                *gradient = simd.mul_add_f32s(*gradient, *scale, simd.mul_add_f32s(*x, *slope, *shift));
            }
            let terms = scale_end.iter().zip(slope_end).zip(shift_end);
            for ((gradient, x), ((scale, slope), shift)) in gradient_end.iter_mut().zip(input_end).zip(terms) {
                *gradient = *gradient * scale + (x * slope + shift);
            }
        }
    }
}

/// A tensor of the same rank as `like`: images, or values in a row.
fn shaped(data: Vec<f32>, batch: usize, sides: [usize; 3], like: &FlexTensor) -> FlexTensor {
    match like.layout().shape().num_dims() {
        4 => images(data, batch, sides),
        _ => tensor(data, vec![batch, sides[2]]),
    }
}
