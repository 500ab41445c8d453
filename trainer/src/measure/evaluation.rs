//! `evaluation.ron`: what was measured of a model, and of real images beside it.

use imago_core::family::Family;
use serde::{Deserialize, Serialize};

use super::ImportanceSamples;
use super::classes::Reason;

/// All scores of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Version of the program.
    pub version: String,
    /// The model's name.
    pub name: String,
    /// The kind of model.
    pub family: Family,
    /// The set whose test images it is compared with.
    pub set: String,
    /// SHA-256 of the model's weights.
    pub weights_sha256: String,
    /// What computed.
    pub device: String,
    /// What looked at the images.
    pub evaluator: EvaluatorFacts,
    /// SHA-256 of the weights of Inception v3, if it looked as well.
    pub inception_sha256: Option<String>,
    /// How many samples of each seed were measured.
    pub count: usize,
    /// How many test images they were compared with.
    pub test_images: usize,
    /// What the samples were drawn from; each seed gives each score once.
    pub seeds: Vec<u64>,
    /// How many samples tightened the likelihood bound.
    #[serde(rename = "effort")]
    pub importance_samples: ImportanceSamples,
    /// The scores.
    pub scores: Vec<Score>,
    /// What the samples of each class are like.
    pub classes: Vec<ClassScore>,
    /// CollapseStatistics that the model makes only few kinds of samples; none if all is well.
    pub alarm: Vec<Reason>,
    /// What has to be known to read the scores rightly.
    pub warnings: Vec<String>,
    /// Time that it took.
    pub seconds: f64,
}

/// The classifier whose features are compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvaluatorFacts {
    /// Its name.
    pub name: String,
    /// SHA-256 of its weights.
    pub sha256: String,
    /// Number of features of an image.
    pub features: usize,
    /// The share of the test images whose class it tells, where they have one.
    pub accuracy: Option<f64>,
}

/// A score of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Which one.
    pub measure: Metric,
    /// Its value for every seed; those of a likelihood, which needs no samples, are one.
    pub values: Vec<f64>,
    /// Its standard error for a single seed, where it has one of its own; of the Inception Score the deviation of its splits.
    pub error: Option<f64>,
    /// The value of as many training images in the place of the samples.
    pub training: Option<f64>,
    /// The value of the test images themselves.
    pub test: Option<f64>,
}

/// What the samples of one class are like, of the first seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassScore {
    /// The class.
    pub name: String,
    /// The share of the samples that the evaluator takes for this class.
    pub share: f64,
    /// The same of the test images.
    pub test_share: f64,
    /// Mean distance between two samples of this class as a share of that between two test images; None for fewer than two.
    pub diversity: Option<f64>,
}

/// Which score.
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

/// When a value is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    Lower,
    Higher,
    /// Near that of real images.
    Real,
    /// It tells, but does not judge.
    Neither,
}

impl Metric {
    /// The name in tables.
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

    /// What it says, in a sentence for readers who meet it for the first time.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Accuracy => "The share of images that are told rightly.",
            Self::CrossEntropy => "How little a classifier is surprised by the true class of an image.",
            Self::Fid => {
                "How far the samples' features lie from those of the test images: 0 where they are spread alike."
            }
            Self::InceptionFid => "The same in the features of Inception v3, as published scores have it.",
            Self::Kid => "Another distance between the two clouds of features, with no bias for few samples.",
            Self::InceptionScore => {
                "High where the evaluator is sure of every sample's class, and all classes come as often."
            }
            Self::Precision => "The share of samples that look like some test image.",
            Self::Recall => "The share of test images that look like some sample.",
            Self::Density => "How crowded with test images the places are where samples lie.",
            Self::Coverage => "The share of test images with a sample nearby.",
            Self::ClassesCovered => "How many classes come at least a tenth as often as in the test images.",
            Self::ClassDivergence => "How far the shares of the classes are from those of the test images.",
            Self::Modes => "How many of the thousand combinations of three digits come at all.",
            Self::ModeDivergence => "How unevenly the thousand combinations come.",
            Self::ClassAccuracy => "The share of samples that the evaluator takes for the class that was asked for.",
            Self::NearestTraining => {
                "How far samples are from the nearest training image, as a share of how far test images are; far below 1 means copies."
            }
            Self::Sharpness => "How sharp edges are, as a share of the test images' sharpness.",
            Self::Diversity => "How different two samples are, as a share of how different two test images are.",
            Self::ReconstructionFid => "The FID of the test images' reconstructions: the best that the decoder can do.",
            Self::Elbo => "A lower bound of the log-likelihood of a test image.",
            Self::Reconstruction => "What the bound gains: the log-likelihood of an image given its code.",
            Self::LatentDivergence => "What the bound pays: how far codes are from the prior.",
            Self::LikelihoodBound => "A tighter bound, of many draws from every code.",
            Self::ActiveUnits => "How many latent values tell anything of the image.",
        }
    }

    /// When a value is good.
    pub fn better(self) -> Better {
        match self {
            Self::Fid | Self::InceptionFid | Self::Kid | Self::ClassDivergence | Self::ModeDivergence => Better::Lower,
            Self::ReconstructionFid | Self::CrossEntropy => Better::Lower,
            Self::Accuracy | Self::InceptionScore | Self::Precision | Self::Recall | Self::Coverage => Better::Higher,
            Self::ClassesCovered | Self::Modes | Self::ClassAccuracy => Better::Higher,
            Self::Elbo | Self::LikelihoodBound => Better::Higher,
            // Blurred samples crowd where real images are dense.
            Self::Density => Better::Real,
            Self::NearestTraining | Self::Sharpness | Self::Diversity => Better::Real,
            Self::Reconstruction | Self::LatentDivergence | Self::ActiveUnits => Better::Neither,
        }
    }

    /// A value as it stands in tables.
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
        // Nothing is shown as less than nothing.
        format!("{:.decimals$}", if value.abs() < 0.5 * 0.1_f64.powi(decimals as i32) { 0.0 } else { value })
    }
}

impl Score {
    /// The mean over the seeds.
    pub fn mean(&self) -> f64 {
        self.values.iter().sum::<f64>() / self.values.len() as f64
    }

    /// The standard deviation over the seeds; None for a single one.
    pub fn std(&self) -> Option<f64> {
        let (mean, count) = (self.mean(), self.values.len());
        let squares = self.values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        (count > 1).then(|| (squares / (count - 1) as f64).sqrt())
    }

    /// The standard deviation over the seeds, or where there is only one the score's own standard error.
    pub fn spread(&self) -> Option<f64> {
        self.std().or(self.error)
    }

    /// The mean and its spread as they stand in tables.
    pub fn show(&self) -> String {
        let mean = self.measure.show(self.mean());
        match self.spread() {
            Some(spread) => format!("{mean} ± {}", self.measure.show(spread)),
            None => mean,
        }
    }
}

impl Evaluation {
    /// A score, if it was measured.
    pub fn score(&self, measure: Metric) -> Option<&Score> {
        self.scores.iter().find(|score| score.measure == measure)
    }
}
