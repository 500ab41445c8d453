//! The classifier that provides features and classes of images.

use std::path::Path;

use anyhow::{Context, Result, bail};
use burn::tensor::{Device, Tensor, TensorData};
use imago_core::artifact::Artifact;
use imago_core::inference::ImageClassifier;
use imago_core::layer::LayerSpec;
use imago_core::spec::{self, Set};

use super::{EvaluationProgress, Features, Inception};
use crate::data::Images;
use crate::device::within_threads;
use crate::run::open_artifact;

const BATCH: usize = 250;
const INCEPTION_BATCH: usize = 16;

/// Images as bytes: `[count, channels, height, width]`.
#[derive(Debug, Clone, Default)]
pub struct Pixels {
    pub bytes: Vec<u8>,
    pub shape: [usize; 3],
}

impl Pixels {
    pub fn of(images: &Images, indices: &[usize]) -> Self {
        let [low, high] = <[f64; 2]>::from(images.range()).map(|end| end as f32);
        let values = images.plain(indices);
        let bytes = values.iter().map(|value| byte((value - low) / (high - low))).collect();
        Self { bytes, shape: images.shape() }
    }

    /// An empty set of images of this shape.
    pub fn none(shape: [usize; 3]) -> Self {
        Self { bytes: Vec::new(), shape }
    }

    /// Adds images `[count, channels, height, width]` with pixels from 0 to 1.
    pub fn push(&mut self, images: Tensor<4>) {
        self.bytes.extend(images.into_data().iter::<f32>().map(byte));
    }

    pub fn count(&self) -> usize {
        self.bytes.len() / self.values()
    }

    #[cfg(test)]
    pub fn image(&self, index: usize) -> &[u8] {
        &self.bytes[index * self.values()..(index + 1) * self.values()]
    }

    /// Some of the images, with values from 0 to 1.
    pub fn numbers(&self, images: std::ops::Range<usize>) -> Vec<f32> {
        let bytes = &self.bytes[images.start * self.values()..images.end * self.values()];
        bytes.iter().map(|byte| f32::from(*byte) / 255.0).collect()
    }

    fn values(&self) -> usize {
        self.shape.iter().product::<usize>().max(1)
    }
}

fn byte(value: f32) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0).round() as u8
}

pub struct Evaluator {
    classifier: ImageClassifier,
    artifact: Artifact,
    /// How many images it sees in the channels of one: three for stacked digits.
    planes: usize,
    device: Device,
}

pub struct Predictions {
    /// `[images, features]`
    pub features: Features,
    /// The probability of each class: `[images, classes]`.
    pub probabilities: Features,
}

impl Predictions {
    pub fn classes(&self) -> Vec<usize> {
        let best = |row: &[f64]| (0..row.len()).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap_or(0);
        self.probabilities.rows().map(best).collect()
    }
}

/// The built-in classifiers: model.ron and weights.bpk of each set.
fn shipped(set: &Set) -> Option<(&'static str, &'static [u8])> {
    match set {
        Set::Mnist | Set::StackedMnist => Some((
            include_str!("../../evaluators/mnist/model.ron"),
            include_bytes!("../../evaluators/mnist/weights.bpk"),
        )),
        Set::FashionMnist => Some((
            include_str!("../../evaluators/fashion-mnist/model.ron"),
            include_bytes!("../../evaluators/fashion-mnist/weights.bpk"),
        )),
        _ => None,
    }
}

impl Evaluator {
    /// The classifier at `path`, a run or an artifact, or else the built-in one for the set.
    pub fn open(path: Option<&Path>, data: &spec::Data, device: &Device) -> Result<Self> {
        let artifact = match (path, shipped(&data.set)) {
            (Some(path), _) => open_artifact(path, false)?,
            (None, Some((manifest, weights))) => Artifact::read(manifest, weights.to_vec())?,
            (None, None) => bail!(
                "there is no evaluator for {}: train a classifier on it and name its run with --evaluator",
                data.set.title()
            ),
        };
        let name = artifact.manifest.name.clone();
        let classifier = artifact.classifier(device).with_context(|| format!("the evaluator {name}"))?;
        let layers = artifact.manifest.classifier.iter().flat_map(|classifier| &classifier.layers);
        if !matches!(layers.last(), Some(LayerSpec::Linear(_))) {
            bail!("the evaluator {name} does not end with `linear`, so it has no features");
        }
        let facts = &artifact.manifest.data;
        let ([channels, height, width], image) = (facts.image, data.image());
        let planes = if data.set == Set::StackedMnist { image[0] / channels.max(1) } else { 1 };
        if [channels * planes, height, width] != image {
            bail!(
                "the evaluator {name} expects images {:?}, but those of {} are {image:?}",
                facts.image,
                data.set.title()
            );
        }
        let theirs = if planes > 1 { Set::Mnist.title() } else { data.set.title() };
        if facts.set != theirs {
            bail!(
                "the evaluator {name} was trained on {}, but the images are of {theirs}: its features do not apply",
                facts.set
            );
        }
        Ok(Self { classifier, artifact, planes, device: device.clone() })
    }

    pub fn name(&self) -> &str {
        &self.artifact.manifest.name
    }

    pub fn sha256(&self) -> &str {
        &self.artifact.manifest.weights.sha256
    }

    /// How many images it sees in the channels of one.
    pub fn planes(&self) -> usize {
        self.planes
    }

    /// The true classes of `images`, where the evaluator has the same classes.
    pub fn truth(&self, images: &Images, indices: &[usize]) -> Vec<usize> {
        match self.planes {
            1 => indices.iter().map(|index| usize::from(images.labels()[*index])).collect(),
            _ => Vec::new(),
        }
    }

    /// Classifies `pixels`. For stacked digits the features are concatenated, and the classes are
    /// all combinations, in which the first digit counts most.
    pub fn predict(&self, pixels: &Pixels, progress: &EvaluationProgress) -> Predictions {
        let (mut features, mut probabilities) = (Vec::new(), Vec::new());
        let (mut size, mut classes) = (0, 0);
        let [channels, height, width] = pixels.shape;
        for first in (0..pixels.count()).step_by(BATCH) {
            let some = first..pixels.count().min(first + BATCH);
            let shape = [some.len() * self.planes, channels / self.planes, height, width];
            let count = some.len();
            let images = Tensor::from_data(TensorData::new(pixels.numbers(some), shape), &self.device);
            let (seen, predicted) = within_threads(|| {
                let (seen, predicted) = self.classifier.features(images);
                size = seen.dims()[1] * self.planes;
                (seen.into_data(), predicted.into_data())
            });
            features.extend(seen.iter::<f32>().map(f64::from));
            let predicted: Vec<f64> = predicted.iter::<f32>().map(f64::from).collect();
            let rows = predicted.chunks_exact((predicted.len() / count.max(1)).max(1));
            for row in rows {
                let joint = combinations(row, self.planes);
                classes = joint.len();
                probabilities.extend(joint);
            }
            progress.done(count);
        }
        Predictions { features: Features::new(features, size), probabilities: Features::new(probabilities, classes) }
    }
}

/// The share of images whose predicted class is the true, or the requested, one.
pub fn accuracy(predicted: &[usize], truth: &[usize]) -> f64 {
    let right = predicted.iter().zip(truth).filter(|(predicted, truth)| predicted == truth).count();
    right as f64 / truth.len().max(1) as f64
}

/// The joint probabilities of `planes` independent predictions, which `row` concatenates.
fn combinations(row: &[f64], planes: usize) -> Vec<f64> {
    let mut joint = vec![1.0];
    for plane in row.chunks_exact((row.len() / planes).max(1)) {
        joint = joint.iter().flat_map(|before| plane.iter().map(move |own| before * own)).collect();
    }
    joint
}

pub fn inception(inception: &Inception, pixels: &Pixels, device: &Device, progress: &EvaluationProgress) -> Features {
    let mut features = Vec::new();
    let [channels, height, width] = pixels.shape;
    for first in (0..pixels.count()).step_by(INCEPTION_BATCH) {
        let some = first..pixels.count().min(first + INCEPTION_BATCH);
        let count = some.len();
        let images = Tensor::from_data(TensorData::new(pixels.numbers(some), [count, channels, height, width]), device);
        let seen = within_threads(|| inception.features(images).into_data());
        features.extend(seen.iter::<f32>().map(f64::from));
        progress.done(count);
    }
    Features::new(features, super::inception::FEATURES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Search;

    #[test]
    fn combinations_count_the_first_digit_most() {
        assert_eq!(combinations(&[0.25, 0.75], 1), [0.25, 0.75]);
        assert_eq!(combinations(&[0.25, 0.75, 0.5, 0.5], 2), [0.125, 0.125, 0.375, 0.375]);
        assert_eq!(combinations(&[0.0, 1.0, 1.0, 0.0, 0.0, 1.0], 3).iter().position(|p| *p == 1.0), Some(0b101));
    }

    #[test]
    fn pixels_are_those_of_a_saved_image() {
        let mut pixels = Pixels::none([1, 1, 2]);
        let values = TensorData::new(vec![-1.0_f32, 0.5, 0.999, 2.0], [2, 1, 1, 2]);
        pixels.push(Tensor::from_data(values, &Device::flex()));
        assert_eq!((pixels.bytes.as_slice(), pixels.count()), ([0, 128, 255, 255].as_slice(), 2));
        assert_eq!(pixels.numbers(1..2), [1.0, 1.0]);
        assert_eq!(pixels.image(0), [0, 128]);
    }

    /// With `IMAGO_DATA_DIR` set: their accuracy is what their pipelines claim.
    #[test]
    fn the_evaluators_of_the_program_know_their_sets() {
        let Some(data) = std::env::var_os("IMAGO_DATA_DIR") else {
            eprintln!("SKIPPED: IMAGO_DATA_DIR is not set");
            return;
        };
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let search = Search { data_dir: Some(workspace.join(data)), skip_unreadable: false };
        for (set, least) in [(Set::Mnist, 0.9960), (Set::FashionMnist, 0.9300)] {
            let data = spec::Data::new(set);
            let evaluator = Evaluator::open(None, &data, &Device::flex()).unwrap();
            let test = crate::data::test(&data, &search).unwrap();
            let all: Vec<usize> = (0..test.count()).collect();
            let predicted = evaluator.predict(&Pixels::of(&test, &all), &EvaluationProgress::new(false)).classes();
            let accuracy = accuracy(&predicted, &evaluator.truth(&test, &all));
            assert!(accuracy >= least, "{}: {accuracy}", evaluator.name());
        }
    }
}
