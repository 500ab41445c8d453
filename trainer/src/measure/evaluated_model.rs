//! The model to evaluate: a run's or an exported one.

use std::path::Path;

use anyhow::{Result, bail};
use burn::tensor::Device;
use imago_core::artifact::{Artifact, MANIFEST};
use imago_core::family::{Family, Model, Reconstruction};
use imago_core::inference::{Encoder, Output, Sampler};
use imago_core::spec::{self, Set};
use imago_core::weights::Precision;

use super::likelihood::Density;
use crate::run::{Record, RunFolder, Which, open_artifact};

pub struct EvaluatedModel {
    /// The model as it would be exported; for a run in full precision.
    pub artifact: Artifact,
    pub data: spec::Data,
    pub sampler: Sampler,
    pub encoder: Option<Encoder>,
    /// The distribution of an image given its latent, if the model's likelihood has a bound.
    pub density: Option<Density>,
    pub record: Option<Record>,
    /// Bytes of the shipped files; for a run in half precision without its encoder.
    pub bytes: usize,
}

impl EvaluatedModel {
    pub fn open(path: &Path, device: &Device) -> Result<Self> {
        let exported = path.join(MANIFEST).is_file();
        let model = if exported { Self::exported(path, device)? } else { Self::trained(path, device)? };
        if model.artifact.manifest.data.image != model.data.image() {
            bail!(
                "{} generates images {:?}, but those of {} are {:?}",
                path.display(),
                model.artifact.manifest.data.image,
                model.data.set.title(),
                model.data.image()
            );
        }
        Ok(model)
    }

    fn exported(path: &Path, device: &Device) -> Result<Self> {
        let artifact = open_artifact(path, true)?;
        let mut data = learned(path, &artifact)?;
        let encoder = artifact.encoder(device)?;
        if let Some(reader) = &artifact.manifest.encoder {
            data.range = reader.range;
        }
        let generator = artifact.manifest.generator.as_ref();
        // The manifest lacks the loss, but only binary cross-entropy leaves logits in the output.
        let bernoulli =
            generator.is_some_and(|generator| generator.output == Output::Sigmoid && generator.classes == 0);
        let vae = artifact.manifest.family == Family::Vae && encoder.is_some();
        Ok(Self {
            sampler: artifact.sampler(device)?,
            data,
            encoder,
            density: (vae && bernoulli).then_some(Density::Bernoulli),
            record: None,
            bytes: artifact.manifest_text()?.len() + artifact.weights.len(),
            artifact,
        })
    }

    fn trained(path: &Path, device: &Device) -> Result<Self> {
        let artifact = open_artifact(path, false)?;
        let run = RunFolder::open(path)?;
        let (pipeline, plan) = run.pipeline()?;
        let trained = run.trained(Which::Last, &plan, device)?;
        let vae = if let Model::Vae(model) = &pipeline.model { Some(model) } else { None };
        let density = vae.map(|model| match model.loss.reconstruction {
            Reconstruction::Bce => Density::Bernoulli,
            Reconstruction::Mse => Density::Normal { std: std::f64::consts::FRAC_1_SQRT_2 },
            Reconstruction::L1 => Density::Laplace,
            Reconstruction::Gaussian => Density::Normal { std: f64::from(trained.scale) },
        });
        // The encoder of a model of latents takes no images.
        let encoder = trained.encoder.filter(|_| pipeline.model.traits().source.is_none());
        let shipped = run.artifact(Which::Last, Precision::F16, false)?;
        Ok(Self {
            sampler: artifact.sampler(device)?,
            data: pipeline.data,
            encoder,
            density,
            record: Some(run.record()?),
            bytes: shipped.manifest_text()?.len() + shipped.weights.len(),
            artifact,
        })
    }
}

/// The data that the classifier at `path`, a run or an artifact, was trained on; None for other
/// families.
pub fn classified(path: &Path) -> Result<Option<spec::Data>> {
    let artifact = open_artifact(path, false)?;
    if artifact.manifest.family != Family::Classifier {
        return Ok(None);
    }
    let exported = path.join(MANIFEST).is_file();
    Ok(Some(if exported { learned(path, &artifact)? } else { RunFolder::open(path)?.pipeline()?.0.data }))
}

fn learned(path: &Path, artifact: &Artifact) -> Result<spec::Data> {
    let facts = &artifact.manifest.data;
    let Some(set) = Set::ALL.into_iter().find(|set| set.title() == facts.set) else {
        bail!("{} was trained on the folder `{}`; name its run instead, which has the path", path.display(), facts.set);
    };
    Ok(spec::Data { size: facts.image[1], ..spec::Data::new(set) })
}
