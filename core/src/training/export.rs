//! From a snapshot to an artifact.

use burn::tensor::Device;

use super::{Snapshot, TrainingError};
use crate::artifact::{
    Artifact, CLASSIFIER, DataFacts, ENCODER, FORMAT, GENERATOR, Generator, ImageNetwork, Manifest, PRIOR,
    TrainingFacts, WeightFacts,
};
use crate::family::{Plan, restore};
use crate::network::Sequential;
use crate::pipeline::Pipeline;
use crate::weights::Precision;

/// What an artifact contains.
#[derive(Debug, Clone, Copy)]
pub struct Export<'a> {
    /// Width of the stored numbers.
    pub precision: Precision,
    /// Whether the encoder is shipped, if there is one.
    pub encoder: bool,
    /// The device it was trained on.
    pub device: &'a str,
}

/// The model of a snapshot as an artifact; `source` is the model whose latents it learned.
///
/// # Errors
/// The weights do not fit the model, or cannot be read.
pub async fn export(
    pipeline: &Pipeline,
    plan: &Plan,
    snapshot: &Snapshot,
    source: Option<&Artifact>,
    export: Export<'_>,
    device: &Device,
) -> Result<Artifact, TrainingError> {
    let Snapshot { state, saved } = snapshot;
    let trained = restore(plan, &saved.weights, device)?;
    let sampler = source.map(|source| source.sampler(device)).transpose()?;
    let mut networks: Vec<(&str, &Sequential)> = Vec::new();
    let mut generator = None;
    match (&sampler, &trained.generator) {
        (Some(sampler), Some(learned)) => {
            networks.extend([(GENERATOR, &sampler.generator), (PRIOR, &learned.network)]);
            generator = source.and_then(|source| source.manifest.generator.clone());
        }
        (None, Some(network)) => {
            networks.push((GENERATOR, &network.network));
            generator = Some(Generator {
                latent: plan.latent(),
                classes: plan.sampled_classes(),
                layers: network.layers.clone(),
                output: plan.output(),
            });
        }
        (_, None) => {}
    }
    let range = pipeline.data.range;
    let encoder = trained.encoder.as_ref().filter(|_| export.encoder && source.is_none());
    networks.extend(encoder.map(|encoder| (ENCODER, &encoder.network.network)));
    networks.extend(trained.classifier.as_ref().map(|classifier| (CLASSIFIER, &classifier.network)));
    let declared = |layers: &[_], heads| ImageNetwork { layers: layers.to_vec(), range, heads };
    let manifest = Manifest {
        format: FORMAT,
        name: pipeline.name.clone(),
        family: plan.family(),
        data: DataFacts {
            set: pipeline.data.set.title().to_owned(),
            image: plan.image(),
            classes: pipeline.data.class_names(),
        },
        generator,
        prior: state.prior.clone(),
        encoder: encoder.map(|encoder| declared(&encoder.network.layers, encoder.heads)),
        classifier: trained.classifier.as_ref().map(|classifier| declared(&classifier.layers, false)),
        training: TrainingFacts {
            epochs: state.epochs(),
            seed: pipeline.train.seed,
            device: export.device.to_owned(),
            seconds: state.seconds.round(),
            parameters: plan.parameters(),
            losses: state.losses.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
        history: None,
        weights: WeightFacts::default(),
    };
    Ok(Artifact::new(manifest, &networks, export.precision).await?)
}
