use std::cell::RefCell;
use std::sync::PoisonError;

use futures_channel::oneshot;
use wgpu::{
    BindGroup, BindGroupDescriptor, BindGroupEntry, Buffer, BufferUsages, CommandEncoderDescriptor,
    ComputePassDescriptor, ComputePipeline, MapMode, PollType,
};

use super::call::{Call, Calls, Params, Threads, Weights};
use super::{Gpu, GpuError};
use crate::program::Program;

/// Threads of a workgroup, as in the shaders.
const SIZE: u32 = 64;
/// Workgroups along one axis, at most.
const MOST: u32 = 65_535;
/// About how many bytes the largest buffer of a batch takes, at most.
const TOGETHER: usize = 1 << 25;

/// Runs a program on a GPU.
#[derive(Debug)]
pub struct GpuExecutor {
    gpu: Gpu,
    calls: Vec<Call>,
    input: [usize; 3],
    /// The buffers to read back, with channels, height and width.
    results: Vec<(usize, [usize; 3])>,
    /// Samples computed at once, at most.
    together: usize,
    /// The buffers for the latest batch size.
    ready: RefCell<Option<Buffers>>,
}

/// Buffers and bindings for batches of one size.
#[derive(Debug)]
struct Buffers {
    batch: usize,
    input: Buffer,
    steps: Vec<(ComputePipeline, BindGroup, [u32; 2])>,
    /// The results with their bytes.
    results: Vec<(Buffer, u64)>,
    staging: Buffer,
    buffers: Vec<Buffer>,
}

impl Drop for Buffers {
    fn drop(&mut self) {
        // A browser would keep the memory until garbage collection.
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

/// Values of a sample on the GPU: channels are padded to a multiple of four.
fn padded([channels, height, width]: [usize; 3]) -> usize {
    channels.next_multiple_of(4) * height * width
}

impl GpuExecutor {
    /// Prepares a program.
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

    /// The program's output for any number of samples, `[batch, channels, height, width]` in and
    /// out.
    ///
    /// # Errors
    /// The device was lost, or is out of memory.
    pub async fn run(&self, samples: &[f32]) -> Result<Vec<f32>, GpuError> {
        let mut all = Vec::new();
        for samples in samples.chunks(self.together * self.inputs()) {
            all.extend(self.all(samples).await?.pop().unwrap_or_default());
        }
        Ok(all)
    }

    /// The output of each layer, for a few samples.
    ///
    /// # Errors
    /// Those of [`Self::run`].
    pub async fn steps(&self, samples: &[f32]) -> Result<Vec<Vec<f32>>, GpuError> {
        self.all(samples).await
    }

    fn inputs(&self) -> usize {
        self.input.iter().product::<usize>().max(1)
    }

    async fn all(&self, samples: &[f32]) -> Result<Vec<Vec<f32>>, GpuError> {
        let batch = samples.len() / self.inputs();
        // A concurrent call creates its own.
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
            // The receiver may be gone.
            let _ = done.send(result.is_ok());
        });
        // A browser polls by itself.
        if cfg!(not(target_arch = "wasm32")) {
            device.poll(PollType::wait_indefinitely()).map_err(GpuError::lost)?;
        }
        let mapped = mapped.await.unwrap_or(false);
        if let Some(failure) = failure.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            return Err(GpuError::Lost(failure));
        }
        if !mapped {
            return Err(GpuError::lost("its memory cannot be read"));
        }
        let values: Vec<f32> = {
            let view = ready.staging.get_mapped_range(..).map_err(GpuError::lost)?;
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

    /// Buffers for a batch; a buffer that is no longer read is reused.
    fn ready(&self, batch: usize) -> Buffers {
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
        Buffers { batch, input, steps, results, staging, buffers }
    }
}

/// `[batch, channels, height, width]` as the bytes that the shaders read.
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
