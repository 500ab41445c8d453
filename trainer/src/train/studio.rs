//! What a model can do so far: the pictures and figures after every epoch, and the artifact at the end.

use anyhow::{Context, Result, bail};
use burn::tensor::Device;
use imago_core::artifact::Artifact;
use imago_core::model::{Mixture, Plan, Prior, Sampler, Trained};
use imago_core::noise::{Noise, Purpose};
use imago_core::spec::{Family, Model, Pipeline, PriorKind};

use super::samples::{Samples, Scale, encode, plain};
use crate::data::Images;
use crate::report::{confusion_png, png_grid};

/// Latents of the pictures after every epoch.
const SAMPLE_SEED: u64 = 0;
/// Rows and columns of those pictures; with classes, one column for each.
const SAMPLE_SIDE: usize = 8;
/// How many training images a prior is fitted to while training goes on, and at its end.
const PRIOR_IMAGES: [usize; 2] = [2_000, 20_000];
/// How many test images a classifier is shown at a time.
const TESTED: usize = 500;

/// Looks at what a training has come to.
pub struct Studio<'a> {
    pub pipeline: &'a Pipeline,
    pub plan: &'a Plan,
    /// The model whose codes are learned, and their scale.
    pub source: Option<(&'a Artifact, Scale)>,
    /// A device without gradients.
    pub device: Device,
}

impl Studio<'_> {
    /// What codes are drawn from: N(0, I) where training brings them there, otherwise a fit to codes of training images. `last` at
    /// the end of the training.
    pub fn prior(&self, trained: &Trained, images: &Images, last: bool) -> Prior {
        if let (Some((_, scale)), Some(generator)) = (&self.source, &trained.generator) {
            return Prior::Learned {
                latent: self.plan.latent(),
                layers: generator.layers.clone(),
                mean: scale.mean.clone(),
                deviation: scale.deviation.clone(),
                noise: trained.scale,
            };
        }
        let kind = match &self.pipeline.model {
            Model::Autoencoder(model) => model.prior,
            Model::Vae(model) => model.prior,
            _ => PriorKind::Normal,
        };
        let (PriorKind::Gaussian | PriorKind::Mixture(_), Some(encoder)) = (kind, &trained.encoder) else {
            return Prior::Normal;
        };
        let latent = self.plan.latent();
        let mut noise = Noise::of(Purpose::Prior, self.pipeline.train.seed, 0);
        let (mut codes, log_variances) = encode(images, PRIOR_IMAGES[usize::from(last)], encoder, &self.device);
        // What has to be met are draws from the codes' distributions, not their means alone.
        for (code, log_variance) in codes.iter_mut().zip(log_variances.into_iter().flatten()) {
            *code += libm::expf(0.5 * log_variance) * noise.normal();
        }
        match kind {
            PriorKind::Mixture(parts) => Prior::Mixture(Mixture::fit(&codes, latent, parts, &mut noise)),
            _ => Prior::fit(&codes, latent),
        }
    }

    /// What draws samples from the model.
    pub fn sampler(&self, trained: &Trained, prior: &Prior) -> Result<Sampler> {
        let Some(generator) = &trained.generator else { bail!("a classifier makes no images") };
        let network = generator.network.clone();
        Ok(match &self.source {
            Some((source, _)) => {
                Sampler { prior: prior.clone(), learned: Some(network), ..source.sampler(&self.device)? }
            }
            None => Sampler {
                generator: network,
                latent: self.plan.latent(),
                classes: if self.plan.condition().is_some() { self.plan.classes() } else { 0 },
                prior: prior.clone(),
                learned: None,
                output: self.plan.output(),
                device: self.device.clone(),
            },
        })
    }

    /// The picture of an epoch: the same samples as after every other one, or for a classifier its confusion matrix.
    pub fn picture(&self, trained: &Trained, prior: &Prior, test: &Samples) -> Result<Vec<u8>> {
        if self.plan.family() == Family::Classifier {
            return self.confusion(trained, test.images());
        }
        let sampler = self.sampler(trained, prior)?;
        let columns = if sampler.classes > 0 { sampler.classes } else { SAMPLE_SIDE };
        let samples = sampler.sample(SAMPLE_SEED, 0, columns * SAMPLE_SIDE, None).into_data();
        let pixels: Vec<f32> = samples.iter().collect();
        png_grid(&pixels, self.plan.image(), columns, 2).context("the picture of the samples")
    }

    /// How often each class was taken for each.
    fn confusion(&self, trained: &Trained, test: &Images) -> Result<Vec<u8>> {
        let Some(classifier) = &trained.classifier else { bail!("only a classifier tells classes") };
        let classes = test.classes();
        let mut counts = vec![0_u32; classes * classes];
        let all: Vec<usize> = (0..test.count()).collect();
        for indices in all.chunks(TESTED) {
            let batch = plain(test, indices, &self.device);
            let told = classifier.network.forward(batch.samples).flat().argmax(1).into_data();
            for (index, told) in indices.iter().zip(told.iter::<i64>()) {
                let cell = usize::from(test.labels()[*index]) * classes + told as usize;
                if let Some(count) = counts.get_mut(cell) {
                    *count += 1;
                }
            }
        }
        confusion_png(&counts, classes)
    }
}
