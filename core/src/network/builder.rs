//! From declared layers to a network with known shapes, or to everything that is wrong with it.

use std::fmt::Write;

use super::{Network, PlannedLayer};
use crate::diagnostic::{Advice, KeyPath, PathStep, Problem, extend};
use crate::format::{readable, thousands};
use crate::layer::{LayerSpec, ShapeError};
use crate::limits::Limits;
use crate::shape::Shape;

/// How many layers before an error are shown.
const SHOWN: usize = 12;

/// Resolves networks and collects problems.
#[derive(Debug)]
pub struct PlanBuilder<'a> {
    /// All problems so far.
    pub problems: Vec<Problem>,
    limits: Limits,
    /// Values that could not be read and were replaced by stand-ins.
    unread: &'a [KeyPath],
    /// Layers of the network so far.
    count: usize,
    parameters: u64,
    activations: u64,
}

/// A limit was exceeded: the rest is not checked.
struct TooLarge;

impl<'a> PlanBuilder<'a> {
    /// A builder within `limits`; problems of `unread` values are known already.
    pub fn new(limits: Limits, unread: &'a [KeyPath]) -> Self {
        Self { problems: Vec::new(), limits, unread, count: 0, parameters: 0, activations: 0 }
    }

    /// Notes a problem, unless its value could not even be read.
    pub fn note(&mut self, problem: Problem) {
        if !self.is_unread(&problem.path) {
            self.problems.push(problem);
        }
    }

    /// Whether the value at `path`, or one around it, could not be read.
    pub fn is_unread(&self, path: &[PathStep]) -> bool {
        self.unread.iter().any(|unread| path.starts_with(unread))
    }

    /// Whether a part of the value at `path` could not be read.
    fn is_partly_unread(&self, path: &[PathStep]) -> bool {
        self.unread.iter().any(|unread| unread.starts_with(path))
    }

    /// Resolves the layers of the list at `path` one after another.
    ///
    /// The shape is unknown after a problem, and layers are checked again from where it is known.
    /// Returns the network if its input is known and all of it fits, and its output shape if
    /// nothing is wrong.
    pub fn network(
        &mut self,
        name: &'static str,
        path: &[PathStep],
        input: Option<Shape>,
        layers: &[LayerSpec],
    ) -> (Option<Network>, Option<Shape>) {
        if self.is_unread(path) {
            return (None, None);
        }
        (self.count, self.parameters, self.activations) = (0, 0, 0);
        let before = self.problems.len();
        let mut planned = Vec::new();
        let output = self.list(name, path, input, layers, &mut planned);
        let Ok(output) = output else { return (None, None) };
        let whole = self.problems.len() == before;
        let complete = whole && planned.len() == layers.len();
        (input.filter(|_| complete).map(|input| Network { name, input, layers: planned }), output.filter(|_| whole))
    }

    /// A network from `latent` values to an image: a decoder or generator.
    pub fn generator(
        &mut self,
        name: &'static str,
        path: &[PathStep],
        latent: Option<usize>,
        layers: &[LayerSpec],
        image: Option<[usize; 3]>,
    ) -> Option<Network> {
        let (network, output) = self.network(name, path, latent.map(Shape::Flat), layers);
        let Some(image) = image else { return network };
        let expected = Shape::Image(image);
        if let Some(found) = output.filter(|output| *output != expected) {
            let fix = match found {
                Shape::Flat(values) if values == expected.len() => format!("`reshape: {expected}` as its last layer"),
                Shape::Flat(_) => format!("`linear: {}` and `reshape: {expected}` as its last layers", expected.len()),
                Shape::Image([_, height, width]) if [height, width] == image[1..] => {
                    format!("{} filters in its last convolution", image[0])
                }
                Shape::Image(_) => {
                    let [_, height, width] = image;
                    format!(
                        "other strides, another `reshape` or `padding: same`, which lead to {height} by {width} pixels"
                    )
                }
            };
            let problem = format!("the {name} gives {found}, but the images are {expected}");
            let end = extend(path, layers.len().checked_sub(1).map(PathStep::Index));
            self.note(Problem::new(end, problem).suggest(Some(fix)));
            return None;
        }
        network
    }

    fn list(
        &mut self,
        name: &'static str,
        path: &[PathStep],
        input: Option<Shape>,
        layers: &[LayerSpec],
        planned: &mut Vec<PlannedLayer>,
    ) -> Result<Option<Shape>, TooLarge> {
        let mut shape = input;
        for (index, spec) in layers.iter().enumerate() {
            let here = extend(path, [PathStep::Index(index)]);
            self.count += 1;
            if self.count > self.limits.layers {
                let found = format!("the {name} has more than {} layers", self.limits.layers);
                return self.too_large(here, found);
            }
            shape = match shape {
                _ if self.is_unread(&here) => None,
                _ if self.is_partly_unread(&here) => {
                    self.check_alone(name, &here, spec)?;
                    None
                }
                Some(shape) => self.layer(name, &here, shape, spec, planned)?,
                None => self.check_alone(name, &here, spec)?,
            };
        }
        Ok(shape)
    }

    /// One layer with samples of shape `input`; returns its output shape.
    fn layer(
        &mut self,
        name: &'static str,
        here: &[PathStep],
        input: Shape,
        spec: &LayerSpec,
        planned: &mut Vec<PlannedLayer>,
    ) -> Result<Option<Shape>, TooLarge> {
        if self.has_errors(here, spec) {
            return Ok(None);
        }
        let mut inside = Vec::new();
        if let Some(inner) = spec.inside() {
            let list = inner_path(here, spec);
            let mut shape = Some(input);
            for _ in 0..inner.times {
                let before = self.problems.len();
                shape = self.list(name, &list, shape, inner.layers, &mut inside)?;
                if self.problems.len() > before || shape.is_none() {
                    return Ok(None);
                }
            }
        }
        let output = match spec.output(input) {
            Ok(output) => output,
            Err(error) => {
                let problem = shape_problem(name, here, input, spec, &error, planned);
                self.note(problem);
                return Ok(spec.fixed_output());
            }
        };
        let layer = PlannedLayer {
            parameters: spec.parameters(input),
            macs: spec.macs(input, output),
            spec: spec.clone(),
            input,
            output,
            inside,
        };
        self.parameters = self.parameters.saturating_add(layer.parameters);
        self.activations = self.activations.saturating_add(output.bytes());
        if self.activations > self.limits.activations {
            let (bytes, most) = (readable(self.activations), readable(self.limits.activations));
            let found = format!("the {name} needs {bytes} of activations an image up to here, more than {most}");
            return self.too_large(here.to_vec(), found);
        }
        if self.parameters > self.limits.parameters {
            let (count, most) = (thousands(self.parameters), thousands(self.limits.parameters));
            let found = format!("the {name} has {count} parameters up to here, more than {most}");
            return self.too_large(here.to_vec(), found);
        }
        planned.push(layer);
        Ok(Some(output))
    }

    /// A layer with an unknown input; returns its output shape if that is known.
    fn check_alone(
        &mut self,
        name: &'static str,
        here: &[PathStep],
        spec: &LayerSpec,
    ) -> Result<Option<Shape>, TooLarge> {
        if self.has_errors(here, spec) {
            return Ok(None);
        }
        if let Some(inner) = spec.inside() {
            self.list(name, &inner_path(here, spec), None, inner.layers, &mut Vec::new())?;
        }
        Ok(spec.fixed_output())
    }

    /// Notes the wrong fields of a layer, and returns whether there are any.
    fn has_errors(&mut self, here: &[PathStep], spec: &LayerSpec) -> bool {
        let errors = spec.errors();
        for error in &errors {
            let mut path = extend(here, [PathStep::key(spec.name())]);
            path.extend((!error.field.is_empty()).then(|| PathStep::key(error.field)));
            self.note(Problem::new(path, error.found.clone()));
        }
        !errors.is_empty()
    }

    fn too_large<T>(&mut self, path: KeyPath, found: String) -> Result<T, TooLarge> {
        let problem = Problem::new(path, found).suggest(Some("a smaller network".into()));
        self.note(problem.advise(Advice::LargerLimits));
        Err(TooLarge)
    }
}

/// The path of the list of layers inside a layer.
fn inner_path(here: &[PathStep], spec: &LayerSpec) -> KeyPath {
    let key = spec.inside().and_then(|inside| inside.key).map(PathStep::key);
    extend(here, [PathStep::key(spec.name())].into_iter().chain(key))
}

fn shape_problem(
    name: &str,
    here: &[PathStep],
    input: Shape,
    spec: &LayerSpec,
    error: &ShapeError,
    before: &[PlannedLayer],
) -> Problem {
    let fix = match (&error.fix, error.wants) {
        (Some(fix), _) => Some(fix.clone()),
        (None, Some(wanted)) => units_to_change(before, wanted)
            .or_else(|| matches!(input, Shape::Flat(_)).then(|| format!("put `linear: {wanted}` before it"))),
        (None, None) => None,
    };
    let mut table = format!("the shapes of the {name} up to here");
    let first = before.first().map_or(input, |layer| layer.input);
    let width = before.iter().map(|layer| layer.spec.name().len()).max().unwrap_or(0).max("input".len());
    let _ = write!(table, "\n  {:<width$}  {first}", "input");
    if before.len() > SHOWN {
        let _ = write!(table, "\n  … {} layers", before.len() - SHOWN);
    }
    for layer in &before[before.len().saturating_sub(SHOWN)..] {
        let _ = write!(table, "\n  {:<width$}  {}", layer.spec.name(), layer.output);
    }
    let found = match error.found.contains('`') {
        true => error.found.clone(),
        false => format!("`{}`: {}", spec.name(), error.found),
    };
    Problem::new(here.to_vec(), found).note(table).suggest(fix)
}

/// "`linear` before it must have 3136 units", if a layer's input comes from a `linear`.
fn units_to_change(before: &[PlannedLayer], wanted: usize) -> Option<String> {
    let changes_nothing = |layer: &&PlannedLayer| layer.input == layer.output && layer.spec.name() != "linear";
    let last = before.iter().rev().find(|layer| !changes_nothing(layer))?;
    (last.spec.name() == "linear").then(|| format!("the `linear` before it must have {wanted} units"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::{Conv2d, Flatten, Linear, Relu, Repeat, Reshape, Residual};

    fn problems(layers: &[LayerSpec]) -> Vec<String> {
        let problems = Network::new("decoder", Shape::Image([1, 28, 28]), layers, Limits::DEFAULT).unwrap_err();
        problems.0.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_shape_error_shows_the_shapes_before_it_and_the_units_that_would_fit() {
        let found =
            problems(&[Flatten {}.into(), Linear::new(2304).into(), Relu {}.into(), Reshape([64, 7, 7]).into()]);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("`reshape: [64, 7, 7]` holds 3136 values, but 2304 reach it"), "{}", found[0]);
        assert!(found[0].contains("flatten  [784]\n    linear   [2304]\n    relu     [2304]"), "{}", found[0]);
        assert!(found[0].ends_with("the `linear` before it must have 3136 units"), "{}", found[0]);
    }

    #[test]
    fn layers_are_checked_again_from_where_the_shape_is_known() {
        let found = problems(&[
            Linear::new(100).into(),
            Reshape([4, 4, 4]).into(),
            Conv2d { stride: 0.into(), ..Conv2d::new(8, 3) }.into(),
            Conv2d::new(8, 3).into(),
        ]);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].starts_with("decoder[0]: `linear` needs values in a row"), "{}", found[0]);
        assert!(found[1].starts_with("decoder[1]: "), "{}", found[1]);
        assert!(found[2].starts_with("decoder[2].conv2d.stride: stride must lie between"), "{}", found[2]);
    }

    #[test]
    fn an_error_inside_a_residual_inside_a_repeat_is_reported_once_with_its_place() {
        let residual = Residual(vec![Conv2d::new(1, 3).into(), Conv2d::new(1, 9).into()]);
        let found = problems(&[Repeat { times: 3, layers: vec![residual.into()] }.into()]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("decoder[0].repeat.layers[0]: `residual`"), "{}", found[0]);
    }

    #[test]
    fn unread_values_are_not_checked() {
        let unread = [vec![PathStep::key("decoder"), PathStep::Index(0)]];
        let mut builder = PlanBuilder::new(Limits::DEFAULT, &unread);
        let layers = [Linear::new(100).into(), Relu {}.into(), Linear::new(3).into(), Reshape([1, 1, 2]).into()];
        builder.network("decoder", &[PathStep::key("decoder")], Some(Shape::Image([1, 2, 2])), &layers);
        let found: Vec<String> = builder.problems.iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("decoder[3]"), "{found:?}");
    }
}
