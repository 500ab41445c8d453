use super::{Convolve, Function, Kind, Mean, Normalize, Operation, Pool, Program, exp};
use crate::activation::Activation;
use crate::kernel::slices::{Convolution, Images, Product};

/// About how many values of a batch are computed at once, which stay in the cache.
const TOGETHER: usize = 1 << 17;

/// Runs a program on the CPU.
#[derive(Debug)]
pub struct CpuExecutor {
    operations: Vec<Step>,
    input: [usize; 3],
    inputs: usize,
    ends: Vec<usize>,
    /// Samples computed at once, at most.
    pub(crate) together: usize,
}

/// An operation, prepared.
#[derive(Debug)]
struct Step {
    kind: Prepared,
    input: [usize; 3],
    output: [usize; 3],
}

#[derive(Debug)]
enum Prepared {
    Product {
        product: Product,
        bias: Vec<f32>,
        function: Function,
    },
    /// One convolution per group.
    Convolve {
        groups: Vec<Convolution>,
        bias: Vec<f32>,
        function: Function,
    },
    Branches([Vec<Step>; 2]),
    /// All others, unprepared.
    Plain(Kind),
}

impl CpuExecutor {
    /// Prepares a program.
    pub fn new(program: Program) -> Self {
        let inputs = program.inputs();
        let together = (TOGETHER / program.widest().max(1)).max(1);
        let Program { operations, input, ends } = program;
        Self { operations: prepare(operations), input, inputs, ends, together }
    }

    /// The program's output for any number of samples, `[batch, channels, height, width]` in and
    /// out.
    pub fn run(&self, samples: &[f32]) -> Vec<f32> {
        let together = self.together * self.inputs.max(1);
        samples.chunks(together).flat_map(|samples| self.all(samples).into_iter().last().unwrap_or_default()).collect()
    }

    /// The output of each layer.
    pub fn steps(&self, samples: &[f32]) -> Vec<Vec<f32>> {
        self.all(samples)
    }

    fn all(&self, samples: &[f32]) -> Vec<Vec<f32>> {
        let batch = samples.len() / self.inputs.max(1);
        let mut values = relayout(samples, self.input, true);
        let (mut at, mut sides) = (0, self.input);
        let step = |end: &usize| {
            while let Some(operation) = self.operations.get(at).filter(|_| at < *end) {
                values = operation.run(batch, std::mem::take(&mut values));
                sides = operation.output;
                at += 1;
            }
            relayout(&values, sides, false)
        };
        self.ends.iter().map(step).collect()
    }
}

fn prepare(operations: Vec<Operation>) -> Vec<Step> {
    let of = |Operation { kind, input, output }| {
        let kind = match kind {
            Kind::Convolve(convolve) => prepare_convolution(convolve),
            Kind::Branches(branches) => Prepared::Branches(branches.map(prepare)),
            other => Prepared::Plain(other),
        };
        Step { kind, input, output }
    };
    operations.into_iter().map(of).collect()
}

fn prepare_convolution(convolve: Convolve) -> Prepared {
    let is_matrix = convolve.is_matrix();
    let Convolve { geometry, transposed, groups, weights, bias, function } = convolve;
    let ([_, _, channels], [_, _, filters]) = (geometry.image, geometry.grid);
    if is_matrix {
        return Prepared::Product { product: Product::new(&weights, channels, filters), bias, function };
    }
    let each = (weights.len() / groups.max(1)).max(1);
    let make = |weights: &[f32]| match transposed {
        true => Convolution::to_image(&geometry, weights),
        false => Convolution::to_grid(&geometry, weights),
    };
    Prepared::Convolve { groups: weights.chunks(each).map(make).collect(), bias, function }
}

impl Step {
    /// `[batch, height, width, channels]` → the same.
    fn run(&self, batch: usize, values: Vec<f32>) -> Vec<f32> {
        let (from, to) = (self.input, self.output);
        match &self.kind {
            Prepared::Product { product, bias, function } => {
                let (simple, rest) = function.split();
                rest.all(product.run(batch, &values, Some(bias), simple))
            }
            Prepared::Convolve { groups, bias, function } => {
                let (simple, rest) = function.split();
                rest.all(match &groups[..] {
                    [one] => one.run(batch, Images::dense(&values, [from[1], from[2], from[0]]), Some(bias), simple),
                    groups => grouped(groups, batch, &values, from, to, bias, simple),
                })
            }
            Prepared::Branches(branches) => {
                let [mut sum, other] = branches
                    .each_ref()
                    .map(|branch| branch.iter().fold(values.clone(), |values, operation| operation.run(batch, values)));
                sum.iter_mut().zip(other).for_each(|(sum, other)| *sum += other);
                sum
            }
            Prepared::Plain(kind) => plain(kind, values, from, to),
        }
    }
}

/// One convolution per group of channels.
fn grouped(
    groups: &[Convolution],
    batch: usize,
    values: &[f32],
    [channels, height, width]: [usize; 3],
    [filters, rows, columns]: [usize; 3],
    bias: &[f32],
    activation: Activation,
) -> Vec<f32> {
    let (seen, given) = (channels / groups.len(), filters / groups.len());
    let strides = [height * width * channels, width * channels, channels, 1];
    let mut all = vec![0.0; batch * rows * columns * filters];
    for (group, convolution) in groups.iter().enumerate() {
        let images = Images::strided(&values[group * seen..], strides, [height, width, seen]);
        let bias = bias.get(group * given..(group + 1) * given);
        let part = convolution.run(batch, images, bias, activation);
        for (all, part) in all.chunks_exact_mut(filters).zip(part.chunks_exact(given)) {
            all[group * given..][..given].copy_from_slice(part);
        }
    }
    all
}

/// `[batch, channels, height, width]` to `[batch, height, width, channels]`, or back.
fn relayout(values: &[f32], [channels, height, width]: [usize; 3], inwards: bool) -> Vec<f32> {
    let pixels = height * width;
    if channels == 1 || pixels == 1 {
        return values.to_vec();
    }
    let [outer, inner] = if inwards { [channels, pixels] } else { [pixels, channels] };
    let mut turned = Vec::with_capacity(values.len());
    for sample in values.chunks_exact(channels * pixels) {
        turned.extend((0..inner).flat_map(|i| (0..outer).map(move |o| sample[o * inner + i])));
    }
    turned
}

fn plain(kind: &Kind, mut values: Vec<f32>, from: [usize; 3], to: [usize; 3]) -> Vec<f32> {
    let [channels, height, width] = from;
    let rows = |values: &mut [f32], work: &dyn Fn(usize, &mut f32)| {
        for row in values.chunks_exact_mut(channels) {
            row.iter_mut().enumerate().for_each(|(channel, value)| work(channel, value));
        }
    };
    match kind {
        Kind::Scale { scale, shift } => {
            rows(&mut values, &|channel, value| *value = *value * scale[channel] + shift[channel]);
            values
        }
        Kind::Apply(function) => function.all(values),
        Kind::Slope(slopes) => {
            rows(&mut values, &|channel, value| {
                if *value < 0.0 {
                    *value *= slopes[channel % slopes.len()];
                }
            });
            values
        }
        Kind::Normalize(normalize) => {
            values
                .chunks_exact_mut(channels * height * width)
                .for_each(|sample| normalize_sample(normalize, sample, channels));
            values
        }
        Kind::Softmax => {
            values.chunks_exact_mut(channels).for_each(softmax);
            values
        }
        Kind::Pool(pool) => {
            images(&values, from, to, |image, [y, x, channel]| pool_window(pool, image, from, [y, x, channel]))
        }
        Kind::Resize { scale, bilinear: false } => images(&values, from, to, |image, [y, x, channel]| {
            image[((y / scale[0]) * width + x / scale[1]) * channels + channel]
        }),
        Kind::Resize { scale, bilinear: true } => images(&values, from, to, |image, [y, x, channel]| {
            let (rows, columns) = (between(y, scale[0], height), between(x, scale[1], width));
            let at = |y: usize, x: usize| image[(y * width + x) * channels + channel];
            let line = |y: usize| at(y, columns.0) * (1.0 - columns.2) + at(y, columns.1) * columns.2;
            line(rows.0) * (1.0 - rows.2) + line(rows.1) * rows.2
        }),
        Kind::Shuffle { factor } => images(&values, from, to, |image, [y, x, channel]| {
            let inner = channel * factor * factor + y % factor * factor + x % factor;
            image[(y / factor * width + x / factor) * channels + inner]
        }),
        Kind::Reshape => relayout(&relayout(&values, from, false), to, true),
        Kind::Alias => values,
        // These are prepared.
        Kind::Convolve(_) | Kind::Branches(_) => values,
    }
}

/// Computes images value by value: `of` takes a sample and the row, column and channel of the
/// result.
fn images(values: &[f32], from: [usize; 3], to: [usize; 3], of: impl Fn(&[f32], [usize; 3]) -> f32) -> Vec<f32> {
    let [channels, height, width] = to;
    let mut all = Vec::with_capacity(values.len() / from.iter().product::<usize>() * to.iter().product::<usize>());
    for image in values.chunks_exact(from.iter().product()) {
        for y in 0..height {
            for x in 0..width {
                all.extend((0..channels).map(|channel| of(image, [y, x, channel])));
            }
        }
    }
    all
}

/// The two source pixels of pixel `at` of a line stretched by `scale`, and the share of the second.
fn between(at: usize, scale: usize, size: usize) -> (usize, usize, f32) {
    let place = ((at as f32 + 0.5) / scale as f32 - 0.5).max(0.0);
    let before = (place as usize).min(size - 1);
    (before, (before + 1).min(size - 1), place - before as f32)
}

fn pool_window(pool: &Pool, image: &[f32], [channels, height, width]: [usize; 3], [y, x, channel]: [usize; 3]) -> f32 {
    let Pool { kernel, stride, dilation, before, mean } = *pool;
    let (mut largest, mut sum, mut pixels) = (f32::NEG_INFINITY, 0.0, 0);
    for row in 0..kernel[0] {
        let Some(y) = (y * stride[0] + row * dilation[0]).checked_sub(before[0]).filter(|y| *y < height) else {
            continue;
        };
        for column in 0..kernel[1] {
            let x = (x * stride[1] + column * dilation[1]).checked_sub(before[1]);
            let Some(x) = x.filter(|x| *x < width) else { continue };
            let value = image[(y * width + x) * channels + channel];
            largest = largest.max(value);
            sum += value;
            pixels += 1;
        }
    }
    match mean {
        None => largest,
        Some(Mean::Pixels) => sum / pixels as f32,
        Some(Mean::Window) => sum / (kernel[0] * kernel[1]) as f32,
    }
}

fn softmax(row: &mut [f32]) {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    row.iter_mut().for_each(|value| *value = exp(*value - largest));
    let sum: f32 = row.iter().sum();
    row.iter_mut().for_each(|value| *value /= sum);
}

/// One sample, `[pixels, channels]`.
fn normalize_sample(normalize: &Normalize, sample: &mut [f32], channels: usize) {
    let Normalize { groups, epsilon, scale, shift } = normalize;
    let (each, pixels) = (channels / groups, sample.len() / channels);
    let count = (each * pixels) as f32;
    for group in 0..*groups {
        let start = group * each;
        let of =
            |row: &[f32], work: &dyn Fn(f32) -> f32| row[start..][..each].iter().map(|value| work(*value)).sum::<f32>();
        let total =
            |work: &dyn Fn(f32) -> f32| sample.chunks_exact(channels).map(|row| of(row, work)).sum::<f32>() / count;
        let mean = total(&|value| value);
        let variance = total(&|value| (value - mean) * (value - mean));
        let factor = 1.0 / (variance + epsilon).sqrt();
        for (pixel, row) in sample.chunks_exact_mut(channels).enumerate() {
            for (channel, value) in row.iter_mut().enumerate().skip(start).take(each) {
                // A scale per value is ordered channel by channel.
                let index = if scale.len() == channels { channel } else { channel * pixels + pixel };
                let (scale, shift) = (scale.get(index).unwrap_or(&1.0), shift.get(index).unwrap_or(&0.0));
                *value = (*value - mean) * factor * scale + shift;
            }
        }
    }
}
