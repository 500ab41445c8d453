//! Which device computes, chosen at run time.

use std::pin::pin;
use std::task::{self, Poll, Waker};

use anyhow::{Context, Result};
use burn::tensor::{Device, DeviceKind};
use burn_wgpu::WgpuBackend;
use clap::ValueEnum;

/// The kinds of device that this program was built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Choice {
    /// The first real GPU, otherwise the CPU
    #[default]
    Auto,
    /// Whatever adapter wgpu finds, software drivers included
    Wgpu,
    /// Burn's own CPU backend
    Cpu,
    /// Vulkan with shaders in SPIR-V
    #[cfg(feature = "vulkan")]
    Vulkan,
    /// An NVIDIA GPU through CUDA
    #[cfg(feature = "cuda")]
    Cuda,
}

/// A device that is ready.
pub struct Opened {
    /// The device.
    pub device: Device,
    /// What it is, for people.
    pub name: String,
    /// Its driver and the driver's version, where it has one.
    pub driver: Option<String>,
}

impl Choice {
    /// Opens the device.
    pub fn open(self) -> Result<Opened> {
        match self {
            Self::Auto => Ok(real_gpu().unwrap_or_else(cpu)),
            Self::Cpu => Ok(cpu()),
            Self::Wgpu => Device::wgpu_options().init().map(named).context(
                "wgpu finds no adapter; `--device cpu` runs anywhere, and on Linux Mesa's package \
                          mesa-vulkan-drivers brings a software adapter for tests",
            ),
            #[cfg(feature = "vulkan")]
            Self::Vulkan => {
                let options = Device::wgpu_options().graphics_api(WgpuBackend::Vulkan);
                named(options.init().context("there is no Vulkan adapter")?)
            }
            #[cfg(feature = "cuda")]
            Self::Cuda => named(Device::cuda(0)),
        }
    }
}

/// Runs `job` on one of the threads that share the work of the CPU. From there the others are called in for a part of it
/// without a thread that sleeps and is woken at each.
pub fn within_threads<R: Send>(job: impl FnOnce() -> R + Send) -> R {
    rayon::scope(|_| job())
}

fn cpu() -> Opened {
    let asked =
        std::env::var("RAYON_NUM_THREADS").ok().and_then(|number| number.parse().ok()).filter(|number| *number > 0);
    let threads = asked.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let plural = if threads == 1 { "" } else { "s" };
    Opened { device: Device::flex(), name: format!("CPU, {threads} thread{plural}"), driver: None }
}

/// The first GPU that is one: never a software driver, which is slower than the CPU backend. Only the system's own
/// graphics API is asked, since probing others prints their complaints.
fn real_gpu() -> Option<Opened> {
    let api = match std::env::consts::OS {
        "macos" => WgpuBackend::Metal,
        "windows" => WgpuBackend::Dx12,
        _ => WgpuBackend::Vulkan,
    };
    let kinds = [DeviceKind::DiscreteGpu(0), DeviceKind::IntegratedGpu(0), DeviceKind::VirtualGpu(0)];
    let open = |kind| Device::wgpu_options().device_kind(kind).graphics_api(api).init().ok();
    kinds.into_iter().find_map(open).map(named)
}

fn named(device: Device) -> Opened {
    let name = device.identity().map_or_else(|| "GPU".to_owned(), |identity| identity.name.to_string());
    Opened { device, driver: driver(&name), name: format!("{name} (wgpu)") }
}

/// The driver of the adapter with that name. Burn does not tell, so wgpu is asked once more.
fn driver(name: &str) -> Option<String> {
    let descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor { backends: wgpu::Backends::PRIMARY, ..descriptor });
    let adapters = pin!(instance.enumerate_adapters(wgpu::Backends::PRIMARY));
    // Outside of a browser nothing has to be waited for.
    let Poll::Ready(adapters) = adapters.poll(&mut task::Context::from_waker(Waker::noop())) else { return None };
    let found = adapters.iter().map(wgpu::Adapter::get_info).find(|info| info.name == name)?;
    Some(format!("{} {}", found.driver, found.driver_info).trim().to_owned())
}
