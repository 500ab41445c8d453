//! What is compared: models of the same images, what they cost, their scores and images.

use serde::Serialize;

use crate::measure::Evaluation;

/// Models side by side.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// The set that all of them learned.
    pub set: String,
    /// Channels, height and width of the images.
    pub image: [usize; 3],
    /// The models, in the order in which they were named.
    pub entries: Vec<Entry>,
    /// What the numbers support, in words.
    pub statements: Vec<String>,
    /// The command that makes this comparison again.
    pub command: String,
    /// The seed of the samples in the images.
    pub seed: u64,
    /// Test images in the manner of the samples, a PNG.
    #[serde(skip)]
    pub real: Vec<u8>,
}

/// A model that is compared.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// What it is called here; no two are called alike.
    pub name: String,
    pub cost: Cost,
    pub evaluation: Evaluation,
    #[serde(skip)]
    pub images: ModelImages,
}

/// What a model takes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cost {
    /// Parameters of all networks that were trained.
    pub parameters: u64,
    /// Parameters of what makes samples.
    pub drawing_parameters: u64,
    /// Multiply-accumulates for one sample.
    pub drawing_macs: u64,
    /// Bytes of the artifact in half precision, what makes samples alone.
    pub bytes: usize,
    /// How many times every training image was seen.
    pub epochs: usize,
    /// Time spent training.
    pub seconds: f64,
    /// Training images a second.
    pub images_per_second: Option<f64>,
    /// The most memory that the training had, in bytes, where it is known.
    pub peak_memory: Option<u64>,
    /// What it was trained on.
    pub device: String,
    /// Time to draw a sample here, in batches of 64.
    pub milliseconds_per_sample: f64,
}

/// Images of a model: PNG files, and SVG for the curves.
#[derive(Debug, Clone, Default)]
pub struct ModelImages {
    /// Samples of the same seed for every model.
    pub grid: Vec<u8>,
    /// From sample to sample, a row each.
    pub interpolation: Vec<u8>,
    /// The samples that are nearest to a training image, and below each row of them those images.
    pub neighbours: Vec<u8>,
    /// Test images, and below each row of them their reconstructions.
    pub reconstructions: Option<Vec<u8>>,
    /// The losses while it was trained.
    pub curves: Option<String>,
}
