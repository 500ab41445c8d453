//! From a seed to pictures: the part of a model that is shipped.

use super::{Output, asked, condition};
use crate::latent::{Draws, Prior};
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

/// A generator with all that is needed to draw from it.
#[derive(Debug)]
pub struct Sampler {
    /// From codes, and the class behind them, to images.
    pub generator: Sequential,
    /// Number of values of a code.
    pub latent: usize,
    /// Number of classes that it can be asked for; 0 if it knows none.
    pub classes: usize,
    /// What codes are drawn from.
    pub prior: Prior,
    /// From the draws of a learned prior to codes.
    pub learned: Option<Sequential>,
    /// What makes pixels of the generator's values.
    pub output: Output,
    /// Where it computes.
    pub device: Device,
}

impl Sampler {
    /// The samples `first .. first + count` of `seed`: `[count, channels, height, width]`, pixels in 0 to 1.
    ///
    /// Sample number `i` of a seed is the same picture whatever `first` and `count` are, on every device up to rounding. A conditional
    /// model makes the class asked for; without one, sample number `i` has class `i` modulo the number of classes.
    pub fn sample(&self, seed: u64, first: u64, count: usize, class: Option<usize>) -> Tensor<4> {
        let classes = self.asked(first, count, class);
        self.decode(self.codes(seed, first, &classes, 1.0), &classes)
    }

    /// The class of each of the samples `first .. first + count`, when all are of one class or, without it, one after the other; 0 for a
    /// model that knows none.
    pub fn asked(&self, first: u64, count: usize, class: Option<usize>) -> Vec<usize> {
        asked(self.classes, first, count, class)
    }

    /// The codes of the samples from `first` on of `seed`, one for each of `classes`: `[count, latent]`. See [`Draws::temperature`].
    pub fn codes(&self, seed: u64, first: u64, classes: &[usize], temperature: f32) -> Tensor<2> {
        let draws = Draws { seed, first, count: classes.len(), classes, temperature };
        self.prior.draw(draws, self.latent, self.learned.as_ref(), &self.device)
    }

    /// The pictures of `codes`, `[count, latent]` → `[count, channels, height, width]`, pixels in 0 to 1. A conditional model is told
    /// the class of each.
    pub fn decode(&self, codes: Tensor<2>, classes: &[usize]) -> Tensor<4> {
        let classes = (self.classes > 0).then(|| one_hot(classes, self.classes, &self.device));
        self.output.pixels(self.values(codes, classes).image())
    }

    /// What the generator gives for `codes`, `[count, latent]`, before pixels are made of it. A conditional model is told the class of
    /// each as a row with a single 1, `[count, classes]`; others do not look at it.
    pub fn values(&self, codes: Tensor<2>, classes: Option<Tensor<2>>) -> Value {
        self.generator.forward(condition::behind(codes, classes.filter(|_| self.classes > 0)))
    }

    /// What each layer of the generator gives for `codes`, in order.
    pub fn inside(&self, codes: Tensor<2>, classes: &[usize]) -> Vec<Value> {
        let classes = (self.classes > 0).then(|| one_hot(classes, self.classes, &self.device));
        self.generator.steps(condition::behind(codes, classes))
    }

    /// Number of values of a code.
    pub fn latent(&self) -> usize {
        self.latent
    }

    /// Number of classes that it can be asked for; 0 if it knows none.
    pub fn classes(&self) -> usize {
        self.classes
    }
}

/// Rows with a single 1, at the number of each class: `[count, classes]`.
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
    /// From images in the range that it was trained with to logits.
    pub network: Sequential,
    /// That range.
    pub range: PixelRange,
}

impl ImageClassifier {
    /// The probability of each class for images with pixels in 0 to 1: `[count, channels, height, width]` → `[count, classes]`.
    pub fn probabilities(&self, pixels: Tensor<4>) -> Tensor<2> {
        softmax(self.network.forward(seen(self.range, pixels)).flat(), 1)
    }

    /// What each layer gives for images with pixels in 0 to 1, in order.
    pub fn inside(&self, pixels: Tensor<4>) -> Vec<Value> {
        self.network.steps(seen(self.range, pixels))
    }

    /// What the last layer is given for images with pixels in 0 to 1, which tells more of them than their class does, and then the
    /// probability of each class: `[count, channels, height, width]` → `[count, features]` and `[count, classes]`.
    pub fn features(&self, pixels: Tensor<4>) -> (Tensor<2>, Tensor<2>) {
        let last = self.network.len().saturating_sub(1);
        let features = self.network.pass(0..last, seen(self.range, pixels)).flat();
        let logits = self.network.pass(last..self.network.len(), Value::Flat(features.clone())).flat();
        (features, softmax(logits, 1))
    }
}

/// Pixels in 0 to 1, `[batch, channels, height, width]`, as a network knows them that learned from images of that range.
pub fn seen(range: PixelRange, pixels: Tensor<4>) -> Value {
    Value::Image(match range {
        PixelRange::Unit => pixels,
        PixelRange::Signed => pixels * 2.0 - 1.0,
    })
}
