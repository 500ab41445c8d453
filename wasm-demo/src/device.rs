//! What computes: the processor, or a GPU through WebGPU.

use imago_core::program::Program;
use wasm_bindgen::prelude::*;

pub use chosen::{Device, start};

#[cfg(not(feature = "webgpu"))]
mod chosen {
    use imago_core::program::Processor;

    use super::*;

    /// Nothing has to be opened.
    pub async fn start() -> Result<(), JsError> {
        Ok(())
    }

    /// A network on the processor.
    pub struct Device(Processor);

    impl Device {
        /// Makes a program ready.
        pub fn new(program: Program) -> Result<Self, JsError> {
            Ok(Self(Processor::new(program)))
        }

        /// What the program makes of samples.
        pub async fn run(&self, samples: Vec<f32>) -> Result<Vec<f32>, JsError> {
            Ok(self.0.run(&samples))
        }

        /// What each layer makes of one sample, one behind the other.
        pub async fn steps(&self, sample: Vec<f32>) -> Result<Vec<f32>, JsError> {
            Ok(self.0.steps(&sample).concat())
        }
    }
}

#[cfg(feature = "webgpu")]
mod chosen {
    use std::cell::RefCell;

    use imago_core::program::gpu::{Gpu, Graphics};

    use super::*;

    thread_local! {
        /// The device that [`start`] opened.
        static GPU: RefCell<Option<Gpu>> = const { RefCell::new(None) };
    }

    /// Opens the GPU.
    ///
    /// # Errors
    /// There is no adapter, or it refuses a device.
    pub async fn start() -> Result<(), JsError> {
        let gpu = Gpu::open().await.map_err(|error| JsError::new(&format!("WebGPU is not available: {error}")))?;
        GPU.set(Some(gpu));
        Ok(())
    }

    /// A network on the GPU.
    pub struct Device(Graphics);

    impl Device {
        /// Makes a program ready.
        ///
        /// # Errors
        /// [`start`] was not called.
        pub fn new(program: Program) -> Result<Self, JsError> {
            let gpu = GPU
                .with_borrow(Clone::clone)
                .ok_or_else(|| JsError::new("no device was opened; call start() first"))?;
            Ok(Self(Graphics::new(&gpu, program)))
        }

        /// What the program makes of samples.
        ///
        /// # Errors
        /// The device was lost.
        pub async fn run(&self, samples: Vec<f32>) -> Result<Vec<f32>, JsError> {
            self.0.run(&samples).await.map_err(lost)
        }

        /// What each layer makes of one sample, one behind the other.
        ///
        /// # Errors
        /// The device was lost.
        pub async fn steps(&self, sample: Vec<f32>) -> Result<Vec<f32>, JsError> {
            Ok(self.0.steps(&sample).await.map_err(lost)?.concat())
        }
    }

    fn lost(why: String) -> JsError {
        JsError::new(&format!("the device gave no answer: {why}"))
    }
}
