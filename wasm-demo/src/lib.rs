//! What the page calls: opening a device, loading a model, drawing samples, telling classes.
//!
//! Two modules are built from this crate, one for the CPU and one for WebGPU; the page loads the small one first. All
//! errors reach JavaScript as `Error` objects whose message is for people. Those that are `RangeError` refuse what was asked
//! for: the model and the device are as they were.

#![cfg(target_arch = "wasm32")]

use std::cell::RefCell;
use std::fmt::Debug;

use burn::tensor::{Device, Tensor, TensorData};
use imago_core::artifact::{Artifact, Manifest};
use imago_core::model::{Judge, Sampler};
use imago_core::spec::Family;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::js_sys::RangeError;

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

/// The device that [`start`] opened.
fn device() -> Result<Device, JsError> {
    DEVICE.with_borrow(Clone::clone).ok_or_else(|| JsError::new("no device was opened; call start() first"))
}

/// A model on the device.
#[wasm_bindgen]
pub struct Model {
    manifest: Manifest,
    network: Network,
}

/// What a model can do.
enum Network {
    /// Make images.
    Sampler(Sampler),
    /// Tell their classes.
    Judge(Judge),
}

#[wasm_bindgen]
impl Model {
    /// Loads a model from the text of `model.ron` and the bytes of `weights.bpk`.
    ///
    /// # Errors
    /// No device was opened, a file is damaged, or the two do not belong together.
    pub fn load(manifest: &str, weights: Vec<u8>) -> Result<Model, JsError> {
        let device = device()?;
        let artifact = Artifact::read(manifest, weights)?;
        let network = match artifact.manifest.family {
            Family::Classifier => Network::Judge(artifact.classifier(&device)?),
            _ => Network::Sampler(artifact.sampler(&device)?),
        };
        Ok(Self { manifest: artifact.manifest, network })
    }

    /// Draws the samples `first .. first + count` of `seed`: a `Float32Array` of `[count, channels, height, width]` with
    /// pixels in 0 to 1. Sample number i of a seed is the same picture whatever `first` and `count` are.
    ///
    /// `label` is the number of the class that a conditional model draws; without it the classes come in turn. Other models
    /// have no use for it.
    ///
    /// # Errors
    /// A `RangeError` for a classifier, a class that the model lacks, or none or too many samples; otherwise the device was lost.
    pub async fn sample(&self, seed: u32, first: u32, count: u32, label: Option<u32>) -> Result<Vec<f32>, JsValue> {
        let name = &self.manifest.name;
        let Network::Sampler(sampler) = &self.network else {
            return Err(refusal(&format!("{name} is a classifier: it makes no images")));
        };
        if !(1..=MAX_COUNT).contains(&count) {
            return Err(refusal(&format!("1 to {MAX_COUNT} samples at a time, asked for {count}")));
        }
        let (label, classes) = (label.map(|label| label as usize), sampler.classes());
        if let Some(label) = label.filter(|label| classes > 0 && *label >= classes) {
            return Err(refusal(&format!("{name} has the classes 0 to {}, asked for {label}", classes - 1)));
        }
        read(sampler.sample(u64::from(seed), u64::from(first), count as usize, label)).await
    }

    /// How likely a classifier takes each class to be: of `pixels`, a `Float32Array` of `[count, channels, height, width]` in 0
    /// to 1, a `Float32Array` of `[count, classes]`, where the row of every image sums to 1.
    ///
    /// # Errors
    /// A `RangeError` for a model that makes images, and for pixels that are no whole number of images or too many of them;
    /// otherwise the device was lost.
    pub async fn classify(&self, pixels: Vec<f32>) -> Result<Vec<f32>, JsValue> {
        let Network::Judge(judge) = &self.network else {
            return Err(refusal(&format!("{} is no classifier: it makes images", self.manifest.name)));
        };
        let [channels, height, width] = self.manifest.data.image;
        // 64 bits wide: the product of three sides that a manifest may have is too large for 32.
        let (found, each) = (pixels.len() as u64, channels as u64 * height as u64 * width as u64);
        let count = found / each;
        if !found.is_multiple_of(each) || !(1..=u64::from(MAX_COUNT)).contains(&count) {
            let expected = format!("1 to {MAX_COUNT} images of {channels} × {height} × {width} values");
            return Err(refusal(&format!("expected {expected}, found {found} values")));
        }
        let data = TensorData::new(pixels, [count as usize, channels, height, width]);
        read(judge.probabilities(Tensor::from_data(data, &device()?))).await
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

    /// Whether it can be told which class to draw.
    #[wasm_bindgen(getter)]
    pub fn conditional(&self) -> bool {
        matches!(&self.network, Network::Sampler(sampler) if sampler.classes() > 0)
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

    /// Number of latent values; 0 for a classifier.
    #[wasm_bindgen(getter)]
    pub fn latent(&self) -> u32 {
        match &self.network {
            Network::Sampler(sampler) => sampler.latent() as u32,
            Network::Judge(_) => 0,
        }
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

/// The most images of one call, which bounds the memory.
const MAX_COUNT: u32 = 4096;

impl Model {
    fn side(&self, axis: usize) -> u32 {
        self.manifest.data.image[axis] as u32
    }
}

/// The numbers of a tensor, once the device has them.
async fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, JsValue> {
    let lost = |error: &dyn Debug| JsValue::from(JsError::new(&format!("the device gave no answer: {error:?}")));
    let data = tensor.into_data_async().await.map_err(|error| lost(&error))?;
    data.try_into_vec().map_err(|error| lost(&error))
}

/// The error for a call that this model will never answer.
fn refusal(message: &str) -> JsValue {
    RangeError::new(message).into()
}
