//! Batch normalisation of training and its gradients.

use burn::backend::Flex;
use burn::tensor::Tensor;
use burn_flex::FlexTensor;
use rayon::prelude::*;

use crate::nn::Activation;
use super::BatchStatistics;
use super::layout::{images, numbers, slice, tensor};
use super::op::{Operand, Operation, Past, apply};
use super::parts::{PARTS, dense, part};

/// The activation of γ (x − mean) / √(variance + ε) + β with the mean and the biased variance that each channel has over
/// the batch; nothing if a tensor is not on the processor.
pub(crate) fn batch_norm<const D: usize>(
    input: &Tensor<D>,
    [gamma, beta]: [&Tensor<1>; 2],
    epsilon: f64,
    activation: Activation,
) -> Option<(Tensor<D>, BatchStatistics)> {
    let operands = [Operand::new(input)?, Operand::new(gamma)?, Operand::new(beta)?];
    Some(apply(BatchNorm { epsilon: epsilon as f32, activation }, operands))
}

/// The same with a mean and a variance that are given, for a tensor without gradients; nothing if it may have one.
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

/// The activation of the numbers of each channel times `scale` plus `shift`.
fn scaled(data: &[f32], scale: &[f32], shift: &[f32], activation: Activation) -> Vec<f32> {
    let channels = scale.len();
    let size = part(data.len() / channels) * channels;
    let arch = pulp::Arch::new();
    let mut output = vec![0.0; data.len()];
    output.par_chunks_mut(size).zip(data.par_chunks(size)).for_each(|(output, input)| {
        arch.dispatch(
            #[inline(always)]
            || {
                for (output, input) in output.chunks_exact_mut(channels).zip(input.chunks_exact(channels)) {
                    for (((y, x), scale), shift) in output.iter_mut().zip(input).zip(scale).zip(shift) {
                        *y = activation.piecewise(x * scale + shift);
                    }
                }
                activation.finish(output);
            },
        );
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
        let [_, _, channels] = sides;
        let pixels = data.len() / channels;
        let mean = sums(pixels, channels, |sums, pixel| {
            for (sum, x) in sums.iter_mut().zip(&data[pixel * channels..][..channels]) {
                *sum += x;
            }
        });
        let mean: Vec<f32> = mean.into_iter().map(|sum| sum / pixels as f32).collect();
        let variance = sums(pixels, channels, |sums, pixel| {
            for ((sum, x), mean) in sums.iter_mut().zip(&data[pixel * channels..][..channels]).zip(&mean) {
                *sum += (x - mean) * (x - mean);
            }
        });
        let variance: Vec<f32> = variance.into_iter().map(|sum| sum / pixels as f32).collect();
        let (gamma, beta) = (numbers(gamma), numbers(beta));
        let scale: Vec<f32> = slice(&gamma).iter().zip(&variance).map(|(gamma, v)| gamma / (v + self.epsilon).sqrt()).collect();
        let shift: Vec<f32> = slice(&beta).iter().zip(&mean).zip(&scale).map(|((beta, mean), scale)| beta - mean * scale).collect();
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
        let BatchStatistics { mean, variance } = &past.kept;
        let inverse: Vec<f32> = variance.iter().map(|v| 1.0 / (v + self.epsilon).sqrt()).collect();
        // The first half of each row of sums is for β, the other for γ.
        let both = sums(pixels, 2 * channels, |sums, pixel| {
            let row = pixel * channels..(pixel + 1) * channels;
            let (beta, gamma) = sums.split_at_mut(channels);
            let numbers = data[row.clone()].iter().zip(&output[row.clone()]).zip(&gradient[row]);
            for ((((beta, gamma), ((x, y), gradient)), mean), inverse) in
                beta.iter_mut().zip(gamma).zip(numbers).zip(mean).zip(&inverse)
            {
                let gradient = gradient * self.activation.slope(*y);
                *beta += gradient;
                *gamma += gradient * (x - mean) * inverse;
            }
        });
        let (beta_gradient, gamma_gradient) = both.split_at(channels);
        let gamma = numbers(gamma);
        // γ / √(variance + ε) × (g − mean of g − x̂ × mean of g x̂), as a sum of three terms.
        let n = pixels as f32;
        let scale: Vec<f32> = slice(&gamma).iter().zip(&inverse).map(|(gamma, inverse)| gamma * inverse).collect();
        let slope: Vec<f32> = (0..channels).map(|c| -scale[c] * inverse[c] * gamma_gradient[c] / n).collect();
        let shift: Vec<f32> = (0..channels).map(|c| -scale[c] * beta_gradient[c] / n - slope[c] * mean[c]).collect();
        let mut before = vec![0.0; data.len()];
        let arch = pulp::Arch::new();
        let size = part(pixels) * channels;
        let inputs = data.par_chunks(size).zip(output.par_chunks(size)).zip(gradient.par_chunks(size));
        before.par_chunks_mut(size).zip(inputs).for_each(|(before, ((input, output), gradient))| {
            arch.dispatch(
                #[inline(always)]
                || {
                    let rows = before.chunks_exact_mut(channels).zip(input.chunks_exact(channels));
                    let rows = rows.zip(output.chunks_exact(channels)).zip(gradient.chunks_exact(channels));
                    for (((before, input), output), gradient) in rows {
                        let numbers = before.iter_mut().zip(input).zip(output.iter().zip(gradient));
                        for ((((before, x), (y, gradient)), scale), (slope, shift)) in
                            numbers.zip(&scale).zip(slope.iter().zip(&shift))
                        {
                            *before = gradient * self.activation.slope(*y) * scale + x * slope + shift;
                        }
                    }
                },
            );
        });
        [
            Some(shaped(before, batch, sides, input)),
            Some(tensor(gamma_gradient.to_vec(), vec![channels])),
            Some(tensor(beta_gradient.to_vec(), vec![channels])),
        ]
    }
}

/// A row of sums over all pixels, formed in parts that do not depend on the number of threads.
fn sums(pixels: usize, width: usize, add: impl Fn(&mut [f32], usize) + Sync) -> Vec<f32> {
    let size = part(pixels);
    let mut sums = vec![0.0; PARTS * width];
    let arch = pulp::Arch::new();
    sums.par_chunks_mut(width).enumerate().for_each(|(part, sums)| {
        arch.dispatch(
            #[inline(always)]
            || {
                for pixel in (part * size).min(pixels)..((part + 1) * size).min(pixels) {
                    add(sums, pixel);
                }
            },
        );
    });
    let mut total = sums.split_off((PARTS - 1) * width);
    for sums in sums.chunks_exact(width).rev() {
        for (total, sum) in total.iter_mut().zip(sums) {
            *total += sum;
        }
    }
    total
}

/// Pixels as the tensor that they came from: images, or values in a row.
fn shaped(data: Vec<f32>, batch: usize, sides: [usize; 3], like: &FlexTensor) -> FlexTensor {
    match like.layout().shape().num_dims() {
        4 => images(data, batch, sides),
        _ => tensor(data, vec![batch, sides[2]]),
    }
}
