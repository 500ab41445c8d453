//! From a seed to images, and from images to classes.

use super::{Output, condition, sample_classes};
use crate::latent::{LatentRequest, Prior};
use crate::layer::Value;
use crate::network::Sequential;
use crate::spec::PixelRange;
use burn::tensor::activation::{sigmoid, softmax};
use burn::tensor::{Device, Tensor, TensorData};

impl Output {
    /// Pixels between 0 and 1.
    pub fn pixels(self, values: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Sigmoid => sigmoid(values),
            Self::Identity => values.clamp(0.0, 1.0),
            Self::Signed => ((values + 1.0) * 0.5).clamp(0.0, 1.0),
        }
    }
}

/// A generator with all that is needed to sample from it.
#[derive(Debug)]
pub struct Sampler {
    /// From latents, followed by the class if it is conditional, to images.
    pub generator: Sequential,
    /// Number of latent values.
    pub latent: usize,
    /// Number of classes of a conditional model, otherwise 0.
    pub classes: usize,
    /// The distribution of the latents.
    pub prior: Prior,
    /// The network of a learned prior.
    pub learned: Option<Sequential>,
    /// How the generator's values become pixels.
    pub output: Output,
    /// The device of the networks.
    pub device: Device,
}

impl Sampler {
    /// The samples `first .. first + count` of `seed` as pixels in 0 to 1: `[count, c, h, w]`.
    ///
    /// Sample `i` of a seed is the same image whatever `first` and `count` are, up to rounding on
    /// every device. Without `class`, sample `i` of a conditional model has class `i` modulo their
    /// number.
    pub fn sample(&self, seed: u64, first: u64, count: usize, class: Option<usize>) -> Tensor<4> {
        let classes = self.sample_classes(first, count, class);
        self.decode(self.latents(seed, first, &classes, 1.0), &classes)
    }

    /// See [`sample_classes`].
    pub fn sample_classes(&self, first: u64, count: usize, class: Option<usize>) -> Vec<usize> {
        sample_classes(self.classes, first, count, class)
    }

    /// The latents of samples, one for each of `classes`, `[count, latent]`.
    pub fn latents(&self, seed: u64, first: u64, classes: &[usize], temperature: f32) -> Tensor<2> {
        let request = LatentRequest { seed, first, count: classes.len(), classes, temperature };
        self.prior.sample(request, self.latent, self.learned.as_ref(), &self.device)
    }

    /// The images of `latents`, `[count, latent]` → `[count, channels, height, width]`, pixels in
    /// 0 to 1. A conditional model uses the class of each.
    pub fn decode(&self, latents: Tensor<2>, classes: &[usize]) -> Tensor<4> {
        let classes = (self.classes > 0).then(|| one_hot(classes, self.classes, &self.device));
        self.output.pixels(self.values(latents, classes).image())
    }

    /// The generator's output for `latents`; `classes` are one-hot, ignored if unconditional.
    pub fn values(&self, latents: Tensor<2>, classes: Option<Tensor<2>>) -> Value {
        self.generator.forward(condition::with_class(latents, classes.filter(|_| self.classes > 0)))
    }

    /// Number of latent values.
    pub fn latent(&self) -> usize {
        self.latent
    }

    /// Number of classes of a conditional model, otherwise 0.
    pub fn classes(&self) -> usize {
        self.classes
    }
}

/// One-hot rows: `[count, classes]`.
pub fn one_hot(numbers: &[usize], classes: usize, device: &Device) -> Tensor<2> {
    let mut values = vec![0.0_f32; numbers.len() * classes];
    for (row, number) in values.chunks_mut(classes.max(1)).zip(numbers) {
        if let Some(value) = row.get_mut(*number) {
            *value = 1.0;
        }
    }
    Tensor::from_data(TensorData::new(values, [numbers.len(), classes]), device)
}

/// A trained classifier.
#[derive(Debug)]
pub struct ImageClassifier {
    /// From images to logits.
    pub network: Sequential,
    /// The range of the pixels that it was trained on.
    pub range: PixelRange,
}

impl ImageClassifier {
    /// The probability of each class for images with pixels in 0 to 1:
    /// `[count, channels, height, width]` → `[count, classes]`.
    pub fn probabilities(&self, pixels: Tensor<4>) -> Tensor<2> {
        softmax(self.network.forward(to_pixel_range(self.range, pixels)).flat(), 1)
    }

    /// The input of the last layer for images with pixels in 0 to 1, and the probability of each
    /// class: `[count, channels, height, width]` → `[count, features]` and `[count, classes]`.
    pub fn features(&self, pixels: Tensor<4>) -> (Tensor<2>, Tensor<2>) {
        let last = self.network.len().saturating_sub(1);
        let features = self.network.pass(0..last, to_pixel_range(self.range, pixels)).flat();
        let logits = self.network.pass(last..self.network.len(), Value::Flat(features.clone())).flat();
        (features, softmax(logits, 1))
    }
}

/// Brings pixels in 0 to 1, `[batch, channels, height, width]`, into `range`.
pub fn to_pixel_range(range: PixelRange, pixels: Tensor<4>) -> Value {
    Value::Image(match range {
        PixelRange::Unit => pixels,
        PixelRange::Signed => pixels * 2.0 - 1.0,
    })
}
