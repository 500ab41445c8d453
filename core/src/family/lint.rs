//! Warnings about the networks of a family.

use super::{AdversarialLoss, Game, Plan, Reconstruction, Role};
use crate::diagnostic::{PathStep, Problem};
use crate::layer::{Init, LayerSpec};
use crate::network::{Network, PlannedLayer};
use crate::spec::PixelRange;

#[derive(Debug)]
pub struct Lint<'a> {
    plan: &'a Plan,
    range: PixelRange,
    pub(crate) warnings: Vec<Problem>,
}

#[derive(Clone, Copy)]
struct View<'a> {
    key: &'a str,
    network: &'a Network,
}

impl<'a> View<'a> {
    /// The last layer that does more than reshape, and its position.
    fn last(self) -> Option<(usize, &'a PlannedLayer)> {
        let orders = |layer: &PlannedLayer| matches!(layer.spec, LayerSpec::Flatten(_) | LayerSpec::Reshape(_));
        self.network.layers().iter().enumerate().rev().find(|(_, layer)| !orders(layer))
    }

    fn at_end(self, found: impl Into<String>) -> Problem {
        self.at(self.last().map_or(0, |(index, _)| index), found)
    }

    fn at(self, index: usize, found: impl Into<String>) -> Problem {
        Problem::new(vec![PathStep::key("model"), PathStep::key(self.key), PathStep::Index(index)], found)
    }
}

impl<'a> Lint<'a> {
    pub(crate) fn new(plan: &'a Plan, range: PixelRange) -> Self {
        Self { plan, range, warnings: Vec::new() }
    }

    fn view(&self, role: Role) -> Option<View<'a>> {
        self.plan.network(role).map(|network| View { key: role.key(), network })
    }

    pub(crate) fn warn(&mut self, path: &[&str], found: impl Into<String>, fix: &str) {
        let path = path.iter().map(|key| PathStep::key(key)).collect();
        self.warnings.push(Problem::new(path, found).suggest(Some(fix.into())));
    }

    /// Logits have no activation.
    pub(crate) fn logits(&mut self, role: Role, because: &str) {
        let Some(view) = self.view(role) else { return };
        if let Some((_, last)) = view.last().filter(|(_, last)| last.spec.is_activation()) {
            let found = format!("the {} ends with `{}`, but {because}", view.network.name(), last.spec.name());
            self.warnings.push(view.at_end(found).suggest(Some("remove it".into())));
        }
    }

    /// A decoder ends with what its loss takes.
    pub(crate) fn decoder(&mut self, loss: Reconstruction) {
        match loss {
            Reconstruction::Bce => self.logits(Role::Decoder, "`bce` takes logits and applies the sigmoid itself"),
            Reconstruction::Mse | Reconstruction::L1 | Reconstruction::Gaussian => self.pixels(Role::Decoder),
        }
    }

    /// The output of a generator is bounded to the range of the pixels.
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

    /// An activation of pixels has their range.
    fn pixels(&mut self, role: Role) {
        let (range, Some(view)) = (self.range, self.view(role)) else { return };
        let Some((_, last)) = view.last() else { return };
        let found = match (&last.spec, range) {
            (LayerSpec::Tanh(_), PixelRange::Unit) => "its range is −1 to 1, but that of the data is [0, 1]",
            (LayerSpec::Sigmoid(_) | LayerSpec::Softmax(_), PixelRange::Signed) => {
                "its range is 0 to 1, but that of the data is [-1, 1]"
            }
            (LayerSpec::Sigmoid(_), PixelRange::Unit) | (LayerSpec::Tanh(_), PixelRange::Signed) => return,
            (spec, _) if spec.is_activation() => "its values can leave the range of the pixels",
            _ => return,
        };
        let found = format!("the {} ends with `{}`: {found}", view.network.name(), last.spec.name());
        let fix = match range {
            PixelRange::Unit => "`sigmoid`, or `range: [-1, 1]` with `tanh`",
            PixelRange::Signed => "`tanh`, or `range: [0, 1]` with `sigmoid`",
        };
        self.warnings.push(view.at_end(found).suggest(Some(fix.into())));
    }

    /// A discriminator outputs an unbounded value, and suits its loss.
    pub(crate) fn discriminator(&mut self, loss: AdversarialLoss, game: &Game) {
        let Some(view) = self.view(Role::Discriminator) else { return };
        let because = match loss {
            AdversarialLoss::NonSaturating => "`non-saturating` takes a logit and applies the sigmoid itself",
            AdversarialLoss::Minimax => "`minimax` takes a logit and applies the sigmoid itself",
            AdversarialLoss::LeastSquares | AdversarialLoss::Hinge | AdversarialLoss::Wasserstein => {
                "this loss takes an unbounded value"
            }
        };
        self.logits(Role::Discriminator, because);
        let bounded = game.clip.is_some() || game.penalty.is_some() || view.network.layers().iter().any(is_spectral);
        if loss == AdversarialLoss::Wasserstein && !bounded {
            let found = "nothing keeps the critic Lipschitz, so the Wasserstein loss has no bound";
            let fix =
                "`game: { penalty: { gradient: 10 } }`, `game: { clip: 0.01 }` or `spectral_norm: true` in its layers";
            self.warnings.push(Problem::at(&["model", "loss"], found).suggest(Some(fix.into())));
        }
        let layers = view.network.layers();
        let weighted = layers.iter().rposition(|layer| layer.macs > 0).unwrap_or(0);
        for (index, layer) in layers.iter().enumerate() {
            if !matches!(layer.spec, LayerSpec::BatchNorm(_)) {
                continue;
            }
            if index > weighted {
                let found =
                    "`batch_norm` after the last weights removes the mean and scale of the discriminator's score";
                self.warnings.push(view.at(index, found).suggest(Some("remove it".into())));
            } else if loss == AdversarialLoss::Wasserstein {
                let found =
                    "`batch_norm` ties the samples of a batch together, but a Wasserstein critic scores each alone";
                self.warnings.push(view.at(index, found).suggest(Some("`layer_norm`, or none".into())));
            }
        }
    }

    /// The first layer passes all latent values on.
    pub(crate) fn bottleneck(&mut self, role: Role, latent: usize) {
        let Some(view) = self.view(role) else { return };
        let Some((index, first)) = view.network.layers().iter().enumerate().find(|(_, layer)| layer.macs > 0) else {
            return;
        };
        if let LayerSpec::Linear(linear) = &first.spec {
            if linear.init == Init::Zeros {
                let found =
                    format!("the {} starts with weights of 0, so it ignores the latent values at first", view.key);
                self.warnings.push(view.at(index, found).suggest(Some("remove `init`".into())));
            } else if linear.units < latent {
                let units = linear.units;
                let found = format!("{latent} latent values pass through {units} units: {} are lost", latent - units);
                let fix = format!("`latent: {units}`, or {latent} units or more");
                self.warnings.push(view.at(index, found).suggest(Some(fix)));
            }
        }
    }

    /// A latent is smaller than the image.
    pub(crate) fn compresses(&mut self) {
        let last = self.view(Role::Encoder).and_then(|view| view.network.layers().len().checked_sub(1));
        if let Some(last) = last.filter(|_| self.plan.latent() >= self.plan.image().iter().product()) {
            let path = vec![PathStep::key("model"), PathStep::key("encoder"), PathStep::Index(last)];
            let found =
                format!("a latent of {} values is as large as the image: nothing is compressed", self.plan.latent());
            let fix = "fewer values, such as a last `linear: 32`";
            self.warnings.push(Problem::new(path, found).suggest(Some(fix.into())));
        }
    }
}

fn is_spectral(layer: &PlannedLayer) -> bool {
    match &layer.spec {
        LayerSpec::Linear(linear) => linear.spectral_norm,
        LayerSpec::Conv2d(conv) => conv.spectral_norm,
        LayerSpec::ConvTranspose2d(conv) => conv.spectral_norm,
        _ => layer.inside.iter().any(is_spectral),
    }
}
