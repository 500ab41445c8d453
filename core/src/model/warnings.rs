//! What is legal but surely wrong.

use crate::layer::{Init, LayerSpec};
use crate::plan::{Network, PlannedLayer, Problem, Shape, Step, extend};
use crate::spec::{Adversarial, Family, Game, Model, Pipeline, PriorKind, Range, Reconstruction};

use super::Plan;

/// What in a pipeline is legal but surely wrong.
pub fn warnings(pipeline: &Pipeline, plan: &Plan) -> Vec<Problem> {
    let mut warnings = Vec::new();
    // The network of a class is no list of the file.
    for network in plan.networks().iter().filter(|network| network.name() != "class") {
        let key = match plan.family() {
            Family::Classifier => "layers",
            _ => network.name(),
        };
        let path = [Step::key("model"), Step::key(key)];
        // The heads behind a VAE's encoder are no line of the file.
        let heads = usize::from(key == "encoder" && plan.family() != Family::Autoencoder);
        layers(&mut warnings, &path, &network.layers()[..network.layers().len() - heads]);
        let view = View { key, network };
        embeddings(&mut warnings, &view);
        match &pipeline.model {
            Model::Classifier(_) => {
                logits(&mut warnings, &view, "cross-entropy takes logits and applies softmax itself");
            }
            Model::Autoencoder(model) if key == "decoder" => {
                decoder(&mut warnings, &view, model.loss.reconstruction, pipeline.data.range);
            }
            Model::Vae(model) if key == "decoder" => {
                decoder(&mut warnings, &view, model.loss.reconstruction, pipeline.data.range);
                narrow(&mut warnings, &view, model.latent);
            }
            Model::Gan(model) if key == "generator" => {
                generator(&mut warnings, &view, pipeline.data.range);
                narrow(&mut warnings, &view, model.latent);
            }
            Model::VaeGan(model) if key == "decoder" => {
                generator(&mut warnings, &view, pipeline.data.range);
                narrow(&mut warnings, &view, model.latent);
            }
            Model::Gan(model) if key == "discriminator" => critic(&mut warnings, &view, model.loss, &model.game),
            Model::VaeGan(model) if key == "discriminator" => {
                critic(&mut warnings, &view, model.loss.adversarial, &model.game);
            }
            Model::LatentGan(model) if key == "discriminator" => critic(&mut warnings, &view, model.loss, &model.game),
            _ => {}
        }
    }
    if let Model::Vae(model) = &pipeline.model
        && model.loss.kl.weight == 0.0
        && model.prior == PriorKind::Normal
    {
        let path = ["model", "loss", "kl"].map(Step::key).to_vec();
        let found = "with `kl: 0` nothing keeps the codes near N(0, I), from which samples are drawn";
        warnings.push(
            Problem::new(path, found).suggest(Some("`kl: 1`, or `prior: { mixture: 10 }`, which is fitted".into())),
        );
    }
    if let Model::Autoencoder(_) = &pipeline.model
        && plan.latent() >= plan.image().iter().product()
        && let Some(last) = plan.networks()[0].layers().len().checked_sub(1)
    {
        let path = vec![Step::key("model"), Step::key("encoder"), Step::Index(last)];
        let found = format!("a code of {} values is as long as the image: nothing is compressed", plan.latent());
        warnings.push(Problem::new(path, found).suggest(Some("fewer values, such as a last `linear: 32`".into())));
    }
    if pipeline.train.optimizer.adam.lr > 0.1 {
        let path = ["train", "optimizer", "adam", "lr"].map(Step::key).to_vec();
        let found = format!("with a learning rate of {} Adam does not converge", pipeline.train.optimizer.adam.lr);
        warnings.push(Problem::new(path, found).suggest(Some("0.001, or 0.0002 for a GAN".into())));
    }
    let normalised = plan.networks().iter().any(|network| has_batch_norm(network.layers()));
    if pipeline.train.batch == 1 && normalised {
        let path = ["train", "batch"].map(Step::key).to_vec();
        let found = "`batch_norm` cannot tell anything from batches of one image";
        warnings.push(Problem::new(path, found).suggest(Some("a batch of 32 or more, or `layer_norm`".into())));
    }
    warnings
}

/// A network and the key of its list.
struct View<'a> {
    key: &'a str,
    network: &'a Network,
}

impl View<'_> {
    /// The last layer that does more than to put values in another order, and its place.
    fn last(&self) -> Option<(usize, &PlannedLayer)> {
        let orders = |layer: &PlannedLayer| matches!(layer.spec, LayerSpec::Flatten(_) | LayerSpec::Reshape(_));
        self.network.layers().iter().enumerate().rev().find(|(_, layer)| !orders(layer))
    }

    /// A warning at that layer.
    fn at_end(&self, found: impl Into<String>) -> Problem {
        self.at(self.last().map_or(0, |(index, _)| index), found)
    }

    fn at(&self, index: usize, found: impl Into<String>) -> Problem {
        Problem::new(vec![Step::key("model"), Step::key(self.key), Step::Index(index)], found)
    }
}

/// What is odd about single layers and their neighbours, in every network.
fn layers(warnings: &mut Vec<Problem>, path: &[Step], layers: &[PlannedLayer]) {
    let mut before: Option<&PlannedLayer> = None;
    for (index, layer) in layers.iter().enumerate() {
        let here = extend(path, [Step::Index(index)]);
        let idle = match &layer.spec {
            LayerSpec::Dropout(dropout) if dropout.rate == 0.0 => Some("`dropout: 0` leaves nothing out"),
            LayerSpec::GaussianNoise(noise) if noise.std == 0.0 => Some("`gaussian_noise: 0` adds nothing"),
            LayerSpec::Repeat(repeat) if repeat.times == 1 => Some("`times: 1` repeats nothing"),
            LayerSpec::Upsample(_) if layer.input == layer.output => Some("`upsample: 1` changes nothing"),
            LayerSpec::PixelShuffle(shuffle) if shuffle.factor == 1 => Some("`pixel_shuffle: 1` changes nothing"),
            LayerSpec::Flatten(_) if matches!(layer.input, Shape::Flat(_)) => {
                Some("`flatten` finds values in a row already")
            }
            _ => None,
        };
        if let Some(found) = idle {
            warnings.push(Problem::new(here.clone(), found).suggest(Some("leave it away".into())));
        }
        if let Some(before) = before {
            let (first, second) = (before.spec.name(), layer.spec.name());
            if before.spec.is_activation() && layer.spec.is_activation() {
                let found = format!("`{second}` follows `{first}`: two activations in a row");
                warnings.push(Problem::new(here, found).suggest(Some("keep one of the two".into())));
            } else if first == "linear" && second == "linear" {
                let found = "two `linear` layers without an activation between them can do no more than one";
                warnings.push(Problem::new(here, found).suggest(Some("an activation between them".into())));
            }
        }
        before = Some(layer);
    }
}

fn has_batch_norm(layers: &[PlannedLayer]) -> bool {
    layers.iter().any(|layer| matches!(layer.spec, LayerSpec::BatchNorm(_)) || has_batch_norm(&layer.inside))
}

/// A network whose last values are logits ends with no activation.
fn logits(warnings: &mut Vec<Problem>, view: &View<'_>, because: &str) {
    if let Some((_, last)) = view.last().filter(|(_, last)| last.spec.is_activation()) {
        let found = format!("the {} ends with `{}`, but {because}", view.network.name(), last.spec.name());
        warnings.push(view.at_end(found).suggest(Some("leave it away".into())));
    }
}

fn decoder(warnings: &mut Vec<Problem>, view: &View<'_>, loss: Reconstruction, range: Range) {
    match loss {
        Reconstruction::Bce => logits(warnings, view, "`bce` takes logits and applies the sigmoid itself"),
        Reconstruction::Mse | Reconstruction::L1 | Reconstruction::Gaussian => pixels(warnings, view, range),
    }
}

/// A generator's last values lie within the range of the pixels.
fn generator(warnings: &mut Vec<Problem>, view: &View<'_>, range: Range) {
    pixels(warnings, view, range);
    if view.last().is_some_and(|(_, last)| !last.spec.is_activation()) {
        let (found, fix) = match range {
            Range::Unit => ("[0, 1]", "`sigmoid` as its last layer"),
            Range::Signed => ("[-1, 1]", "`tanh` as its last layer"),
        };
        let found = format!("nothing keeps the {} within the range {found} of the pixels", view.key);
        warnings.push(view.at_end(found).suggest(Some(fix.into())));
    }
}

/// A network whose last values are pixels ends within their range.
fn pixels(warnings: &mut Vec<Problem>, view: &View<'_>, range: Range) {
    let Some((_, last)) = view.last() else { return };
    let found = match (&last.spec, range) {
        (LayerSpec::Tanh(_), Range::Unit) => "`tanh` gives −1 to 1, but the range of the data is [0, 1]",
        (LayerSpec::Sigmoid(_) | LayerSpec::Softmax(_), Range::Signed) => {
            "it gives 0 to 1, but the range of the data is [-1, 1]"
        }
        (LayerSpec::Sigmoid(_), Range::Unit) | (LayerSpec::Tanh(_), Range::Signed) => return,
        (spec, _) if spec.is_activation() => "it gives values beyond the range of the pixels",
        _ => return,
    };
    let found = format!("the {} ends with `{}`: {found}", view.network.name(), last.spec.name());
    let fix = match range {
        Range::Unit => "`sigmoid`, or `range: [-1, 1]` with `tanh`",
        Range::Signed => "`tanh`, or `range: [0, 1]` with `sigmoid`",
    };
    warnings.push(view.at_end(found).suggest(Some(fix.into())));
}

/// A discriminator ends with one free value.
fn critic(warnings: &mut Vec<Problem>, view: &View<'_>, loss: Adversarial, game: &Game) {
    let because = match loss {
        Adversarial::NonSaturating => "`non-saturating` takes a logit and applies the sigmoid itself",
        Adversarial::Minimax => "`minimax` takes a logit and applies the sigmoid itself",
        Adversarial::LeastSquares | Adversarial::Hinge | Adversarial::Wasserstein => {
            "this loss takes a value without bounds"
        }
    };
    logits(warnings, view, because);
    let bounded = game.clip.is_some() || game.penalty.is_some() || view.network.layers().iter().any(is_spectral);
    if loss == Adversarial::Wasserstein && !bounded {
        let found = "nothing keeps the critic Lipschitz, without which the Wasserstein loss grows beyond all bounds";
        let path = ["model", "loss"].map(Step::key).to_vec();
        let fix =
            "`game: { penalty: { gradient: 10 } }`, `game: { clip: 0.01 }` or `spectral_norm: true` in its layers";
        warnings.push(Problem::new(path, found).suggest(Some(fix.into())));
    }
    let layers = view.network.layers();
    let weighted = layers.iter().rposition(|layer| layer.macs > 0).unwrap_or(0);
    for (index, layer) in layers.iter().enumerate() {
        if !matches!(layer.spec, LayerSpec::BatchNorm(_)) {
            continue;
        }
        if index > weighted {
            let found =
                "`batch_norm` behind the last weights takes from the discriminator's verdict its mean and scale";
            warnings.push(view.at(index, found).suggest(Some("leave it away".into())));
        } else if loss == Adversarial::Wasserstein {
            let found =
                "`batch_norm` ties the samples of a batch together, but a Wasserstein critic judges each by itself";
            warnings.push(view.at(index, found).suggest(Some("`layer_norm`, or none".into())));
        }
    }
}

/// Whether a layer with weights divides them by their largest singular value.
fn is_spectral(layer: &PlannedLayer) -> bool {
    match &layer.spec {
        LayerSpec::Linear(linear) => linear.spectral_norm,
        LayerSpec::Conv2d(conv) => conv.spectral_norm,
        _ => layer.inside.iter().any(is_spectral),
    }
}

/// Pixels are no class numbers.
fn embeddings(warnings: &mut Vec<Problem>, view: &View<'_>) {
    let embedding = |layer: &PlannedLayer| matches!(layer.spec, LayerSpec::Embedding(_));
    if let (Shape::Image(_), Some(index)) = (view.network.input(), view.network.layers().iter().position(embedding)) {
        warnings.push(view.at(index, "`embedding` takes class numbers, but what reaches it was made of pixels"));
    }
}

/// A latent space that is wider than what lets it through, or is not used at all.
fn narrow(warnings: &mut Vec<Problem>, view: &View<'_>, latent: usize) {
    let Some((index, first)) = view.network.layers().iter().enumerate().find(|(_, layer)| layer.macs > 0) else {
        return;
    };
    if let LayerSpec::Linear(linear) = &first.spec {
        if linear.init == Init::Zeros {
            let found =
                format!("the {} begins with weights of 0, so the latent values are never used at first", view.key);
            warnings.push(view.at(index, found).suggest(Some("leave `init` away".into())));
        } else if linear.units < latent {
            let units = linear.units;
            let found =
                format!("{latent} latent values go through {units}: {} of them can never be used", latent - units);
            warnings
                .push(view.at(index, found).suggest(Some(format!("`latent: {units}`, or {latent} units and more"))));
        }
    }
}
