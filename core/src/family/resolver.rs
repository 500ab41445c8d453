//! From a family's settings to networks whose shapes are known.

use std::ops::RangeInclusive;

use super::{Kl, Reconstruction, Role};
use crate::diagnostic::{Path, Problem, Step, extend};
use crate::inference::Output;
use crate::latent::PriorKind;
use crate::layer::{Init, LayerSpec, Linear, Reshape};
use crate::network::{Network, PlanBuilder};
use crate::shape::Shape;
use crate::spec::{Data, PixelRange};

/// The largest number of latent values.
pub(crate) const MAX_LATENT: usize = 4096;
/// The most components of a mixture.
const MAX_COMPONENTS: usize = 1024;

/// What a family resolves its networks with.
#[derive(Debug)]
pub struct Resolver<'a, 'b> {
    /// The images.
    pub data: &'a Data,
    /// Channels, height and width of the images, if they make sense.
    pub image: Option<[usize; 3]>,
    /// Where networks are resolved and problems noted.
    pub builder: &'a mut PlanBuilder<'b>,
}

/// The networks of a model, each as far as it could be resolved.
#[derive(Debug)]
pub struct Resolved {
    /// Number of latent values; 0 for a model without any.
    pub latent: Option<usize>,
    /// What turns the values of the network that makes images into pixels.
    pub output: Output,
    /// The networks in the order of the file.
    pub networks: Vec<(Role, Option<Network>)>,
}

/// The path to a key of the model.
pub(super) fn path(key: &str) -> Path {
    vec![Step::key("model"), Step::key(key)]
}

impl<'a, 'b> Resolver<'a, 'b> {
    /// For the images of `data`.
    pub fn new(data: &'a Data, builder: &'a mut PlanBuilder<'b>) -> Self {
        let size = [Step::key("data"), Step::key("size")];
        let image = (!builder.is_unread(&size) && data.has_good_size()).then(|| data.image());
        Self { data, image, builder }
    }

    /// The shape of the images with `planes` more channels, if it makes sense.
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

    /// Notes a number of the model that is beyond its bounds. `keys` lead to it.
    pub fn within(&mut self, value: f64, bounds: RangeInclusive<f64>, keys: &[&str]) {
        if !bounds.contains(&value) {
            let key = keys.last().unwrap_or(&"");
            let found = format!("{key} must lie between {} and {}, found {value}", bounds.start(), bounds.end());
            self.note(Problem::new(extend(&[Step::key("model")], keys.iter().map(|key| Step::key(key))), found));
        }
    }

    /// The network of `role`, if its input is known and all of it fits, and the shape behind it if nothing in it is wrong.
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

    /// The declared number of latent values, if it makes sense.
    pub fn latent(&mut self, latent: usize) -> Option<usize> {
        if self.builder.is_unread(&path("latent")) {
            return None;
        }
        if !(1..=MAX_LATENT).contains(&latent) {
            let found = format!("latent must lie between 1 and {MAX_LATENT}, found {latent}");
            self.note(Problem::new(path("latent"), found));
            return None;
        }
        Some(latent)
    }

    /// Notes a mixture of no components, or of far too many, and a temperature that leaves nothing to draw or is far too high.
    pub fn prior(&mut self, kind: PriorKind, temperature: f64) {
        self.within(temperature, 0.01..=2.0, &["temperature"]);
        if let PriorKind::Mixture(components) = kind {
            self.within(components as f64, 1.0..=MAX_COMPONENTS as f64, &["prior", "mixture"]);
        }
    }

    /// Notes what makes no sense in the divergence of a loss.
    pub fn divergence(&mut self, kl: &Kl) {
        if !(0.0..=1e6).contains(&kl.weight) {
            let found = format!("kl must lie between 0 and 1,000,000, found {}", kl.weight);
            // The weight may stand alone.
            let at = extend(&path("loss"), [Step::key("kl"), Step::key("weight")]);
            self.note(Problem::new(at, found));
        }
        self.within(kl.free_bits, 0.0..=1e3, &["loss", "kl", "free_bits"]);
    }

    /// A decoder gives logits or pixels, by the loss that it is trained with.
    pub fn reconstruction(&mut self, loss: Reconstruction) -> Output {
        match (loss, self.data.range) {
            (Reconstruction::Bce, PixelRange::Unit) => Output::Sigmoid,
            (Reconstruction::Bce, PixelRange::Signed) => {
                let found = "cross-entropy is defined for pixels in [0, 1], but the range of the data is [-1, 1]";
                let fix = "`range: [0, 1]`, or `loss: { reconstruction: mse }`";
                let path = vec![Step::key("data"), Step::key("range")];
                self.note(Problem::new(path, found).suggest(Some(fix.into())));
                Output::Sigmoid
            }
            (_, range) => Output::pixels_of(range),
        }
    }

    /// The encoder of a VAE: the layers of the file, and behind them the heads, mean and log-variance of every latent value.
    pub fn heads(&mut self, input: Option<Shape>, latent: Option<usize>, declared: &[LayerSpec]) -> Option<Network> {
        let (encoder, output) = self.network(Role::Encoder, input, declared);
        let flat = output.and_then(|output| self.row(Role::Encoder, output, declared));
        match (latent, flat, &encoder) {
            (Some(latent), Some(_), Some(_)) => {
                let mut layers = declared.to_vec();
                layers.push(Linear::new(latent * 2).into());
                self.network(Role::Encoder, input, &layers).0
            }
            _ => encoder,
        }
    }

    /// The network that turns every class into a plane of the size of the images.
    pub fn class_plane(&mut self) -> Option<Network> {
        let [_, height, width] = self.image?;
        let plane = Linear { bias: false, init: Init::Normal(1.0), ..Linear::new(height * width) };
        let input = Shape::Flat(self.classes());
        self.network(Role::Class, Some(input), &[plane.into(), Reshape([1, height, width]).into()]).0
    }

    /// The length of the row that a network ends with.
    pub fn row(&mut self, role: Role, output: Shape, layers: &[LayerSpec]) -> Option<usize> {
        match output {
            Shape::Flat(values) => Some(values),
            Shape::Image(_) => {
                let name = role.name();
                let found = format!("the {name} ends with an image {output}, but a row of values is needed");
                let fix = Some("`flatten` as its last layer".into());
                self.note(Problem::new(end(role, layers), found).suggest(fix));
                None
            }
        }
    }

    /// Notes a network that does not end with a row of so many values.
    pub fn ends_with(&mut self, role: Role, wanted: usize, because: &str, output: Option<Shape>, layers: &[LayerSpec]) {
        let Some(output) = output.filter(|output| *output != Shape::Flat(wanted)) else { return };
        let last = layers.last().map_or("", LayerSpec::name);
        let fix = match (output, last) {
            (Shape::Flat(_), "linear") => format!("`linear: {wanted}` as its last layer"),
            (Shape::Flat(_), _) => format!("a last `linear: {wanted}`"),
            (Shape::Image(_), _) if output.len() == wanted => "`flatten` as its last layer".into(),
            (Shape::Image(_), _) => format!("`flatten` and `linear: {wanted}` as its last layers"),
        };
        let found = format!("the {} ends with {output}, but {because}, so [{wanted}] is needed", role.name());
        self.note(Problem::new(end(role, layers), found).suggest(Some(fix)));
    }

    /// Notes a source that is not named.
    pub fn source(&mut self, from: &str) {
        if from.trim().is_empty() {
            let fix = "the folder of a run, such as `runs/mnist-vae`";
            self.note(Problem::new(path("from"), "`from` names no run").suggest(Some(fix.into())));
        }
    }
}

/// Where the last layer of a network stands.
pub(super) fn end(role: Role, layers: &[LayerSpec]) -> Path {
    extend(&path(role.key()), layers.len().checked_sub(1).map(Step::Index))
}
