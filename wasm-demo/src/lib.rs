//! What the page calls.
//!
//! Four modules are built from this crate. Two run models, one on the CPU and one through WebGPU;
//! the page loads the small one first. Two train, and are loaded when somebody trains. Errors reach
//! JavaScript as `Error` objects with a message for people. After a `RangeError`, which rejects an
//! argument, everything is as before.

#![cfg(target_arch = "wasm32")]

#[cfg(not(feature = "train"))]
mod device;
#[cfg(feature = "train")]
mod images;
#[cfg(not(feature = "train"))]
mod model;
#[cfg(feature = "train")]
mod training;
#[cfg(feature = "train")]
mod training_device;

use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::js_sys::RangeError;

#[cfg(not(feature = "train"))]
use device::start as open_device;
#[cfg(feature = "train")]
use training_device::start as open_device;

/// Opens the device that this module was built for. Called once, before anything else.
///
/// # Errors
/// There is no WebGPU adapter or no device.
#[wasm_bindgen]
pub async fn start() -> Result<(), JsError> {
    std::panic::set_hook(Box::new(|panic| web_sys::console::error_1(&panic.to_string().into())));
    open_device().await
}

fn refusal(message: &str) -> JsValue {
    RangeError::new(message).into()
}
