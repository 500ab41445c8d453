//! Operations as compute shaders, through wgpu: in a browser that is WebGPU, elsewhere whatever the
//! machine has.

mod call;
mod executor;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

pub use executor::GpuExecutor;
use wgpu::util::{BufferInitDescriptor, DeviceExt};
use wgpu::{
    BindGroupLayout, BindGroupLayoutDescriptor, BindGroupLayoutEntry, BindingType, Buffer, BufferBindingType,
    BufferDescriptor, BufferUsages, ComputePipeline, ComputePipelineDescriptor, DeviceDescriptor, Instance,
    InstanceDescriptor, PipelineCompilationOptions, PipelineLayout, PipelineLayoutDescriptor, RequestAdapterOptions,
    ShaderModule, ShaderModuleDescriptor, ShaderSource, ShaderStages,
};

/// A GPU cannot be opened, or no longer answers.
#[derive(Debug, thiserror::Error)]
pub enum GpuError {
    /// There is no adapter, or it refuses a device.
    #[error("{0}")]
    Unavailable(String),
    /// The device was lost, or is out of memory.
    #[error("{0}")]
    Lost(String),
}

impl GpuError {
    fn unavailable(error: impl ToString) -> Self {
        Self::Unavailable(error.to_string())
    }

    fn lost(error: impl ToString) -> Self {
        Self::Lost(error.to_string())
    }
}

/// An opened GPU with the shaders of all operations.
#[derive(Debug, Clone)]
pub struct Gpu {
    device: wgpu::Device,
    queue: wgpu::Queue,
    bindings: BindGroupLayout,
    layout: PipelineLayout,
    shaders: ShaderModule,
    /// The shaders used so far, compiled.
    pipelines: Rc<RefCell<HashMap<&'static str, ComputePipeline>>>,
    /// The first error.
    failure: Arc<Mutex<Option<String>>>,
}

impl Gpu {
    /// Opens the default adapter.
    ///
    /// # Errors
    /// There is none, or it refuses a device.
    pub async fn open() -> Result<Self, GpuError> {
        let instance = Instance::new(InstanceDescriptor::new_without_display_handle());
        let adapter = instance.request_adapter(&RequestAdapterOptions::default()).await;
        let adapter = adapter.map_err(GpuError::unavailable)?;
        let descriptor = DeviceDescriptor { required_limits: adapter.limits(), ..DeviceDescriptor::default() };
        let (device, queue) = adapter.request_device(&descriptor).await.map_err(GpuError::unavailable)?;

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
