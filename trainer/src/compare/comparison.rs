//! What a comparison holds: the models' cost, scores and images.

use serde::Serialize;

use crate::measure::Evaluation;

#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    pub set: String,
    /// Channels, height and width of the images.
    pub image: [usize; 3],
    pub entries: Vec<Entry>,
    pub statements: Vec<String>,
    pub command: String,
    pub seed: u64,
    /// Test images arranged like the samples, a PNG.
    #[serde(skip)]
    pub real: Vec<u8>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    pub name: String,
    pub cost: Cost,
    pub evaluation: Evaluation,
    #[serde(skip)]
    pub images: ModelImages,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cost {
    pub parameters: u64,
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

#[derive(Debug, Clone, Default)]
pub struct ModelImages {
    /// Samples of the same seed for every model.
    pub grid: Vec<u8>,
    pub interpolation: Vec<u8>,
    /// The samples nearest to a training image, with those images below each row.
    pub neighbours: Vec<u8>,
    /// Test images, with their reconstructions below each row.
    pub reconstructions: Option<Vec<u8>>,
    pub curves: Option<String>,
}
