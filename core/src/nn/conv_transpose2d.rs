//! A transposed convolution that can cut its output unevenly.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::module::conv_transpose2d;
use burn::tensor::ops::ConvTransposeOptions;

/// Which part of the full output of a transposed convolution is kept, height first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Pixels cut off at the top and left.
    pub before: [usize; 2],
    /// Pixels kept after them.
    pub size: [usize; 2],
}

/// Burn's transposed convolution knows one padding for both ends; TensorFlow's `same` rule needs two.
#[derive(Module, Debug)]
pub struct ConvTranspose2d {
    /// `[channels, filters, kernel height, kernel width]`
    pub weight: Param<Tensor<4>>,
    /// `[filters]`
    pub bias: Option<Param<Tensor<1>>>,
    /// Distance of the stamps in the output.
    pub stride: [usize; 2],
    /// Pixels cut off at the top and left.
    pub before: [usize; 2],
    /// Height and width of the output.
    pub size: [usize; 2],
}

impl ConvTranspose2d {
    /// `[batch, channels, h, w]` → `[batch, filters, size[0], size[1]]`.
    pub fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let [_, _, height, width] = input.dims();
        let [_, _, kernel_height, kernel_width] = self.weight.dims();
        let symmetric = [
            (height - 1) * self.stride[0] + kernel_height - 2 * self.before[0],
            (width - 1) * self.stride[1] + kernel_width - 2 * self.before[1],
        ];
        let missing = [0, 1].map(|axis| self.size[axis].saturating_sub(symmetric[axis]));
        let options = ConvTransposeOptions::new(self.stride, self.before, missing, [1, 1], 1);
        let output = conv_transpose2d(input, self.weight.val(), self.bias.as_ref().map(Param::val), options);
        if symmetric[0] <= self.size[0] && symmetric[1] <= self.size[1] {
            return output;
        }
        output.narrow(2, 0, self.size[0]).narrow(3, 0, self.size[1])
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::tensor::{Device, TensorData};

    use crate::layer::{self, LayerSpec, Padding};
    use crate::nn::{Layer, Start, Value};
    use crate::noise::Noise;
    use crate::plan::Shape;

    use super::*;

    fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().iter().collect()
    }

    /// The definition, stamp by stamp: one channel in and one out, `same` as TensorFlow's `conv2d_transpose` cuts it.
    fn stamped(input: &[f32], side: usize, window: &[f32], kernel: usize, stride: usize) -> Vec<f32> {
        let size = side * stride;
        let before = kernel.saturating_sub(stride) / 2;
        let mut output = vec![0.0; size * size];
        for (at, value) in input.iter().enumerate() {
            for (tap, weight) in window.iter().enumerate() {
                let place = |index: usize, tap: usize| (index * stride + tap).checked_sub(before);
                let (y, x) = (place(at / side, tap / kernel), place(at % side, tap % kernel));
                if let (Some(y), Some(x)) = (y, x)
                    && y < size
                    && x < size
                {
                    output[y * size + x] += value * weight;
                }
            }
        }
        output
    }

    #[test]
    fn same_padding_cuts_where_tensorflow_does_even_if_unevenly() {
        let device = Device::flex();
        for (kernel, stride) in [(3, 2), (4, 2), (5, 2), (2, 3), (3, 1), (4, 1), (5, 3)] {
            let spec = layer::ConvTranspose2d {
                filters: 1,
                kernel: kernel.into(),
                stride: stride.into(),
                padding: Padding::Same,
                bias: false,
            };
            let built = LayerSpec::from(spec).build(Shape::Image([1, 5, 5]), &mut Start::seeded(1, 0, &device));
            let Layer::ConvTranspose2d(layer) = built else { panic!("another layer was built") };
            let input = Noise::new(2, 0).normals(25);
            let output = layer.forward(Tensor::from_data(TensorData::new(input.clone(), [1, 1, 5, 5]), &device));
            let expected = stamped(&input, 5, &numbers(layer.weight.val()), kernel, stride);
            let difference = numbers(output).iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(difference < 1e-5, "kernel {kernel}, stride {stride}: {difference}");
        }
    }

    /// Each output pixel is a sum over the window; where `same` pads unevenly, the larger part is at the end.
    #[test]
    fn same_padding_of_a_convolution_follows_tensorflow() {
        let device = Device::flex();
        for (side, kernel, stride) in [(6, 3, 2), (5, 3, 2), (5, 4, 1), (7, 2, 2), (7, 5, 3)] {
            let spec = layer::Conv2d {
                filters: 1,
                kernel: kernel.into(),
                stride: stride.into(),
                padding: Padding::Same,
                bias: false,
            };
            let spec = LayerSpec::from(spec);
            let layer = spec.build(Shape::Image([1, side, side]), &mut Start::seeded(1, 0, &device));
            let Layer::Conv2d(conv) = &layer else { panic!("another layer was built") };
            let window = numbers(conv.weight.val());
            let input = Noise::new(2, 0).normals(side * side);
            let size = side.div_ceil(stride);
            let before = ((size - 1) * stride + kernel).saturating_sub(side) / 2;
            let pixel = |y: usize, x: usize| {
                let inside = |at: usize| at.checked_sub(before).filter(|at| *at < side);
                inside(y).zip(inside(x)).map_or(0.0, |(y, x)| input[y * side + x])
            };
            let sum = |at: usize| -> f32 {
                let taps = (0..kernel * kernel).map(|tap| {
                    window[tap] * pixel(at / size * stride + tap / kernel, at % size * stride + tap % kernel)
                });
                taps.sum()
            };
            let expected: Vec<f32> = (0..size * size).map(sum).collect();
            let images = Tensor::<4>::from_data(TensorData::new(input.clone(), [1, 1, side, side]), &device);
            let output = numbers(layer.forward(Value::Image(images)).image());
            let difference = output.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(difference < 1e-5, "side {side}, kernel {kernel}, stride {stride}: {difference}");
        }
    }
}
