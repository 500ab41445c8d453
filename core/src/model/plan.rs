//! A model with every shape resolved.

use super::Output;
use crate::layer::{Init, LayerSpec, Linear, Reshape};
use crate::plan::{Limits, Network, Outline, Path, Problem, Problems, Shape, Step, extend};
use crate::spec::{
    Adversarial, Autoencoder, Classifier, Condition, Data, Family, Game, Gan, Kl, LatentGan, LatentVae, Model, Penalty,
    PriorKind, Range, Reconstruction, Vae, VaeGan,
};

/// The largest number of latent values.
pub(crate) const MAX_LATENT: usize = 4096;
/// The most parts of a mixture.
const MAX_PARTS: usize = 1024;

/// A model whose networks fit one another and the images.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    family: Family,
    image: [usize; 3],
    latent: usize,
    classes: usize,
    condition: Option<Condition>,
    averaged: bool,
    output: Output,
    networks: Vec<Network>,
}

/// The networks of a model, each as far as it could be resolved, and the number of latent values.
struct Resolved {
    latent: Option<usize>,
    output: Output,
    networks: Vec<Option<Network>>,
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
        let resolved = match model {
            Model::Classifier(model) => classifier(model, data, image, outline),
            Model::Autoencoder(model) => autoencoder(model, data, image, outline),
            Model::Vae(model) => vae(model, data, image, outline),
            Model::Gan(model) => gan(model, data, image, outline),
            Model::VaeGan(model) => vae_gan(model, data, image, outline),
            Model::LatentGan(model) => latent_gan(model, outline),
            Model::LatentVae(model) => latent_vae(model, outline),
        };
        let networks: Vec<Network> = resolved.networks.into_iter().collect::<Option<_>>()?;
        let whole = outline.problems.len() == before;
        let (latent, image) = resolved.latent.filter(|_| whole).zip(image)?;
        let condition = match model {
            Model::Gan(model) => model.condition,
            Model::Vae(model) => model.condition.map(|_| Condition::Class),
            _ => None,
        };
        Some(Self {
            family: model.family(),
            image,
            latent,
            classes: data.class_names().len(),
            condition,
            averaged: model.game().is_some_and(|game| game.ema > 0.0),
            output: resolved.output,
            networks,
        })
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

    /// Number of classes of the images.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// How the class reaches the networks, if it does.
    pub fn condition(&self) -> Option<Condition> {
        self.condition
    }

    /// Whether a moving average of the generator is what is used.
    pub fn is_averaged(&self) -> bool {
        self.averaged
    }

    /// What makes pixels of the values of the network that makes images.
    pub fn output(&self) -> Output {
        self.output
    }

    /// All networks as the file lists them: layers; encoder, decoder and discriminator; or generator and discriminator. The network
    /// of a condition, `class`, comes last.
    pub fn networks(&self) -> &[Network] {
        &self.networks
    }

    /// Network number `index` of [`Self::networks`], which the family is known to have.
    #[cfg(feature = "train")]
    pub(super) fn network(&self, index: usize) -> &Network {
        &self.networks[index]
    }

    /// The discriminator of a family that has one.
    #[cfg(feature = "train")]
    pub(super) fn discriminator(&self) -> &Network {
        self.network(if self.family == Family::VaeGan { 2 } else { 1 })
    }

    /// The network that makes of the class what the others are told of it.
    pub fn class(&self) -> Option<&Network> {
        self.networks.last().filter(|_| self.condition.is_some())
    }

    /// The length of the codes that a latent family learns: what its generator or decoder gives.
    pub fn code(&self) -> usize {
        let maker = match self.family {
            Family::LatentVae => 1,
            _ => 0,
        };
        self.networks.get(maker).map_or(0, |network| network.output().len())
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
        (Reconstruction::Bce, Range::Unit) => Output::Sigmoid,
        (Reconstruction::Bce, Range::Signed) => {
            let found = "cross-entropy is defined for pixels in [0, 1], but the range of the data is [-1, 1]";
            let fix = "`range: [0, 1]`, or `loss: { reconstruction: mse }`";
            let path = vec![Step::key("data"), Step::key("range")];
            outline.note(Problem::new(path, found).suggest(Some(fix.into())));
            Output::Sigmoid
        }
        (_, range) => Output::pixels_of(range),
    }
}

fn path(key: &str) -> Path {
    vec![Step::key("model"), Step::key(key)]
}

/// Notes a number of the model that is beyond its bounds. `keys` lead to it.
fn within(value: f64, bounds: std::ops::RangeInclusive<f64>, keys: &[&str], outline: &mut Outline<'_>) {
    if !bounds.contains(&value) {
        let key = keys.last().unwrap_or(&"");
        let found = format!("{key} must lie between {} and {}, found {value}", bounds.start(), bounds.end());
        outline.note(Problem::new(extend(&[Step::key("model")], keys.iter().map(|key| Step::key(key))), found));
    }
}

fn classifier(model: &Classifier, data: &Data, image: Option<[usize; 3]>, outline: &mut Outline<'_>) -> Resolved {
    let classes = data.class_names().len();
    let smoothing = model.loss.label_smoothing;
    if !(0.0..1.0).contains(&smoothing) {
        let found = format!("label_smoothing must be at least 0 and below 1, found {smoothing}");
        outline.note(Problem::new(extend(&path("loss"), [Step::key("label_smoothing")]), found));
    }
    let input = image.map(Shape::Image);
    let (network, output) = outline.network("classifier", &path("layers"), input, &model.layers);
    let found = format!("{} has {classes} classes", data.set.name());
    ends_with(classes, "classifier", "layers", &found, output, &model.layers, outline);
    Resolved { latent: Some(0), output: Output::Identity, networks: vec![network] }
}

fn gan(model: &Gan, data: &Data, image: Option<[usize; 3]>, outline: &mut Outline<'_>) -> Resolved {
    let classes = data.class_names().len();
    let latent = latent(model.latent, outline);
    prior(PriorKind::Normal, model.temperature, outline);
    let given = latent.map(|latent| if model.condition.is_some() { latent + classes } else { latent });
    let generator = generator("generator", &path("generator"), given, &model.generator, image, outline);
    let planes = usize::from(model.condition == Some(Condition::Class));
    let input = image.map(|[channels, height, width]| [channels + planes, height, width]);
    let discriminator = critic(input.map(Shape::Image), &model.discriminator, &model.game, model.loss, outline);
    let mut networks = vec![generator, discriminator];
    match model.condition {
        None => {}
        Some(Condition::Class) => networks.push(plane(classes, image, outline)),
        Some(Condition::Projection) => {
            let features = networks[1].as_ref().and_then(|network| features(network, model, outline));
            networks.push(features.and_then(|(features, spectral)| direction(classes, features, spectral, outline)));
        }
    }
    Resolved { latent, output: Output::pixels_of(data.range), networks }
}

/// The network that makes a picture of every class.
fn plane(classes: usize, image: Option<[usize; 3]>, outline: &mut Outline<'_>) -> Option<Network> {
    let [_, height, width] = image?;
    let picture = Linear { bias: false, init: Init::Normal(1.0), ..Linear::new(height * width) };
    let layers = [picture.into(), Reshape([1, height, width]).into()];
    outline.network("class", &path("condition"), Some(Shape::Flat(classes)), &layers).0
}

/// The network that makes of every class what features are multiplied with, normalised as the last layer of the discriminator is.
fn direction(classes: usize, features: usize, spectral_norm: bool, outline: &mut Outline<'_>) -> Option<Network> {
    let vector = Linear { bias: false, spectral_norm, ..Linear::new(features) };
    outline.network("class", &path("condition"), Some(Shape::Flat(classes)), &[vector.into()]).0
}

/// The number of features that a projection multiplies: what the last layer of the discriminator takes; and whether that layer is
/// spectrally normalised.
fn features(discriminator: &Network, model: &Gan, outline: &mut Outline<'_>) -> Option<(usize, bool)> {
    if model.game.packing > 1 {
        let found = "a projection judges each sample by its own class, so samples cannot be packed";
        let at = extend(&path("game"), [Step::key("packing")]);
        outline.note(Problem::new(at, found).suggest(Some("`packing: 1`, or `condition: class`".into())));
    }
    match discriminator.layers().last().map(|layer| (&layer.spec, layer.input)) {
        Some((LayerSpec::Linear(linear), Shape::Flat(features))) => Some((features, linear.spectral_norm)),
        _ => {
            let found = "a projection needs a discriminator whose last layer is `linear: 1`";
            outline.note(Problem::new(end("discriminator", &model.discriminator), found));
            None
        }
    }
}

/// A discriminator of samples of shape `input`, one at a time or packed.
fn critic(
    input: Option<Shape>,
    layers: &[LayerSpec],
    game: &Game,
    loss: Adversarial,
    outline: &mut Outline<'_>,
) -> Option<Network> {
    rules(game, loss, outline);
    let packing = game.packing.clamp(1, MAX_PACKING);
    let packed = input.map(|input| match input {
        Shape::Image([channels, height, width]) => Shape::Image([channels * packing, height, width]),
        Shape::Flat(values) => Shape::Flat(values * packing),
    });
    let (discriminator, output) = outline.network("discriminator", &path("discriminator"), packed, layers);
    let found = "a discriminator tells real from made by one value";
    ends_with(1, "discriminator", "discriminator", found, output, layers, outline);
    if game.penalty.is_some() {
        for (index, layer) in layers.iter().enumerate() {
            if let Some(name) = unsteady(layer) {
                let found = format!(
                    "a `penalty` measures the slope at each sample, but with `{name}` the same sample gets another verdict each time"
                );
                let at = extend(&path("discriminator"), [Step::Index(index)]);
                let fix = "`layer_norm` or `spectral_norm` instead, or another way than `penalty`";
                outline.note(Problem::new(at, found).suggest(Some(fix.into())));
            }
        }
    }
    discriminator
}

/// The name of a layer, or of one within, whose values depend on chance or on the other samples of the batch.
fn unsteady(layer: &LayerSpec) -> Option<&'static str> {
    match layer.name() {
        name @ ("batch_norm" | "dropout" | "gaussian_noise" | "minibatch_stddev") => Some(name),
        _ => layer.inside()?.layers.iter().find_map(unsteady),
    }
}

/// The most samples that are judged together.
const MAX_PACKING: usize = 64;

/// Notes what makes no sense in the rules of a game.
fn rules(game: &Game, loss: Adversarial, outline: &mut Outline<'_>) {
    let most = MAX_PACKING as f64;
    within(game.discriminator_steps as f64, 1.0..=1000.0, &["game", "discriminator_steps"], outline);
    within(game.packing as f64, 1.0..=most, &["game", "packing"], outline);
    within(game.label_smoothing, 0.0..=0.5, &["game", "label_smoothing"], outline);
    within(game.instance_noise, 0.0..=100.0, &["game", "instance_noise"], outline);
    if !(0.0..1.0).contains(&game.ema) {
        let found = format!("ema must be at least 0 and below 1, found {}", game.ema);
        outline.note(Problem::new(extend(&path("game"), [Step::key("ema")]), found));
    }
    match game.penalty {
        Some(Penalty::R1(weight)) => within(weight, 0.0..=1e6, &["game", "penalty", "r1"], outline),
        Some(Penalty::Gradient(weight)) => within(weight, 0.0..=1e6, &["game", "penalty", "gradient"], outline),
        None => {}
    }
    if let Some(bound) = game.clip.filter(|bound| !(*bound > 0.0 && bound.is_finite())) {
        let found = format!("clip must be above 0 and finite, found {bound}");
        outline.note(Problem::new(extend(&path("game"), [Step::key("clip")]), found));
    }
    let targets = !matches!(loss, Adversarial::Hinge | Adversarial::Wasserstein);
    if game.label_smoothing > 0.0 && !targets {
        let found = "this loss has no targets that could be smoothed";
        let at = extend(&path("game"), [Step::key("label_smoothing")]);
        let fix = "leave it away, or `loss: non-saturating` or `least-squares`";
        outline.note(Problem::new(at, found).suggest(Some(fix.into())));
    }
}

fn autoencoder(model: &Autoencoder, data: &Data, image: Option<[usize; 3]>, outline: &mut Outline<'_>) -> Resolved {
    let (encoder, output) = outline.network("encoder", &path("encoder"), image.map(Shape::Image), &model.encoder);
    let mut latent = output.and_then(|output| row("encoder", output, &model.encoder, outline));
    if let Some(values) = latent.filter(|values| *values > MAX_LATENT) {
        let found = format!("the encoder gives {values} values, but a code has 1 to {MAX_LATENT}");
        let fix = "`linear: 32` as its last layer";
        outline.note(Problem::new(end("encoder", &model.encoder), found).suggest(Some(fix.into())));
        latent = None;
    }
    let decoder = generator("decoder", &path("decoder"), latent, &model.decoder, image, outline);
    prior(model.prior, model.temperature, outline);
    if model.loss.reconstruction == Reconstruction::Gaussian {
        let found = "an autoencoder has no divergence that a learned scale could be weighed against";
        let at = extend(&path("loss"), [Step::key("reconstruction")]);
        outline.note(Problem::new(at, found).suggest(Some("`mse`, or `family: vae`".into())));
    }
    let output = reconstruction(model.loss.reconstruction, data, outline);
    Resolved { latent, output, networks: vec![encoder, decoder] }
}

/// Notes a mixture of no parts, or of far too many, and a temperature that leaves nothing to draw or is far too high.
fn prior(kind: PriorKind, temperature: f64, outline: &mut Outline<'_>) {
    within(temperature, 0.01..=2.0, &["temperature"], outline);
    if let PriorKind::Mixture(parts) = kind {
        within(parts as f64, 1.0..=MAX_PARTS as f64, &["prior", "mixture"], outline);
    }
}

fn vae(model: &Vae, data: &Data, image: Option<[usize; 3]>, outline: &mut Outline<'_>) -> Resolved {
    let classes = if model.condition.is_some() { data.class_names().len() } else { 0 };
    let latent = latent(model.latent, outline);
    divergence(&model.loss.kl, outline);
    prior(model.prior, model.temperature, outline);
    let planes = usize::from(model.condition.is_some());
    let input = image.map(|[channels, height, width]| Shape::Image([channels + planes, height, width]));
    let encoder = heads(input, latent, &model.encoder, outline);
    let given = latent.map(|latent| latent + classes);
    let decoder = generator("decoder", &path("decoder"), given, &model.decoder, image, outline);
    let mut networks = vec![encoder, decoder];
    if model.condition.is_some() {
        networks.push(plane(classes, image, outline));
    }
    Resolved { latent, output: reconstruction(model.loss.reconstruction, data, outline), networks }
}

fn vae_gan(model: &VaeGan, data: &Data, image: Option<[usize; 3]>, outline: &mut Outline<'_>) -> Resolved {
    let latent = latent(model.latent, outline);
    divergence(&model.loss.kl, outline);
    within(model.loss.gamma, 0.0..=1e6, &["loss", "gamma"], outline);
    let input = image.map(Shape::Image);
    let encoder = heads(input, latent, &model.encoder, outline);
    let decoder = generator("decoder", &path("decoder"), latent, &model.decoder, image, outline);
    let discriminator = critic(input, &model.discriminator, &model.game, model.loss.adversarial, outline);
    let layers = model.discriminator.len();
    if let Some(features) = model.loss.features.filter(|features| !(1..layers).contains(features)) {
        let found = format!("features must lie between 1 and {}, found {features}", layers.saturating_sub(1));
        let note = format!("the discriminator has {layers} layers, the last of which gives the verdict");
        outline.note(Problem::new(extend(&path("loss"), [Step::key("features")]), found).note(note));
    }
    for (key, odd) in
        [("discriminator_steps", model.game.discriminator_steps != 1), ("packing", model.game.packing != 1)]
    {
        if odd {
            let found = format!("a vae-gan takes its three steps together, one sample at a time, and knows no `{key}`");
            let at = extend(&path("game"), [Step::key(key)]);
            outline.note(Problem::new(at, found).suggest(Some("leave it away".into())));
        }
    }
    Resolved { latent, output: Output::pixels_of(data.range), networks: vec![encoder, decoder, discriminator] }
}

fn latent_gan(model: &LatentGan, outline: &mut Outline<'_>) -> Resolved {
    source(&model.from, outline);
    let latent = latent(model.latent, outline);
    let (generator, output) =
        outline.network("generator", &path("generator"), latent.map(Shape::Flat), &model.generator);
    let code = output.and_then(|output| row("generator", output, &model.generator, outline));
    let discriminator = critic(code.map(Shape::Flat), &model.discriminator, &model.game, model.loss, outline);
    for change in &model.game.augment {
        let found = format!("`{}` changes images, but codes are judged here", change.name());
        let at = extend(&path("game"), [Step::key("augment")]);
        outline.note(Problem::new(at, found).suggest(Some("leave `augment` away".into())));
    }
    Resolved { latent, output: Output::Identity, networks: vec![generator, discriminator] }
}

fn latent_vae(model: &LatentVae, outline: &mut Outline<'_>) -> Resolved {
    source(&model.from, outline);
    let latent = latent(model.latent, outline);
    divergence(&model.loss.kl, outline);
    let (decoder, output) = outline.network("decoder", &path("decoder"), latent.map(Shape::Flat), &model.decoder);
    let code = output.and_then(|output| row("decoder", output, &model.decoder, outline));
    let encoder = heads(code.map(Shape::Flat), latent, &model.encoder, outline);
    Resolved { latent, output: Output::Identity, networks: vec![encoder, decoder] }
}

/// Notes a source that is not named.
fn source(from: &str, outline: &mut Outline<'_>) {
    if from.trim().is_empty() {
        let fix = "the folder of a run, such as `runs/mnist-vae`";
        outline.note(Problem::new(path("from"), "`from` names no run").suggest(Some(fix.into())));
    }
}

/// Notes what makes no sense in the divergence of a loss.
fn divergence(kl: &Kl, outline: &mut Outline<'_>) {
    if !(0.0..=1e6).contains(&kl.weight) {
        let found = format!("kl must lie between 0 and 1,000,000, found {}", kl.weight);
        // The weight may stand alone.
        let at = extend(&path("loss"), [Step::key("kl"), Step::key("weight")]);
        outline.note(Problem::new(at, found));
    }
    within(kl.free_bits, 0.0..=1e3, &["loss", "kl", "free_bits"], outline);
}

/// The encoder of a VAE: the layers of the file, and behind them the heads: mean and log-variance of every latent value.
fn heads(
    input: Option<Shape>,
    latent: Option<usize>,
    declared: &[LayerSpec],
    outline: &mut Outline<'_>,
) -> Option<Network> {
    let (encoder, output) = outline.network("encoder", &path("encoder"), input, declared);
    let flat = output.and_then(|output| row("encoder", output, declared, outline));
    match (latent, flat, &encoder) {
        (Some(latent), Some(_), Some(_)) => {
            let mut layers = declared.to_vec();
            layers.push(Linear::new(latent * 2).into());
            outline.network("encoder", &path("encoder"), input, &layers).0
        }
        _ => encoder,
    }
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
