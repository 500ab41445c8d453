//! The evaluation of a generative model.

use std::time::Instant;

use anyhow::{Context, Result};
use imago_core::inference::{Encoder, Sampler};

use super::evaluator::Pixels;
use super::likelihood::{ImportanceSamples, LikelihoodEstimator, reconstructions};
use super::reference_set::Value;
use super::{EvaluatedModel, Evaluation, EvaluationProgress, Features, Metric, ReferenceSet, Score, inception};
use crate::data::{Images, Search};
use crate::device::within_threads;
use crate::report::png_grid;

const BATCH: usize = 250;
/// How many of the samples nearest to a training image are shown, and in how many columns.
const SHOWN: usize = 30;
const COLUMNS: usize = 10;

pub struct EvaluationJob<'a> {
    pub count: usize,
    pub seeds: &'a [u64],
    pub importance_samples: ImportanceSamples,
    pub search: &'a Search,
    pub device: &'a str,
    pub progress: &'a EvaluationProgress,
}

/// What an evaluation of the first seed yields besides scores.
pub struct EvaluationOutputs {
    /// The samples nearest to a training image, with those images below each row: a PNG.
    pub neighbours: Vec<u8>,
    pub features: Features,
}

impl EvaluationJob<'_> {
    /// Scores samples of `model` against the images of `real`.
    pub fn measure(&self, model: &EvaluatedModel, real: &ReferenceSet) -> Result<(Evaluation, EvaluationOutputs)> {
        let began = Instant::now();
        let manifest = &model.artifact.manifest;
        let mut scores: Vec<Score> = Vec::new();
        let mut first = None;
        for (number, seed) in self.seeds.iter().enumerate() {
            let of = format!("seed {} of {}", number + 1, self.seeds.len());
            self.progress.begin(format!("{}: sampling {} images, {of}", manifest.name, self.count), self.count);
            let pixels = draw(&model.sampler, model.data.image(), *seed, self.count, self.progress);
            self.progress.begin(format!("{}: scoring them, {of}", manifest.name), self.count);
            let classes = model.sampler.classes() as u64;
            let requested: Vec<usize> =
                (0..self.count as u64).filter_map(|index| Some(index.checked_rem(classes)? as usize)).collect();
            let metrics = real.measure(&pixels, &requested, self.progress);
            for Value { measure, value, error } in &metrics.values {
                match scores.iter_mut().find(|score| score.measure == *measure) {
                    Some(score) => score.values.push(*value),
                    None => scores.push(real.score(*measure, vec![*value], *error)),
                }
            }
            first.get_or_insert((pixels, metrics));
        }
        if let Some(encoder) = &model.encoder {
            // In the model's pixel range.
            let test = crate::data::test(&model.data, self.search)?;
            self.progress.begin(format!("{}: reconstructions", manifest.name), 2 * test.count());
            let reconstructed = reconstructions(encoder, &model.sampler, &test, self.progress);
            let distance = real.frechet_distance(&reconstructed, self.progress);
            scores.push(real.score(Metric::ReconstructionFid, vec![distance], None));
            scores.extend(self.likelihood(model, encoder, &test, real));
        }
        let (pixels, metrics) = first.context("there is no seed")?;
        let evaluation = Evaluation {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            name: manifest.name.clone(),
            family: manifest.family,
            set: model.data.set.title().to_owned(),
            weights_sha256: manifest.weights.sha256.clone(),
            device: self.device.to_owned(),
            evaluator: real.facts(),
            inception_sha256: real.inception_sha256().map(str::to_owned),
            count: self.count,
            test_images: real.test().count(),
            seeds: self.seeds.to_vec(),
            importance_samples: self.importance_samples,
            scores,
            classes: metrics.classes,
            alarm: metrics.alarm,
            warnings: self.warnings(real),
            seconds: began.elapsed().as_secs_f64(),
        };
        let neighbours = neighbours(&pixels, &metrics.nearest, real)?;
        Ok((evaluation, EvaluationOutputs { neighbours, features: metrics.features }))
    }

    fn likelihood(&self, model: &EvaluatedModel, encoder: &Encoder, test: &Images, real: &ReferenceSet) -> Vec<Score> {
        let Some(density) = model.density else { return Vec::new() };
        let name = &model.artifact.manifest.name;
        self.progress.begin(
            format!("{name}: likelihood of the test images"),
            LikelihoodEstimator::parts(test.count(), self.importance_samples),
        );
        let device = &model.sampler.device;
        let found = LikelihoodEstimator { encoder, sampler: &model.sampler, density, device }.measure(
            test,
            self.importance_samples,
            self.progress,
        );
        let score = |measure, value, error| real.score(measure, vec![value], error);
        vec![
            score(Metric::Elbo, found.reconstruction - found.divergence, Some(found.error)),
            score(Metric::Reconstruction, found.reconstruction, None),
            score(Metric::LatentDivergence, found.divergence, None),
            score(Metric::LikelihoodBound, found.bound, Some(found.bound_error)),
            score(Metric::ActiveUnits, found.active_units as f64, None),
        ]
    }

    fn warnings(&self, real: &ReferenceSet) -> Vec<String> {
        let test = real.test().count();
        let inception = real.inception_sha256().map(|_| inception::FEATURES);
        let sizes = [Some(real.facts().features), inception];
        let too_few = sizes.into_iter().flatten().filter(|size| self.count.min(test) <= *size);
        too_few
            .map(|size| {
                format!(
                    "{} samples and {test} test images are too few for {size} features: covariances are singular, and FID \
                     is unreliable",
                    self.count
                )
            })
            .collect()
    }
}

/// The samples nearest to a training image, above those images.
fn neighbours(pixels: &Pixels, nearest: &[(usize, f64)], real: &ReferenceSet) -> Result<Vec<u8>> {
    let mut order: Vec<usize> = (0..nearest.len()).collect();
    order.sort_by(|a, b| nearest[*a].1.total_cmp(&nearest[*b].1));
    order.truncate(SHOWN);
    let mut shown: Vec<f32> = Vec::new();
    for row in order.chunks(COLUMNS) {
        for sample in row {
            shown.extend(pixels.numbers(*sample..sample + 1));
        }
        let training: Vec<usize> = row.iter().map(|sample| nearest[*sample].0).collect();
        let training = real.training_pixels(&training);
        shown.extend(training.numbers(0..training.count()));
    }
    png_grid(&shown, pixels.shape, COLUMNS.min(order.len()), 2)
}

/// Samples `0 .. count` of a seed, quantised to bytes.
pub fn draw(sampler: &Sampler, shape: [usize; 3], seed: u64, count: usize, progress: &EvaluationProgress) -> Pixels {
    let mut pixels = Pixels::none(shape);
    for first in (0..count).step_by(BATCH) {
        let some = BATCH.min(count - first);
        pixels.push(within_threads(|| sampler.sample(seed, first as u64, some, None)));
        progress.done(some);
    }
    pixels
}
