//! `models/index.json`: what the page knows of its models before it loads one.

use std::fs;
use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use crate::shelf::{self, Evaluation, History, Manifest, Measure, Training};
use crate::workspace;

/// A model in the page's list; only its name if `model.ron` cannot be read, as loading it says why.
#[derive(Serialize)]
pub struct Entry {
    name: String,
    #[serde(flatten)]
    facts: Option<Facts>,
}

#[derive(Serialize)]
struct Facts {
    family: String,
    dataset: String,
    classes: Vec<String>,
    /// Whether its class can be chosen.
    conditional: bool,
    encodes: bool,
    latent: usize,
    #[serde(flatten)]
    training: Training,
    /// The size of `model.ron` and `weights.bpk` together.
    bytes: u64,
    history: Option<History>,
    latents: Option<Latents>,
    scores: Option<Scores>,
}

/// The contents of `codes.bin`.
#[derive(Serialize)]
struct Latents {
    count: u64,
    latent: usize,
}

/// Means over the seeds; `floor` is the FID of real training images.
#[derive(Serialize)]
struct Scores {
    fid: Option<f64>,
    floor: Option<f64>,
    precision: Option<f64>,
    recall: Option<f64>,
    coverage: Option<f64>,
    agreement: Option<f64>,
    sharpness: Option<f64>,
    accuracy: Option<f64>,
}

impl Entry {
    fn of(folder: &Path) -> Self {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let facts = shelf::read::<Manifest>(&folder.join("model.ron")).ok().map(|manifest| Facts::of(folder, manifest));
        Self { name, facts }
    }

    /// Its position in the page: generative models first, of those the quickstart, then digits,
    /// then the rest.
    fn rank(&self) -> (bool, usize) {
        let classifies = self.facts.as_ref().is_some_and(|facts| facts.family == "classifier");
        let place = match self.name.as_str() {
            "quickstart" => 0,
            name if name.starts_with("mnist-") => 1,
            _ => 2,
        };
        (classifies, place)
    }
}

impl Facts {
    fn of(folder: &Path, manifest: Manifest) -> Self {
        let size = |name: &str| fs::metadata(folder.join(name)).map_or(0, |file| file.len());
        // Scores of other weights are ignored.
        let evaluation = shelf::read::<Evaluation>(&folder.join("evaluation.ron")).ok();
        let evaluation = evaluation.filter(|evaluation| evaluation.weights_sha256 == manifest.weights.sha256);
        let Manifest { family, data, generator, encoder, training, history, .. } = manifest;
        let (latent, classes) = generator.map_or((0, 0), |generator| (generator.latent, generator.classes));
        let record = 1 + 2 * latent as u64;
        let latents = Some(size("codes.bin") / record).filter(|count| *count > 0);
        Self {
            family,
            dataset: data.set,
            classes: data.classes,
            conditional: classes > 0,
            encodes: encoder.is_some(),
            latent,
            training,
            bytes: size("model.ron") + size("weights.bpk"),
            history,
            latents: latents.map(|count| Latents { count, latent }),
            scores: evaluation.as_ref().map(Scores::of),
        }
    }
}

impl Scores {
    fn of(evaluation: &Evaluation) -> Self {
        Self {
            fid: evaluation.mean(Measure::Fid),
            floor: evaluation.training(Measure::Fid),
            precision: evaluation.mean(Measure::Precision),
            recall: evaluation.mean(Measure::Recall),
            coverage: evaluation.mean(Measure::Coverage),
            agreement: evaluation.mean(Measure::ClassAccuracy),
            sharpness: evaluation.mean(Measure::Sharpness),
            accuracy: evaluation.mean(Measure::Accuracy),
        }
    }
}

/// The models in the folders of `models`, in the order of the page.
pub fn of(models: &Path) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for folder in workspace::entries(models)? {
        if folder.join("model.ron").is_file() {
            entries.push(Entry::of(&folder));
        }
    }
    entries.sort_by(|a, b| (a.rank(), &a.name).cmp(&(b.rank(), &b.name)));
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn quickstart_comes_first_then_digits_then_the_rest_and_broken_ones_are_named() {
        let models = tempfile::tempdir().unwrap();
        for name in ["synthetic-ae", "mnist-vae", "fashion-gan", "quickstart", "mnist-gan"] {
            fs::create_dir_all(models.path().join(name)).unwrap();
            fs::write(models.path().join(name).join("model.ron"), "()").unwrap();
        }
        fs::create_dir_all(models.path().join("notes")).unwrap();
        let found = serde_json::to_value(of(models.path()).unwrap()).unwrap();
        let names = ["quickstart", "mnist-gan", "mnist-vae", "fashion-gan", "synthetic-ae"];
        assert_eq!(found, Value::from_iter(names.map(|name| json!({ "name": name }))));
    }

    #[test]
    fn the_shipped_models_are_listed_with_their_scores() {
        workspace::enter().unwrap();
        let found = serde_json::to_value(of(Path::new(shelf::MODELS)).unwrap()).unwrap();
        let vae = found.as_array().unwrap().iter().find(|entry| entry["name"] == "mnist-vae").unwrap();
        let facts = ["family", "dataset", "latent", "encodes", "conditional"].map(|key| &vae[key]);
        assert_eq!(json!(facts), json!(["vae", "mnist", 2, true, false]));
        assert_eq!(vae["classes"].as_array().unwrap().len(), 10);
        assert!(vae["scores"]["fid"].as_f64().unwrap() > vae["scores"]["floor"].as_f64().unwrap());
        assert!(vae["history"]["columns"].as_u64().unwrap() > 0 && vae["bytes"].as_u64().unwrap() > 100_000);
    }
}
