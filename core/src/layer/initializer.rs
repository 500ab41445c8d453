use std::collections::BTreeMap;

use burn::module::{Param, ParamId, RunningState};
use burn::tensor::{Device, Tensor, TensorData};

use super::Distribution;
use crate::noise::{Noise, Purpose};
use crate::program::WeightMismatch;

/// Creates the initial weights of layers on a device: random, loaded, or zero.
///
/// Random numbers come from [`Noise`], so they are the same bits on every device.
#[derive(Debug)]
pub struct Initializer<'a> {
    device: &'a Device,
    source: Source,
    /// Prefix of the layer being built: `layers.3.`.
    scope: String,
}

#[derive(Debug)]
enum Source {
    Drawn {
        noise: Box<Noise>,
        /// The number of the network.
        network: u64,
    },
    Zeros,
    Loaded {
        /// Weights that no layer has taken yet.
        tensors: BTreeMap<String, TensorData>,
        errors: Vec<String>,
    },
}

impl<'a> Initializer<'a> {
    /// Random weights of network number `network` of a model.
    pub fn seeded(seed: u64, network: u64, device: &'a Device) -> Self {
        let noise = Box::new(Noise::of(Purpose::Weights, seed, network));
        Self::from(Source::Drawn { noise, network }, device)
    }

    /// Zeros, for weights that will be replaced.
    pub fn zeros(device: &'a Device) -> Self {
        Self::from(Source::Zeros, device)
    }

    /// Weights by name, such as `layers.0.weight`; [`Self::finish`] checks that they fit.
    pub fn loaded(tensors: BTreeMap<String, TensorData>, device: &'a Device) -> Self {
        Self::from(Source::Loaded { tensors, errors: Vec::new() }, device)
    }

    fn from(source: Source, device: &'a Device) -> Self {
        Self { device, source, scope: String::new() }
    }

    /// The device of the weights.
    pub fn device(&self) -> &'a Device {
        self.device
    }

    /// Whether the weights are loaded.
    pub fn is_loaded(&self) -> bool {
        matches!(self.source, Source::Loaded { .. })
    }

    /// Builds a part with weights called `name.…`.
    pub fn within<T>(&mut self, name: &str, build: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.scope.len();
        self.scope.push_str(name);
        self.scope.push('.');
        let built = build(self);
        self.scope.truncate(outer);
        built
    }

    /// A trainable weight.
    pub fn parameter<const D: usize>(
        &mut self,
        name: &str,
        shape: [usize; D],
        initial: Distribution,
    ) -> Param<Tensor<D>> {
        let id = self.identity(name);
        let mut param = match &mut self.source {
            Source::Drawn { noise, .. } => {
                let values: Vec<f32> = (0..shape.iter().product()).map(|_| initial.draw(noise)).collect();
                Param::from_data(TensorData::new(values, shape), self.device)
            }
            Source::Zeros => Param::from_tensor(Tensor::zeros(shape, self.device)),
            Source::Loaded { .. } => Param::from_tensor(self.load(name, shape)),
        };
        param.id = id;
        param
    }

    /// The optimizer's identity of a weight, the same in every run: a hash (FNV-1a) of the
    /// network's number and the weight's full name.
    fn identity(&self, name: &str) -> ParamId {
        let network = match self.source {
            Source::Drawn { network, .. } => network,
            // No optimizer sees these.
            Source::Zeros | Source::Loaded { .. } => 0,
        };
        let bytes = network.to_le_bytes().into_iter().chain(self.scope.bytes()).chain(name.bytes());
        let hash =
            bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        ParamId::from(hash)
    }

    /// A bias of zeros, if the layer has one.
    pub fn bias(&mut self, shape: Option<[usize; 1]>) -> Option<Param<Tensor<1>>> {
        shape.map(|shape| self.parameter("bias", shape, Distribution::Constant(0.0)))
    }

    /// A value without a gradient, such as a moving average. It draws no random number.
    pub fn state<const D: usize>(&mut self, name: &str, shape: [usize; D], value: f32) -> RunningState<Tensor<D>> {
        let id = self.identity(name);
        let tensor = match self.source {
            Source::Loaded { .. } => self.load(name, shape),
            _ => Tensor::full(shape, value, self.device),
        };
        RunningState::with_id(id, tensor)
    }

    /// A loaded tensor; if none has that name and shape, notes an error and returns a single 0.
    fn load<const D: usize>(&mut self, name: &str, shape: [usize; D]) -> Tensor<D> {
        let name = format!("{}{name}", self.scope);
        if let Source::Loaded { tensors, errors } = &mut self.source {
            match tensors.remove(&name) {
                Some(data) if data.shape().as_slice() == shape => return Tensor::from_data(data, self.device),
                Some(data) => {
                    let found = data.shape().as_slice();
                    errors.push(format!("`{name}` has the shape {found:?}, expected {shape:?}"));
                }
                None => errors.push(format!("`{name}` is missing")),
            }
        }
        Tensor::zeros([1; D], self.device)
    }

    /// Checks that all loaded weights fit and were used.
    ///
    /// # Errors
    /// Weights are missing, have another shape or belong to no layer.
    pub fn finish(self) -> Result<(), WeightMismatch> {
        let Source::Loaded { tensors, mut errors } = self.source else {
            return Ok(());
        };
        errors.extend(tensors.into_keys().map(|name| format!("`{name}` is no weight of this network")));
        if errors.is_empty() { Ok(()) } else { Err(WeightMismatch(errors)) }
    }
}
