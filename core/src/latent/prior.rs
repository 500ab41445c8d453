//! The distribution of the latents.

#[cfg(feature = "train")]
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use super::Mixture;
use crate::layer::LayerSpec;
#[cfg(feature = "train")]
use crate::layer::Value;
#[cfg(feature = "train")]
use crate::network::Sequential;
use crate::noise::{Noise, latents};

/// How the standard normal numbers of a seed become latents.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub enum Prior {
    /// N(0, I): they are the latents.
    #[default]
    Normal,
    /// A normal distribution for each latent value, fitted to those of the training images.
    Gaussian {
        /// Mean of every latent value.
        mean: Vec<f32>,
        /// Standard deviation of every latent value.
        #[serde(rename = "deviation")]
        std: Vec<f32>,
    },
    /// A mixture of normal distributions fitted to the latents of the training images.
    Mixture(Mixture),
    /// One such mixture per class: the prior of a conditional model.
    ByClass(Vec<Mixture>),
    /// A generator or decoder that produces latents: the prior of the latent families.
    Learned {
        /// Number of its own latent values, from N(0, I).
        latent: usize,
        /// Its layers as declared.
        layers: Vec<LayerSpec>,
        /// Mean of every latent value. The network's output is relative to it …
        mean: Vec<f32>,
        /// … and in units of this standard deviation.
        #[serde(rename = "deviation")]
        std: Vec<f32>,
        /// Standard deviation of the noise added to the output, in the same units: 0 for a
        /// generator, the learned scale for a decoder.
        noise: f32,
    },
}

/// Which latents are sampled.
#[derive(Debug, Clone, Copy)]
pub struct LatentRequest<'a> {
    /// The seed.
    pub seed: u64,
    /// The index of the first.
    pub first: u64,
    /// The number of latents.
    pub count: usize,
    /// The class of each, for a conditional model.
    pub classes: &'a [usize],
    /// A factor for the standard deviations, for a learned prior those of its input and noise.
    pub temperature: f32,
}

impl LatentRequest<'_> {
    /// The input of a learned prior's network, `[count, own]`, and what is added to its output,
    /// `[count, latent]`.
    fn learned(&self, own: usize, latent: usize, noise: f32) -> (Vec<f32>, Vec<f32>) {
        let (mut drawn, mut added) = (Vec::new(), Vec::new());
        for index in 0..self.count as u64 {
            let mut stream = Noise::new(self.seed, self.first.wrapping_add(index));
            drawn.extend(stream.normals(own));
            added.extend(stream.normals(latent));
        }
        (tempered(drawn, self.temperature), tempered(added, self.temperature * noise))
    }
}

impl Prior {
    /// Fits a normal distribution to `latents`, rows of `latent` values.
    pub fn fit(latents: &[f32], latent: usize) -> Self {
        let (mean, std) = mean_and_std(latents, latent);
        Self::Gaussian { mean, std }
    }

    /// The prior with its standard deviations times `temperature`, unless it is learned.
    #[cfg(feature = "train")]
    pub fn cooled(self, temperature: f32, latent: usize) -> Self {
        if temperature == 1.0 {
            return self;
        }
        let times = |values: Vec<f32>| values.into_iter().map(|value| value * temperature).collect();
        let mixture = |mixture: Mixture| mixture.scaled(temperature);
        match self {
            Self::Normal => Self::Gaussian { mean: vec![0.0; latent], std: vec![temperature; latent] },
            Self::Gaussian { mean, std } => Self::Gaussian { mean, std: times(std) },
            Self::Mixture(one) => Self::Mixture(mixture(one)),
            Self::ByClass(mixtures) => Self::ByClass(mixtures.into_iter().map(mixture).collect()),
            Self::Learned { .. } => self,
        }
    }

    /// Whether it is a valid prior of `latent` values; `classes` is 0 for an unconditional model.
    pub fn fits(&self, latent: usize, classes: usize) -> bool {
        let good = |values: &[f32]| values.len() == latent && values.iter().all(|v| v.is_finite());
        match self {
            Self::Normal => true,
            Self::Gaussian { mean, std } => good(mean) && good(std),
            Self::Learned { mean, std, noise, .. } => good(mean) && good(std) && noise.is_finite(),
            Self::Mixture(mixture) => mixture.fits(latent),
            Self::ByClass(mixtures) => {
                !mixtures.is_empty() && mixtures.len() == classes && mixtures.iter().all(|mixture| mixture.fits(latent))
            }
        }
    }

    /// Samples latents, `[count, latent]`. A learned prior needs its network.
    #[cfg(feature = "train")]
    pub fn sample(
        &self,
        request: LatentRequest<'_>,
        latent: usize,
        network: Option<&Sequential>,
        device: &Device,
    ) -> Tensor<2> {
        let rows = |values: Vec<f32>, width: usize| {
            Tensor::<2>::from_data(TensorData::new(values, [request.count, width]), device)
        };
        // All of it on the device: nothing is read back.
        if let (Self::Learned { latent: own, mean, std, noise, .. }, Some(network)) = (self, network) {
            let (drawn, added) = request.learned(*own, latent, *noise);
            let row = |values: &[f32]| Tensor::<2>::from_data(TensorData::new(values.to_vec(), [1, latent]), device);
            let output = network.forward(Value::Flat(rows(drawn, *own))).flat();
            return (output + rows(added, latent)) * row(std) + row(mean);
        }
        rows(self.latents(request, latent, |_, _| vec![0.0; request.count * latent]), latent)
    }

    /// Samples latents, `[count, latent]`. `network` maps a learned prior's own latents, rows of
    /// the given width, to its output. A class without a mixture counts as the first one.
    pub fn latents(
        &self,
        request: LatentRequest<'_>,
        latent: usize,
        network: impl FnOnce(Vec<f32>, usize) -> Vec<f32>,
    ) -> Vec<f32> {
        let LatentRequest { seed, first, count, classes, temperature } = request;
        let stream = |index: u64| Noise::new(seed, first.wrapping_add(index));
        let scaled = |mut values: Vec<f32>, mean: &[f32], std: &[f32]| {
            for (index, value) in values.iter_mut().enumerate() {
                *value = mean[index % latent] + temperature * std[index % latent] * *value;
            }
            values
        };
        match self {
            Self::Normal => tempered(latents(seed, first, count, latent), temperature),
            Self::Gaussian { mean, std } => scaled(latents(seed, first, count, latent), mean, std),
            Self::Mixture(mixture) => {
                let sample = |index| mixture.sample(&mut stream(index), latent, temperature);
                (0..count as u64).flat_map(sample).collect()
            }
            Self::ByClass(mixtures) => {
                let of = |index: usize| classes.get(index).and_then(|class| mixtures.get(*class)).or(mixtures.first());
                let sample = |index: usize| match of(index) {
                    Some(mixture) => mixture.sample(&mut stream(index as u64), latent, temperature),
                    None => vec![0.0; latent],
                };
                (0..count).flat_map(sample).collect()
            }
            Self::Learned { latent: own, mean, std, noise, .. } => {
                let (drawn, added) = request.learned(*own, latent, *noise);
                let mut values = network(drawn, *own);
                for (index, (value, added)) in values.iter_mut().zip(added).enumerate() {
                    *value = (*value + added) * std[index % latent] + mean[index % latent];
                }
                values
            }
        }
    }
}

fn tempered(mut values: Vec<f32>, temperature: f32) -> Vec<f32> {
    for value in &mut values {
        *value *= temperature;
    }
    values
}

/// Mean and standard deviation of every column of `latents`, rows of `latent` values.
pub fn mean_and_std(latents: &[f32], latent: usize) -> (Vec<f32>, Vec<f32>) {
    let rows = (latents.len() / latent.max(1)).max(1);
    let column = |index: usize| latents.iter().skip(index).step_by(latent.max(1)).map(|v| f64::from(*v));
    let mean: Vec<f64> = (0..latent).map(|i| column(i).sum::<f64>() / rows as f64).collect();
    let std = (0..latent).map(|i| {
        let squares = column(i).map(|v| (v - mean[i]) * (v - mean[i])).sum::<f64>();
        libm::sqrt(squares / rows as f64) as f32
    });
    (mean.iter().map(|v| *v as f32).collect(), std.collect())
}

#[cfg(all(test, feature = "train"))]
mod tests {
    use super::*;

    #[test]
    fn a_fitted_prior_has_the_mean_and_std_of_the_latents() {
        let Prior::Gaussian { mean, std } = Prior::fit(&[1.0, 10.0, 3.0, 10.0], 2) else {
            panic!("a fit gives a Gaussian")
        };
        assert_eq!((mean, std), (vec![2.0, 10.0], vec![1.0, 0.0]));
    }

    #[test]
    fn each_class_is_drawn_from_its_own_mixture() {
        let at = |mean: f32| Mixture { weights: vec![1.0], means: vec![mean], factors: vec![0.5] };
        let prior = Prior::ByClass(vec![at(-100.0), at(100.0)]);
        assert!(prior.fits(1, 2) && !prior.fits(1, 0) && !prior.fits(1, 3) && !prior.fits(2, 2));
        assert!(!Prior::ByClass(Vec::new()).fits(1, 0));
        let draw = |first: u64, classes: &[usize]| -> Vec<f32> {
            let request = LatentRequest { seed: 7, first, count: classes.len(), classes, temperature: 1.0 };
            prior.sample(request, 1, None, &Device::flex()).into_data().iter().collect()
        };
        let found = draw(0, &[0, 1, 1, 0]);
        assert!(found.iter().zip([-100.0, 100.0, 100.0, -100.0]).all(|(z, mean): (&f32, f32)| (z - mean).abs() < 5.0));
        assert_eq!(draw(2, &[1, 0]), found[2..], "a sample is the same whatever is drawn with it");
        assert_eq!(found[0] + 100.0, draw(0, &[1])[0] - 100.0, "the same noise in every class");
    }

    #[test]
    fn draws_of_half_the_temperature_lie_half_as_far_from_the_middle() {
        let mixture = Mixture { weights: vec![1.0], means: vec![3.0], factors: vec![2.0] };
        let gaussian = Prior::Gaussian { mean: vec![3.0], std: vec![2.0] };
        for (prior, middle) in [(Prior::Normal, 0.0), (gaussian, 3.0), (Prior::Mixture(mixture.clone()), 3.0)] {
            let draw = |temperature: f32| -> Vec<f32> {
                let request = LatentRequest { seed: 7, first: 0, count: 3, classes: &[], temperature };
                prior.sample(request, 1, None, &Device::flex()).into_data().iter().collect()
            };
            for (warm, cool) in draw(1.0).into_iter().zip(draw(0.5)) {
                assert!(((warm - middle) / 2.0 - (cool - middle)).abs() < 1e-6, "{prior:?}: {warm} and {cool}");
            }
        }
    }

    #[test]
    fn a_cooled_prior_has_its_middle_where_it_was_and_less_spread() {
        let Prior::Gaussian { mean, std } = Prior::Normal.cooled(0.5, 2) else { panic!("N(0, I) has one width") };
        assert_eq!((mean, std), (vec![0.0; 2], vec![0.5; 2]));
        let mixture = Mixture { weights: vec![1.0], means: vec![3.0], factors: vec![2.0] };
        let cold = Mixture { factors: vec![1.0], ..mixture.clone() };
        assert_eq!(Prior::Mixture(mixture.clone()).cooled(0.5, 1), Prior::Mixture(cold.clone()));
        assert_eq!(Prior::ByClass(vec![mixture.clone()]).cooled(0.5, 1), Prior::ByClass(vec![cold]));
        assert_eq!(Prior::Mixture(mixture.clone()).cooled(1.0, 1), Prior::Mixture(mixture));
    }
}
