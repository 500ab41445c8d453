//! The samples of a run: images, or their latents in another model.

use burn::tensor::{Device, ExecutionError, Tensor, TensorData};

use super::Images;
use super::resident::Resident;
use crate::inference::{Encoder, one_hot};
use crate::latent::mean_and_std;
use crate::layer::Value;
use crate::noise::{Noise, Purpose};

const ENCODING_BATCH: usize = 200;

/// A batch of samples on a device.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Images in the range of the data, `[batch, channels, height, width]`, or latents,
    /// `[batch, values]`.
    pub samples: Value,
    /// One-hot classes, `[batch, classes]`.
    pub classes: Tensor<2>,
}

/// The samples of a split.
pub enum Samples {
    /// Images, and possibly their copy on the device.
    Images(Images, Option<Box<Resident>>),
    /// The latents of images.
    Latents(Latents),
}

impl Samples {
    /// Images that are sent batch by batch.
    pub fn images_of(images: Images) -> Self {
        Self::Images(images, None)
    }

    /// Training images that are sent to `device` once, if they are not too many.
    pub fn resident(images: Images, device: &Device) -> Self {
        let resident = Resident::new(&images, device);
        Self::Images(images, resident.map(Box::new))
    }

    /// Number of samples.
    pub fn count(&self) -> usize {
        self.images().count()
    }

    /// The images, or those of the latents.
    pub fn images(&self) -> &Images {
        match self {
            Self::Images(images, _) => images,
            Self::Latents(latents) => &latents.images,
        }
    }

    /// A batch on a device, augmented as declared.
    pub fn batch(&self, indices: &[usize], noise: &mut Noise, device: &Device) -> Batch {
        let images = self.images();
        let samples = match self {
            Self::Images(_, Some(resident)) if Resident::SUPPORTED => Value::Image(resident.gather(indices, device)),
            Self::Images(images, _) => {
                Value::Image(pixels(images, images.gather(indices, noise), indices.len(), device))
            }
            Self::Latents(latents) => latents.sample(indices, noise, device),
        };
        Batch { samples, classes: classes(images, indices, device) }
    }

    /// A batch on a device without augmentation.
    pub fn plain(&self, indices: &[usize], device: &Device) -> Batch {
        match self {
            Self::Images(images, _) => plain(images, indices, device),
            // Latents are sampled in any case, here always with the same noise.
            Self::Latents(_) => self.batch(indices, &mut Noise::of(Purpose::Batch, 0, 0), device),
        }
    }
}

/// A batch of images on a device without augmentation.
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

/// The latents of all images, standardised.
pub struct Latents {
    images: Images,
    /// `[count, latent]`
    means: Vec<f32>,
    /// `[count, latent]`, if the encoder outputs distributions.
    log_variances: Option<Vec<f32>>,
    scale: Scale,
}

/// The scale of latents.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    /// Mean of every value.
    pub mean: Vec<f32>,
    /// Standard deviation of every value.
    pub std: Vec<f32>,
}

impl Latents {
    /// Encodes `images`; without a `scale` it is that of these latents.
    ///
    /// # Errors
    /// The device cannot be read.
    pub async fn of(
        images: Images,
        encoder: &Encoder,
        latent: usize,
        scale: Option<Scale>,
        device: &Device,
    ) -> Result<Self, ExecutionError> {
        let (means, log_variances) = encode(&images, images.count(), encoder, device).await?;
        let scale = scale.unwrap_or_else(|| {
            let mut drawn = means.clone();
            if let Some(log_variances) = &log_variances {
                let mut noise = Noise::of(Purpose::Batch, 0, 0);
                for (value, log_variance) in drawn.iter_mut().zip(log_variances) {
                    *value += libm::expf(0.5 * log_variance) * noise.normal();
                }
            }
            let (mean, std) = mean_and_std(&drawn, latent);
            // A constant value must not divide by 0.
            Scale { mean, std: std.into_iter().map(|value| value.max(1e-6)).collect() }
        });
        Ok(Self { images, means, log_variances, scale })
    }

    /// The scale that they are standardised with.
    pub fn scale(&self) -> &Scale {
        &self.scale
    }

    /// A sample from each distribution, or the latent itself: `[batch, latent]`.
    fn sample(&self, indices: &[usize], noise: &mut Noise, device: &Device) -> Value {
        let Scale { mean, std } = &self.scale;
        let latent = mean.len();
        let mut values = Vec::with_capacity(indices.len() * latent);
        for index in indices {
            for value in 0..latent {
                let at = index * latent + value;
                let spread = match &self.log_variances {
                    Some(log_variances) => libm::expf(0.5 * log_variances[at]) * noise.normal(),
                    None => 0.0,
                };
                values.push((self.means[at] + spread - mean[value]) / std[value]);
            }
        }
        Value::Flat(Tensor::from_data(TensorData::new(values, [indices.len(), latent]), device))
    }
}

/// The latents of the first `count` images, `[count, latent]`, and log-variances if any.
///
/// # Errors
/// The device cannot be read.
pub async fn encode(
    images: &Images,
    count: usize,
    encoder: &Encoder,
    device: &Device,
) -> Result<(Vec<f32>, Option<Vec<f32>>), ExecutionError> {
    let all: Vec<usize> = (0..images.count().min(count)).collect();
    let (mut means, mut log_variances) = (Vec::new(), None);
    for indices in all.chunks(ENCODING_BATCH) {
        let Batch { samples, classes } = plain(images, indices, device);
        let (mean, log_variance) = encoder.encode(samples, &classes);
        means.extend(mean.into_data_async().await?.iter::<f32>());
        if let Some(log_variance) = log_variance {
            log_variances.get_or_insert_with(Vec::new).extend(log_variance.into_data_async().await?.iter::<f32>());
        }
    }
    Ok((means, log_variances))
}
