//! What is shipped: `model.ron`, which says what the model is, and `weights.bpk`, its numbers.

mod manifest;
#[cfg(feature = "train")]
mod pack;
mod weights;

pub use manifest::{DataFacts, FORMAT, Generator, Manifest, TrainingFacts, WeightFacts};
#[cfg(feature = "train")]
pub use pack::{pack, unpack};
pub use weights::{Precision, sha256};

use burn::tensor::Device;

use crate::model::{Prior, Sampler};
use crate::nn::{Sequential, Start};

/// The file name of the manifest.
pub const MANIFEST: &str = "model.ron";
/// The file name of the weights.
pub const WEIGHTS: &str = "weights.bpk";

/// Why an artifact is refused.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// The manifest is no manifest.
    #[error("model.ron:{line}:{column}: {message}")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What was found and expected.
        message: String,
    },
    /// The manifest was written for another version of the format.
    #[error("model.ron has format {found}, this program reads format {FORMAT}; export the model again")]
    Format {
        /// The version that was found.
        found: u32,
    },
    /// The manifest contradicts itself.
    #[error("model.ron: {0}")]
    Manifest(String),
    /// The weights are not those that the manifest was written with.
    #[error(
        "weights.bpk does not belong to this model.ron, or was cut short or changed: found {found_bytes} bytes with SHA-256 \
         {found}, expected {expected_bytes} bytes with {expected}"
    )]
    Hash {
        /// Bytes in the file.
        found_bytes: usize,
        /// Hash of the file.
        found: String,
        /// Bytes that the manifest names.
        expected_bytes: usize,
        /// Hash that the manifest names.
        expected: String,
    },
    /// The weights are no weights of this network.
    #[error("weights.bpk does not fit the network: {0}")]
    Weights(String),
}

/// A model as shipped: the manifest and the bytes of the weights.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// What the model is.
    pub manifest: Manifest,
    /// The packed weights.
    pub weights: Vec<u8>,
}

impl Artifact {
    /// Packs a generator. The facts about the weights in `manifest` are overwritten with those of the packed bytes.
    ///
    /// # Errors
    /// The manifest is not one that could be read again, or the weights cannot be read from their device.
    #[cfg(feature = "train")]
    pub fn new(mut manifest: Manifest, generator: &Sequential, precision: Precision) -> Result<Self, ArtifactError> {
        manifest.plan()?;
        let weights = pack(generator, precision)?;
        manifest.weights = WeightFacts { precision, bytes: weights.len(), sha256: sha256(&weights) };
        Ok(Self { manifest, weights })
    }

    /// Reads an artifact from the contents of its two files, and checks that they are sound and belong together.
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

    /// The text of `model.ron`.
    ///
    /// # Errors
    /// Never for a manifest of this program; serialisation is fallible by type only.
    pub fn manifest_text(&self) -> Result<String, ArtifactError> {
        self.manifest.write()
    }

    /// Builds the generator on `device` and loads its weights.
    ///
    /// # Errors
    /// The declared network is not valid, or the weights have other names or shapes.
    pub fn sampler(&self, device: &Device) -> Result<Sampler, ArtifactError> {
        let Manifest { generator, prior, .. } = &self.manifest;
        let plan = self.manifest.plan()?;
        let mut start = Start::loaded(weights::read(&self.weights)?, device);
        let network = Sequential::new(&plan, &mut start);
        start.finish().map_err(ArtifactError::Weights)?;
        let prior: Prior = prior.clone();
        Ok(Sampler::new(network, generator.latent, prior, generator.output, device.clone()))
    }
}

#[cfg(all(test, feature = "flex", feature = "train"))]
mod tests {
    use super::*;
    use crate::layer::{BatchNorm, Linear, Reshape};
    use crate::model::Output;
    use crate::spec::Family;

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
            generator: Generator { latent: 2, layers, output: Output::Sigmoid },
            prior: Prior::Normal,
            training: TrainingFacts::default(),
            weights: WeightFacts::default(),
        };
        let device = Device::flex();
        let network = Sequential::new(&manifest.plan().unwrap(), &mut Start::seeded(1, 0, &device));
        Artifact::new(manifest, &network, precision).unwrap()
    }

    fn pixels(artifact: &Artifact) -> Vec<f32> {
        let sampler = artifact.sampler(&Device::flex()).unwrap();
        sampler.sample(7, 0, 3).into_data().iter().collect()
    }

    #[test]
    fn an_artifact_read_back_gives_the_same_pictures() {
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
        artifact.manifest.generator.latent = 3;
        let error = artifact.sampler(&Device::flex()).unwrap_err().to_string();
        assert!(error.contains("layers.0.weight"), "{error}");
        for bytes in [vec![], vec![7; 100]] {
            artifact.weights = bytes;
            assert!(artifact.sampler(&Device::flex()).is_err());
        }
    }
}
