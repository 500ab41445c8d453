//! Where networks run: on the CPU, or on a GPU through WebGPU.

use imago_core::program::Program;
use wasm_bindgen::prelude::*;

pub use chosen::{Device, start};

#[cfg(not(feature = "webgpu"))]
mod chosen {
    use imago_core::layer::{ConvTranspose2d, LayerSpec, Linear, Padding, Relu, Reshape};
    use imago_core::limits::Limits;
    use imago_core::network::Network;
    use imago_core::program::{Array, CpuExecutor};
    use imago_core::shape::Shape;

    use super::*;

    /// Warms up the browser's compiler with a small decoder of zeros while the first model loads.
    pub async fn start() -> Result<(), JsError> {
        let larger = |filters: usize| ConvTranspose2d {
            stride: 2.into(),
            padding: Padding::Same,
            ..ConvTranspose2d::new(filters, 4)
        };
        let layers: [LayerSpec; 5] =
            [Linear::new(1568).into(), Reshape([32, 7, 7]).into(), larger(32).into(), Relu {}.into(), larger(1).into()];
        let weights = [
            ("layers.0.weight", vec![16, 1568]),
            ("layers.0.bias", vec![1568]),
            ("layers.2.weight", vec![32, 32, 4, 4]),
            ("layers.2.bias", vec![32]),
            ("layers.4.weight", vec![32, 1, 4, 4]),
            ("layers.4.bias", vec![1]),
        ];
        let zeros = |shape: Vec<usize>| Array { values: vec![0.0; shape.iter().product()], shape };
        let arrays = weights.into_iter().map(|(name, shape)| (name.to_owned(), zeros(shape))).collect();
        if let Ok(network) = Network::new("decoder", Shape::Flat(16), &layers, Limits::DEFAULT) {
            let program = Program::new(&network, arrays).map_err(|error| JsError::new(&error.to_string()))?;
            CpuExecutor::new(program.folded()).run(&[0.0; 16 * WARM_UP]);
        }
        Ok(())
    }

    /// Images of the warm-up, about 15 milliseconds of work.
    const WARM_UP: usize = 8;

    /// A network on the CPU.
    pub struct Device(CpuExecutor);

    impl Device {
        pub fn new(program: Program) -> Result<Self, JsError> {
            Ok(Self(CpuExecutor::new(program)))
        }

        /// The output for samples.
        pub async fn run(&self, samples: Vec<f32>) -> Result<Vec<f32>, JsError> {
            Ok(self.0.run(&samples))
        }

        /// The output of each layer for one sample, one after the other.
        pub async fn steps(&self, sample: Vec<f32>) -> Result<Vec<f32>, JsError> {
            Ok(self.0.steps(&sample).concat())
        }
    }
}

#[cfg(feature = "webgpu")]
mod chosen {
    use std::cell::RefCell;

    use imago_core::program::gpu::{Gpu, GpuError, GpuExecutor};

    use super::*;

    thread_local! {
        static GPU: RefCell<Option<Gpu>> = const { RefCell::new(None) };
    }

    /// Opens the GPU.
    ///
    /// # Errors
    /// There is no adapter or no device.
    pub async fn start() -> Result<(), JsError> {
        let gpu = Gpu::open().await.map_err(|error| JsError::new(&format!("WebGPU is not available: {error}")))?;
        GPU.set(Some(gpu));
        Ok(())
    }

    /// A network on the GPU.
    pub struct Device(GpuExecutor);

    impl Device {
        /// # Errors
        /// [`start`] was not called.
        pub fn new(program: Program) -> Result<Self, JsError> {
            let gpu = GPU
                .with_borrow(Clone::clone)
                .ok_or_else(|| JsError::new("no device was opened; call start() first"))?;
            Ok(Self(GpuExecutor::new(&gpu, program)))
        }

        /// The output for samples.
        ///
        /// # Errors
        /// The device was lost.
        pub async fn run(&self, samples: Vec<f32>) -> Result<Vec<f32>, JsError> {
            self.0.run(&samples).await.map_err(lost)
        }

        /// The output of each layer for one sample, one after the other.
        ///
        /// # Errors
        /// The device was lost.
        pub async fn steps(&self, sample: Vec<f32>) -> Result<Vec<f32>, JsError> {
            Ok(self.0.steps(&sample).await.map_err(lost)?.concat())
        }
    }

    fn lost(why: GpuError) -> JsError {
        JsError::new(&format!("the device did not answer: {why}"))
    }
}
