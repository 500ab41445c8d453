//! What is legal but surely wrong in the networks of a family.

use super::{AdversarialLoss, Game, Plan, Reconstruction, Role};
use crate::diagnostic::{Problem, Step};
use crate::layer::{Init, LayerSpec};
use crate::network::{Network, PlannedLayer};
use crate::spec::PixelRange;

/// Looks at the networks of a model that fit one another, and collects what is surely wrong.
#[derive(Debug)]
pub struct Lint<'a> {
    plan: &'a Plan,
    range: PixelRange,
    /// What was found so far.
    pub(crate) warnings: Vec<Problem>,
}

/// A network and the key of its list.
#[derive(Clone, Copy)]
struct View<'a> {
    key: &'a str,
    network: &'a Network,
}

impl<'a> View<'a> {
    /// The last layer that does more than to put values in another order, and its place.
    fn last(self) -> Option<(usize, &'a PlannedLayer)> {
        let orders = |layer: &PlannedLayer| matches!(layer.spec, LayerSpec::Flatten(_) | LayerSpec::Reshape(_));
        self.network.layers().iter().enumerate().rev().find(|(_, layer)| !orders(layer))
    }

    /// A warning at that layer.
    fn at_end(self, found: impl Into<String>) -> Problem {
        self.at(self.last().map_or(0, |(index, _)| index), found)
    }

    fn at(self, index: usize, found: impl Into<String>) -> Problem {
        Problem::new(vec![Step::key("model"), Step::key(self.key), Step::Index(index)], found)
    }
}

impl<'a> Lint<'a> {
    /// Of a model for images with pixels in `range`.
    pub(crate) fn new(plan: &'a Plan, range: PixelRange) -> Self {
        Self { plan, range, warnings: Vec::new() }
    }

    fn view(&self, role: Role) -> Option<View<'a>> {
        self.plan.network(role).map(|network| View { key: role.key(), network })
    }

    /// Notes a warning of the value at `path`.
    pub(crate) fn warn(&mut self, path: &[&str], found: impl Into<String>, fix: &str) {
        let path = path.iter().map(|key| Step::key(key)).collect();
        self.warnings.push(Problem::new(path, found).suggest(Some(fix.into())));
    }

    /// A network whose last values are logits ends with no activation.
    pub(crate) fn logits(&mut self, role: Role, because: &str) {
        let Some(view) = self.view(role) else { return };
        if let Some((_, last)) = view.last().filter(|(_, last)| last.spec.is_activation()) {
            let found = format!("the {} ends with `{}`, but {because}", view.network.name(), last.spec.name());
            self.warnings.push(view.at_end(found).suggest(Some("leave it away".into())));
        }
    }

    /// A decoder ends with what its loss takes.
    pub(crate) fn decoder(&mut self, loss: Reconstruction) {
        match loss {
            Reconstruction::Bce => self.logits(Role::Decoder, "`bce` takes logits and applies the sigmoid itself"),
            Reconstruction::Mse | Reconstruction::L1 | Reconstruction::Gaussian => self.pixels(Role::Decoder),
        }
    }

    /// A generator's last values lie within the range of the pixels.
    pub(crate) fn generator(&mut self, role: Role) {
        self.pixels(role);
        let Some(view) = self.view(role) else { return };
        if view.last().is_some_and(|(_, last)| !last.spec.is_activation()) {
            let (found, fix) = match self.range {
                PixelRange::Unit => ("[0, 1]", "`sigmoid` as its last layer"),
                PixelRange::Signed => ("[-1, 1]", "`tanh` as its last layer"),
            };
            let found = format!("nothing keeps the {} within the range {found} of the pixels", view.key);
            self.warnings.push(view.at_end(found).suggest(Some(fix.into())));
        }
    }

    /// A network whose last values are pixels ends within their range.
    fn pixels(&mut self, role: Role) {
        let (range, Some(view)) = (self.range, self.view(role)) else { return };
        let Some((_, last)) = view.last() else { return };
        let found = match (&last.spec, range) {
            (LayerSpec::Tanh(_), PixelRange::Unit) => "`tanh` gives −1 to 1, but the range of the data is [0, 1]",
            (LayerSpec::Sigmoid(_) | LayerSpec::Softmax(_), PixelRange::Signed) => {
                "it gives 0 to 1, but the range of the data is [-1, 1]"
            }
            (LayerSpec::Sigmoid(_), PixelRange::Unit) | (LayerSpec::Tanh(_), PixelRange::Signed) => return,
            (spec, _) if spec.is_activation() => "it gives values beyond the range of the pixels",
            _ => return,
        };
        let found = format!("the {} ends with `{}`: {found}", view.network.name(), last.spec.name());
        let fix = match range {
            PixelRange::Unit => "`sigmoid`, or `range: [-1, 1]` with `tanh`",
            PixelRange::Signed => "`tanh`, or `range: [0, 1]` with `sigmoid`",
        };
        self.warnings.push(view.at_end(found).suggest(Some(fix.into())));
    }

    /// A discriminator ends with one free value.
    pub(crate) fn discriminator(&mut self, loss: AdversarialLoss, game: &Game) {
        let Some(view) = self.view(Role::Discriminator) else { return };
        let because = match loss {
            AdversarialLoss::NonSaturating => "`non-saturating` takes a logit and applies the sigmoid itself",
            AdversarialLoss::Minimax => "`minimax` takes a logit and applies the sigmoid itself",
            AdversarialLoss::LeastSquares | AdversarialLoss::Hinge | AdversarialLoss::Wasserstein => {
                "this loss takes a value without bounds"
            }
        };
        self.logits(Role::Discriminator, because);
        let bounded = game.clip.is_some() || game.penalty.is_some() || view.network.layers().iter().any(is_spectral);
        if loss == AdversarialLoss::Wasserstein && !bounded {
            let found =
                "nothing keeps the critic Lipschitz, without which the Wasserstein loss grows beyond all bounds";
            let path = ["model", "loss"].map(Step::key).to_vec();
            let fix =
                "`game: { penalty: { gradient: 10 } }`, `game: { clip: 0.01 }` or `spectral_norm: true` in its layers";
            self.warnings.push(Problem::new(path, found).suggest(Some(fix.into())));
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
                self.warnings.push(view.at(index, found).suggest(Some("leave it away".into())));
            } else if loss == AdversarialLoss::Wasserstein {
                let found =
                    "`batch_norm` ties the samples of a batch together, but a Wasserstein critic judges each by itself";
                self.warnings.push(view.at(index, found).suggest(Some("`layer_norm`, or none".into())));
            }
        }
    }

    /// A latent space that is wider than what lets it through, or is not used at all.
    pub(crate) fn narrow(&mut self, role: Role, latent: usize) {
        let Some(view) = self.view(role) else { return };
        let Some((index, first)) = view.network.layers().iter().enumerate().find(|(_, layer)| layer.macs > 0) else {
            return;
        };
        if let LayerSpec::Linear(linear) = &first.spec {
            if linear.init == Init::Zeros {
                let found =
                    format!("the {} begins with weights of 0, so the latent values are never used at first", view.key);
                self.warnings.push(view.at(index, found).suggest(Some("leave `init` away".into())));
            } else if linear.units < latent {
                let units = linear.units;
                let found =
                    format!("{latent} latent values go through {units}: {} of them can never be used", latent - units);
                self.warnings.push(
                    view.at(index, found).suggest(Some(format!("`latent: {units}`, or {latent} units and more"))),
                );
            }
        }
    }

    /// A code is shorter than the image.
    pub(crate) fn compresses(&mut self) {
        let last = self.view(Role::Encoder).and_then(|view| view.network.layers().len().checked_sub(1));
        if let Some(last) = last.filter(|_| self.plan.latent() >= self.plan.image().iter().product()) {
            let path = vec![Step::key("model"), Step::key("encoder"), Step::Index(last)];
            let found =
                format!("a code of {} values is as long as the image: nothing is compressed", self.plan.latent());
            let fix = "fewer values, such as a last `linear: 32`";
            self.warnings.push(Problem::new(path, found).suggest(Some(fix.into())));
        }
    }
}

/// Whether a layer with weights divides them by their largest singular value.
fn is_spectral(layer: &PlannedLayer) -> bool {
    match &layer.spec {
        LayerSpec::Linear(linear) => linear.spectral_norm,
        LayerSpec::Conv2d(conv) => conv.spectral_norm,
        LayerSpec::ConvTranspose2d(conv) => conv.spectral_norm,
        _ => layer.inside.iter().any(is_spectral),
    }
}
