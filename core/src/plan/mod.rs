//! What a declaration means: every shape resolved, every parameter counted, before anything is allocated.

mod problem;
mod shape;
mod summary;

pub(crate) use summary::thousands;

pub use problem::{Problem, Problems, Step};
pub use shape::Shape;

use crate::layer::LayerSpec;

/// The largest number of layers in one network.
pub const MAX_LAYERS: usize = 256;
/// The largest number of parameters in one network: 1 GiB of 32-bit floats.
pub const MAX_PARAMETERS: u64 = 1 << 28;
/// The largest number of values that one sample may have behind any layer.
pub const MAX_VALUES: usize = 1 << 24;

/// A network whose layers are known to fit one another.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    name: &'static str,
    input: Shape,
    layers: Vec<PlannedLayer>,
}

/// One layer with the shapes around it.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedLayer {
    /// The declaration that it was made from.
    pub spec: LayerSpec,
    /// Shape of one sample before the layer.
    pub input: Shape,
    /// Shape of one sample behind it.
    pub output: Shape,
    /// Number of trainable values.
    pub parameters: u64,
}

impl Network {
    /// Resolves `layers` one after another, beginning with samples of shape `input`.
    ///
    /// `name` is what the network is called in tables, and `path` is where its list of layers stands in the file.
    ///
    /// # Errors
    /// The first layer that does not fit (what follows it cannot be judged), or a limit that is passed.
    pub fn new(name: &'static str, path: &[Step], input: Shape, layers: &[LayerSpec]) -> Result<Self, Problem> {
        let mut planned: Vec<PlannedLayer> = Vec::with_capacity(layers.len().min(MAX_LAYERS));
        let mut shape = input;
        let mut total: u64 = 0;
        for (index, spec) in layers.iter().enumerate() {
            let here = || {
                let mut path = path.to_vec();
                path.push(Step::Index(index));
                path
            };
            if index == MAX_LAYERS {
                return Err(Problem::new(here(), format!("the {name} has more than {MAX_LAYERS} layers")));
            }
            let output = spec.output(shape).map_err(|misfit| {
                let route = route(input, &planned);
                Problem::new(here(), format!("{}: {}", spec.name(), misfit.found))
                    .note(format!("shapes so far: {route}"))
                    .suggest(misfit.fix)
            })?;
            if output.len() > MAX_VALUES {
                let found = format!("{} gives {output}, more than {MAX_VALUES} values a sample", spec.name());
                return Err(Problem::new(here(), found));
            }
            let parameters = spec.parameters(shape);
            total = total.saturating_add(parameters);
            if total > MAX_PARAMETERS {
                let found = format!("the {name} has {total} parameters up to here, more than {MAX_PARAMETERS}");
                return Err(Problem::new(here(), found));
            }
            planned.push(PlannedLayer { spec: spec.clone(), input: shape, output, parameters });
            shape = output;
        }
        Ok(Self { name, input, layers: planned })
    }

    /// What the network is called: `encoder`, `decoder` …
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Shape of one sample before the first layer.
    pub fn input(&self) -> Shape {
        self.input
    }

    /// Shape of one sample behind the last layer.
    pub fn output(&self) -> Shape {
        self.layers.last().map_or(self.input, |layer| layer.output)
    }

    /// The layers in order.
    pub fn layers(&self) -> &[PlannedLayer] {
        &self.layers
    }

    /// Number of trainable values of all layers.
    pub fn parameters(&self) -> u64 {
        self.layers.iter().map(|layer| layer.parameters).sum()
    }
}

/// The way of a sample through the layers that fit: `[1, 28, 28] → conv2d [32, 13, 13] → flatten [5408]`.
fn route(input: Shape, layers: &[PlannedLayer]) -> String {
    layers.iter().fold(input.to_string(), |route, layer| format!("{route} → {} {}", layer.spec.name(), layer.output))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::{Linear, Relu};

    fn network(layers: &[LayerSpec]) -> Result<Network, Problem> {
        Network::new("decoder", &[Step::key("decoder")], Shape::Flat(2), layers)
    }

    #[test]
    fn parameters_add_up_over_the_layers() {
        let plan = network(&[Linear::new(3).into(), Relu {}.into(), Linear::new(5).into()]).unwrap();
        assert_eq!(plan.parameters(), (2 * 3 + 3) + (3 * 5 + 5));
        assert_eq!(plan.output(), Shape::Flat(5));
    }

    #[test]
    fn a_network_too_large_to_build_is_refused_before_anything_is_allocated() {
        let problem = network(&[Linear::new(1 << 23).into(), Linear::new(1 << 23).into()]).unwrap_err();
        assert!(problem.to_string().contains("parameters"), "{problem}");
        let problem = network(&vec![Relu {}.into(); MAX_LAYERS + 1]).unwrap_err();
        assert!(problem.to_string().contains("more than 256 layers"), "{problem}");
        let problem = network(&[Linear::new(usize::MAX).into()]).unwrap_err();
        assert!(problem.to_string().contains("values a sample"), "{problem}");
    }
}
