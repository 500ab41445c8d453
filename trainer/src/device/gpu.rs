//! GPUs, through wgpu or CUDA.

use std::pin::pin;
use std::task::{self, Poll, Waker};

use anyhow::{Context, Result};
use burn::tensor::{Device, DeviceKind};
use burn_wgpu::WgpuBackend;

use super::OpenDevice;

/// The first real GPU, never a software driver, which is slower than the CPU. Only the system's own
/// graphics API is probed, as others print complaints.
pub fn real() -> Option<OpenDevice> {
    let api = match std::env::consts::OS {
        "macos" => WgpuBackend::Metal,
        "windows" => WgpuBackend::Dx12,
        _ => WgpuBackend::Vulkan,
    };
    let kinds = [DeviceKind::DiscreteGpu(0), DeviceKind::IntegratedGpu(0), DeviceKind::VirtualGpu(0)];
    let open = |kind| Device::wgpu_options().device_kind(kind).graphics_api(api).init().ok();
    kinds.into_iter().find_map(open).map(named)
}

pub fn any() -> Result<OpenDevice> {
    Device::wgpu_options().init().map(named).context(
        "wgpu finds no adapter; `--device cpu` runs anywhere, and on Linux Mesa's package mesa-vulkan-drivers provides a \
         software adapter for tests",
    )
}

#[cfg(feature = "vulkan")]
pub fn vulkan() -> Result<OpenDevice> {
    let options = Device::wgpu_options().graphics_api(WgpuBackend::Vulkan);
    options.init().map(named).context("there is no Vulkan adapter")
}

#[cfg(feature = "cuda")]
pub fn cuda() -> OpenDevice {
    OpenDevice { device: Device::cuda(0), name: "CUDA 0".to_owned(), gpu: true, driver: None }
}

fn named(device: Device) -> OpenDevice {
    let name = device.identity().map_or_else(|| "GPU".to_owned(), |identity| identity.name.to_string());
    OpenDevice { device, driver: driver(&name), gpu: true, name: format!("{name} (wgpu)") }
}

/// The driver of the adapter with this name. Burn does not report it, so wgpu is asked again.
fn driver(name: &str) -> Option<String> {
    // Probing OpenGL prints complaints, so it comes last.
    [wgpu::Backends::PRIMARY, wgpu::Backends::SECONDARY].into_iter().find_map(|backends| driver_among(backends, name))
}

fn driver_among(backends: wgpu::Backends, name: &str) -> Option<String> {
    let descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor { backends, ..descriptor });
    let adapters = pin!(instance.enumerate_adapters(backends));
    // Only a browser would have to wait.
    let Poll::Ready(adapters) = adapters.poll(&mut task::Context::from_waker(Waker::noop())) else { return None };
    let found = adapters.iter().map(wgpu::Adapter::get_info).find(|info| info.name == name)?;
    Some(format!("{} {}", found.driver, found.driver_info).trim().to_owned())
}
