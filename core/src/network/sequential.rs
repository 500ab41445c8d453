use std::ops::Range;

use burn::module::Module;

use super::Network;
use crate::layer::{Initializer, Value};
use crate::layer::{LayerModule, build, pass};

/// A network: its layers one after another.
#[derive(Module, Debug)]
pub struct Sequential {
    layers: Vec<LayerModule>,
}

impl Sequential {
    /// Builds the network of a plan.
    pub fn new(plan: &Network, initializer: &mut Initializer<'_>) -> Self {
        let specs = plan.layers().iter().map(|layer| &layer.spec);
        Self { layers: build(specs, plan.input(), initializer) }
    }

    /// Passes a batch through all layers.
    pub fn forward(&self, value: Value) -> Value {
        pass(&self.layers, value)
    }

    /// Passes a batch through some of the layers.
    pub fn pass(&self, layers: Range<usize>, value: Value) -> Value {
        pass(&self.layers[layers], value)
    }

    /// The output of each layer.
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
