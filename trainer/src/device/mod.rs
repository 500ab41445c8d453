//! The devices, chosen at run time.

#[cfg(feature = "wgpu")]
mod gpu;

use anyhow::Result;
use burn::tensor::Device;
use clap::ValueEnum;

/// The kinds of device that this build supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum DeviceChoice {
    /// The first real GPU, otherwise the CPU
    #[default]
    Auto,
    /// Whatever adapter wgpu finds, software drivers included
    #[cfg(feature = "wgpu")]
    Wgpu,
    /// Burn's CPU backend with our own operations
    Cpu,
    /// Vulkan with shaders in SPIR-V
    #[cfg(feature = "vulkan")]
    Vulkan,
    /// An NVIDIA GPU through CUDA
    #[cfg(feature = "cuda")]
    Cuda,
}

pub struct OpenDevice {
    pub device: Device,
    pub name: String,
    /// Whether it is a GPU, real or emulated.
    pub gpu: bool,
    /// The driver and its version, where there is one.
    pub driver: Option<String>,
}

impl DeviceChoice {
    pub fn open(self) -> Result<OpenDevice> {
        match self {
            #[cfg(feature = "wgpu")]
            Self::Auto => Ok(gpu::real().unwrap_or_else(cpu)),
            #[cfg(not(feature = "wgpu"))]
            Self::Auto => Ok(cpu()),
            #[cfg(feature = "wgpu")]
            Self::Wgpu => gpu::any(),
            Self::Cpu => Ok(cpu()),
            #[cfg(feature = "vulkan")]
            Self::Vulkan => gpu::vulkan(),
            #[cfg(feature = "cuda")]
            Self::Cuda => Ok(gpu::cuda()),
        }
    }
}

/// Runs `job` on a thread of the pool, so that its parallel parts need not wake sleeping threads.
pub fn within_threads<R: Send>(job: impl FnOnce() -> R + Send) -> R {
    rayon::scope(|_| job())
}

fn cpu() -> OpenDevice {
    let threads = rayon::current_num_threads();
    let plural = if threads == 1 { "" } else { "s" };
    OpenDevice { device: Device::flex(), name: format!("CPU, {threads} thread{plural}"), gpu: false, driver: None }
}
