//! The distribution that latents are drawn from.

use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use super::Mixture;
use crate::layer::LayerSpec;
use crate::nn::{Sequential, Value};
use crate::noise::{Noise, latents};

/// How the standard normal numbers of a seed become latents.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub enum Prior {
    /// N(0, I): they are the latents.
    #[default]
    Normal,
    /// A normal distribution fitted to the codes of the training images, each latent value by itself.
    Gaussian {
        /// Mean of every latent value.
        mean: Vec<f32>,
        /// Standard deviation of every latent value.
        deviation: Vec<f32>,
    },
    /// A mixture of normal distributions fitted to the codes of the training images.
    Mixture(Mixture),
    /// A generator or decoder that learned to make codes: those of the latent families.
    Learned {
        /// Number of its own latent values, which come from N(0, I).
        latent: usize,
        /// Its layers as declared.
        layers: Vec<LayerSpec>,
        /// Mean of every value of the codes; the network gives their distance from it …
        mean: Vec<f32>,
        /// … in units of these standard deviations.
        deviation: Vec<f32>,
        /// Standard deviation of what is added to what the network gives, in the same units: 0 for a generator, the learned scale for
        /// a decoder, whose output is the mean of a normal distribution.
        noise: f32,
    },
}

impl Prior {
    /// Fits a normal distribution to `codes`, `count` rows of `latent` values.
    pub fn fit(codes: &[f32], latent: usize) -> Self {
        let (mean, deviation) = moments(codes, latent);
        Self::Gaussian { mean, deviation }
    }

    /// Whether the prior describes `latent` values with finite numbers.
    pub fn fits(&self, latent: usize) -> bool {
        let good = |values: &[f32]| values.len() == latent && values.iter().all(|v| v.is_finite());
        match self {
            Self::Normal => true,
            Self::Gaussian { mean, deviation } => good(mean) && good(deviation),
            Self::Learned { mean, deviation, noise, .. } => good(mean) && good(deviation) && noise.is_finite(),
            Self::Mixture(mixture) => mixture.fits(latent),
        }
    }

    /// The codes of samples `first .. first + count` of `seed`: `[count, latent]`. A learned prior needs its network.
    pub fn draw(
        &self,
        seed: u64,
        first: u64,
        count: usize,
        latent: usize,
        network: Option<&Sequential>,
        device: &Device,
    ) -> Tensor<2> {
        let rows =
            |values: Vec<f32>, width: usize| Tensor::<2>::from_data(TensorData::new(values, [count, width]), device);
        let scaled = |mut values: Vec<f32>, mean: &[f32], deviation: &[f32]| {
            for (index, value) in values.iter_mut().enumerate() {
                *value = mean[index % latent] + deviation[index % latent] * *value;
            }
            values
        };
        match self {
            Self::Normal => rows(latents(seed, first, count, latent), latent),
            Self::Gaussian { mean, deviation } => {
                rows(scaled(latents(seed, first, count, latent), mean, deviation), latent)
            }
            Self::Mixture(mixture) => {
                let sample = |index| mixture.draw(&mut Noise::new(seed, first.wrapping_add(index)), latent);
                rows((0..count as u64).flat_map(sample).collect(), latent)
            }
            Self::Learned { latent: own, mean, deviation, noise, .. } => {
                let Some(network) = network else { return Tensor::zeros([count, latent], device) };
                let (mut drawn, mut added) = (Vec::new(), Vec::new());
                for index in 0..count as u64 {
                    let mut stream = Noise::new(seed, first.wrapping_add(index));
                    drawn.extend(stream.normals(*own));
                    added.extend(stream.normals(latent));
                }
                let row =
                    |values: &[f32]| Tensor::<2>::from_data(TensorData::new(values.to_vec(), [1, latent]), device);
                let codes = network.forward(Value::Flat(rows(drawn, *own))).flat() + rows(added, latent) * *noise;
                codes * row(deviation) + row(mean)
            }
        }
    }
}

/// Mean and standard deviation of every value of `codes`, rows of `latent` values.
pub fn moments(codes: &[f32], latent: usize) -> (Vec<f32>, Vec<f32>) {
    let rows = (codes.len() / latent.max(1)).max(1);
    let column = |index: usize| codes.iter().skip(index).step_by(latent.max(1)).map(|v| f64::from(*v));
    let mean: Vec<f64> = (0..latent).map(|i| column(i).sum::<f64>() / rows as f64).collect();
    let deviation = (0..latent).map(|i| {
        let squares = column(i).map(|v| (v - mean[i]) * (v - mean[i])).sum::<f64>();
        libm::sqrt(squares / rows as f64) as f32
    });
    (mean.iter().map(|v| *v as f32).collect(), deviation.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fitted_prior_has_the_mean_and_deviation_of_the_codes() {
        let Prior::Gaussian { mean, deviation } = Prior::fit(&[1.0, 10.0, 3.0, 10.0], 2) else {
            panic!("a fit gives a Gaussian")
        };
        assert_eq!((mean, deviation), (vec![2.0, 10.0], vec![1.0, 0.0]));
    }
}
