//! Operations as compute shaders, through wgpu: in a browser that is WebGPU, elsewhere whatever the machine has.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use futures_channel::oneshot;
use wgpu::util::{BufferInitDescriptor, DeviceExt};
use wgpu::{
    BindGroup, BindGroupDescriptor, BindGroupEntry, BindGroupLayout, BindGroupLayoutDescriptor, BindGroupLayoutEntry,
    BindingType, Buffer, BufferBindingType, BufferDescriptor, BufferUsages, CommandEncoderDescriptor,
    ComputePassDescriptor, ComputePipeline, ComputePipelineDescriptor, DeviceDescriptor, Instance, InstanceDescriptor,
    MapMode, PipelineCompilationOptions, PipelineLayout, PipelineLayoutDescriptor, PollType, RequestAdapterOptions,
    ShaderModule, ShaderModuleDescriptor, ShaderSource, ShaderStages,
};

use super::{Convolve, Function, Kind, Mean, Operation, Program};
use crate::activation::Activation;

/// Threads of a workgroup, as in the shaders.
const SIZE: u32 = 64;
/// Pixels of a row that one thread of a convolution computes, as in the shaders.
const SPAN: usize = 4;
/// Workgroups along one axis, at most.
const MOST: u32 = 65_535;
/// Bytes of the widest place of a batch, about which batches are divided.
const TOGETHER: usize = 1 << 25;

/// An opened GPU with the shaders of all operations.
#[derive(Debug, Clone)]
pub struct Gpu {
    device: wgpu::Device,
    queue: wgpu::Queue,
    bindings: BindGroupLayout,
    layout: PipelineLayout,
    shaders: ShaderModule,
    /// The shaders that were used, compiled.
    pipelines: Rc<RefCell<HashMap<&'static str, ComputePipeline>>>,
    /// What went wrong first, if anything did.
    failure: Arc<Mutex<Option<String>>>,
}

impl Gpu {
    /// Opens the adapter that the browser, or the machine, prefers.
    ///
    /// # Errors
    /// There is none, or it refuses a device.
    pub async fn open() -> Result<Self, String> {
        let instance = Instance::new(InstanceDescriptor::new_without_display_handle());
        let adapter = instance.request_adapter(&RequestAdapterOptions::default()).await;
        let adapter = adapter.map_err(|error| error.to_string())?;
        let descriptor = DeviceDescriptor { required_limits: adapter.limits(), ..DeviceDescriptor::default() };
        let (device, queue) = adapter.request_device(&descriptor).await.map_err(|error| error.to_string())?;

        let failure = Arc::new(Mutex::new(None));
        let (first, lost) = (failure.clone(), failure.clone());
        device.on_uncaptured_error(Arc::new(move |error| note(&first, error.to_string())));
        device.set_device_lost_callback(move |_, why| note(&lost, format!("the device was lost. {why}")));

        let buffer = |binding: u32, ty: BufferBindingType| BindGroupLayoutEntry {
            binding,
            visibility: ShaderStages::COMPUTE,
            ty: BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
            count: None,
        };
        let bindings = device.create_bind_group_layout(&BindGroupLayoutDescriptor {
            label: None,
            entries: &[
                buffer(0, BufferBindingType::Uniform),
                buffer(1, BufferBindingType::Storage { read_only: true }),
                buffer(2, BufferBindingType::Storage { read_only: true }),
                buffer(3, BufferBindingType::Storage { read_only: false }),
            ],
        });
        let layout = device.create_pipeline_layout(&PipelineLayoutDescriptor {
            label: None,
            bind_group_layouts: &[Some(&bindings)],
            immediate_size: 0,
        });
        let shaders = device.create_shader_module(ShaderModuleDescriptor {
            label: Some("program"),
            source: ShaderSource::Wgsl(include_str!("shaders.wgsl").into()),
        });
        Ok(Self { device, queue, bindings, layout, shaders, pipelines: Rc::default(), failure })
    }

    fn pipeline(&self, entry: &'static str) -> ComputePipeline {
        let make = || {
            self.device.create_compute_pipeline(&ComputePipelineDescriptor {
                label: Some(entry),
                layout: Some(&self.layout),
                module: &self.shaders,
                entry_point: Some(entry),
                compilation_options: PipelineCompilationOptions::default(),
                cache: None,
            })
        };
        self.pipelines.borrow_mut().entry(entry).or_insert_with(make).clone()
    }

    fn buffer(&self, bytes: usize, usage: BufferUsages) -> Buffer {
        let descriptor = BufferDescriptor { label: None, size: bytes as u64, usage, mapped_at_creation: false };
        self.device.create_buffer(&descriptor)
    }

    fn filled(&self, words: impl Iterator<Item = u32>, usage: BufferUsages) -> Buffer {
        let contents: Vec<u8> = words.flat_map(u32::to_ne_bytes).collect();
        self.device.create_buffer_init(&BufferInitDescriptor { label: None, contents: &contents, usage })
    }
}

fn note(failure: &Mutex<Option<String>>, what: String) {
    failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(what);
}

/// Carries out a program on a GPU.
#[derive(Debug)]
pub struct GpuExecutor {
    gpu: Gpu,
    calls: Vec<Call>,
    input: [usize; 3],
    /// The places that are read back, with channels, height and width of what is there.
    results: Vec<(usize, [usize; 3])>,
    /// Samples that are computed together at most.
    together: usize,
    /// What the newest size of a batch needs.
    ready: RefCell<Option<Ready>>,
}

/// One shader to run. Places are numbered: 0 is the input, and each call adds one.
#[derive(Debug)]
struct Call {
    entry: &'static str,
    input: usize,
    weights: Weights,
    /// How many there are follows from the batch.
    threads: Threads,
    params: Params,
    /// The samples lie side by side, as the pixels of one row.
    rows: bool,
}

#[derive(Debug)]
enum Weights {
    None,
    Of(Buffer),
    /// What another call gave.
    Place(usize),
}

/// What a thread is there for.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Threads {
    /// Some pixels of a convolution, for so many channels.
    Span(usize),
    /// A vector of four channels.
    Block,
    /// A number of such a vector.
    Number,
    /// A pixel.
    Pixel,
    /// With its whole workgroup, a group of channels.
    Group,
}

/// What a shader is told, in the order of its fields.
#[derive(Debug, Clone, Default)]
struct Params {
    input: [usize; 3],
    output: [usize; 3],
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    before: [usize; 2],
    groups: usize,
    flags: u32,
    function: u32,
    alpha: f32,
    beta: f32,
}

impl Params {
    fn words(&self, threads: usize, batch: usize, rows: bool) -> impl Iterator<Item = u32> {
        let row = |sides: [usize; 3]| if rows { [sides[0], 1, batch] } else { sides };
        let sizes = [threads, if rows { 1 } else { batch }].into_iter().chain(row(self.input)).chain(row(self.output));
        let window = [self.kernel, self.stride, self.dilation, self.before].into_iter().flatten().chain([self.groups]);
        let rest = [self.flags, self.function, self.alpha.to_bits(), self.beta.to_bits()];
        // A uniform is a whole number of 16 bytes.
        sizes.chain(window).map(|size| size as u32).chain(rest).chain([0; 3])
    }
}

/// What is needed for batches of one size.
#[derive(Debug)]
struct Ready {
    batch: usize,
    input: Buffer,
    steps: Vec<(ComputePipeline, BindGroup, [u32; 2])>,
    /// Where each result is, with its bytes.
    results: Vec<(Buffer, u64)>,
    staging: Buffer,
    buffers: Vec<Buffer>,
}

impl Drop for Ready {
    fn drop(&mut self) {
        // In a browser the memory would stay until its collector comes by.
        self.buffers.iter().chain([&self.staging]).for_each(Buffer::destroy);
    }
}

impl Drop for GpuExecutor {
    fn drop(&mut self) {
        for call in &self.calls {
            if let Weights::Of(buffer) = &call.weights {
                buffer.destroy();
            }
        }
    }
}

/// Numbers of a sample on the GPU: channels are filled up to a multiple of four.
fn padded([channels, height, width]: [usize; 3]) -> usize {
    channels.next_multiple_of(4) * height * width
}

impl GpuExecutor {
    /// Makes a program ready.
    pub fn new(gpu: &Gpu, program: Program) -> Self {
        let together = (TOGETHER / 4 / program.widest().max(1)).clamp(1, 4096);
        let mut calls = Calls { gpu, all: Vec::new(), sides: vec![program.input] };
        let (mut at, mut ends) = (0, Vec::new());
        for (index, operation) in program.operations.into_iter().enumerate() {
            while program.ends.get(ends.len()).is_some_and(|end| *end <= index) {
                ends.push(at);
            }
            at = calls.operation(operation, at);
        }
        ends.resize(program.ends.len(), at);
        let results = ends.into_iter().map(|place| (place, calls.sides[place])).collect();
        Self { gpu: gpu.clone(), calls: calls.all, input: program.input, results, together, ready: RefCell::default() }
    }

    /// What the program makes of samples: `[batch, channels, height, width]` of any number of samples → the same.
    ///
    /// # Errors
    /// The device was lost, or has not the memory.
    pub async fn run(&self, samples: &[f32]) -> Result<Vec<f32>, String> {
        let mut all = Vec::new();
        for samples in samples.chunks(self.together * self.inputs()) {
            all.extend(self.all(samples).await?.pop().unwrap_or_default());
        }
        Ok(all)
    }

    /// What each layer makes of a few of them.
    ///
    /// # Errors
    /// Those of [`Self::run`].
    pub async fn steps(&self, samples: &[f32]) -> Result<Vec<Vec<f32>>, String> {
        self.all(samples).await
    }

    fn inputs(&self) -> usize {
        self.input.iter().product::<usize>().max(1)
    }

    async fn all(&self, samples: &[f32]) -> Result<Vec<Vec<f32>>, String> {
        let batch = samples.len() / self.inputs();
        // While it waits, another call makes its own.
        let ready = self.ready.take().filter(|ready| ready.batch == batch);
        let ready = ready.unwrap_or_else(|| self.ready(batch));
        let Gpu { device, queue, failure, .. } = &self.gpu;

        queue.write_buffer(&ready.input, 0, &packed(samples, self.input));
        let mut commands = device.create_command_encoder(&CommandEncoderDescriptor::default());
        {
            let mut pass = commands.begin_compute_pass(&ComputePassDescriptor::default());
            for (pipeline, bindings, [x, y]) in &ready.steps {
                pass.set_pipeline(pipeline);
                pass.set_bind_group(0, bindings, &[]);
                pass.dispatch_workgroups(*x, *y, 1);
            }
        }
        let mut at = 0;
        for (result, bytes) in &ready.results {
            commands.copy_buffer_to_buffer(result, 0, &ready.staging, at, *bytes);
            at += bytes;
        }
        queue.submit([commands.finish()]);

        let (done, mapped) = oneshot::channel();
        ready.staging.map_async(MapMode::Read, .., move |result| {
            // Nobody waits for it any more.
            let _ = done.send(result.is_ok());
        });
        // A browser goes on by itself.
        if cfg!(not(target_arch = "wasm32")) {
            device.poll(PollType::wait_indefinitely()).map_err(|error| error.to_string())?;
        }
        let mapped = mapped.await.unwrap_or(false);
        if let Some(failure) = failure.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            return Err(failure);
        }
        if !mapped {
            return Err("its memory cannot be read".into());
        }
        let values: Vec<f32> = {
            let view = ready.staging.get_mapped_range(..).map_err(|error| error.to_string())?;
            view.as_chunks::<4>().0.iter().map(|bytes| f32::from_ne_bytes(*bytes)).collect()
        };
        ready.staging.unmap();
        let mut rest = &values[..];
        let results = ready.results.iter().map(|(_, bytes)| {
            let (result, after) = rest.split_at((*bytes / 4) as usize);
            rest = after;
            result.to_vec()
        });
        let results = results.collect();
        self.ready.replace(Some(ready));
        Ok(results)
    }

    /// Buffers for a batch; a place whose content nobody reads any more makes room for another one.
    fn ready(&self, batch: usize) -> Ready {
        let mut last: Vec<usize> = (0..=self.calls.len()).collect();
        for (index, call) in self.calls.iter().enumerate() {
            last[call.input] = index + 1;
            if let Weights::Place(place) = call.weights {
                last[place] = index + 1;
            }
        }
        self.results.iter().for_each(|(place, _)| last[*place] = usize::MAX);

        let storage = BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST;
        let bytes = |sides: [usize; 3]| 4 * batch * padded(sides);
        let input = self.gpu.buffer(bytes(self.input), storage);
        let nothing = self.gpu.buffer(16, storage);
        let (mut buffers, mut places, mut free) =
            (vec![input.clone(), nothing.clone()], vec![input.clone()], Vec::new());
        let mut steps = Vec::new();
        let mut bind = |call: &Call, input: &Buffer, weights: &Buffer, output: &Buffer| {
            let threads = call.threads(batch);
            let params = self.gpu.filled(call.params.words(threads, batch, call.rows), BufferUsages::UNIFORM);
            let buffers = [&params, input, weights, output];
            let entries: Vec<BindGroupEntry<'_>> = (0..)
                .zip(buffers)
                .map(|(binding, buffer)| BindGroupEntry { binding, resource: buffer.as_entire_binding() })
                .collect();
            let bindings = self.gpu.device.create_bind_group(&BindGroupDescriptor {
                label: None,
                layout: &self.gpu.bindings,
                entries: &entries,
            });
            let groups = if call.threads == Threads::Group { threads as u32 } else { (threads as u32).div_ceil(SIZE) };
            steps.push((self.gpu.pipeline(call.entry), bindings, [groups.min(MOST), groups.div_ceil(MOST)]));
            params
        };
        for (index, call) in self.calls.iter().enumerate() {
            let size = bytes(call.params.output);
            let fits = free.iter().position(|buffer: &Buffer| buffer.size() >= size as u64);
            let output = fits.map(|fits| free.swap_remove(fits)).unwrap_or_else(|| {
                let buffer = self.gpu.buffer(size, storage);
                buffers.push(buffer.clone());
                buffer
            });
            let weights = match &call.weights {
                Weights::None => &nothing,
                Weights::Of(buffer) => buffer,
                Weights::Place(place) => &places[*place],
            };
            let params = bind(call, &places[call.input], weights, &output);
            buffers.push(params);
            places.push(output);
            free.extend((1..=index).filter(|place| last[*place] == index + 1).map(|place| places[place].clone()));
        }
        let mut results = Vec::new();
        for (place, sides) in &self.results {
            let bytes = 4 * batch * sides.iter().product::<usize>();
            let output = self.gpu.buffer(bytes, storage);
            let params = Params { input: *sides, output: [1, 1, sides.iter().product()], ..Params::default() };
            let call = Call {
                entry: "unpack",
                input: *place,
                weights: Weights::None,
                threads: Threads::Pixel,
                params,
                rows: false,
            };
            let params = bind(&call, &places[*place], &nothing, &output);
            buffers.extend([params, output.clone()]);
            results.push((output, bytes as u64));
        }
        let total = results.iter().map(|(_, bytes)| *bytes as usize).sum();
        let staging = self.gpu.buffer(total, BufferUsages::MAP_READ | BufferUsages::COPY_DST);
        Ready { batch, input, steps, results, staging, buffers }
    }
}

impl Call {
    /// Threads, or workgroups, for a batch.
    fn threads(&self, batch: usize) -> usize {
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

/// The calls of a program while they are written down.
struct Calls<'a> {
    gpu: &'a Gpu,
    all: Vec<Call>,
    /// Channels, height and width at each place.
    sides: Vec<[usize; 3]>,
}

impl Calls<'_> {
    /// Adds a call; gives the place of what it makes.
    fn push(&mut self, entry: &'static str, input: usize, weights: Weights, threads: Threads, params: Params) -> usize {
        self.sides.push(params.output);
        self.all.push(Call { entry, input, weights, threads, params, rows: false });
        self.all.len()
    }

    fn weights(&self, vectors: Vec<f32>) -> Weights {
        Weights::Of(self.gpu.filled(vectors.into_iter().map(f32::to_bits), BufferUsages::STORAGE))
    }

    /// Adds what an operation comes to; gives the place of what it makes of what is at `at`.
    fn operation(&mut self, Operation { kind, input, output }: Operation, at: usize) -> usize {
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
    /// The shader for it, the weights in the order in which that reads them, and what its threads are there for.
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

/// Numbers with zeros behind them, so that they are whole vectors.
fn filled(numbers: &[f32]) -> Vec<f32> {
    let mut vectors = numbers.to_vec();
    vectors.resize(vectors.len().next_multiple_of(4).max(4), 0.0);
    vectors
}

/// The bytes of `[batch, channels, height, width]` as the shaders read them.
fn packed(samples: &[f32], [channels, height, width]: [usize; 3]) -> Vec<u8> {
    let (pixels, wide) = (height * width, channels.next_multiple_of(4));
    let mut bytes = Vec::with_capacity(samples.len() / channels.max(1) * wide * 4);
    for sample in samples.chunks_exact((channels * pixels).max(1)) {
        for pixel in 0..pixels {
            let numbers =
                (0..wide).map(|channel| if channel < channels { sample[channel * pixels + pixel] } else { 0.0 });
            bytes.extend(numbers.flat_map(f32::to_ne_bytes));
        }
    }
    bytes
}
