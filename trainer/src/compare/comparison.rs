//! What a comparison holds: the models' cost, scores and images.

use serde::Serialize;

use crate::measure::Evaluation;

#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    pub set: String,
    /// Channels, height and width of the images.
    pub image: [usize; 3],
    pub entries: Vec<Entry>,
    /// Conclusions that the numbers support.
    pub statements: Vec<String>,
    pub command: String,
    /// The seed of the samples that are shown.
    pub seed: u64,
    /// Test images arranged like the samples, a PNG.
    #[serde(skip)]
    pub real: Vec<u8>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// Unique within the comparison.
    pub name: String,
    pub cost: Cost,
    pub evaluation: Evaluation,
    #[serde(skip)]
    pub images: ModelImages,
}

/// The cost of a model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cost {
    /// Parameters of all trained networks.
    pub parameters: u64,
    /// Parameters needed to sample.
    pub drawing_parameters: u64,
    pub drawing_macs: u64,
    /// Bytes of the artifact in half precision, without its encoder.
    pub bytes: usize,
    pub epochs: usize,
    pub seconds: f64,
    pub images_per_second: Option<f64>,
    /// Peak memory of the training in bytes, where known.
    pub peak_memory: Option<u64>,
    pub device: String,
    /// Time per sample on this device, in batches of 64.
    pub milliseconds_per_sample: f64,
}

/// Images of a model: PNG files, and SVG for the curves.
#[derive(Debug, Clone, Default)]
pub struct ModelImages {
    /// Samples of the same seed for every model.
    pub grid: Vec<u8>,
    /// Interpolations, a row each.
    pub interpolation: Vec<u8>,
    /// The samples nearest to a training image, with those images below each row.
    pub neighbours: Vec<u8>,
    /// Test images, with their reconstructions below each row.
    pub reconstructions: Option<Vec<u8>>,
    /// The losses of the training.
    pub curves: Option<String>,
}
