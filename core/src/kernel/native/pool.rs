use burn::tensor::Tensor;
use burn_flex::FlexTensor;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::Window;
use super::layout::{as_images, forwards, images};
use super::op::{Operand, Operation, Past, apply};
use super::parts::dense;
use crate::kernel::slices::arch;

/// The largest value of each window, without padding.
pub(crate) fn max_pool2d(input: &Tensor<4>, kernel: [usize; 2], window: Window) -> Option<Tensor<4>> {
    Some(apply(MaxPool { kernel, window }, [Operand::new(input)?]).0)
}

#[derive(Debug, Clone)]
struct MaxPool {
    kernel: [usize; 2],
    window: Window,
}

impl MaxPool {
    /// The pixels of each window in an image of `[height, width]`.
    fn pixels(&self, [height, width]: [usize; 2]) -> Vec<Vec<usize>> {
        let Window { stride, dilation, before, size } = self.window;
        let seen = |axis: usize, at: usize, side: usize| {
            (0..self.kernel[axis])
                .map(move |tap| at * stride[axis] + tap * dilation[axis])
                .filter(move |place| (before[axis]..before[axis] + side).contains(place))
                .map(move |place| place - before[axis])
        };
        (0..size[0] * size[1])
            .map(|window| {
                let (row, column) = (window / size[1], window % size[1]);
                seen(0, row, height).flat_map(|y| seen(1, column, width).map(move |x| y * width + x)).collect()
            })
            .collect()
    }
}

impl Operation<1> for MaxPool {
    /// The pixel that each result comes from.
    type Kept = std::sync::Arc<Vec<u32>>;

    fn forward(&self, [input]: &[FlexTensor; 1]) -> (FlexTensor, Self::Kept) {
        let input = forwards(input.clone());
        let (batch, [height, width, channels], from) = as_images(&input);
        let pixels = self.pixels([height, width]);
        let length = pixels.len() * channels;
        let mut output = vec![f32::NEG_INFINITY; batch * length];
        let mut places = vec![0u32; batch * length];
        let arch = arch();
        output.par_chunks_mut(length.max(1)).zip(places.par_chunks_mut(length.max(1))).enumerate().for_each_init(
            Vec::new,
            |scratch, (sample, (output, places))| {
                let image = from.whole_or(sample, scratch);
                arch.dispatch(Largest { image, pixels: &pixels, channels, output, places });
            },
        );
        let [rows, columns] = self.window.size;
        (images(output, batch, [rows, columns, channels]), places.into())
    }

    fn backward(
        &self,
        past: &Past<1, Self::Kept>,
        gradient: FlexTensor,
        _wanted: [bool; 1],
    ) -> [Option<FlexTensor>; 1] {
        let (batch, sides, _) = as_images(&past.inputs[0]);
        let [height, width, channels] = sides;
        let (_, _, gradient) = dense(&gradient);
        let length = self.window.size[0] * self.window.size[1] * channels;
        let mut grad_input = vec![0.0; batch * height * width * channels];
        let from = gradient.par_chunks(length.max(1)).zip(past.kept.par_chunks(length.max(1)));
        grad_input.par_chunks_mut((height * width * channels).max(1)).zip(from).for_each(
            |(grad_input, (gradient, places))| {
                for (gradient, places) in gradient.chunks_exact(channels).zip(places.chunks_exact(channels)) {
                    for (channel, (gradient, place)) in gradient.iter().zip(places).enumerate() {
                        grad_input[*place as usize * channels + channel] += gradient;
                    }
                }
            },
        );
        [Some(images(grad_input, batch, sides))]
    }
}

/// The largest value of each window of one image, and the pixel that it comes from.
struct Largest<'a> {
    image: &'a [f32],
    pixels: &'a [Vec<usize>],
    channels: usize,
    output: &'a mut [f32],
    places: &'a mut [u32],
}

impl WithSimd for Largest<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { image, pixels, channels, output, places } = self;
        let results = output.chunks_exact_mut(channels).zip(places.chunks_exact_mut(channels));
        for ((output, places), pixels) in results.zip(pixels) {
            for pixel in pixels {
                let values = &image[pixel * channels..][..channels];
                for ((best, place), value) in output.iter_mut().zip(places.iter_mut()).zip(values) {
                    // NaN wins, so that it is not hidden.
                    let better = *value > *best || value.is_nan();
                    *best = if better { *value } else { *best };
                    *place = if better { *pixel as u32 } else { *place };
                }
            }
        }
    }
}
