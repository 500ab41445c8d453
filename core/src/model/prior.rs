//! The distribution that latents are drawn from.

use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use crate::noise::latents;

/// How the standard normal numbers of a seed become latents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Prior {
    /// N(0, I): they are the latents.
    Normal,
    /// A normal distribution fitted to the codes of the training images, each latent value by itself.
    Gaussian {
        /// Mean of every latent value.
        mean: Vec<f32>,
        /// Standard deviation of every latent value.
        deviation: Vec<f32>,
    },
}

impl Prior {
    /// Fits a normal distribution to `codes`, `count` rows of `latent` values.
    pub fn fit(codes: &[f32], latent: usize) -> Self {
        let rows = codes.len() / latent.max(1);
        let column = |index: usize| codes.iter().skip(index).step_by(latent.max(1)).map(|v| f64::from(*v));
        let mean: Vec<f64> = (0..latent).map(|i| column(i).sum::<f64>() / rows as f64).collect();
        let deviation = (0..latent).map(|i| {
            let squares = column(i).map(|v| (v - mean[i]) * (v - mean[i])).sum::<f64>();
            libm::sqrt(squares / rows as f64) as f32
        });
        Self::Gaussian { deviation: deviation.collect(), mean: mean.iter().map(|v| *v as f32).collect() }
    }

    /// Whether the prior describes `latent` values with finite numbers.
    pub fn fits(&self, latent: usize) -> bool {
        let good = |values: &[f32]| values.len() == latent && values.iter().all(|v| v.is_finite());
        match self {
            Self::Normal => true,
            Self::Gaussian { mean, deviation } => good(mean) && good(deviation),
        }
    }

    /// The latents of samples `first .. first + count` of `seed`: `[count, latent]`.
    pub fn draw(&self, seed: u64, first: u64, count: usize, latent: usize, device: &Device) -> Tensor<2> {
        let mut values = latents(seed, first, count, latent);
        if let Self::Gaussian { mean, deviation } = self {
            for (index, value) in values.iter_mut().enumerate() {
                *value = mean[index % latent] + deviation[index % latent] * *value;
            }
        }
        Tensor::from_data(TensorData::new(values, [count, latent]), device)
    }
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
