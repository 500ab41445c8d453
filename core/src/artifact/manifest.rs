//! `model.ron`: what the model is, in words.

use ron::extensions::Extensions;
use ron::ser::PrettyConfig;
use serde::{Deserialize, Serialize};

use super::{ArtifactError, Precision};
use crate::layer::LayerSpec;
use crate::model::{Output, Prior, generator};
use crate::plan::{Limits, Network, Outline, Problems, Step};
use crate::spec::Family;

/// The version of the format that this program writes and reads.
pub const FORMAT: u32 = 1;

/// The largest `model.ron` that is read, in bytes.
const MAX_BYTES: usize = 1 << 20;
/// The largest side of an image.
const MAX_SIDE: usize = 4096;

/// All that is known of a shipped model but its weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`]
    pub format: u32,
    /// The pipeline's name.
    pub name: String,
    /// The kind of model.
    pub family: Family,
    /// What it learned from.
    pub data: DataFacts,
    /// The network that makes images.
    pub generator: Generator,
    /// What its latents are drawn from.
    pub prior: Prior,
    /// How it was trained.
    pub training: TrainingFacts,
    /// What the file of weights is.
    pub weights: WeightFacts,
}

/// The images that a model learned from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFacts {
    /// Name of the set.
    pub set: String,
    /// Channels, height and width.
    pub image: [usize; 3],
    /// What the classes are called, in the order of their labels.
    pub classes: Vec<String>,
}

/// The network that makes images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Generator {
    /// Number of latent values that it takes.
    pub latent: usize,
    /// Its layers as declared; the shapes follow.
    pub layers: Vec<LayerSpec>,
    /// What makes pixels of its values.
    pub output: Output,
}

/// How a model was trained.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TrainingFacts {
    /// How many times every image was seen.
    pub epochs: usize,
    /// What all randomness followed from.
    pub seed: u64,
    /// What computed.
    pub device: String,
    /// Time spent training, in seconds.
    pub seconds: f64,
    /// Parameters of all networks that were trained, those that are not shipped included.
    pub parameters: u64,
    /// The parts of the loss, averaged over the last epoch.
    pub losses: Vec<(String, f64)>,
    /// Version of the program.
    pub version: String,
}

/// What the file of weights is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightFacts {
    /// Width of the stored numbers.
    pub precision: Precision,
    /// Size of the file.
    pub bytes: usize,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

impl Default for WeightFacts {
    fn default() -> Self {
        Self { precision: Precision::F16, bytes: 0, sha256: String::new() }
    }
}

/// The one field that is read first, since it decides how the others are.
#[derive(Deserialize)]
struct Version {
    format: u32,
}

impl Manifest {
    /// Reads the text of `model.ron` and checks that what it declares can be built.
    ///
    /// # Errors
    /// The text is no manifest, has another format, or contradicts itself.
    pub fn read(text: &str) -> Result<Self, ArtifactError> {
        if text.len() > MAX_BYTES {
            let found = format!("{} bytes, more than a manifest may have ({MAX_BYTES})", text.len());
            return Err(ArtifactError::Manifest(found));
        }
        let syntax = |error: ron::error::SpannedError| ArtifactError::Syntax {
            line: error.span.start.line,
            column: error.span.start.col,
            message: error.code.to_string(),
        };
        let Version { format } = ron::from_str(text).map_err(syntax)?;
        if format != FORMAT {
            return Err(ArtifactError::Format { found: format });
        }
        let manifest: Self = ron::from_str(text).map_err(syntax)?;
        manifest.plan()?;
        Ok(manifest)
    }

    /// The text of `model.ron`.
    pub(super) fn write(&self) -> Result<String, ArtifactError> {
        let style = PrettyConfig::new().extensions(Extensions::empty()).compact_arrays(true);
        let text = ron::ser::to_string_pretty(self, style);
        text.map_err(|error| ArtifactError::Manifest(error.to_string()))
    }

    /// The generator with every shape resolved.
    ///
    /// # Errors
    /// A layer does not fit, the images are not what it gives, or the prior has another number of values.
    pub fn plan(&self) -> Result<Network, ArtifactError> {
        let Self { generator: declared, data, .. } = self;
        if data.image.iter().any(|side| !(1..=MAX_SIDE).contains(side)) {
            let found = format!("data.image: every side must lie between 1 and {MAX_SIDE}, found {:?}", data.image);
            return Err(ArtifactError::Manifest(found));
        }
        if !self.prior.fits(declared.latent) {
            let found = format!("prior: expected {} finite numbers a field", declared.latent);
            return Err(ArtifactError::Manifest(found));
        }
        let path = [Step::key("generator"), Step::key("layers")];
        // The weights are there already, so their number is no danger.
        let limits = Limits { activations: Limits::DEFAULT.activations, ..Limits::LARGE };
        let mut outline = Outline::new(limits, &[]);
        let network =
            generator("generator", &path, Some(declared.latent), &declared.layers, Some(data.image), &mut outline);
        network.ok_or_else(|| ArtifactError::Manifest(Problems(outline.problems).to_string()))
    }
}
