//! Real images, analysed once, to compare samples of any number of models with.

use anyhow::Result;
use burn::tensor::Device;
use imago_core::noise::{Noise, Purpose};
use imago_core::spec;

use super::classes::{CollapseStatistics, Reason, alarm, covered, divergence, histogram};
use super::evaluator::{Pixels, Predictions, accuracy, inception};
use super::frechet::{Moments, frechet_distance};
use super::image_statistics::{diversity, diversity_by_class, sharpness};
use super::inception_score::inception_score;
use super::kernel::kernel_distance;
use super::neighbours::{Manifold, nearest, neighbour_scores};
use super::{ClassScore, EvaluationProgress, Evaluator, EvaluatorFacts, Features, Inception, Metric, Score};
use crate::data::{Images, Search};

/// Images per block of the kernel distance, as its authors have it.
const BLOCK: usize = 1_000;
/// Splits of the Inception Score, as its authors have it.
const SPLITS: usize = 10;
/// Search the nearest training image among this many planes.
const TRAINING: usize = 60_000;
/// More classes than these count as modes and have no rows of their own.
const CLASSES: usize = 256;

/// The test and training images of a set as an evaluator sees them.
pub struct ReferenceSet {
    evaluator: Evaluator,
    device: Device,
    accuracy: Option<f64>,
    test: Images,
    moments: Moments,
    manifold: Manifold,
    shares: Vec<f64>,
    inception_score: f64,
    sharpness: f64,
    diversity: f64,
    class_diversity: Vec<Option<f64>>,
    /// The mean distance from a test image to the nearest training image.
    nearest: f64,
    training: Images,
    training_order: Vec<usize>,
    training_features: Features,
    /// The scores of as many training images as there are samples.
    training_scores: Vec<Value>,
    inception: Option<(Inception, String, Moments, f64)>,
}

/// A score of one set of images, with its standard error if it has one.
#[derive(Debug, Clone, Copy)]
pub struct Value {
    pub measure: Metric,
    pub value: f64,
    pub error: Option<f64>,
}

fn value(measure: Metric, value: f64) -> Value {
    Value { measure, value, error: None }
}

pub struct SampleMetrics {
    pub values: Vec<Value>,
    pub classes: Vec<ClassScore>,
    pub alarm: Vec<Reason>,
    pub features: Features,
    /// The nearest training image of each sample, and its distance.
    pub nearest: Vec<(usize, f64)>,
}

impl ReferenceSet {
    /// Analyses the real images of `data`, to compare sets of `count` samples with them. Inception
    /// v3 comes with the hash of its file.
    pub fn new(
        data: &spec::Data,
        search: &Search,
        evaluator: Evaluator,
        inception_v3: Option<(Inception, String)>,
        count: usize,
        device: &Device,
        progress: &EvaluationProgress,
    ) -> Result<Self> {
        // All images, including those left out or held out in training.
        let data = spec::Data { limit: 0, validation: 0.0, augment: spec::Augment::default(), ..data.clone() };
        let (test, training) = (crate::data::test(&data, search)?, crate::data::training(&data, search)?.0);
        // In a fixed random order.
        let order = |images: &Images, stream| images.shuffled(&mut Noise::of(Purpose::Measure, 2, stream));
        let (test_order, mut training_order) = (order(&test, 0), order(&training, 1));
        training_order.truncate(TRAINING / evaluator.planes());
        let [test_pixels, training_pixels] =
            [(&test, &test_order), (&training, &training_order)].map(|(images, order)| Pixels::of(images, order));
        progress.begin(format!("analysing {} test images", test.count()), test.count());
        let predictions = evaluator.predict(&test_pixels, progress);
        progress.begin(format!("analysing {} training images", training_order.len()), training_order.len());
        let training_predictions = evaluator.predict(&training_pixels, progress);
        let (predicted, classes) = (predictions.classes(), predictions.probabilities.size());
        let truth = evaluator.truth(&test, &test_order);
        let accuracy = (!truth.is_empty()).then(|| accuracy(&predicted, &truth));
        let nearest =
            mean(nearest(&predictions.features, &training_predictions.features).iter().map(|(_, distance)| *distance));
        let mut reference_set = Self {
            accuracy,
            moments: Moments::of(&predictions.features),
            shares: histogram(&predicted, classes),
            inception_score: inception_score(&predictions.probabilities, SPLITS).mean,
            sharpness: mean(sharpness(&test_pixels.numbers(0..test_pixels.count()), test.shape()).into_iter()),
            diversity: diversity(&predictions.features),
            class_diversity: diversity_by_class(&predictions.features, &predicted, classes),
            nearest,
            manifold: Manifold::of(predictions.features),
            test,
            training_features: training_predictions.features,
            training,
            training_order,
            training_scores: Vec::new(),
            inception: None,
            device: device.clone(),
            evaluator,
        };
        let own = reference_set.training_features.count().min(count);
        let pixels = Pixels::of(&reference_set.training, &reference_set.training_order[..own]);
        progress.begin(format!("comparing {own} training images"), own);
        let predictions = Predictions {
            features: reference_set.training_features.first(own),
            probabilities: training_predictions.probabilities.first(own),
        };
        let truth = reference_set.evaluator.truth(&reference_set.training, &reference_set.training_order[..own]);
        reference_set.training_scores = reference_set.compare(predictions, &pixels, &truth, false).values;
        if let Some((network, sha256)) = inception_v3 {
            progress.begin("analysing the test images with Inception v3".into(), reference_set.test.count() + own);
            let moments = Moments::of(&inception(&network, &test_pixels, device, progress));
            let floor = frechet_distance(&Moments::of(&inception(&network, &pixels, device, progress)), &moments);
            reference_set.inception = Some((network, sha256, moments, floor));
        }
        Ok(reference_set)
    }

    pub fn facts(&self) -> EvaluatorFacts {
        EvaluatorFacts {
            name: self.evaluator.name().to_owned(),
            sha256: self.evaluator.sha256().to_owned(),
            features: self.training_features.size(),
            accuracy: self.accuracy,
        }
    }

    /// SHA-256 of the weights of Inception v3, if used.
    pub fn inception_sha256(&self) -> Option<&str> {
        self.inception.as_ref().map(|(_, sha256, ..)| sha256.as_str())
    }

    pub fn test(&self) -> &Images {
        &self.test
    }

    pub fn test_features(&self) -> &Features {
        self.manifold.features()
    }

    /// The training images with these numbers, as in [`SampleMetrics::nearest`].
    pub fn training_pixels(&self, numbers: &[usize]) -> Pixels {
        let indices: Vec<usize> =
            numbers.iter().filter_map(|number| self.training_order.get(*number).copied()).collect();
        Pixels::of(&self.training, &indices)
    }

    /// Scores samples. `requested` has their classes for a conditional model.
    pub fn measure(&self, pixels: &Pixels, requested: &[usize], progress: &EvaluationProgress) -> SampleMetrics {
        let predictions = self.evaluator.predict(pixels, progress);
        let mut metrics = self.compare(predictions, pixels, requested, true);
        if let Some((network, _, moments, _)) = &self.inception {
            let found = Moments::of(&inception(network, pixels, &self.device, progress));
            metrics.values.insert(1, value(Metric::InceptionFid, frechet_distance(&found, moments)));
        }
        metrics
    }

    /// Only the FID of images, such as reconstructions.
    pub fn frechet_distance(&self, pixels: &Pixels, progress: &EvaluationProgress) -> f64 {
        let predictions = self.evaluator.predict(pixels, progress);
        frechet_distance(&Moments::of(&predictions.features), &self.moments)
    }

    /// Scores images. Nearest training images are only searched for `samples`.
    fn compare(&self, predictions: Predictions, pixels: &Pixels, requested: &[usize], samples: bool) -> SampleMetrics {
        let predicted = predictions.classes();
        let classes = predictions.probabilities.size();
        let shares = histogram(&predicted, classes);
        // Blocks are independent only if classes do not alternate, as those of a conditional model
        // do.
        let mut order: Vec<usize> = (0..predictions.features.count()).collect();
        Noise::of(Purpose::Measure, 2, 2).shuffle(&mut order);
        let kid = kernel_distance(self.manifold.features(), &predictions.features.select(&order), BLOCK);
        let inception = inception_score(&predictions.probabilities, SPLITS);
        let mut values = vec![
            value(Metric::Fid, frechet_distance(&Moments::of(&predictions.features), &self.moments)),
            Value {
                measure: Metric::Kid,
                value: kid.mean,
                error: Some(kid.standard_error).filter(|error| error.is_finite()),
            },
            Value { measure: Metric::InceptionScore, value: inception.mean, error: Some(inception.std) },
        ];
        let nearest = if samples { nearest(&predictions.features, &self.training_features) } else { Vec::new() };
        let sample_diversity = diversity(&predictions.features);
        let class_diversity = diversity_by_class(&predictions.features, &predicted, classes.min(CLASSES));
        let manifold = Manifold::of(predictions.features);
        let near = neighbour_scores(&self.manifold, &manifold);
        values.extend([
            value(Metric::Precision, near.precision),
            value(Metric::Recall, near.recall),
            value(Metric::Density, near.density),
            value(Metric::Coverage, near.coverage),
        ]);
        if self.evaluator.planes() > 1 {
            let even = vec![1.0 / classes as f64; classes];
            let found = shares.iter().filter(|share| **share > 0.0).count();
            values.push(value(Metric::Modes, found as f64));
            values.push(value(Metric::ModeDivergence, divergence(&shares, &even)));
        } else {
            values.push(value(Metric::ClassesCovered, covered(&shares, &self.shares) as f64));
            values.push(value(Metric::ClassDivergence, divergence(&shares, &self.shares)));
        }
        if !requested.is_empty() {
            values.push(value(Metric::ClassAccuracy, accuracy(&predicted, requested)));
        }
        let sharp = mean(sharpness(&pixels.numbers(0..pixels.count()), pixels.shape).into_iter());
        values.push(value(Metric::Sharpness, sharp / self.sharpness));
        values.push(value(Metric::Diversity, sample_diversity / self.diversity));
        if samples {
            let distance = mean(nearest.iter().map(|(_, distance)| *distance));
            values.push(value(Metric::NearestTraining, distance / self.nearest));
        }
        let few = classes <= CLASSES;
        let statistics = CollapseStatistics {
            names: self.test.classes(),
            shares: if few { &shares } else { &[] },
            real_shares: if few { &self.shares } else { &[] },
            diversity: sample_diversity,
            real_diversity: self.diversity,
            nearest_others: manifold.nearest_others(),
            real_nearest_other: mean(self.manifold.nearest_others().iter().map(|(_, distance)| *distance)),
            coverage: near.coverage / self.real(Metric::Coverage).0.unwrap_or(1.0),
        };
        let names = if few { self.test.classes() } else { &[] };
        let class_scores = names.iter().enumerate().map(|(class, name)| {
            let of = |list: &[Option<f64>]| list.get(class).copied().flatten();
            ClassScore {
                name: name.clone(),
                share: shares.get(class).copied().unwrap_or(0.0),
                test_share: self.shares.get(class).copied().unwrap_or(0.0),
                diversity: of(&class_diversity).zip(of(&self.class_diversity)).map(|(own, real)| own / real),
            }
        });
        SampleMetrics {
            classes: class_scores.collect(),
            alarm: alarm(&statistics),
            values,
            features: manifold.into_features(),
            nearest,
        }
    }

    /// A score's value for training images, and for the test images themselves.
    pub fn real(&self, measure: Metric) -> (Option<f64>, Option<f64>) {
        let training = self.training_scores.iter().find(|score| score.measure == measure).map(|score| score.value);
        let classes = self.shares.len() as f64;
        let test = match measure {
            Metric::Fid | Metric::InceptionFid | Metric::Kid | Metric::ClassDivergence => Some(0.0),
            Metric::InceptionScore => Some(self.inception_score),
            Metric::Precision | Metric::Recall | Metric::Density | Metric::Coverage => Some(1.0),
            Metric::Sharpness | Metric::Diversity | Metric::NearestTraining => Some(1.0),
            Metric::ClassesCovered => Some(classes),
            Metric::Modes => Some(self.shares.iter().filter(|share| **share > 0.0).count() as f64),
            Metric::ModeDivergence => Some(divergence(&self.shares, &vec![1.0 / classes; self.shares.len()])),
            Metric::ClassAccuracy => self.accuracy,
            _ => None,
        };
        let training = match (measure, &self.inception) {
            (Metric::InceptionFid, Some((_, _, _, floor))) => Some(*floor),
            (Metric::ReconstructionFid, _) => None,
            _ => training,
        };
        (training, test)
    }

    pub fn score(&self, measure: Metric, values: Vec<f64>, error: Option<f64>) -> Score {
        let (training, test) = self.real(measure);
        Score { measure, values, error, training, test }
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for value in values {
        sum += value;
        count += 1.0;
    }
    sum / count
}
