//! From a family's settings to networks with known shapes.

use std::ops::RangeInclusive;

use super::{Kl, Reconstruction, Role};
use crate::diagnostic::{KeyPath, PathStep, Problem, extend};
use crate::inference::Output;
use crate::latent::PriorKind;
use crate::layer::{Init, LayerSpec, Linear, Reshape};
use crate::network::{Network, PlanBuilder};
use crate::shape::Shape;
use crate::spec::{Data, PixelRange};

pub(crate) const MAX_LATENT: usize = 4096;
const MAX_COMPONENTS: usize = 1024;

/// Resolves the networks of a family.
#[derive(Debug)]
pub struct Resolver<'a, 'b> {
    /// The images.
    pub data: &'a Data,
    /// Channels, height and width of the images, if they are valid.
    pub image: Option<[usize; 3]>,
    /// Builds networks and collects problems.
    pub builder: &'a mut PlanBuilder<'b>,
}

/// The networks of a model, each as far as it could be resolved.
#[derive(Debug)]
pub struct Resolved {
    /// Number of latent values; 0 for a classifier.
    pub latent: Option<usize>,
    /// How the values of the generator become pixels.
    pub output: Output,
    /// The networks in the order of the file.
    pub networks: Vec<(Role, Option<Network>)>,
}

/// The path to a key of the model.
pub(super) fn path(key: &str) -> KeyPath {
    vec![PathStep::key("model"), PathStep::key(key)]
}

impl<'a, 'b> Resolver<'a, 'b> {
    /// A resolver for the images of `data`.
    pub fn new(data: &'a Data, builder: &'a mut PlanBuilder<'b>) -> Self {
        let size = [PathStep::key("data"), PathStep::key("size")];
        let image = (!builder.is_unread(&size) && data.has_good_size()).then(|| data.image());
        Self { data, image, builder }
    }

    /// The shape of the images with `planes` more channels, if it is valid.
    pub fn image(&self, planes: usize) -> Option<Shape> {
        self.image.map(|[channels, height, width]| Shape::Image([channels + planes, height, width]))
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.data.class_names().len()
    }

    /// Notes a problem.
    pub fn note(&mut self, problem: Problem) {
        self.builder.note(problem);
    }

    /// Checks the number at `keys` below `model` against its bounds.
    pub fn check_within(&mut self, value: f64, bounds: RangeInclusive<f64>, keys: &[&str]) {
        if !bounds.contains(&value) {
            let key = keys.last().unwrap_or(&"");
            let found = format!("{key} must lie between {} and {}, found {value}", bounds.start(), bounds.end());
            self.note(Problem::new(
                extend(&[PathStep::key("model")], keys.iter().map(|key| PathStep::key(key))),
                found,
            ));
        }
    }

    /// The network of `role` if it is known to fit, and its output if no layer is wrong.
    pub fn network(
        &mut self,
        role: Role,
        input: Option<Shape>,
        layers: &[LayerSpec],
    ) -> (Option<Network>, Option<Shape>) {
        self.builder.network(role.name(), &path(role.key()), input, layers)
    }

    /// A network from `latent` values to an image.
    pub fn generator(&mut self, role: Role, latent: Option<usize>, layers: &[LayerSpec]) -> Option<Network> {
        self.builder.generator(role.name(), &path(role.key()), latent, layers, self.image)
    }

    /// The declared number of latent values, if it is valid.
    pub fn latent(&mut self, latent: usize) -> Option<usize> {
        if self.builder.is_unread(&path("latent")) {
            return None;
        }
        if !(1..=MAX_LATENT).contains(&latent) {
            let found = format!("latent must lie between 1 and {MAX_LATENT}, found {latent}");
            self.note(Problem::at(&["model", "latent"], found));
            return None;
        }
        Some(latent)
    }

    /// Checks a prior and its temperature.
    pub fn check_prior(&mut self, kind: PriorKind, temperature: f64) {
        self.check_within(temperature, 0.01..=2.0, &["temperature"]);
        if let PriorKind::Mixture(components) = kind {
            self.check_within(components as f64, 1.0..=MAX_COMPONENTS as f64, &["prior", "mixture"]);
        }
    }

    /// Checks the divergence of a loss.
    pub fn check_kl(&mut self, kl: &Kl) {
        if !(0.0..=1e6).contains(&kl.weight) {
            let found = format!("kl must lie between 0 and 1,000,000, found {}", kl.weight);
            // Also where the weight alone is written.
            let at = extend(&path("loss"), [PathStep::key("kl"), PathStep::key("weight")]);
            self.note(Problem::new(at, found));
        }
        self.check_within(kl.free_bits, 0.0..=1e3, &["loss", "kl", "free_bits"]);
    }

    /// The output of a decoder: logits or pixels, depending on its loss.
    pub fn decoder_output(&mut self, loss: Reconstruction) -> Output {
        match (loss, self.data.range) {
            (Reconstruction::Bce, PixelRange::Unit) => Output::Sigmoid,
            (Reconstruction::Bce, PixelRange::Signed) => {
                let found = "cross-entropy is defined for pixels in [0, 1], but the range of the data is [-1, 1]";
                let fix = "`range: [0, 1]`, or `loss: { reconstruction: mse }`";
                self.note(Problem::at(&["data", "range"], found).suggest(Some(fix.into())));
                Output::Sigmoid
            }
            (_, range) => Output::pixels_of(range),
        }
    }

    /// The encoder of a VAE: the declared layers and a linear one for mean and log-variance.
    pub fn heads(&mut self, input: Option<Shape>, latent: Option<usize>, declared: &[LayerSpec]) -> Option<Network> {
        let (encoder, output) = self.network(Role::Encoder, input, declared);
        let flat = output.and_then(|output| self.flat_width(Role::Encoder, output, declared));
        match (latent, flat, &encoder) {
            (Some(latent), Some(_), Some(_)) => {
                let mut layers = declared.to_vec();
                layers.push(Linear::new(latent * 2).into());
                self.network(Role::Encoder, input, &layers).0
            }
            _ => encoder,
        }
    }

    /// The network from a class to a plane of the size of the images.
    pub fn class_plane(&mut self) -> Option<Network> {
        let [_, height, width] = self.image?;
        let plane = Linear { bias: false, init: Init::Normal(1.0), ..Linear::new(height * width) };
        let input = Shape::Flat(self.classes());
        self.network(Role::Class, Some(input), &[plane.into(), Reshape([1, height, width]).into()]).0
    }

    /// The width of a flat output.
    pub fn flat_width(&mut self, role: Role, output: Shape, layers: &[LayerSpec]) -> Option<usize> {
        match output {
            Shape::Flat(values) => Some(values),
            Shape::Image(_) => {
                let name = role.name();
                let found = format!("the {name} outputs an image {output}, but flat values are needed");
                let fix = Some("`flatten` as its last layer".into());
                self.note(Problem::new(end(role, layers), found).suggest(fix));
                None
            }
        }
    }

    /// Checks that a network outputs `wanted` flat values.
    pub fn check_output(
        &mut self,
        role: Role,
        wanted: usize,
        because: &str,
        output: Option<Shape>,
        layers: &[LayerSpec],
    ) {
        let Some(output) = output.filter(|output| *output != Shape::Flat(wanted)) else { return };
        let last = layers.last().map_or("", LayerSpec::name);
        let fix = match (output, last) {
            (Shape::Flat(_), "linear") => format!("`linear: {wanted}` as its last layer"),
            (Shape::Flat(_), _) => format!("a last `linear: {wanted}`"),
            (Shape::Image(_), _) if output.len() == wanted => "`flatten` as its last layer".into(),
            (Shape::Image(_), _) => format!("`flatten` and `linear: {wanted}` as its last layers"),
        };
        let found = format!("the {} outputs {output}, but {because}, so [{wanted}] is needed", role.name());
        self.note(Problem::new(end(role, layers), found).suggest(Some(fix)));
    }

    /// Checks that a source is named.
    pub fn check_source(&mut self, from: &str) {
        if from.trim().is_empty() {
            let fix = "the folder of a run, such as `runs/mnist-vae`";
            self.note(Problem::at(&["model", "from"], "`from` names no run").suggest(Some(fix.into())));
        }
    }
}

/// The path of the last layer of a network.
pub(super) fn end(role: Role, layers: &[LayerSpec]) -> KeyPath {
    extend(&path(role.key()), layers.len().checked_sub(1).map(PathStep::Index))
}
