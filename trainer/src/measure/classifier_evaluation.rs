//! The evaluation of a classifier on test and training images.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use imago_core::family::Family;
use imago_core::spec::Data;

use super::classes::histogram;
use super::evaluator::{Pixels, accuracy};
use super::{ClassScore, Evaluation, EvaluationProgress, Evaluator, EvaluatorFacts, ImportanceSamples, Metric, Score};
use crate::data::{Images, Search};
use crate::device::OpenDevice;

/// Evaluates the classifier at `path`, trained on `data`, on test and training images.
pub fn evaluate_classifier(
    path: &Path,
    data: &Data,
    search: &Search,
    opened: &OpenDevice,
    progress: &EvaluationProgress,
) -> Result<Evaluation> {
    let begun = Instant::now();
    let evaluator = Evaluator::open(Some(path), data, &opened.device)?;
    // All images, without augmentation.
    let data = Data { limit: 0, validation: 0.0, augment: Default::default(), ..data.clone() };
    let (test, training) = (crate::data::test(&data, search)?, crate::data::training(&data, search)?.0);
    let test_result = Classification::of(&evaluator, &test, progress);
    let training_result = Classification::of(&evaluator, &training, progress);
    let score = |measure, value: fn(&Classification) -> f64, error| Score {
        measure,
        values: vec![value(&test_result)],
        error,
        training: Some(value(&training_result)),
        test: None,
    };
    let accuracy = test_result.accuracy();
    let error = (accuracy * (1.0 - accuracy) / test_result.truth.len().max(1) as f64).sqrt();
    Ok(Evaluation {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        name: evaluator.name().to_owned(),
        family: Family::Classifier,
        set: data.set.title().to_owned(),
        weights_sha256: evaluator.sha256().to_owned(),
        device: opened.name.clone(),
        evaluator: EvaluatorFacts {
            name: evaluator.name().to_owned(),
            sha256: evaluator.sha256().to_owned(),
            features: test_result.features,
            accuracy: Some(accuracy),
        },
        inception_sha256: None,
        count: test.count(),
        test_images: test.count(),
        seeds: Vec::new(),
        importance_samples: ImportanceSamples::default(),
        scores: vec![
            score(Metric::Accuracy, Classification::accuracy, Some(error)),
            score(Metric::CrossEntropy, Classification::cross_entropy, None),
        ],
        classes: test_result.classes(test.classes()),
        alarm: Vec::new(),
        warnings: Vec::new(),
        seconds: begun.elapsed().as_secs_f64(),
    })
}

struct Classification {
    predicted: Vec<usize>,
    truth: Vec<usize>,
    confidence: Vec<f64>,
    features: usize,
}

impl Classification {
    fn of(evaluator: &Evaluator, images: &Images, progress: &EvaluationProgress) -> Self {
        let all: Vec<usize> = (0..images.count()).collect();
        progress.begin(format!("{}: {} images", evaluator.name(), all.len()), all.len());
        let predictions = evaluator.predict(&Pixels::of(images, &all), progress);
        let truth: Vec<usize> = images.labels().iter().map(|label| usize::from(*label)).collect();
        let confidence =
            predictions.probabilities.rows().zip(&truth).map(|(row, class)| row.get(*class).copied().unwrap_or(0.0));
        Self {
            predicted: predictions.classes(),
            confidence: confidence.collect(),
            features: predictions.features.size(),
            truth,
        }
    }

    fn accuracy(&self) -> f64 {
        accuracy(&self.predicted, &self.truth)
    }

    /// In nats per image; a probability of 0 counts as the smallest positive number.
    fn cross_entropy(&self) -> f64 {
        let sum: f64 =
            self.confidence.iter().map(|confidence| -confidence.max(f64::from(f32::MIN_POSITIVE)).ln()).sum();
        sum / self.confidence.len().max(1) as f64
    }

    /// The predicted and the true share of each class.
    fn classes(&self, names: &[String]) -> Vec<ClassScore> {
        let [shares, test_shares] = [&self.predicted, &self.truth].map(|found| histogram(found, names.len()));
        let shares = names.iter().zip(shares.into_iter().zip(test_shares));
        shares
            .map(|(name, (share, test_share))| ClassScore { name: name.clone(), share, test_share, diversity: None })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accuracy_counts_and_cross_entropy_weighs() {
        let test_result = Classification {
            predicted: vec![0, 1, 1, 0],
            truth: vec![0, 1, 0, 0],
            confidence: vec![1.0, 0.5, 0.25, 1.0],
            features: 1,
        };
        assert_eq!(test_result.accuracy(), 0.75);
        assert!((test_result.cross_entropy() - 3.0 * std::f64::consts::LN_2 / 4.0).abs() < 1e-12);
        let classes = test_result.classes(&["a".into(), "b".into()]);
        assert_eq!([classes[0].share, classes[0].test_share, classes[1].test_share], [0.5, 0.75, 0.25]);
        assert!(Classification { confidence: vec![0.0], ..test_result }.cross_entropy().is_finite());
    }
}
