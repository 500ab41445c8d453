//! A model with every shape resolved.

use super::Output;
use crate::layer::{LayerSpec, Linear};
use crate::plan::{Limits, Network, Outline, Path, Problem, Problems, Shape, Step, extend};
use crate::spec::{Autoencoder, Classifier, Data, Family, Gan, Model, Range, Reconstruction, Vae};

/// The largest number of latent values.
pub(crate) const MAX_LATENT: usize = 4096;

/// A model whose networks fit one another and the images.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    family: Family,
    image: [usize; 3],
    latent: usize,
    output: Output,
    networks: Vec<Network>,
}

impl Plan {
    /// Resolves `model` for the images of `data`.
    ///
    /// # Errors
    /// Everything that does not fit.
    pub fn new(model: &Model, data: &Data) -> Result<Self, Problems> {
        let mut outline = Outline::new(Limits::DEFAULT, &[]);
        Self::outline(model, data, &mut outline).ok_or(Problems(outline.problems))
    }

    /// Resolves `model` for the images of `data` as far as it can be; what does not fit is noted in `outline`.
    pub fn outline(model: &Model, data: &Data, outline: &mut Outline<'_>) -> Option<Self> {
        let before = outline.problems.len();
        let image = known_image(data, outline);
        let (latent, output, networks) = match model {
            Model::Classifier(model) => (Some(0), Output::Identity, classifier(model, data, image, outline)),
            Model::Autoencoder(model) => {
                let (latent, networks) = autoencoder(model, image, outline);
                (latent, reconstruction(model.loss.reconstruction, data, outline), networks)
            }
            Model::Vae(model) => {
                let networks = vae(model, image, outline);
                (Some(model.latent), reconstruction(model.loss.reconstruction, data, outline), networks)
            }
            Model::Gan(model) => (Some(model.latent), pixels(data.range), gan(model, image, outline)),
        };
        let networks: Vec<Network> = networks.into_iter().collect::<Option<_>>()?;
        let whole = outline.problems.len() == before;
        let (latent, image) = latent.filter(|_| whole).zip(image)?;
        Some(Self { family: model.family(), image, latent, output, networks })
    }

    /// Which kind of model it is.
    pub fn family(&self) -> Family {
        self.family
    }

    /// Channels, height and width of the images.
    pub fn image(&self) -> [usize; 3] {
        self.image
    }

    /// Number of latent values; 0 for a classifier.
    pub fn latent(&self) -> usize {
        self.latent
    }

    /// What makes pixels of the values of the network that makes images.
    pub fn output(&self) -> Output {
        self.output
    }

    /// All networks as the file lists them: layers; encoder and decoder; or generator and discriminator.
    pub fn networks(&self) -> &[Network] {
        &self.networks
    }

    /// Number of trainable values of all networks.
    pub fn parameters(&self) -> u64 {
        self.networks.iter().map(Network::parameters).sum()
    }
}

/// The shape of the images, if it makes sense.
fn known_image(data: &Data, outline: &Outline<'_>) -> Option<[usize; 3]> {
    let path = [Step::key("data"), Step::key("size")];
    (!outline.is_unread(&path) && data.has_good_size()).then(|| data.image())
}

/// A decoder gives logits or pixels, by the loss that it is trained with.
fn reconstruction(loss: Reconstruction, data: &Data, outline: &mut Outline<'_>) -> Output {
    match (loss, data.range) {
        (Reconstruction::Mse, range) => pixels(range),
        (Reconstruction::Bce, Range::Unit) => Output::Sigmoid,
        (Reconstruction::Bce, Range::Signed) => {
            let found = "cross-entropy is defined for pixels in [0, 1], but the range of the data is [-1, 1]";
            let fix = "`range: [0, 1]`, or `loss: { reconstruction: mse }`";
            let path = vec![Step::key("data"), Step::key("range")];
            outline.note(Problem::new(path, found).suggest(Some(fix.into())));
            Output::Sigmoid
        }
    }
}

fn pixels(range: Range) -> Output {
    match range {
        Range::Unit => Output::Identity,
        Range::Signed => Output::Signed,
    }
}

fn path(key: &str) -> Path {
    vec![Step::key("model"), Step::key(key)]
}

fn classifier(
    model: &Classifier,
    data: &Data,
    image: Option<[usize; 3]>,
    outline: &mut Outline<'_>,
) -> Vec<Option<Network>> {
    let classes = data.set.classes().len();
    let smoothing = model.loss.label_smoothing;
    if !(0.0..1.0).contains(&smoothing) {
        let found = format!("label_smoothing must be at least 0 and below 1, found {smoothing}");
        outline.note(Problem::new(extend(&path("loss"), [Step::key("label_smoothing")]), found));
    }
    let input = image.map(Shape::Image);
    let (network, output) = outline.network("classifier", &path("layers"), input, &model.layers);
    let found = format!("{} has {classes} classes", data.set.name());
    ends_with(classes, "classifier", "layers", &found, output, &model.layers, outline);
    vec![network]
}

fn gan(model: &Gan, image: Option<[usize; 3]>, outline: &mut Outline<'_>) -> Vec<Option<Network>> {
    let latent = latent(model.latent, outline);
    let generator = generator("generator", &path("generator"), latent, &model.generator, image, outline);
    let input = image.map(Shape::Image);
    let (discriminator, output) = outline.network("discriminator", &path("discriminator"), input, &model.discriminator);
    let found = "a discriminator tells real from made by one value";
    ends_with(1, "discriminator", "discriminator", found, output, &model.discriminator, outline);
    vec![generator, discriminator]
}

fn autoencoder(
    model: &Autoencoder,
    image: Option<[usize; 3]>,
    outline: &mut Outline<'_>,
) -> (Option<usize>, Vec<Option<Network>>) {
    let (encoder, output) = outline.network("encoder", &path("encoder"), image.map(Shape::Image), &model.encoder);
    let mut latent = output.and_then(|output| row("encoder", output, &model.encoder, outline));
    if let Some(values) = latent.filter(|values| *values > MAX_LATENT) {
        let found = format!("the encoder gives {values} values, but a code has 1 to {MAX_LATENT}");
        let fix = "`linear: 32` as its last layer";
        outline.note(Problem::new(end("encoder", &model.encoder), found).suggest(Some(fix.into())));
        latent = None;
    }
    let decoder = generator("decoder", &path("decoder"), latent, &model.decoder, image, outline);
    (latent, vec![encoder, decoder])
}

fn vae(model: &Vae, image: Option<[usize; 3]>, outline: &mut Outline<'_>) -> Vec<Option<Network>> {
    let latent = latent(model.latent, outline);
    if !(0.0..=1e6).contains(&model.loss.kl) {
        let found = format!("kl must lie between 0 and 1,000,000, found {}", model.loss.kl);
        outline.note(Problem::new(extend(&path("loss"), [Step::key("kl")]), found));
    }
    let input = image.map(Shape::Image);
    let (mut encoder, output) = outline.network("encoder", &path("encoder"), input, &model.encoder);
    let flat = output.and_then(|output| row("encoder", output, &model.encoder, outline));
    if let (Some(latent), Some(_), Some(_)) = (latent, flat, &encoder) {
        let mut layers = model.encoder.clone();
        // The heads: mean and log-variance of every latent value.
        layers.push(Linear::new(latent * 2).into());
        (encoder, _) = outline.network("encoder", &path("encoder"), input, &layers);
    }
    let decoder = generator("decoder", &path("decoder"), latent, &model.decoder, image, outline);
    vec![encoder, decoder]
}

/// The declared number of latent values, if it makes sense.
fn latent(latent: usize, outline: &mut Outline<'_>) -> Option<usize> {
    if outline.is_unread(&path("latent")) {
        return None;
    }
    if !(1..=MAX_LATENT).contains(&latent) {
        let found = format!("latent must lie between 1 and {MAX_LATENT}, found {latent}");
        outline.note(Problem::new(path("latent"), found));
        return None;
    }
    Some(latent)
}

/// Where the last layer of a network stands.
fn end(key: &str, layers: &[LayerSpec]) -> Path {
    extend(&path(key), layers.len().checked_sub(1).map(Step::Index))
}

/// The length of the row that a network ends with.
fn row(key: &str, output: Shape, layers: &[LayerSpec], outline: &mut Outline<'_>) -> Option<usize> {
    match output {
        Shape::Flat(values) => Some(values),
        Shape::Image(_) => {
            let found = format!("the {key} ends with an image {output}, but a row of values is needed");
            let fix = Some("`flatten` as its last layer".into());
            outline.note(Problem::new(end(key, layers), found).suggest(fix));
            None
        }
    }
}

/// Notes a network that does not end with a row of so many values.
fn ends_with(
    wanted: usize,
    name: &str,
    key: &str,
    because: &str,
    output: Option<Shape>,
    layers: &[LayerSpec],
    outline: &mut Outline<'_>,
) {
    let Some(output) = output.filter(|output| *output != Shape::Flat(wanted)) else { return };
    let last = layers.last().map_or("", LayerSpec::name);
    let fix = match (output, last) {
        (Shape::Flat(_), "linear") => format!("`linear: {wanted}` as its last layer"),
        (Shape::Flat(_), _) => format!("a last `linear: {wanted}`"),
        (Shape::Image(_), _) if output.len() == wanted => "`flatten` as its last layer".into(),
        (Shape::Image(_), _) => format!("`flatten` and `linear: {wanted}` as its last layers"),
    };
    let found = format!("the {name} ends with {output}, but {because}, so [{wanted}] is needed");
    outline.note(Problem::new(end(key, layers), found).suggest(Some(fix)));
}

/// A network from `latent` values to an image: the decoder or generator of any family.
pub(crate) fn generator(
    name: &'static str,
    path: &[Step],
    latent: Option<usize>,
    layers: &[LayerSpec],
    image: Option<[usize; 3]>,
    outline: &mut Outline<'_>,
) -> Option<Network> {
    let (network, output) = outline.network(name, path, latent.map(Shape::Flat), layers);
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
                format!("other strides, another `reshape` or `padding: same`, which lead to {height} by {width} pixels")
            }
        };
        let problem = format!("the {name} gives {found}, but the images are {expected}");
        let end = extend(path, layers.len().checked_sub(1).map(Step::Index));
        outline.note(Problem::new(end, problem).suggest(Some(fix)));
        return None;
    }
    network
}
