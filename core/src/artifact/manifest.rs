//! `model.ron`: what the model is, in words.

use ron::Options;
use ron::extensions::Extensions;
use ron::ser::PrettyConfig;
use serde::{Deserialize, Serialize};

use super::ArtifactError;
use crate::diagnostic::{Path, Problem, Problems, Step};
use crate::family::Family;
use crate::inference::Output;
use crate::latent::Prior;
use crate::layer::LayerSpec;
use crate::limits::Limits;
use crate::network::{Network, PlanBuilder};
use crate::shape::Shape;
use crate::spec::PixelRange;
use crate::weights::Precision;

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
    /// The network that makes images, unless the model is a classifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator: Option<Generator>,
    /// What its codes are drawn from.
    #[serde(default)]
    pub prior: Prior,
    /// The network that makes codes of images, where it is shipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder: Option<Reader>,
    /// The network that tells classes, if the model is a classifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classifier: Option<Reader>,
    /// How it was trained.
    pub training: TrainingFacts,
    /// What its samples looked like while it learned, where that is shipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<History>,
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
    /// Number of classes that it can be asked for, which it takes behind the latent values; 0 if it knows none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub classes: usize,
    /// Its layers as declared; the shapes follow.
    pub layers: Vec<LayerSpec>,
    /// What makes pixels of its values.
    pub output: Output,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// A network that takes images: an encoder or a classifier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reader {
    /// Its layers as declared; the shapes follow.
    pub layers: Vec<LayerSpec>,
    /// What black and white are for it.
    pub range: PixelRange,
    /// Whether it gives a mean and a logarithm of the variance for every value of the code.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub heads: bool,
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

/// What [`HISTORY`](super::HISTORY) shows: the samples of some moments of the training, a row for each, the earliest on top, image
/// at image without gaps. A column is drawn with the same random numbers at every moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// How many times every image had been seen at each moment; 0 before the first step.
    pub epochs: Vec<usize>,
    /// Images in a row.
    pub columns: usize,
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
            // Names with a hyphen are no identifiers of Rust, so they come as raw ones.
            message: error.code.to_string().replace("r#", ""),
        };
        // What may be lacking is written without `Some`.
        let ron = Options::default().with_default_extension(Extensions::IMPLICIT_SOME);
        let Version { format } = ron.from_str(text).map_err(syntax)?;
        if format != FORMAT {
            return Err(ArtifactError::Format { found: format });
        }
        let manifest: Self = ron.from_str(text).map_err(syntax)?;
        manifest.plan()?;
        Ok(manifest)
    }

    /// The text of `model.ron`.
    pub(super) fn write(&self) -> Result<String, ArtifactError> {
        let style = PrettyConfig::new().extensions(Extensions::empty()).compact_arrays(true);
        let ron = Options::default().with_default_extension(Extensions::IMPLICIT_SOME);
        let text = ron.to_string_pretty(self, style);
        text.map_err(|error| ArtifactError::Manifest(error.to_string()))
    }

    /// All networks with every shape resolved.
    ///
    /// # Errors
    /// A layer does not fit, the images are not what the generator gives, or the prior has another number of values.
    pub fn plan(&self) -> Result<Networks, ArtifactError> {
        let image = self.data.image;
        if image.iter().any(|side| !(1..=MAX_SIDE).contains(side)) {
            let found = format!("data.image: every side must lie between 1 and {MAX_SIDE}, found {image:?}");
            return Err(ArtifactError::Manifest(found));
        }
        // The weights are there already, so their number is no danger.
        let limits = Limits { activations: Limits::DEFAULT.activations, ..Limits::LARGE };
        let mut builder = PlanBuilder::new(limits, &[]);
        let path = |name: &str| -> Path { vec![Step::key(name), Step::key("layers")] };
        let mut ends = |name: &'static str, input: Shape, layers: &[LayerSpec], values: usize| {
            let (network, output) = builder.network(name, &path(name), Some(input), layers);
            if let Some(output) = output.filter(|output| *output != Shape::Flat(values)) {
                builder.note(Problem::new(path(name), format!("the {name} gives {output}, expected [{values}]")));
            }
            network
        };
        let mut networks = Networks { generator: None, learned: None, encoder: None, classifier: None };
        if let Some(declared) = &self.classifier {
            let classes = self.data.classes.len();
            networks.classifier = ends("classifier", Shape::Image(image), &declared.layers, classes);
        }
        if let Some(declared) = &self.generator {
            if !self.prior.fits(declared.latent, declared.classes) {
                let what = "finite numbers a field, and a mixture for each class or one for all";
                return Err(ArtifactError::Manifest(format!("prior: expected {} {what}", declared.latent)));
            }
            let classes = self.data.classes.len();
            if ![0, classes].contains(&declared.classes) {
                let found = format!("generator.classes: expected 0 or {classes}, found {}", declared.classes);
                return Err(ArtifactError::Manifest(found));
            }
            if let Prior::Learned { latent, layers, .. } = &self.prior {
                networks.learned = ends("prior", Shape::Flat(*latent), layers, declared.latent);
            }
            if let Some(Reader { layers, heads, .. }) = &self.encoder {
                let values = if *heads { declared.latent.saturating_mul(2) } else { declared.latent };
                networks.encoder = ends("encoder", Shape::Image(image), layers, values);
            }
            let given = declared.latent.saturating_add(declared.classes);
            networks.generator =
                builder.generator("generator", &path("generator"), Some(given), &declared.layers, Some(image));
        }
        if !builder.problems.is_empty() {
            return Err(ArtifactError::Manifest(Problems(builder.problems).to_string()));
        }
        if networks.generator.is_none() && networks.classifier.is_none() {
            return Err(ArtifactError::Manifest("neither a generator nor a classifier is declared".into()));
        }
        Ok(networks)
    }
}

/// The networks of a manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct Networks {
    /// From codes to images.
    pub generator: Option<Network>,
    /// From the draws of a learned prior to codes.
    pub learned: Option<Network>,
    /// From images to codes.
    pub encoder: Option<Network>,
    /// From images to logits.
    pub classifier: Option<Network>,
}
