//! Layers one after another.

use std::ops::Range;

use burn::module::Module;

use super::{Start, Value};
use crate::layer::{LayerModule, LayerSpec};
use crate::plan::{Network, Shape};

/// A network: its layers, each fed with what the one before gives.
#[derive(Module, Debug)]
pub struct Sequential {
    layers: Vec<LayerModule>,
}

impl Sequential {
    /// Builds what `plan` describes.
    pub fn new(plan: &Network, start: &mut Start<'_>) -> Self {
        let specs = plan.layers().iter().map(|layer| &layer.spec);
        Self { layers: build(specs, plan.input(), start) }
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

/// Builds layers that are known to fit one another, beginning with samples of shape `input`.
pub(crate) fn build<'a>(
    specs: impl Iterator<Item = &'a LayerSpec>,
    input: Shape,
    start: &mut Start<'_>,
) -> Vec<LayerModule> {
    let mut shape = input;
    let mut layers = Vec::new();
    for spec in specs {
        layers.push(start.within(&format!("layers.{}", layers.len()), |start| spec.build(shape, start)));
        shape = spec.output(shape).unwrap_or(shape);
    }
    layers
}

/// Sends a batch through all of `layers`; where a layer can apply the activation behind it, both are one.
pub(crate) fn pass(layers: &[LayerModule], mut value: Value) -> Value {
    let mut layers = layers.iter();
    while let Some(layer) = layers.next() {
        let next = layers.as_slice().first().and_then(LayerModule::activation);
        value = match next.and_then(|activation| layer.fused(&value, activation)) {
            Some(value) => {
                layers.next();
                value
            }
            None => layer.forward(value),
        };
    }
    value
}
