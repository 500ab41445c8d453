//! A GAN of the latents of a model trained before.

use serde::{Deserialize, Serialize};

use super::gan::EXPORTED;
use super::resolver::path;
use super::{AdversarialLoss, Definition, Game, Resolved, Resolver, Role, Traits, name};
#[cfg(feature = "yaml")]
use super::Lint;
use crate::diagnostic::{Problem, Step, extend};
use crate::inference::Output;
use crate::latent::PriorKind;
use crate::layer::LayerSpec;
use crate::shape::Shape;
use crate::spec::Metric;

/// A GAN that makes codes of a model trained before; that model's decoder makes images of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LatentGan {
    /// Always `latent-gan`.
    pub family: name::LatentGan,
    /// The run, or the artifact with an encoder, of a vae, autoencoder or vae-gan whose codes are learned.
    pub from: String,
    /// Number of latent values of this model.
    pub latent: usize,
    /// From latent values to code.
    pub generator: Vec<LayerSpec>,
    /// From code to one value: high for codes of images, low for made ones.
    pub discriminator: Vec<LayerSpec>,
    /// What the two play for.
    #[serde(default)]
    pub loss: AdversarialLoss,
    /// How the two are trained.
    #[serde(default)]
    pub game: Game,
}

impl Definition for LatentGan {
    const METRICS: &'static [Metric] = &[];

    fn traits(&self) -> Traits<'_> {
        Traits {
            source: Some(&self.from),
            game: Some(&self.game),
            condition: None,
            learns_classes: false,
            prior: PriorKind::Normal,
            temperature: 1.0,
            exported: EXPORTED,
        }
    }

    fn resolve(&self, resolver: &mut Resolver<'_, '_>) -> Resolved {
        resolver.source(&self.from);
        let latent = resolver.latent(self.latent);
        let (generator, output) = resolver.network(Role::Generator, latent.map(Shape::Flat), &self.generator);
        let code = output.and_then(|output| resolver.row(Role::Generator, output, &self.generator));
        let code = code.map(Shape::Flat);
        let discriminator = resolver.discriminator(code, &self.discriminator, &self.game, self.loss);
        for change in &self.game.augment {
            let found = format!("`{}` changes images, but codes are judged here", change.name());
            let at = extend(&path("game"), [Step::key("augment")]);
            resolver.note(Problem::new(at, found).suggest(Some("leave `augment` away".into())));
        }
        let networks = vec![(Role::Generator, generator), (Role::Discriminator, discriminator)];
        Resolved { latent, output: Output::Identity, networks }
    }

    #[cfg(feature = "yaml")]
    fn lint(&self, lint: &mut Lint<'_>) {
        lint.discriminator(self.loss, &self.game);
    }

    #[cfg(feature = "train")]
    fn trainer(&self, start: &super::Start<'_>) -> Box<dyn super::Trainer> {
        Box::new(super::gan::training::GanTrainer::new(self.latent, self.loss, &self.game, start))
    }
}
