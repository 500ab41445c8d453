//! What a model learns from: images, or the latents that another model gives them.

use burn::tensor::{Device, ExecutionError, Tensor, TensorData};

use super::Images;
use super::resident::Resident;
use crate::inference::{Encoder, one_hot};
use crate::latent::moments;
use crate::layer::Value;
use crate::noise::{Noise, Purpose};

/// How many images are encoded at a time.
const ENCODED: usize = 200;

/// Samples to learn from or to test with, on a device.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Images, `[batch, channels, height, width]` in the range of the data, or latents, `[batch, values]`.
    pub samples: Value,
    /// The class of each as a row with a single 1: `[batch, classes]`.
    pub classes: Tensor<2>,
}

/// Samples to learn from or to test with.
pub enum Samples {
    /// Images, and themselves on the device that learns from them, if they are there.
    Images(Images, Option<Box<Resident>>),
    /// The latents of images.
    Latents(Latents),
}

impl Samples {
    /// Images that stay with the program and are sent batch by batch.
    pub fn images_of(images: Images) -> Self {
        Self::Images(images, None)
    }

    /// Images to learn from that are sent to `device` once, if they are not too many: the way for a GPU.
    pub fn resident(images: Images, device: &Device) -> Self {
        let resident = Resident::new(&images, device);
        Self::Images(images, resident.map(Box::new))
    }

    /// Number of samples.
    pub fn count(&self) -> usize {
        self.images().count()
    }

    /// The images themselves, or those that the latents were made of.
    pub fn images(&self) -> &Images {
        match self {
            Self::Images(images, _) => images,
            Self::Latents(latents) => &latents.images,
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
            Self::Latents(latents) => latents.draw(indices, noise, device),
        };
        Batch { samples, classes: classes(images, indices, device) }
    }

    /// Those samples on a device, as they are.
    pub fn plain(&self, indices: &[usize], device: &Device) -> Batch {
        match self {
            Self::Images(images, _) => plain(images, indices, device),
            // A latent is a draw in any case; here always the same one.
            Self::Latents(_) => self.batch(indices, &mut Noise::of(Purpose::Batch, 0, 0), device),
        }
    }
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

/// The latents of all images, brought to mean 0 and deviation 1 in every value.
pub struct Latents {
    images: Images,
    /// `[count, latent]`
    means: Vec<f32>,
    /// `[count, latent]`, if a latent is a distribution.
    log_variances: Option<Vec<f32>>,
    scale: Scale,
}

/// Mean and standard deviation of every value of the latents.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    /// Means.
    pub mean: Vec<f32>,
    /// Standard deviations.
    pub deviation: Vec<f32>,
}

impl Latents {
    /// Encodes `images`. Without a `scale` that of these latents is used.
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
            let (mean, deviation) = moments(&drawn, latent);
            // A value that never changes is left where it is.
            Scale { mean, deviation: deviation.into_iter().map(|value| value.max(1e-6)).collect() }
        });
        Ok(Self { images, means, log_variances, scale })
    }

    /// Mean and standard deviation of every value.
    pub fn scale(&self) -> &Scale {
        &self.scale
    }

    /// A draw from the distribution of each latent, or the latent itself: `[batch, latent]`.
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

/// The latents of the first `count` images, `[count, latent]`, and the logarithms of their variances if they have any.
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
    for indices in all.chunks(ENCODED) {
        let Batch { samples, classes } = plain(images, indices, device);
        let (mean, log_variance) = encoder.encode(samples, &classes);
        means.extend(mean.into_data_async().await?.iter::<f32>());
        if let Some(log_variance) = log_variance {
            log_variances.get_or_insert_with(Vec::new).extend(log_variance.into_data_async().await?.iter::<f32>());
        }
    }
    Ok((means, log_variances))
}
