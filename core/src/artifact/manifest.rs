//! `model.ron`: the description of a model.

use ron::Options;
use ron::extensions::Extensions;
use ron::ser::PrettyConfig;
use serde::{Deserialize, Serialize};

use super::ArtifactError;
use crate::diagnostic::{KeyPath, PathStep, Problem, Problems};
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

const MAX_BYTES: usize = 1 << 20;
const MAX_SIDE: usize = 4096;

/// All about a model but its weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`]
    pub format: u32,
    /// The pipeline's name.
    pub name: String,
    /// The kind of model.
    pub family: Family,
    /// The training data.
    pub data: DataFacts,
    /// The network that generates images, unless the model is a classifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator: Option<Generator>,
    /// The distribution of its latents.
    #[serde(default)]
    pub prior: Prior,
    /// The network from images to latents, if it is shipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder: Option<ImageNetwork>,
    /// The network of a classifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classifier: Option<ImageNetwork>,
    /// How it was trained.
    pub training: TrainingFacts,
    /// The content of [`HISTORY`](super::HISTORY), if it is shipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<History>,
    /// The file of weights.
    pub weights: WeightFacts,
}

/// The images that a model was trained on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFacts {
    /// Name of the set.
    pub set: String,
    /// Channels, height and width.
    pub image: [usize; 3],
    /// The names of the classes, in the order of their labels.
    pub classes: Vec<String>,
}

/// The network that generates images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Generator {
    /// Number of latent values.
    pub latent: usize,
    /// Number of classes of a conditional model, inputs after the latent values; otherwise 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub classes: usize,
    /// Its declared layers; the shapes follow.
    pub layers: Vec<LayerSpec>,
    /// How its values become pixels.
    pub output: Output,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// A network that takes images: an encoder or a classifier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImageNetwork {
    /// Its declared layers; the shapes follow.
    pub layers: Vec<LayerSpec>,
    /// The range of its input.
    pub range: PixelRange,
    /// Whether it outputs a mean and a log-variance for every latent value.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub heads: bool,
}

/// How a model was trained.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TrainingFacts {
    /// Number of epochs.
    pub epochs: usize,
    /// The seed.
    pub seed: u64,
    /// The device it was trained on.
    pub device: String,
    /// Training time in seconds.
    pub seconds: f64,
    /// Parameters of all trained networks, including those not shipped.
    pub parameters: u64,
    /// The parts of the loss, averaged over the last epoch.
    pub losses: Vec<(String, f64)>,
    /// Version of the program.
    pub version: String,
}

/// The content of [`HISTORY`](super::HISTORY): samples at several epochs, a row for each from the
/// top, without gaps. A column has the same latent throughout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// The epoch of each row; 0 before the first step.
    pub epochs: Vec<usize>,
    /// Images in a row.
    pub columns: usize,
}

/// The file of weights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightFacts {
    /// Width of the stored numbers.
    pub precision: Precision,
    /// Size in bytes.
    pub bytes: usize,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

impl Default for WeightFacts {
    fn default() -> Self {
        Self { precision: Precision::F16, bytes: 0, sha256: String::new() }
    }
}

/// Read first, as it decides how the rest is read.
#[derive(Deserialize)]
struct Version {
    format: u32,
}

impl Manifest {
    /// Reads the text of `model.ron` and checks that the networks can be built.
    ///
    /// # Errors
    /// The text is not a manifest, has another format, or contradicts itself.
    pub fn read(text: &str) -> Result<Self, ArtifactError> {
        if text.len() > MAX_BYTES {
            let found = format!("{} bytes, but a manifest has at most {MAX_BYTES}", text.len());
            return Err(ArtifactError::Manifest(found));
        }
        let syntax = |error: ron::error::SpannedError| ArtifactError::Syntax {
            line: error.span.start.line,
            column: error.span.start.col,
            // Names with a hyphen come as raw identifiers.
            message: error.code.to_string().replace("r#", ""),
        };
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
    /// The layers do not fit, or the generator does not fit the images or the prior.
    pub fn plan(&self) -> Result<Networks, ArtifactError> {
        let image = self.data.image;
        if image.iter().any(|side| !(1..=MAX_SIDE).contains(side)) {
            let found = format!("data.image: every side must lie between 1 and {MAX_SIDE}, found {image:?}");
            return Err(ArtifactError::Manifest(found));
        }
        // The weights exist already, so their number is no danger.
        let limits = Limits { activations: Limits::DEFAULT.activations, ..Limits::LARGE };
        let mut builder = PlanBuilder::new(limits, &[]);
        let path = |name: &str| -> KeyPath { vec![PathStep::key(name), PathStep::key("layers")] };
        let mut ends = |name: &'static str, input: Shape, layers: &[LayerSpec], values: usize| {
            let (network, output) = builder.network(name, &path(name), Some(input), layers);
            if let Some(output) = output.filter(|output| *output != Shape::Flat(values)) {
                builder.note(Problem::new(path(name), format!("the {name} outputs {output}, expected [{values}]")));
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
                let what = "finite numbers in each field, and one mixture per class or one for all";
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
            if let Some(ImageNetwork { layers, heads, .. }) = &self.encoder {
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
    /// From latents to images.
    pub generator: Option<Network>,
    /// The network of a learned prior.
    pub learned: Option<Network>,
    /// From images to latents.
    pub encoder: Option<Network>,
    /// From images to logits.
    pub classifier: Option<Network>,
}
