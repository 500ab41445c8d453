//! The operations of a program as shader calls.

use wgpu::{Buffer, BufferUsages};

use super::Gpu;
use crate::activation::Activation;
use crate::program::{Convolve, Function, Kind, Mean, Operation};

/// Pixels of a row per thread of a convolution, as in the shaders.
const SPAN: usize = 4;

/// One run of a shader. Buffers are numbered: 0 is the input, and each call adds one.
#[derive(Debug)]
pub(super) struct Call {
    pub entry: &'static str,
    pub input: usize,
    pub weights: Weights,
    pub threads: Threads,
    pub params: Params,
    /// Whether the samples are the pixels of one row.
    pub rows: bool,
}

#[derive(Debug)]
pub(super) enum Weights {
    None,
    Of(Buffer),
    /// The output of another call.
    Place(usize),
}

/// What a thread computes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Threads {
    /// Some pixels of a convolution, for one of so many blocks of four channels.
    Span(usize),
    /// A vector of four channels.
    Block,
    /// One value of such a vector.
    Number,
    Pixel,
    /// With its workgroup, a group of channels.
    Group,
}

/// The uniform of a shader, in the order of its fields.
#[derive(Debug, Clone, Default)]
pub(super) struct Params {
    pub input: [usize; 3],
    pub output: [usize; 3],
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub dilation: [usize; 2],
    pub before: [usize; 2],
    pub groups: usize,
    pub flags: u32,
    pub function: u32,
    pub alpha: f32,
    pub beta: f32,
}

impl Params {
    pub fn words(&self, threads: usize, batch: usize, rows: bool) -> impl Iterator<Item = u32> {
        let row = |sides: [usize; 3]| if rows { [sides[0], 1, batch] } else { sides };
        let sizes = [threads, if rows { 1 } else { batch }].into_iter().chain(row(self.input)).chain(row(self.output));
        let window = [self.kernel, self.stride, self.dilation, self.before].into_iter().flatten().chain([self.groups]);
        let rest = [self.flags, self.function, self.alpha.to_bits(), self.beta.to_bits()];
        // A uniform is a multiple of 16 bytes.
        sizes.chain(window).map(|size| size as u32).chain(rest).chain([0; 3])
    }
}

impl Call {
    /// Number of threads, or of workgroups, for a batch.
    pub fn threads(&self, batch: usize) -> usize {
        let [channels, height, width] = self.params.output;
        let (batch, width) = if self.rows { (1, batch) } else { (batch, width) };
        let pixels = batch * height * width;
        match self.threads {
            Threads::Span(blocks) => {
                let step = if self.params.flags & 1 == 0 { 1 } else { self.params.stride[1] };
                batch * height * step * width.div_ceil(step * SPAN) * blocks
            }
            Threads::Block => pixels * channels.div_ceil(4),
            Threads::Number => pixels * channels.next_multiple_of(4),
            Threads::Pixel => pixels,
            Threads::Group => batch * self.params.groups,
        }
    }
}

/// Turns operations into calls.
pub(super) struct Calls<'a> {
    pub gpu: &'a Gpu,
    pub all: Vec<Call>,
    /// Channels, height and width of each buffer.
    pub sides: Vec<[usize; 3]>,
}

impl Calls<'_> {
    /// Adds a call; returns its output buffer.
    fn push(&mut self, entry: &'static str, input: usize, weights: Weights, threads: Threads, params: Params) -> usize {
        self.sides.push(params.output);
        self.all.push(Call { entry, input, weights, threads, params, rows: false });
        self.all.len()
    }

    fn weights(&self, vectors: Vec<f32>) -> Weights {
        Weights::Of(self.gpu.filled(vectors.into_iter().map(f32::to_bits), BufferUsages::STORAGE))
    }

    /// Adds the calls of an operation on buffer `at`; returns the output buffer.
    pub fn operation(&mut self, Operation { kind, input, output }: Operation, at: usize) -> usize {
        let sides = Params { input, output, ..Params::default() };
        match kind {
            Kind::Convolve(convolve) => self.convolve(convolve, sides, at),
            Kind::Scale { scale, shift } => {
                let weights = self.weights([filled(&scale), filled(&shift)].concat());
                self.push("each", at, weights, Threads::Block, Params { flags: 2, ..sides })
            }
            Kind::Apply(function) => self.push("each", at, Weights::None, Threads::Block, sides.with(function)),
            Kind::Slope(slopes) => {
                let each: Vec<f32> = slopes.iter().copied().cycle().take(input[0]).collect();
                let weights = self.weights(filled(&each));
                self.push("each", at, weights, Threads::Block, Params { flags: 4, ..sides })
            }
            Kind::Normalize(normalize) => {
                let (scale, shift) = (normalize.scale, normalize.shift);
                let each = scale.len() > input[0];
                let count = if each { scale.len() } else { input[0] };
                let (mut weights, mut shifts) = (scale, shift);
                weights.resize(count, 1.0);
                shifts.resize(count, 0.0);
                weights.append(&mut shifts);
                let weights = self.weights(filled(&weights));
                let (groups, alpha) = (normalize.groups, normalize.epsilon);
                let flags = if each { 2 } else { 0 };
                self.push("normalize", at, weights, Threads::Group, Params { groups, alpha, flags, ..sides })
            }
            Kind::Softmax => self.push("softmax", at, Weights::None, Threads::Pixel, sides),
            Kind::Pool(pool) => {
                let flags = match pool.mean {
                    None => 0,
                    Some(Mean::Pixels) => 2,
                    Some(Mean::Window) => 4,
                };
                let (kernel, stride, dilation, before) = (pool.kernel, pool.stride, pool.dilation, pool.before);
                let params = Params { kernel, stride, dilation, before, flags, ..sides };
                self.push("pool", at, Weights::None, Threads::Number, params)
            }
            Kind::Resize { scale, bilinear } => {
                let params = Params { stride: scale, flags: if bilinear { 2 } else { 0 }, ..sides };
                self.push("resize", at, Weights::None, Threads::Number, params)
            }
            Kind::Shuffle { factor } => {
                self.push("shuffle", at, Weights::None, Threads::Number, Params { stride: [factor; 2], ..sides })
            }
            Kind::Reshape => self.push("reshape", at, Weights::None, Threads::Number, sides),
            Kind::Alias => at,
            Kind::Branches(branches) => {
                let [one, other] =
                    branches.map(|branch| branch.into_iter().fold(at, |at, next| self.operation(next, at)));
                self.push("add", one, Weights::Place(other), Threads::Block, sides)
            }
        }
    }

    fn convolve(&mut self, convolve: Convolve, sides: Params, at: usize) -> usize {
        let geometry = convolve.geometry;
        let params = Params {
            kernel: geometry.kernel,
            stride: geometry.stride,
            dilation: geometry.dilation,
            before: geometry.before,
            groups: convolve.groups,
            flags: u32::from(convolve.transposed),
            ..sides.with(convolve.function)
        };
        let rows = params.input[1..] == [1, 1] && params.output[1..] == [1, 1] && params.kernel == [1, 1];
        let (entry, weights, threads) = convolve.packed();
        let weights = self.weights(weights);
        let place = self.push(entry, at, weights, threads, params);
        if let Some(call) = self.all.last_mut() {
            call.rows = rows && threads != Threads::Number;
        }
        place
    }
}

impl Params {
    fn with(self, function: Function) -> Self {
        let (function, alpha, beta) = match function {
            Function::Simple(Activation::Identity) => (0, 0.0, 0.0),
            Function::Simple(Activation::Rectify { slope }) => (1, slope, 0.0),
            Function::Simple(Activation::Tanh) => (2, 0.0, 0.0),
            Function::Simple(Activation::Sigmoid) => (3, 0.0, 0.0),
            Function::Elu { alpha, scale } => (4, alpha, scale),
            Function::Gelu => (5, 0.0, 0.0),
            Function::Silu => (6, 0.0, 0.0),
            Function::Softplus => (7, 0.0, 0.0),
        };
        Self { function, alpha, beta, ..self }
    }
}

impl Convolve {
    /// The shader, its packed weights, and what its threads compute.
    fn packed(&self) -> (&'static str, Vec<f32>, Threads) {
        let filters = self.filters();
        let mut bias = self.bias.clone();
        bias.resize(filters.next_multiple_of(4), 0.0);
        if self.groups > 1 {
            return ("convolve_groups", filled(&[&self.weights[..], &bias[..]].concat()), Threads::Number);
        }
        let window: usize = self.geometry.kernel.iter().product();
        let channels = if self.transposed { self.geometry.grid[2] } else { self.geometry.image[2] };
        let weight = |filter: usize, channel: usize, tap: usize| {
            let pair = if self.transposed { channel * filters + filter } else { filter * channels + channel };
            if filter < filters && channel < channels { self.weights[pair * window + tap] } else { 0.0 }
        };
        let wide = channels.next_multiple_of(4);
        if filters == 1 {
            let mut weights: Vec<f32> =
                (0..window).flat_map(|tap| (0..wide).map(move |channel| weight(0, channel, tap))).collect();
            weights.extend(bias);
            return ("convolve_single", weights, Threads::Span(1));
        }
        let blocks = filters.div_ceil(4);
        let mut weights = Vec::with_capacity(blocks * window * wide * 4 + bias.len());
        for block in 0..blocks {
            for tap in 0..window {
                for channel in 0..wide {
                    weights.extend((0..4).map(|lane| weight(block * 4 + lane, channel, tap)));
                }
            }
        }
        weights.extend(bias);
        ("convolve", weights, Threads::Span(blocks))
    }
}

/// Values padded with zeros to whole vectors.
fn filled(numbers: &[f32]) -> Vec<f32> {
    let mut vectors = numbers.to_vec();
    vectors.resize(vectors.len().next_multiple_of(4).max(4), 0.0);
    vectors
}
