//! Networks with every shape resolved and every parameter counted, before anything is allocated.

mod builder;
mod lower;
#[cfg(all(test, feature = "flex", feature = "train", feature = "yaml"))]
mod programs;
#[cfg(feature = "train")]
mod sequential;

pub use builder::PlanBuilder;
#[cfg(feature = "train")]
pub use sequential::Sequential;

use crate::diagnostic::{PathStep, Problems};
use crate::layer::LayerSpec;
use crate::limits::Limits;
use crate::shape::Shape;

/// A network with layers that are known to fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    name: &'static str,
    input: Shape,
    layers: Vec<PlannedLayer>,
}

/// One layer with its input and output shapes.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedLayer {
    /// Its declaration.
    pub spec: LayerSpec,
    /// Shape of one input sample.
    pub input: Shape,
    /// Shape of one output sample.
    pub output: Shape,
    /// Number of trainable values without those of layers inside.
    pub parameters: u64,
    /// Multiply-accumulate operations per sample without those of layers inside.
    pub macs: u64,
    /// The layers inside it, repeated ones each time.
    pub inside: Vec<PlannedLayer>,
}

impl PlannedLayer {
    /// The sum of `of` over the layer and all layers inside.
    pub fn total(&self, of: fn(&Self) -> u64) -> u64 {
        self.inside.iter().fold(of(self), |sum, layer| sum.saturating_add(layer.total(of)))
    }
}

impl Network {
    /// Resolves `layers` one after another, starting with samples of shape `input`.
    ///
    /// # Errors
    /// Every layer that does not fit, or a limit that is exceeded.
    pub fn new(name: &'static str, input: Shape, layers: &[LayerSpec], limits: Limits) -> Result<Self, Problems> {
        let mut builder = PlanBuilder::new(limits, &[]);
        let (network, _) = builder.network(name, &[PathStep::key(name)], Some(input), layers);
        network.ok_or(Problems(builder.problems))
    }

    /// The network's name: `encoder`, `decoder` …
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Shape of one input sample.
    pub fn input(&self) -> Shape {
        self.input
    }

    /// Shape of one output sample.
    pub fn output(&self) -> Shape {
        self.layers.last().map_or(self.input, |layer| layer.output)
    }

    /// The layers in order.
    pub fn layers(&self) -> &[PlannedLayer] {
        &self.layers
    }

    /// Number of trainable values of all layers.
    pub fn parameters(&self) -> u64 {
        self.total(|layer| layer.parameters)
    }

    /// Multiply-accumulate operations per sample.
    pub fn macs(&self) -> u64 {
        self.total(|layer| layer.macs)
    }

    /// Bytes of the outputs of all layers for one sample, in 32-bit floats.
    pub fn activations(&self) -> u64 {
        self.total(|layer| layer.output.bytes())
    }

    fn total(&self, of: fn(&PlannedLayer) -> u64) -> u64 {
        self.layers.iter().fold(0, |sum, layer| sum.saturating_add(layer.total(of)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::{Linear, Relu, Repeat};

    fn network(layers: &[LayerSpec]) -> Result<Network, Problems> {
        Network::new("decoder", Shape::Flat(2), layers, Limits::DEFAULT)
    }

    #[test]
    fn parameters_add_up_over_the_layers() {
        let plan = network(&[Linear::new(3).into(), Relu {}.into(), Linear::new(5).into()]).unwrap();
        assert_eq!(plan.parameters(), (2 * 3 + 3) + (3 * 5 + 5));
        assert_eq!(plan.output(), Shape::Flat(5));
        assert_eq!(plan.macs(), 2 * 3 + 3 * 5);
        assert_eq!(plan.activations(), 4 * (3 + 3 + 5));
    }

    #[test]
    fn a_network_too_large_to_build_is_refused_before_anything_is_allocated() {
        let refused = |layers: &[LayerSpec], why: &str| {
            let problems = network(layers).unwrap_err();
            assert!(problems.to_string().contains(why), "{problems}");
        };
        refused(&[Linear::new(1 << 14).into(), Linear::new(1 << 15).into()], "parameters");
        refused(&vec![Relu {}.into(); 257], "more than 256 layers");
        refused(&[Linear::new(usize::MAX).into()], "of activations");
        let mut layer: LayerSpec = Relu {}.into();
        for _ in 0..30 {
            layer = Repeat { times: 1000, layers: vec![layer] }.into();
        }
        refused(&[layer], "more than 256 layers");
    }
}
