//! A VAE of the latents of an already trained model.

use serde::{Deserialize, Serialize};

#[cfg(feature = "yaml")]
use super::Lint;
use super::settings::kl;
#[cfg(feature = "yaml")]
use super::settings::kl_schema;
use super::{Definition, Kl, Resolved, Resolver, Role, Traits, name, vae};
use crate::inference::Output;
use crate::latent::PriorKind;
use crate::layer::LayerSpec;
use crate::shape::Shape;
use crate::spec::Metric;

/// A VAE that generates latents of an already trained model, whose decoder turns them into images.
/// Its reconstruction loss is `gaussian`.
///
/// Dai and Wipf, "Diagnosing and Enhancing VAE Models" (2019).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LatentVae {
    /// Always `latent-vae`.
    pub family: name::LatentVae,
    /// The source: a run, or an artifact with encoder, of a vae, autoencoder or vae-gan.
    pub from: String,
    /// Number of latent values of this model.
    pub latent: usize,
    /// From a latent of the source to features.
    pub encoder: Vec<LayerSpec>,
    /// From latent values to a latent of the source.
    pub decoder: Vec<LayerSpec>,
    /// The loss.
    #[serde(default)]
    pub loss: LatentVaeLoss,
}

/// The loss of a latent VAE.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct LatentVaeLoss {
    /// The divergence of its own latents from N(0, I).
    #[serde(deserialize_with = "kl")]
    #[cfg_attr(feature = "yaml", schemars(schema_with = "kl_schema"))]
    pub kl: Kl,
}

impl Definition for LatentVae {
    const METRICS: &'static [Metric] = vae::METRICS;

    fn traits(&self) -> Traits<'_> {
        Traits {
            source: Some(&self.from),
            game: None,
            condition: None,
            learns_classes: false,
            prior: PriorKind::Normal,
            temperature: 1.0,
            exported: vae::EXPORTED,
        }
    }

    fn resolve(&self, resolver: &mut Resolver<'_, '_>) -> Resolved {
        resolver.check_source(&self.from);
        let latent = resolver.latent(self.latent);
        resolver.check_kl(&self.loss.kl);
        let (decoder, output) = resolver.network(Role::Decoder, latent.map(Shape::Flat), &self.decoder);
        let sample = output.and_then(|output| resolver.flat_width(Role::Decoder, output, &self.decoder));
        let encoder = resolver.heads(sample.map(Shape::Flat), latent, &self.encoder);
        let networks = vec![(Role::Encoder, encoder), (Role::Decoder, decoder)];
        Resolved { latent, output: Output::Identity, networks }
    }

    #[cfg(feature = "yaml")]
    fn lint(&self, _: &mut Lint<'_>) {}

    #[cfg(feature = "train")]
    fn trainer(&self, setup: &super::TrainerSetup<'_>) -> Box<dyn super::Trainer> {
        let networks = vae::training::Networks::new(super::Reconstruction::Gaussian, &self.loss.kl, setup);
        super::ObjectiveTrainer::boxed(networks, setup)
    }
}
