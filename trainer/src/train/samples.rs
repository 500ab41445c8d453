//! What a model learns from: images, or the codes that another model makes of them.

use anyhow::{Result, bail};
use burn::tensor::{Device, Tensor, TensorData};
use imago_core::artifact::Artifact;
use imago_core::model::{Batch, Encoder, moments, one_hot};
use imago_core::nn::Value;
use imago_core::noise::{Noise, Purpose};
use imago_core::spec::Pipeline;

use super::resident::Resident;
use crate::data::Images;
use crate::device::Opened;

/// How many images are encoded at a time.
const ENCODED: usize = 200;

/// Samples to learn from or to test with.
pub enum Samples {
    /// Images, and themselves on the device that learns from them, if they are there.
    Images(Images, Option<Box<Resident>>),
    Codes(Codes),
}

impl Samples {
    /// Images to learn from, which are sent to `device` once if it is a GPU.
    pub fn resident(images: Images, opened: &Opened) -> Self {
        let resident = if opened.gpu { Resident::new(&images, &opened.device.clone().autodiff()) } else { None };
        Self::Images(images, resident.map(Box::new))
    }

    /// Number of samples.
    pub fn count(&self) -> usize {
        self.images().count()
    }

    /// The images themselves, or those that the codes were made of.
    pub fn images(&self) -> &Images {
        match self {
            Self::Images(images, _) => images,
            Self::Codes(codes) => &codes.images,
        }
    }

    /// Those samples on a device, changed at random where the pipeline says so.
    pub fn batch(&self, indices: &[usize], noise: &mut Noise, device: &Device) -> Batch {
        let images = self.images();
        let samples = match self {
            Self::Images(_, Some(resident)) => Value::Image(resident.gather(indices, device)),
            Self::Images(images, None) => {
                Value::Image(pixels(images, images.gather(indices, noise), indices.len(), device))
            }
            Self::Codes(codes) => codes.draw(indices, noise, device),
        };
        Batch { samples, classes: classes(images, indices, device) }
    }

    /// Those samples on a device, as they are.
    pub fn plain(&self, indices: &[usize], device: &Device) -> Batch {
        match self {
            Self::Images(images, _) => plain(images, indices, device),
            // A code is a draw in any case; here always the same one.
            Self::Codes(_) => self.batch(indices, &mut Noise::of(Purpose::Batch, 0, 0), device),
        }
    }
}

/// Refuses a set that is smaller than the group that a discriminator judges together.
pub fn enough(pipeline: &Pipeline, images: &Images) -> Result<()> {
    let packing = pipeline.model.game().map_or(1, |game| game.packing);
    if images.count() < packing {
        bail!("{packing} images are judged together, but there are only {}: lower model.game.packing", images.count());
    }
    Ok(())
}

/// Those images on a device, as they are.
pub fn plain(images: &Images, indices: &[usize], device: &Device) -> Batch {
    let samples = Value::Image(pixels(images, images.plain(indices), indices.len(), device));
    Batch { samples, classes: classes(images, indices, device) }
}

fn pixels(images: &Images, pixels: Vec<f32>, count: usize, device: &Device) -> Tensor<4> {
    let [channels, height, width] = images.shape();
    Tensor::from_data(TensorData::new(pixels, [count, channels, height, width]), device)
}

fn classes(images: &Images, indices: &[usize], device: &Device) -> Tensor<2> {
    let numbers: Vec<usize> = indices.iter().map(|index| usize::from(images.labels()[*index])).collect();
    one_hot(&numbers, images.classes().len(), device)
}

/// The codes of all images, brought to mean 0 and deviation 1 in every value.
pub struct Codes {
    images: Images,
    /// `[count, latent]`
    means: Vec<f32>,
    /// `[count, latent]`, if a code is a distribution.
    log_variances: Option<Vec<f32>>,
    scale: Scale,
}

/// Mean and standard deviation of every value of the codes.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    pub mean: Vec<f32>,
    pub deviation: Vec<f32>,
}

impl Codes {
    /// Encodes `images`. Without a `scale` that of these codes is used.
    pub fn of(images: Images, encoder: &Encoder, latent: usize, scale: Option<Scale>, device: &Device) -> Self {
        let (means, log_variances) = encode(&images, images.count(), encoder, device);
        let scale = scale.unwrap_or_else(|| {
            let mut drawn = means.clone();
            if let Some(log_variances) = &log_variances {
                let mut noise = Noise::of(Purpose::Batch, 0, 0);
                for (value, log_variance) in drawn.iter_mut().zip(log_variances) {
                    *value += libm::expf(0.5 * log_variance) * noise.normal();
                }
            }
            let (mean, deviation) = moments(&drawn, latent);
            // A value that never changes is left where it is.
            Scale { mean, deviation: deviation.into_iter().map(|value| value.max(1e-6)).collect() }
        });
        Self { images, means, log_variances, scale }
    }

    pub fn scale(&self) -> &Scale {
        &self.scale
    }

    /// A draw from each code's distribution, or the code itself: `[batch, latent]`.
    fn draw(&self, indices: &[usize], noise: &mut Noise, device: &Device) -> Value {
        let Scale { mean, deviation } = &self.scale;
        let latent = mean.len();
        let mut values = Vec::with_capacity(indices.len() * latent);
        for index in indices {
            for value in 0..latent {
                let at = index * latent + value;
                let spread = match &self.log_variances {
                    Some(log_variances) => libm::expf(0.5 * log_variances[at]) * noise.normal(),
                    None => 0.0,
                };
                values.push((self.means[at] + spread - mean[value]) / deviation[value]);
            }
        }
        Value::Flat(Tensor::from_data(TensorData::new(values, [indices.len(), latent]), device))
    }
}

/// The codes of the first `count` images, `[count, latent]`, and the logarithms of their variances if they have any.
pub fn encode(images: &Images, count: usize, encoder: &Encoder, device: &Device) -> (Vec<f32>, Option<Vec<f32>>) {
    let all: Vec<usize> = (0..images.count().min(count)).collect();
    let (mut means, mut log_variances) = (Vec::new(), None);
    for indices in all.chunks(ENCODED) {
        let Batch { samples, classes } = plain(images, indices, device);
        let (mean, log_variance) = encoder.encode(samples, &classes);
        means.extend(mean.into_data().iter::<f32>());
        if let Some(log_variance) = log_variance {
            log_variances.get_or_insert_with(Vec::new).extend(log_variance.into_data().iter::<f32>());
        }
    }
    (means, log_variances)
}

/// Checks that the codes of `source`, which is called `from`, can be learned from images like these, and takes out its encoder.
pub fn encoder(source: &Artifact, from: &str, code: usize, images: &Images, device: &Device) -> Result<Encoder> {
    let manifest = &source.manifest;
    let Some(generator) = &manifest.generator else { bail!("{from} is a classifier: it has no codes") };
    if generator.classes > 0 {
        bail!("{from} is conditional; codes are learned of models without a condition");
    }
    let (Some(encoder), Some(reader)) = (source.encoder(device)?, &manifest.encoder) else {
        bail!(
            "{from} has no encoder that could make codes of images; name the run of a vae, autoencoder or vae-gan, or export \
             it with `imago export RUN --to FOLDER --encoder`"
        );
    };
    if generator.latent != code {
        bail!(
            "the codes of {from} have {} values, but the model gives {code}; its last layer must be `linear: {}`",
            generator.latent,
            generator.latent
        );
    }
    let ours = (images.set().title(), images.shape(), <[f64; 2]>::from(images.range()));
    let theirs = (manifest.data.set.as_str(), manifest.data.image, <[f64; 2]>::from(reader.range));
    if ours != theirs {
        bail!(
            "{from} was trained on {} images {:?} in the range {:?}, but the pipeline has {} {:?} in {:?}; `data` must be the same",
            theirs.0,
            theirs.1,
            theirs.2,
            ours.0,
            ours.1,
            ours.2
        );
    }
    Ok(encoder)
}
