//! A GAN of the latents of an already trained model.

use serde::{Deserialize, Serialize};

use super::gan::EXPORTED;

#[cfg(feature = "yaml")]
use super::Lint;
use super::{AdversarialLoss, Definition, Game, Resolved, Resolver, Role, Traits, name};
use crate::diagnostic::Problem;
use crate::inference::Output;
use crate::latent::PriorKind;
use crate::layer::LayerSpec;
use crate::shape::Shape;
use crate::spec::Metric;

/// A GAN that generates latents of an already trained model, whose decoder turns them into images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LatentGan {
    /// Always `latent-gan`.
    pub family: name::LatentGan,
    /// The source: a run, or an artifact with encoder, of a vae, autoencoder or vae-gan.
    pub from: String,
    /// Number of latent values of this model.
    pub latent: usize,
    /// From latent values to a latent of the source.
    pub generator: Vec<LayerSpec>,
    /// From a latent of the source to one value: high for those of images, low for generated ones.
    pub discriminator: Vec<LayerSpec>,
    /// The loss of both.
    #[serde(default)]
    pub loss: AdversarialLoss,
    /// How both are trained.
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
        resolver.check_source(&self.from);
        let latent = resolver.latent(self.latent);
        let (generator, output) = resolver.network(Role::Generator, latent.map(Shape::Flat), &self.generator);
        let sample = output.and_then(|output| resolver.flat_width(Role::Generator, output, &self.generator));
        let sample = sample.map(Shape::Flat);
        let discriminator = resolver.discriminator(sample, &self.discriminator, &self.game, self.loss);
        for change in &self.game.augment {
            let found = format!("`{}` changes images, but this discriminator scores latents", change.name());
            resolver.note(Problem::at(&["model", "game", "augment"], found).suggest(Some("remove `augment`".into())));
        }
        let networks = vec![(Role::Generator, generator), (Role::Discriminator, discriminator)];
        Resolved { latent, output: Output::Identity, networks }
    }

    #[cfg(feature = "yaml")]
    fn lint(&self, lint: &mut Lint<'_>) {
        lint.discriminator(self.loss, &self.game);
    }

    #[cfg(feature = "train")]
    fn trainer(&self, setup: &super::TrainerSetup<'_>) -> Box<dyn super::Trainer> {
        Box::new(super::gan::training::GanTrainer::new(self.latent, self.loss, &self.game, setup))
    }
}
