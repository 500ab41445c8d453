//! What the page calls: opening a device, loading a model, drawing samples.
//!
//! Two modules are built from this crate, one for the CPU and one for WebGPU; the page loads the small one first. All
//! errors reach JavaScript as `Error` objects whose message is for people.

#![cfg(target_arch = "wasm32")]

use std::cell::RefCell;

use burn::tensor::Device;
use imago_core::artifact::{Artifact, Manifest};
use imago_core::model::Sampler;
use wasm_bindgen::prelude::*;

thread_local! {
    /// The device that [`start`] opened.
    static DEVICE: RefCell<Option<Device>> = const { RefCell::new(None) };
}

/// Opens the device that this module was built for. Called once, before any model is loaded.
///
/// # Errors
/// There is no WebGPU adapter, or it refuses a device.
#[wasm_bindgen]
pub async fn start() -> Result<(), JsError> {
    std::panic::set_hook(Box::new(|panic| web_sys::console::error_1(&panic.to_string().into())));
    let device = open().await?;
    DEVICE.set(Some(device));
    Ok(())
}

#[cfg(feature = "webgpu")]
async fn open() -> Result<Device, JsError> {
    let device = Device::wgpu_options().init_async().await;
    device.map_err(|error| JsError::new(&format!("WebGPU is not available: {error}")))
}

#[cfg(not(feature = "webgpu"))]
async fn open() -> Result<Device, JsError> {
    Ok(Device::flex())
}

/// A model on the device.
#[wasm_bindgen]
pub struct Model {
    manifest: Manifest,
    sampler: Sampler,
}

#[wasm_bindgen]
impl Model {
    /// Loads a model from the text of `model.ron` and the bytes of `weights.bpk`.
    ///
    /// # Errors
    /// No device was opened, a file is damaged, or the two do not belong together.
    pub fn load(manifest: &str, weights: Vec<u8>) -> Result<Model, JsError> {
        let device =
            DEVICE.with_borrow(Clone::clone).ok_or_else(|| JsError::new("no device was opened; call start() first"))?;
        let artifact = Artifact::read(manifest, weights)?;
        let sampler = artifact.sampler(&device)?;
        Ok(Self { manifest: artifact.manifest, sampler })
    }

    /// Draws the samples `first .. first + count` of `seed`: a `Float32Array` of `[count, channels, height, width]` with
    /// pixels in 0 to 1. Sample number i of a seed is the same picture whatever `first` and `count` are.
    ///
    /// # Errors
    /// The device was lost.
    pub async fn sample(&self, seed: u32, first: u32, count: u32) -> Result<Vec<f32>, JsError> {
        if !(1..=MAX_COUNT).contains(&count) {
            return Err(JsError::new(&format!("1 to {MAX_COUNT} samples at a time, asked for {count}")));
        }
        let samples = self.sampler.sample(u64::from(seed), u64::from(first), count as usize);
        let lost = |error: &dyn std::fmt::Debug| JsError::new(&format!("the device gave no samples: {error:?}"));
        let data = samples.into_data_async().await.map_err(|error| lost(&error))?;
        data.try_into_vec().map_err(|error| lost(&error))
    }

    /// The pipeline's name.
    #[wasm_bindgen(getter)]
    pub fn name(&self) -> String {
        self.manifest.name.clone()
    }

    /// The kind of model.
    #[wasm_bindgen(getter)]
    pub fn family(&self) -> String {
        self.manifest.family.name().to_owned()
    }

    /// What it learned from.
    #[wasm_bindgen(getter)]
    pub fn dataset(&self) -> String {
        self.manifest.data.set.clone()
    }

    /// What the classes are called, in the order of their labels.
    #[wasm_bindgen(getter)]
    pub fn classes(&self) -> Vec<String> {
        self.manifest.data.classes.clone()
    }

    /// Channels of every picture: 1 for grey, 3 for red, green and blue.
    #[wasm_bindgen(getter)]
    pub fn channels(&self) -> u32 {
        self.side(0)
    }

    /// Height of every picture, in pixels.
    #[wasm_bindgen(getter)]
    pub fn height(&self) -> u32 {
        self.side(1)
    }

    /// Width of every picture, in pixels.
    #[wasm_bindgen(getter)]
    pub fn width(&self) -> u32 {
        self.side(2)
    }

    /// Number of latent values.
    #[wasm_bindgen(getter)]
    pub fn latent(&self) -> u32 {
        self.manifest.generator.latent as u32
    }

    /// Trainable values of the whole model, the networks that only training needs included.
    #[wasm_bindgen(getter)]
    pub fn parameters(&self) -> f64 {
        self.manifest.training.parameters as f64
    }

    /// One line on how it was trained.
    #[wasm_bindgen(getter)]
    pub fn summary(&self) -> String {
        let training = &self.manifest.training;
        let plural = if training.epochs == 1 { "" } else { "s" };
        let minutes = (training.seconds / 60.0).ceil();
        format!("{} epoch{plural} in {minutes} min on {}, seed {}", training.epochs, training.device, training.seed)
    }
}

/// The most samples of one call, which bounds the memory.
const MAX_COUNT: u32 = 4096;

impl Model {
    fn side(&self, axis: usize) -> u32 {
        self.manifest.data.image[axis] as u32
    }
}
