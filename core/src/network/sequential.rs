//! Layers one after another.

use std::ops::Range;

use burn::module::Module;

use super::Network;
use crate::layer::{Initializer, Value};
use crate::layer::{LayerModule, build, pass};

/// A network: its layers, each fed with what the one before gives.
#[derive(Module, Debug)]
pub struct Sequential {
    layers: Vec<LayerModule>,
}

impl Sequential {
    /// Builds what `plan` describes.
    pub fn new(plan: &Network, initializer: &mut Initializer<'_>) -> Self {
        let specs = plan.layers().iter().map(|layer| &layer.spec);
        Self { layers: build(specs, plan.input(), initializer) }
    }

    /// Sends a batch through all layers.
    pub fn forward(&self, value: Value) -> Value {
        pass(&self.layers, value)
    }

    /// Sends a batch through some of the layers only.
    pub fn pass(&self, layers: Range<usize>, value: Value) -> Value {
        pass(&self.layers[layers], value)
    }

    /// What each layer gives, in order.
    pub fn steps(&self, value: Value) -> Vec<Value> {
        let step = |value: &mut Value, layer: &LayerModule| {
            *value = layer.forward(value.clone());
            Some(value.clone())
        };
        self.layers.iter().scan(value, step).collect()
    }

    /// Number of layers.
    pub fn len(&self) -> usize {
        self.layers.len()
    }

    /// Whether there is no layer.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }
}
