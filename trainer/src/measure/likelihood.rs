//! Bounds of a VAE's likelihood of test images.

use burn::tensor::{Device, Tensor, TensorData};
use imago_core::data::Batch;
use imago_core::inference::{Encoder, Sampler};
use imago_core::layer::Value;
use imago_core::noise::{Noise, Purpose};
use serde::{Deserialize, Serialize};

use super::EvaluationProgress;
use super::evaluator::Pixels;
use crate::data::Images;
use crate::device::within_threads;
use imago_core::data::plain;

const BATCH: usize = 250;

/// The distribution of pixel values given the decoder's output.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Density {
    /// The output is the logit of white: Σ x log σ(l) + (1 − x) log(1 − σ(l)). For grey
    /// values this is no density, but customary.
    Bernoulli,
    /// Σ −(x − y)² / 2σ² − log σ − ½ log 2π. Squared error corresponds to σ² = ½.
    Normal { std: f64 },
    /// Σ −|x − y| − log 2. Absolute error corresponds to a scale of 1.
    Laplace,
}

impl Density {
    /// The log-density of each image given the output, `[batch, values]` each.
    fn log(self, given: Tensor<2>, images: Tensor<2>) -> Vec<f64> {
        let values = given.dims()[1] as f64;
        let (sums, factor, constant) = match self {
            Self::Bernoulli => {
                let rest = given.clone().abs().neg().exp().log1p();
                let losses = given.clone().clamp_min(0.0) - given * images + rest;
                (losses, -1.0, 0.0)
            }
            Self::Normal { std } => {
                let half_log_two_pi = 0.5 * std::f64::consts::TAU.ln();
                let constant = -values * (std.ln() + half_log_two_pi);
                ((given - images).square(), -0.5 / (std * std), constant)
            }
            Self::Laplace => ((given - images).abs(), -1.0, -values * std::f64::consts::LN_2),
        };
        let sums = sums.sum_dim(1).into_data();
        sums.iter::<f32>().map(|sum| f64::from(sum) * factor + constant).collect()
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Likelihood {
    /// E log p(x|z), averaged over all images, with one sample of each latent.
    pub reconstruction: f64,
    /// KL(q(z|x) ‖ N(0, I)), averaged over all images.
    pub divergence: f64,
    /// The standard error over the images of their difference, the ELBO.
    pub error: f64,
    /// The importance-weighted bound for the first images: E log 1/K Σ p(x|z) p(z) / q(z|x).
    pub bound: f64,
    pub bound_error: f64,
    /// Latent values that are used: their mean varies over the images by more than 0.01.
    pub active_units: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ImportanceSamples {
    pub images: usize,
    pub draws: usize,
}

pub struct LikelihoodEstimator<'a> {
    pub encoder: &'a Encoder,
    pub sampler: &'a Sampler,
    pub density: Density,
    pub device: &'a Device,
}

impl LikelihoodEstimator<'_> {
    /// Kingma and Welling (2013), equation 3; Burda, Grosse and Salakhutdinov, "Importance Weighted
    /// Autoencoders" (2015), equation 8 for the bound and section 5.2 for the active units.
    pub fn measure(
        &self,
        images: &Images,
        importance_samples: ImportanceSamples,
        progress: &EvaluationProgress,
    ) -> Likelihood {
        let all: Vec<usize> = (0..images.count()).collect();
        let terms = |pass: u64, number: usize, indices: &[usize], draws: usize| {
            let latents = indices.len() * draws;
            let noise = Noise::of(Purpose::Measure, pass, number as u64).normals(latents * self.sampler.latent());
            let Batch { samples, classes } = plain(images, indices, self.device);
            let terms = within_threads(|| self.terms(samples, &classes, &noise));
            progress.done(latents);
            terms
        };
        let (mut reconstructions, mut divergences, mut means) = (Vec::new(), Vec::new(), Vec::new());
        for (number, indices) in all.chunks(BATCH).enumerate() {
            let part = terms(0, number, indices, 1);
            reconstructions.extend(part.reconstructions);
            divergences.extend(part.divergences);
            means.extend(part.means);
        }
        let mut bounds = Vec::new();
        let draws = importance_samples.draws;
        let some = &all[..importance_samples.images.min(all.len())];
        for (number, indices) in some.chunks((BATCH / draws.max(1)).max(1)).enumerate() {
            bounds.extend(terms(1, number, indices, draws).weights.chunks_exact(draws.max(1)).map(log_mean_exp));
        }
        let elbo: Vec<f64> =
            reconstructions.iter().zip(&divergences).map(|(log_likelihood, kl)| log_likelihood - kl).collect();
        let (bound, bound_error) = mean_and_error(&bounds);
        Likelihood {
            reconstruction: mean_and_error(&reconstructions).0,
            divergence: mean_and_error(&divergences).0,
            error: mean_and_error(&elbo).1,
            bound,
            bound_error,
            active_units: active_units(&means, self.sampler.latent()),
        }
    }

    /// The progress units of [`Self::measure`].
    pub fn parts(images: usize, importance_samples: ImportanceSamples) -> usize {
        images + images.min(importance_samples.images) * importance_samples.draws
    }

    /// The terms of both bounds for a batch, with `noise` `[images, draws, latent]`.
    fn terms(&self, samples: Value, classes: &Tensor<2>, noise: &[f32]) -> Terms {
        let images = samples.clone().flat();
        let count = images.dims()[0];
        let (means, log_variances) = self.encoder.encode(samples, classes);
        let log_variances = log_variances.unwrap_or_else(|| means.zeros_like());
        let numbers =
            |tensor: &Tensor<2>| -> Vec<f64> { tensor.clone().into_data().iter::<f32>().map(f64::from).collect() };
        let (mean, log_variance) = (numbers(&means), numbers(&log_variances));
        let latent = means.dims()[1];
        let draws = noise.len() / (count * latent).max(1);
        let (mut latents, mut weights) = (Vec::with_capacity(noise.len()), Vec::with_capacity(count * draws));
        for (number, noise) in noise.chunks_exact(latent.max(1)).enumerate() {
            let own = number / draws * latent..(number / draws + 1) * latent;
            let mut weight = 0.0;
            for ((mean, log_variance), epsilon) in mean[own.clone()].iter().zip(&log_variance[own]).zip(noise) {
                let epsilon = f64::from(*epsilon);
                let z = mean + (0.5 * log_variance).exp() * epsilon;
                // log N(z; 0, 1) − log N(z; μ, σ²)
                weight += 0.5 * (epsilon * epsilon - z * z + log_variance);
                latents.push(z as f32);
            }
            weights.push(weight);
        }
        let repeated = |rows: Tensor<2>| -> Tensor<2> {
            let [_, values] = rows.dims();
            rows.unsqueeze_dim::<3>(1).repeat_dim(1, draws).reshape([count * draws, values])
        };
        let latents = Tensor::from_data(TensorData::new(latents, [count * draws, latent]), self.device);
        let given = self.sampler.values(latents, Some(repeated(classes.clone()))).flat();
        let reconstructions = self.density.log(given, repeated(images));
        weights.iter_mut().zip(&reconstructions).for_each(|(weight, likelihood)| *weight += likelihood);
        let divergences =
            mean.chunks_exact(latent.max(1)).zip(log_variance.chunks_exact(latent.max(1))).map(|(means, logs)| {
                means.iter().zip(logs).map(|(mean, log)| 0.5 * (mean * mean + log.exp() - log - 1.0)).sum()
            });
        Terms { divergences: divergences.collect(), reconstructions, weights, means: mean }
    }
}

pub fn reconstructions(encoder: &Encoder, sampler: &Sampler, images: &Images, progress: &EvaluationProgress) -> Pixels {
    let mut pixels = Pixels::none(images.shape());
    let all: Vec<usize> = (0..images.count()).collect();
    for indices in all.chunks(BATCH) {
        let Batch { samples, classes } = plain(images, indices, &sampler.device);
        pixels.push(within_threads(|| {
            let latents = encoder.encode(samples, &classes).0;
            sampler.output.pixels(sampler.values(latents, Some(classes)).image())
        }));
        progress.done(indices.len());
    }
    pixels
}

struct Terms {
    reconstructions: Vec<f64>,
    divergences: Vec<f64>,
    /// log p(x|z) p(z) / q(z|x) of every importance sample.
    weights: Vec<f64>,
    means: Vec<f64>,
}

/// log 1/n Σ exp x, without overflow.
fn log_mean_exp(values: &[f64]) -> f64 {
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    most + (values.iter().map(|value| (value - most).exp()).sum::<f64>() / values.len() as f64).ln()
}

fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    (mean, (squares / (count - 1.0) / count).sqrt())
}

/// How many columns of `means`, rows of `latent` values, have a variance above 0.01.
fn active_units(means: &[f64], latent: usize) -> usize {
    let count = means.len() / latent.max(1);
    let variance = |value: usize| {
        let column = || means.iter().skip(value).step_by(latent.max(1));
        let mean = column().sum::<f64>() / count as f64;
        column().map(|x| (x - mean).powi(2)).sum::<f64>() / count as f64
    };
    (0..latent).filter(|value| variance(*value) > 0.01).count()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use imago_core::artifact::{
        Artifact, DataFacts, ENCODER, FORMAT, GENERATOR, Generator, ImageNetwork, Manifest, TrainingFacts, WeightFacts,
    };
    use imago_core::family::Family;
    use imago_core::inference::Output;
    use imago_core::latent::Prior;
    use imago_core::layer::{Flatten, Initializer, LayerSpec, Linear, Reshape, Sigmoid};
    use imago_core::network::Sequential;
    use imago_core::spec::PixelRange;
    use imago_core::weights::Precision;
    use serde_json::Value as Json;

    use super::*;

    fn reference() -> Json {
        serde_json::from_str(include_str!("../../../tests/measures/likelihood.json")).unwrap()
    }

    fn numbers(value: &Json) -> Vec<f64> {
        match value {
            Json::Array(items) => items.iter().flat_map(numbers).collect(),
            number => vec![number.as_f64().unwrap()],
        }
    }

    fn tensor(value: &Json, shape: [usize; 2]) -> TensorData {
        TensorData::new(numbers(value).iter().map(|number| *number as f32).collect::<Vec<f32>>(), shape)
    }

    fn model(reference: &Json, logits: bool, device: &Device) -> (Encoder, Sampler) {
        let mut layers: Vec<LayerSpec> = vec![Linear::new(12).into()];
        if !logits {
            layers.push(Sigmoid {}.into());
        }
        layers.push(Reshape([1, 3, 4]).into());
        let reader = ImageNetwork {
            layers: vec![Flatten {}.into(), Linear::new(6).into()],
            range: PixelRange::Unit,
            heads: true,
        };
        let output = if logits { Output::Sigmoid } else { Output::Identity };
        let manifest = Manifest {
            format: FORMAT,
            name: "small".into(),
            family: Family::Vae,
            data: DataFacts { set: "none".into(), image: [1, 3, 4], classes: vec!["all".into()] },
            generator: Some(Generator { latent: 3, classes: 0, layers, output }),
            prior: Prior::Normal,
            encoder: Some(reader),
            classifier: None,
            training: TrainingFacts::default(),
            history: None,
            weights: WeightFacts::default(),
        };
        let networks = manifest.plan().unwrap();
        let build = |network, layer: usize, part: &Json, shape: [usize; 2]| {
            let weight = tensor(&part["weight"], shape);
            let bias: Vec<f32> = numbers(&part["bias"]).iter().map(|number| *number as f32).collect();
            let values = shape[1];
            let tensors = BTreeMap::from([
                (format!("layers.{layer}.weight"), weight),
                (format!("layers.{layer}.bias"), TensorData::new(bias, [values])),
            ]);
            let mut start = Initializer::loaded(tensors, device);
            let built = Sequential::new(network, &mut start);
            start.finish().unwrap();
            built
        };
        let decoder = build(networks.generator.as_ref().unwrap(), 0, &reference["decoder"], [3, 12]);
        let encoder = build(networks.encoder.as_ref().unwrap(), 1, &reference["encoder"], [12, 6]);
        let artifact = burn::tensor::read_sync(Artifact::new(
            manifest,
            &[(GENERATOR, &decoder), (ENCODER, &encoder)],
            Precision::F32,
        ))
        .unwrap();
        (artifact.encoder(device).unwrap().unwrap(), artifact.sampler(device).unwrap())
    }

    fn close(found: f64, expected: f64, what: &str) {
        assert!((found - expected).abs() < 1e-5 * expected.abs() + 2e-5, "{what}: {found}, expected {expected}");
    }

    /// `tests/measures/likelihood.py`
    #[test]
    fn both_bounds_are_those_of_the_reference_for_every_density() {
        let (reference, device) = (reference(), Device::flex());
        let (draws, images) = (16, 6);
        // The reference has the importance samples first.
        let given = numbers(&reference["noise"]);
        let at = |image: usize, draw: usize| (draw * images + image) * 3;
        let order = (0..images).flat_map(|image| (0..draws).map(move |draw| (image, draw)));
        let noise: Vec<f32> =
            order.flat_map(|(i, d)| given[at(i, d)..at(i, d) + 3].to_vec()).map(|x| x as f32).collect();
        let pixels = Tensor::<2>::from_data(tensor(&reference["images"], [images, 12]), &device);
        let cases = reference["cases"].as_array().unwrap();
        assert_eq!(cases.len(), 4);
        for case in cases {
            let name = case["distribution"].as_str().unwrap();
            let density = match (name, case["deviation"].as_f64()) {
                ("bernoulli", _) => Density::Bernoulli,
                ("mse", _) => Density::Normal { std: std::f64::consts::FRAC_1_SQRT_2 },
                (_, std) => Density::Normal { std: std.unwrap() },
            };
            let (encoder, sampler) = model(&reference, density == Density::Bernoulli, &device);
            let estimator = LikelihoodEstimator { encoder: &encoder, sampler: &sampler, density, device: &device };
            let classes = Tensor::ones([images, 1], &device);
            let terms = estimator.terms(Value::Image(pixels.clone().reshape([images, 1, 3, 4])), &classes, &noise);
            let (reconstruction, elbo, bound, kl) = (
                numbers(&case["reconstruction"]),
                numbers(&case["elbo"]),
                numbers(&case["bound"]),
                numbers(&reference["kl"]),
            );
            for image in 0..images {
                let own = image * draws..(image + 1) * draws;
                let found = mean_and_error(&terms.reconstructions[own.clone()]).0;
                close(terms.divergences[image], kl[image], name);
                close(found, reconstruction[image], name);
                close(found - terms.divergences[image], elbo[image], name);
                close(log_mean_exp(&terms.weights[own]), bound[image], name);
            }
            assert_eq!(active_units(&terms.means, 3) as u64, reference["active"]["units"].as_u64().unwrap());
        }
    }

    #[test]
    fn a_laplace_density_is_normalised() {
        let device = Device::flex();
        let one = |value: f32| Tensor::<2>::from_data(TensorData::new(vec![value], [1, 1]), &device);
        let step = 0.01;
        let mass: f64 =
            (-1_500..1_500).map(|x| Density::Laplace.log(one(0.3), one(x as f32 * step as f32))[0].exp() * step).sum();
        assert!((mass - 1.0).abs() < 1e-3, "{mass}");
    }

    #[test]
    fn means_of_exponentials_do_not_overflow() {
        assert!((log_mean_exp(&[-1000.0, -1000.0]) + 1000.0).abs() < 1e-12);
        assert!((log_mean_exp(&[0.0, f64::NEG_INFINITY]) + std::f64::consts::LN_2).abs() < 1e-12);
    }
}
