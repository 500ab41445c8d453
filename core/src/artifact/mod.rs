//! What is shipped: `model.ron`, the description of the model, and `weights.bpk`, its weights.

mod manifest;

use std::collections::BTreeMap;

pub use manifest::{
    DataFacts, FORMAT, Generator, History, ImageNetwork, Manifest, Networks, TrainingFacts, WeightFacts,
};

#[cfg(feature = "train")]
use burn::tensor::{Device, TensorData};

use crate::hash::sha256;
#[cfg(feature = "train")]
use crate::inference::{Encoder, ImageClassifier, Sampler, TrainedNetwork};
#[cfg(feature = "train")]
use crate::layer::Initializer;
use crate::network::Network;
#[cfg(feature = "train")]
use crate::network::Sequential;
use crate::program::Program;
use crate::weights::{self, WeightsError};
#[cfg(feature = "train")]
use crate::weights::{Pack, Precision};

/// The file name of the manifest.
pub const MANIFEST: &str = "model.ron";
/// The file name of the weights.
pub const WEIGHTS: &str = "weights.bpk";
/// The file name of the image of its samples during training, where there is one.
pub const HISTORY: &str = "history.png";

/// Why an artifact is rejected.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// The manifest cannot be parsed.
    #[error("model.ron:{line}:{column}: {message}")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What was found and expected.
        message: String,
    },
    /// The manifest has another version of the format.
    #[error("model.ron has format {found}, but this program reads format {FORMAT}; export the model again")]
    Format {
        /// Its version.
        found: u32,
    },
    /// The manifest contradicts itself.
    #[error("model.ron: {0}")]
    Manifest(String),
    /// The weights are not those of the manifest.
    #[error(
        "weights.bpk does not belong to this model.ron, or was cut short or changed: found {found_bytes} bytes with SHA-256 \
         {found}, expected {expected_bytes} bytes with {expected}"
    )]
    Hash {
        /// Size of the file.
        found_bytes: usize,
        /// Hash of the file.
        found: String,
        /// Size in the manifest.
        expected_bytes: usize,
        /// Hash in the manifest.
        expected: String,
    },
    /// The weights do not fit the networks.
    #[error(transparent)]
    Weights(#[from] WeightsError),
}

/// A model as shipped: the manifest and the bytes of the weights.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// The description of the model.
    pub manifest: Manifest,
    /// The packed weights.
    pub weights: Vec<u8>,
}

impl Artifact {
    /// Packs the networks that `manifest` declares, each under its name: `generator`, `prior`,
    /// `encoder` or `classifier`. `manifest.weights` is overwritten.
    ///
    /// # Errors
    /// The manifest contradicts itself, or the weights cannot be read from their device.
    #[cfg(feature = "train")]
    pub async fn new(
        mut manifest: Manifest,
        networks: &[(&str, &Sequential)],
        precision: Precision,
    ) -> Result<Self, ArtifactError> {
        manifest.plan()?;
        let mut pack = Pack::new(precision);
        for (name, network) in networks {
            pack.add(if *name == GENERATOR { "" } else { name }, *network);
        }
        let weights = pack.read().await?;
        manifest.weights = WeightFacts { precision, bytes: weights.len(), sha256: sha256(&weights) };
        Ok(Self { manifest, weights })
    }

    /// Reads an artifact from its two files.
    ///
    /// # Errors
    /// Either file is damaged, or they do not belong together.
    pub fn read(manifest: &str, weights: Vec<u8>) -> Result<Self, ArtifactError> {
        let manifest = Manifest::read(manifest)?;
        let (found, expected) = (sha256(&weights), &manifest.weights);
        if found != expected.sha256 {
            return Err(ArtifactError::Hash {
                found_bytes: weights.len(),
                found,
                expected_bytes: expected.bytes,
                expected: expected.sha256.clone(),
            });
        }
        Ok(Self { manifest, weights })
    }

    /// The text of `model.ron`. Only the type of serialisation is fallible.
    pub fn manifest_text(&self) -> Result<String, ArtifactError> {
        self.manifest.write()
    }

    /// The networks as programs that need no Burn.
    ///
    /// # Errors
    /// The networks are invalid, or the weights have other names or shapes.
    pub fn programs(&self) -> Result<Programs, ArtifactError> {
        let Networks { generator, learned, encoder, classifier } = self.manifest.plan()?;
        let mut weights = weights::arrays(&self.weights)?;
        let mut program = |network: Option<Network>, name: &str| match network {
            Some(network) => {
                let own = if name == GENERATOR { std::mem::take(&mut weights) } else { take(&mut weights, name) };
                let of = if name == GENERATOR { String::new() } else { format!("{name}: ") };
                let program = Program::new(&network, own);
                program.map(Some).map_err(|error| WeightsError(format!("{of}{error}")))
            }
            None => Ok(None),
        };
        Ok(Programs {
            learned: program(learned, PRIOR)?,
            encoder: program(encoder, ENCODER)?,
            classifier: program(classifier, CLASSIFIER)?,
            // Its weights have no prefix: they are those that remain.
            generator: program(generator, GENERATOR)?,
        })
    }

    /// Loads the generator onto `device`.
    ///
    /// # Errors
    /// The networks are invalid, the weights have other names or shapes, or it is a classifier.
    #[cfg(feature = "train")]
    pub fn sampler(&self, device: &Device) -> Result<Sampler, ArtifactError> {
        let networks = self.manifest.plan()?;
        let (Some(generator), Some(network)) = (&self.manifest.generator, networks.generator) else {
            let found = format!("{} is a classifier: it generates no images", self.manifest.name);
            return Err(ArtifactError::Manifest(found));
        };
        let mut weights = weights::tensors(&self.weights)?;
        take(&mut weights, ENCODER);
        let learned = match networks.learned {
            Some(network) => Some(load(&network, PRIOR, take(&mut weights, PRIOR), device)?),
            None => None,
        };
        Ok(Sampler {
            generator: load(&network, "", weights, device)?,
            latent: generator.latent,
            classes: generator.classes,
            prior: self.manifest.prior.clone(),
            learned,
            output: generator.output,
            device: device.clone(),
        })
    }

    /// Loads the classifier onto `device`.
    ///
    /// # Errors
    /// The network is invalid, the weights have other names or shapes, or it is not a classifier.
    #[cfg(feature = "train")]
    pub fn classifier(&self, device: &Device) -> Result<ImageClassifier, ArtifactError> {
        let networks = self.manifest.plan()?;
        let (Some(declared), Some(network)) = (&self.manifest.classifier, networks.classifier) else {
            return Err(ArtifactError::Manifest(format!("{} is not a classifier", self.manifest.name)));
        };
        let mut weights = weights::tensors(&self.weights)?;
        let network = load(&network, CLASSIFIER, take(&mut weights, CLASSIFIER), device)?;
        Ok(ImageClassifier { network, range: declared.range })
    }

    /// Loads the encoder onto `device`; `None` if it is not shipped.
    ///
    /// # Errors
    /// The network is invalid, or the weights have other names or shapes.
    #[cfg(feature = "train")]
    pub fn encoder(&self, device: &Device) -> Result<Option<Encoder>, ArtifactError> {
        let networks = self.manifest.plan()?;
        let (Some(declared), Some(network)) = (&self.manifest.encoder, networks.encoder) else {
            return Ok(None);
        };
        let mut weights = weights::tensors(&self.weights)?;
        let network = load(&network, ENCODER, take(&mut weights, ENCODER), device)?;
        let part = TrainedNetwork { network, layers: declared.layers.clone() };
        Ok(Some(Encoder { network: part, class: None, heads: declared.heads }))
    }
}

/// The networks of an artifact as programs.
#[derive(Debug)]
pub struct Programs {
    /// From latents, followed by the class if it is conditional, to the values of images.
    pub generator: Option<Program>,
    /// The network of a learned prior.
    pub learned: Option<Program>,
    /// From images to latents.
    pub encoder: Option<Program>,
    /// From images to logits.
    pub classifier: Option<Program>,
}

/// The name of a network in an artifact.
pub const GENERATOR: &str = "generator";
/// See [`GENERATOR`].
pub const PRIOR: &str = "prior";
/// See [`GENERATOR`].
pub const ENCODER: &str = "encoder";
/// See [`GENERATOR`].
pub const CLASSIFIER: &str = "classifier";

/// Removes the weights with the prefix `name.`, and returns them without it.
fn take<T>(weights: &mut BTreeMap<String, T>, name: &str) -> BTreeMap<String, T> {
    let ours = |key: &String| key.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
    weights.extract_if(.., |key, _| ours(key)).map(|(key, data)| (key[name.len() + 1..].to_owned(), data)).collect()
}

#[cfg(feature = "train")]
fn load(
    network: &Network,
    name: &str,
    weights: BTreeMap<String, TensorData>,
    device: &Device,
) -> Result<Sequential, ArtifactError> {
    let mut initializer = Initializer::loaded(weights, device);
    let built = Sequential::new(network, &mut initializer);
    let of = if name.is_empty() { String::new() } else { format!("{name}: ") };
    initializer.finish().map_err(|error| WeightsError(format!("{of}{error}")))?;
    Ok(built)
}

#[cfg(all(test, feature = "flex", feature = "train"))]
mod tests {
    use burn::tensor::read_sync;

    use super::*;
    use crate::family::Family;
    use crate::inference::Output;
    use crate::latent::Prior;
    use crate::layer::{BatchNorm, Linear, Reshape};

    fn artifact(precision: Precision) -> Artifact {
        let layers = vec![
            Linear::new(256).into(),
            BatchNorm { momentum: 0.1, epsilon: 1e-5 }.into(),
            Reshape([1, 16, 16]).into(),
        ];
        let manifest = Manifest {
            format: FORMAT,
            name: "tiny".into(),
            family: Family::Vae,
            data: DataFacts { set: "mnist".into(), image: [1, 16, 16], classes: vec!["0".into(), "1".into()] },
            generator: Some(Generator { latent: 2, classes: 0, layers, output: Output::Sigmoid }),
            prior: Prior::Normal,
            encoder: None,
            classifier: None,
            training: TrainingFacts::default(),
            history: None,
            weights: WeightFacts::default(),
        };
        let device = Device::flex();
        let plan = manifest.plan().unwrap().generator.unwrap();
        let network = Sequential::new(&plan, &mut Initializer::seeded(1, 0, &device));
        read_sync(Artifact::new(manifest, &[(GENERATOR, &network)], precision)).unwrap()
    }

    fn pixels(artifact: &Artifact) -> Vec<f32> {
        let sampler = artifact.sampler(&Device::flex()).unwrap();
        sampler.sample(7, 0, 3, None).into_data().iter().collect()
    }

    #[test]
    fn an_artifact_read_back_gives_the_same_images() {
        for precision in [Precision::F16, Precision::F32] {
            let artifact = artifact(precision);
            let text = artifact.manifest_text().unwrap();
            let read = Artifact::read(&text, artifact.weights.clone()).unwrap();
            assert_eq!(read.manifest, artifact.manifest, "{text}");
            assert_eq!(pixels(&read), pixels(&artifact));
        }
    }

    #[test]
    fn half_precision_halves_the_weights_and_hardly_moves_the_pixels() {
        let (half, full) = (artifact(Precision::F16), artifact(Precision::F32));
        assert!(half.weights.len() < full.weights.len());
        let difference = pixels(&half).into_iter().zip(pixels(&full)).map(|(a, b)| (a - b).abs());
        assert!(difference.fold(0.0, f32::max) < 1e-3);
    }

    #[test]
    fn damaged_files_are_refused() {
        let artifact = artifact(Precision::F16);
        let text = artifact.manifest_text().unwrap();
        let refused = |text: &str, weights: &[u8]| Artifact::read(text, weights.to_vec()).unwrap_err().to_string();
        let truncated = &artifact.weights[..artifact.weights.len() / 2];
        assert!(refused(&text, truncated).contains("cut short"));
        let mut flipped = artifact.weights.clone();
        flipped[truncated.len()] ^= 1;
        assert!(refused(&text, &flipped).contains("does not belong"));
        let changed = text.replace(&artifact.manifest.weights.sha256, &"0".repeat(64));
        assert!(refused(&changed, &artifact.weights).contains("does not belong"));
        assert!(refused(&text.replace("format: 1", "format: 9"), &artifact.weights).contains("format 9"));
        assert!(refused("no manifest", &artifact.weights).contains("model.ron:1:"));
        let giant = text.replace("units: 256", "units: 99999999");
        assert!(refused(&giant, &artifact.weights).contains("of activations"));
    }

    #[test]
    fn weights_of_another_network_are_refused_even_with_the_right_hash() {
        let mut artifact = artifact(Precision::F16);
        artifact.manifest.generator.as_mut().unwrap().latent = 3;
        let error = artifact.sampler(&Device::flex()).unwrap_err().to_string();
        assert!(error.contains("layers.0.weight"), "{error}");
        for bytes in [vec![], vec![7; 100]] {
            artifact.weights = bytes;
            assert!(artifact.sampler(&Device::flex()).is_err());
        }
    }
}
