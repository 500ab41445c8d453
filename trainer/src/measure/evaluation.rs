//! `evaluation.ron`: the scores of a model, and those of real images beside them.

use imago_core::family::Family;
use serde::{Deserialize, Serialize};

use super::ImportanceSamples;
use super::classes::Reason;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    pub version: String,
    pub name: String,
    pub family: Family,
    /// The set whose test images the samples are compared with.
    pub set: String,
    pub weights_sha256: String,
    pub device: String,
    pub evaluator: EvaluatorFacts,
    /// SHA-256 of the weights of Inception v3, if used.
    pub inception_sha256: Option<String>,
    pub count: usize,
    pub test_images: usize,
    /// The seeds of the samples; each gives every score once.
    pub seeds: Vec<u64>,
    #[serde(rename = "effort")]
    pub importance_samples: ImportanceSamples,
    pub scores: Vec<Score>,
    pub classes: Vec<ClassScore>,
    /// Signs of mode collapse; empty if all is well.
    pub alarm: Vec<Reason>,
    pub warnings: Vec<String>,
    pub seconds: f64,
}

/// The classifier whose features are compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvaluatorFacts {
    pub name: String,
    pub sha256: String,
    pub features: usize,
    /// Its accuracy on the test images, where they have classes.
    pub accuracy: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    pub measure: Metric,
    /// Its value for each seed; a likelihood, which needs no samples, has one.
    pub values: Vec<f64>,
    /// The standard error of a single value, where known; for the Inception Score the standard
    /// deviation of its splits.
    pub error: Option<f64>,
    /// The value for as many training images in place of samples.
    pub training: Option<f64>,
    /// The value for the test images themselves.
    pub test: Option<f64>,
}

/// The first seed's samples of one class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassScore {
    pub name: String,
    /// The share of samples classified as this class.
    pub share: f64,
    pub test_share: f64,
    /// The mean distance between samples of this class relative to test images; None for fewer than
    /// two.
    pub diversity: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Metric {
    Accuracy,
    CrossEntropy,
    Fid,
    InceptionFid,
    Kid,
    InceptionScore,
    Precision,
    Recall,
    Density,
    Coverage,
    ClassesCovered,
    ClassDivergence,
    Modes,
    ModeDivergence,
    #[serde(rename = "Agreement")]
    ClassAccuracy,
    NearestTraining,
    Sharpness,
    Diversity,
    ReconstructionFid,
    Elbo,
    Reconstruction,
    LatentDivergence,
    LikelihoodBound,
    ActiveUnits,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    Lower,
    Higher,
    /// Close to the value of real images.
    Real,
    /// Informative only.
    Neither,
}

impl Metric {
    pub fn title(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::CrossEntropy => "cross-entropy (nats)",
            Self::Fid => "FID",
            Self::InceptionFid => "FID (Inception v3)",
            Self::Kid => "KID × 1000",
            Self::InceptionScore => "Inception Score",
            Self::Precision => "precision",
            Self::Recall => "recall",
            Self::Density => "density",
            Self::Coverage => "coverage",
            Self::ClassesCovered => "classes covered",
            Self::ClassDivergence => "KL of the classes",
            Self::Modes => "modes",
            Self::ModeDivergence => "KL of the modes",
            Self::ClassAccuracy => "class accuracy of samples",
            Self::NearestTraining => "distance to training",
            Self::Sharpness => "sharpness",
            Self::Diversity => "diversity",
            Self::ReconstructionFid => "reconstruction FID",
            Self::Elbo => "ELBO (nats)",
            Self::Reconstruction => "reconstruction (nats)",
            Self::LatentDivergence => "divergence (nats)",
            Self::LikelihoodBound => "log-likelihood ≥",
            Self::ActiveUnits => "active units",
        }
    }

    /// An explanation in a sentence.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Accuracy => "The share of images that are classified correctly.",
            Self::CrossEntropy => "The mean negative log-probability of the true class.",
            Self::Fid => "The distance between the features of samples and of test images; 0 for equal distributions.",
            Self::InceptionFid => "The same with the features of Inception v3, as in publications.",
            Self::Kid => "Another distance between the two sets of features, unbiased for few samples.",
            Self::InceptionScore => "High if every sample's class is clear and all classes are equally frequent.",
            Self::Precision => "The share of samples that look like some test image.",
            Self::Recall => "The share of test images that look like some sample.",
            Self::Density => "How densely test images surround the samples.",
            Self::Coverage => "The share of test images with a sample nearby.",
            Self::ClassesCovered => "How many classes are at least a tenth as frequent as among the test images.",
            Self::ClassDivergence => "How far the class frequencies are from those of the test images.",
            Self::Modes => "How many of the thousand combinations of three digits occur.",
            Self::ModeDivergence => "How unevenly the thousand combinations occur.",
            Self::ClassAccuracy => "The share of samples that the evaluator assigns to the requested class.",
            Self::NearestTraining => {
                "The distance to the nearest training image, relative to that of test images; far below 1 means copies."
            }
            Self::Sharpness => "The sharpness of edges, relative to the test images.",
            Self::Diversity => "How different two samples are, relative to two test images.",
            Self::ReconstructionFid => "The FID of reconstructed test images: the best that the decoder can do.",
            Self::Elbo => "A lower bound of the log-likelihood of a test image.",
            Self::Reconstruction => "The gain in the bound: the log-likelihood of an image given its latent.",
            Self::LatentDivergence => "The cost in the bound: how far latents are from the prior.",
            Self::LikelihoodBound => "A tighter bound, from many samples of every latent.",
            Self::ActiveUnits => "How many latent values carry information about the image.",
        }
    }

    pub fn better(self) -> Better {
        match self {
            Self::Fid | Self::InceptionFid | Self::Kid | Self::ClassDivergence | Self::ModeDivergence => Better::Lower,
            Self::ReconstructionFid | Self::CrossEntropy => Better::Lower,
            Self::Accuracy | Self::InceptionScore | Self::Precision | Self::Recall | Self::Coverage => Better::Higher,
            Self::ClassesCovered | Self::Modes | Self::ClassAccuracy => Better::Higher,
            Self::Elbo | Self::LikelihoodBound => Better::Higher,
            // Blurred samples cluster where real images are dense.
            Self::Density => Better::Real,
            Self::NearestTraining | Self::Sharpness | Self::Diversity => Better::Real,
            Self::Reconstruction | Self::LatentDivergence | Self::ActiveUnits => Better::Neither,
        }
    }

    pub fn show(self, value: f64) -> String {
        if !value.is_finite() {
            return if value.is_nan() { "n/a".to_owned() } else { "∞".to_owned() };
        }
        let decimals = match self {
            Self::ClassesCovered | Self::Modes | Self::ActiveUnits => 0,
            Self::Fid | Self::InceptionFid | Self::ReconstructionFid if value.abs() >= 100.0 => 0,
            Self::Fid | Self::InceptionFid | Self::ReconstructionFid if value.abs() >= 10.0 => 1,
            Self::Fid | Self::InceptionFid | Self::ReconstructionFid | Self::InceptionScore => 2,
            Self::Elbo | Self::Reconstruction | Self::LatentDivergence | Self::LikelihoodBound => 2,
            Self::Kid => return Self::Fid.show(value * 1000.0),
            Self::ClassDivergence | Self::ModeDivergence | Self::Accuracy | Self::CrossEntropy => 4,
            _ => 3,
        };
        // No negative zero.
        format!("{:.decimals$}", if value.abs() < 0.5 * 0.1_f64.powi(decimals as i32) { 0.0 } else { value })
    }
}

impl Score {
    pub fn mean(&self) -> f64 {
        self.values.iter().sum::<f64>() / self.values.len() as f64
    }

    /// The standard deviation over the seeds; None for a single seed.
    pub fn std(&self) -> Option<f64> {
        let (mean, count) = (self.mean(), self.values.len());
        let squares = self.values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        (count > 1).then(|| (squares / (count - 1) as f64).sqrt())
    }

    /// The standard deviation over the seeds, or for a single one the score's own standard error.
    pub fn spread(&self) -> Option<f64> {
        self.std().or(self.error)
    }

    pub fn show(&self) -> String {
        let mean = self.measure.show(self.mean());
        match self.spread() {
            Some(spread) => format!("{mean} ± {}", self.measure.show(spread)),
            None => mean,
        }
    }
}

impl Evaluation {
    pub fn score(&self, measure: Metric) -> Option<&Score> {
        self.scores.iter().find(|score| score.measure == measure)
    }
}
