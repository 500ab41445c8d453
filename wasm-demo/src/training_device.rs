//! Where training runs: on the CPU, or on a GPU through WebGPU.

use burn::tensor::Device;
use wasm_bindgen::prelude::*;

pub use chosen::{NAME, RESIDENT, device, start};

#[cfg(not(feature = "train-webgpu"))]
mod chosen {
    use super::*;

    /// The device of a trained model's manifest.
    pub const NAME: &str = "a CPU in a browser";
    /// Whether the images stay on the device.
    pub const RESIDENT: bool = false;

    pub async fn start() -> Result<(), JsError> {
        Ok(())
    }

    pub fn device() -> Result<Device, JsError> {
        Ok(Device::flex())
    }
}

#[cfg(feature = "train-webgpu")]
mod chosen {
    use std::cell::RefCell;

    use super::*;

    /// The device of a trained model's manifest.
    pub const NAME: &str = "WebGPU in a browser";
    /// Whether the images stay on the device.
    pub const RESIDENT: bool = true;

    thread_local! {
        static DEVICE: RefCell<Option<Device>> = const { RefCell::new(None) };
    }

    /// Opens the GPU.
    ///
    /// # Errors
    /// There is no adapter or no device.
    pub async fn start() -> Result<(), JsError> {
        let opened = Device::wgpu_options().init_async().await;
        let opened = opened.map_err(|error| JsError::new(&format!("WebGPU is not available: {error:?}")))?;
        DEVICE.set(Some(opened));
        Ok(())
    }

    pub fn device() -> Result<Device, JsError> {
        DEVICE.with_borrow(Clone::clone).ok_or_else(|| JsError::new("no device was opened; call start() first"))
    }
}
