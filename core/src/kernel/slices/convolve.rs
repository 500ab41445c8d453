//! Convolutions of batches, and the gradient of the weights. Images are read in place, without a
//! matrix of windows unless they are very small. Threads divide a batch by image.

use pulp::{Simd, WithSimd};
#[cfg(feature = "kernel")]
use rayon::prelude::*;

#[cfg(feature = "kernel")]
use super::PARTS;

use super::geometry::{Frame, Geometry, Images, Scratch, Taps, positions};
use super::instructions::arch;
use super::tile::{Finish, Panels, Products, Slide};
use crate::activation::Activation;

/// Windows per block of the weight gradient, at least, to amortize loading the sums.
const TOGETHER: usize = 512;

/// Values per block of the weight gradient, at most, to stay in the cache.
const CACHED: usize = 1 << 17;

/// A prepared convolution: where its windows lie, and its packed weights.
#[derive(Debug)]
pub struct Convolution {
    frame: Frame,
    phases: Vec<Phase>,
    /// `[height, width, channels]` of the result.
    sides: [usize; 3],
}

impl Convolution {
    /// From image to grid; `weights` is `[filters, channels, kernel height, kernel width]`.
    pub fn to_grid(geometry: &Geometry, weights: &[f32]) -> Self {
        let [channels, filters] = [geometry.image[2], geometry.grid[2]];
        let [rows, columns] = geometry.kernel;
        let (frame, taps) = Frame::of_image(geometry, 1);
        let window = rows * columns;
        let order: Vec<usize> =
            (0..window).flat_map(|tap| (0..channels).map(move |channel| channel * window + tap)).collect();
        let panels = Panels::new(weights, &order, filters, channels * window, lanes());
        let places = positions(geometry.grid[0], geometry.grid[1], geometry.grid[1] * filters, filters);
        Self { frame, phases: vec![Phase { taps, panels, places }], sides: geometry.grid }
    }

    /// From grid to image: a transposed convolution, or an input gradient. Pixels with the same
    /// coordinates modulo the stride form a phase, a plain convolution over the grid.
    pub fn to_image(geometry: &Geometry, weights: &[f32]) -> Self {
        let [channels, filters] = [geometry.image[2], geometry.grid[2]];
        let [height, width] = [geometry.image[0], geometry.image[1]];
        let [rows, columns] = geometry.kernel;
        let axes = [0, 1].map(|axis| Axis::new(geometry, axis));
        let around = axes.each_ref().map(Axis::around);
        let frame = Frame::of_grid(geometry, around.map(|(before, _)| before), around.map(|(_, after)| after));
        let pitch = frame.pitch();
        let mut phases = Vec::new();
        for y in &axes[0].phases {
            for x in &axes[1].phases {
                let at = |taps: &[(usize, isize)], axis: usize, i: usize| {
                    (taps[i].1 + around[axis].0 as isize).max(0) as usize
                };
                let row = |i: usize| at(&y.taps, 0, i) * pitch;
                let joined = !x.taps.is_empty() && x.taps.windows(2).all(|pair| pair[1].1 == pair[0].1 + 1);
                let offsets: Vec<usize> = match joined {
                    true => (0..y.taps.len()).map(|i| row(i) + at(&x.taps, 1, 0) * filters).collect(),
                    false => (0..y.taps.len())
                        .flat_map(|i| (0..x.taps.len()).map(move |j| (i, j)))
                        .map(|(i, j)| row(i) + at(&x.taps, 1, j) * filters)
                        .collect(),
                };
                let run = if joined { x.taps.len() * filters } else { filters };
                let bases = positions(y.count, x.count, pitch, filters);
                let window = rows * columns;
                let taps = y.taps.iter().flat_map(|(i, _)| x.taps.iter().map(move |(j, _)| i * columns + j));
                let order: Vec<usize> =
                    taps.flat_map(|tap| (0..filters).map(move |filter| filter * channels * window + tap)).collect();
                let panels = Panels::new(weights, &order, channels, window, lanes());
                let start = (y.first * width + x.first) * channels;
                let places =
                    positions(y.count, x.count, geometry.stride[0] * width * channels, geometry.stride[1] * channels);
                let places = places.into_iter().map(|place| start + place).collect();
                phases.push(Phase { taps: Taps { bases, offsets, run }, panels, places });
            }
        }
        Self { frame, phases, sides: [height, width, channels] }
    }

    pub fn run(&self, batch: usize, images: Images<'_>, bias: Option<&[f32]>, activation: Activation) -> Vec<f32> {
        let Self { frame, phases, sides } = self;
        let bias = padded(bias);
        let finish = Finish { bias: &bias, activation };
        let length: usize = sides.iter().product();
        let mut out = vec![0.0; batch * length];
        let arch = arch();
        each_image(&mut out, length, |scratch, sample, out| {
            arch.dispatch(ImageWindows { images, sample, frame, phases, finish, scratch, out });
        });
        out
    }
}

/// Rows times a matrix: the convolution of one-pixel images.
#[derive(Debug)]
pub struct Product {
    panels: Panels,
    inputs: usize,
    outputs: usize,
}

impl Product {
    /// `weights` is `[outputs, inputs]`.
    pub fn new(weights: &[f32], inputs: usize, outputs: usize) -> Self {
        let order: Vec<usize> = (0..inputs).collect();
        Self { panels: Panels::new(weights, &order, outputs, inputs, lanes()), inputs, outputs }
    }

    /// `[batch, inputs]` → `[batch, outputs]`.
    pub fn run(&self, batch: usize, rows: &[f32], bias: Option<&[f32]>, activation: Activation) -> Vec<f32> {
        let Self { panels, inputs, outputs } = self;
        let places = |size: usize| (0..batch).map(|row| row * size).collect();
        let taps = Taps { bases: places(*inputs), offsets: vec![0], run: *inputs };
        let bias = padded(bias);
        let finish = Finish { bias: &bias, activation };
        let mut out = vec![0.0; batch * outputs];
        let slide = Slide { frame: rows, taps: &taps, panels, places: &places(*outputs), finish };
        arch().dispatch(Rows { slide, out: &mut out });
        out
    }
}

#[cfg(feature = "kernel")]
pub fn to_grid(
    geometry: &Geometry,
    batch: usize,
    image: Images<'_>,
    weights: &[f32],
    bias: Option<&[f32]>,
    activation: Activation,
) -> Vec<f32> {
    Convolution::to_grid(geometry, weights).run(batch, image, bias, activation)
}

#[cfg(feature = "kernel")]
pub fn to_image(
    geometry: &Geometry,
    batch: usize,
    grid: Images<'_>,
    weights: &[f32],
    bias: Option<&[f32]>,
    activation: Activation,
) -> Vec<f32> {
    Convolution::to_image(geometry, weights).run(batch, grid, bias, activation)
}

/// The gradient of the weights, `[filters, channels, kernel height, kernel width]`.
#[cfg(feature = "kernel")]
pub fn to_weights(geometry: &Geometry, batch: usize, image: Images<'_>, grid: Images<'_>) -> Vec<f32> {
    let [channels, filters] = [geometry.image[2], geometry.grid[2]];
    let window: usize = geometry.kernel.iter().product();
    let (frame, taps) = Frame::of_image(geometry, 4);
    let pitch = filters.next_multiple_of(lanes());
    let points = geometry.grid[0] * geometry.grid[1];
    let together = (TOGETHER.div_ceil(points)).min(CACHED / (frame.len() + points * pitch).max(1)).max(1);
    let parts = PARTS.min(batch.div_ceil(together)).max(1);
    let length = taps.len().next_multiple_of(4) * pitch;
    let mut sums = vec![0.0; parts * length];
    let arch = arch();
    sums.par_chunks_mut(length).enumerate().for_each(|(part, sums)| {
        let samples = part * batch / parts..(part + 1) * batch / parts;
        arch.dispatch(Weigh {
            samples,
            together,
            image,
            grid,
            frame: &frame,
            taps: &taps,
            points,
            filters,
            pitch,
            sums,
        });
    });
    let (first, others) = sums.split_at_mut(length);
    for other in others.chunks_exact(length) {
        for (sum, other) in first.iter_mut().zip(other) {
            *sum += other;
        }
    }
    let mut weights = vec![0.0; filters * channels * window];
    for (tap, sums) in first.chunks_exact(pitch).take(window * channels).enumerate() {
        let (tap, channel) = (tap / channels, tap % channels);
        for (filter, sum) in sums[..filters].iter().enumerate() {
            weights[(filter * channels + channel) * window + tap] = *sum;
        }
    }
    weights
}

/// Values in a vector of this CPU.
fn lanes() -> usize {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;

        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }
    arch().dispatch(Lanes)
}

/// Windows with the same taps.
#[derive(Debug)]
struct Phase {
    taps: Taps,
    panels: Panels,
    /// Where each window's results go.
    places: Vec<usize>,
}

/// Pixels along one axis with the same coordinate modulo the stride.
struct Remainder {
    first: usize,
    count: usize,
    /// Their taps, each with the grid point for the first pixel, ordered by grid point.
    taps: Vec<(usize, isize)>,
}

struct Axis {
    phases: Vec<Remainder>,
    grid: usize,
}

impl Axis {
    fn new(geometry: &Geometry, axis: usize) -> Self {
        let [stride, dilation, side] = [geometry.stride[axis], geometry.dilation[axis], geometry.image[axis]];
        let phases = (0..stride.min(side)).map(|first| {
            let shifted = first + geometry.before[axis];
            let mut taps: Vec<(usize, isize)> = (0..geometry.kernel[axis])
                .filter(|tap| (shifted as isize - (tap * dilation) as isize).rem_euclid(stride as isize) == 0)
                .map(|tap| (tap, (shifted as isize - (tap * dilation) as isize) / stride as isize))
                .collect();
            taps.sort_by_key(|(_, point)| *point);
            Remainder { first, count: (side - first).div_ceil(stride), taps }
        });
        Self { phases: phases.collect(), grid: geometry.grid[axis] }
    }

    /// How far windows reach before the first and after the last grid point.
    fn around(&self) -> (usize, usize) {
        let (mut before, mut after) = (0, 0);
        for phase in &self.phases {
            for (_, point) in &phase.taps {
                before = before.max(-point);
                after = after.max(point + phase.count as isize - self.grid as isize);
            }
        }
        (before as usize, after.max(0) as usize)
    }
}

/// The bias padded with zeros to whole vectors.
fn padded(bias: Option<&[f32]>) -> Vec<f32> {
    let mut bias = bias.unwrap_or(&[]).to_vec();
    bias.resize(bias.len().next_multiple_of(lanes()), 0.0);
    bias
}

/// Calls `work` on all threads for each image of `out`, `length` values each.
fn each_image(out: &mut [f32], length: usize, work: impl Fn(&mut Scratch, usize, &mut [f32]) + Send + Sync) {
    #[cfg(feature = "kernel")]
    out.par_chunks_mut(length).enumerate().for_each_init(Scratch::default, |scratch, (sample, out)| {
        work(scratch, sample, out);
    });
    #[cfg(not(feature = "kernel"))]
    {
        let mut scratch = Scratch::default();
        out.chunks_mut(length).enumerate().for_each(|(sample, out)| work(&mut scratch, sample, out));
    }
}

struct Rows<'a> {
    slide: Slide<'a>,
    out: &'a mut [f32],
}

impl WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.slide.run(simd, self.out, &mut Vec::new());
        self.slide.finish.activation.finish(self.out);
    }
}

/// All windows of one image.
struct ImageWindows<'a> {
    images: Images<'a>,
    sample: usize,
    frame: &'a Frame,
    phases: &'a [Phase],
    finish: Finish<'a>,
    scratch: &'a mut Scratch,
    out: &'a mut [f32],
}

impl WithSimd for ImageWindows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let mut block = std::mem::take(&mut self.scratch.block);
        let frame = self.frame.lay(&self.images, self.sample, self.scratch);
        for Phase { taps, panels, places } in self.phases {
            Slide { frame, taps, panels, places, finish: self.finish }.run(simd, self.out, &mut block);
        }
        self.scratch.block = block;
        self.finish.activation.finish(self.out);
    }
}

/// The weight gradient of some of the images.
struct Weigh<'a> {
    samples: std::ops::Range<usize>,
    together: usize,
    image: Images<'a>,
    grid: Images<'a>,
    frame: &'a Frame,
    taps: &'a Taps,
    points: usize,
    filters: usize,
    pitch: usize,
    sums: &'a mut [f32],
}

impl WithSimd for Weigh<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { samples, together, image, grid, frame, taps, points, filters, pitch, sums } = self;
        let mut scratch = Scratch::default();
        let mut frames = vec![0.0; if frame.reads(&image) { 0 } else { together * frame.len() }];
        let lies = pitch == filters && grid.whole(0).is_some();
        let mut grids = vec![0.0; if lies { 0 } else { together * points * pitch }];
        for start in samples.clone().step_by(together) {
            let group = start..samples.end.min(start + together);
            for (sample, frame_to) in group.clone().zip(frames.chunks_exact_mut(frame.len())) {
                frame.lay_into(&image, sample, &mut scratch, frame_to);
            }
            for (sample, grid_to) in group.clone().zip(grids.chunks_exact_mut(points * pitch)) {
                grid.spread(sample, grid_to, pitch);
            }
            let frames: Vec<&[f32]> = match frames.is_empty() {
                true => group.clone().filter_map(|sample| image.whole(sample)).collect(),
                false => frames.chunks_exact(frame.len()).take(group.len()).collect(),
            };
            let grids: Vec<&[f32]> = match lies {
                true => group.filter_map(|sample| grid.whole(sample)).collect(),
                false => grids.chunks_exact(points * pitch).take(group.len()).collect(),
            };
            Products { frames: &frames, grids: &grids, taps, pitch }.add(simd, sums);
        }
    }
}
