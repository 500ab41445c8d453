//! The shipped models with their scores and pipelines.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ron::Options;
use ron::extensions::Extensions;
use serde::de::{DeserializeOwned, IgnoredAny, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::workspace;

pub const MODELS: &str = "www/models";
/// The results of the reports' models, which have no artifacts here.
const REPORTS: &str = "docs/reports.tsv";
pub const EVALUATORS: &str = "trainer/evaluators";

pub struct Shipped {
    pub folder: PathBuf,
    pub manifest: Manifest,
    pub evaluation: Evaluation,
    pub pipeline: Pipeline,
    /// Bytes that the page loads to sample from it.
    pub bytes: u64,
}

/// The parts of `model.ron` that are needed here.
#[derive(Deserialize)]
pub struct Manifest {
    pub name: String,
    #[serde(deserialize_with = "identifier")]
    pub family: String,
    pub data: Data,
    #[serde(default)]
    pub generator: Option<Generator>,
    #[serde(default)]
    pub encoder: Option<IgnoredAny>,
    pub training: Training,
    #[serde(default)]
    pub history: Option<History>,
    pub weights: Weights,
}

/// A name that RON writes without quotes, as the variant of an enum.
fn identifier<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<String, D::Error> {
    struct Name;

    impl Visitor<'_> for Name {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a name")
        }

        fn visit_str<E>(self, name: &str) -> std::result::Result<String, E> {
            Ok(name.to_owned())
        }
    }

    deserializer.deserialize_identifier(Name)
}

#[derive(Deserialize)]
pub struct Data {
    pub set: String,
    pub classes: Vec<String>,
}

#[derive(Deserialize)]
pub struct Generator {
    pub latent: usize,
    #[serde(default)]
    pub classes: usize,
}

#[derive(Serialize, Deserialize)]
pub struct Training {
    pub parameters: u64,
    pub epochs: usize,
    pub seed: u64,
    pub device: String,
    pub seconds: f64,
}

#[derive(Serialize, Deserialize)]
pub struct History {
    pub epochs: Vec<usize>,
    pub columns: usize,
}

#[derive(Deserialize)]
pub struct Weights {
    pub sha256: String,
}

/// The parts of `evaluation.ron` that are needed here.
#[derive(Deserialize)]
pub struct Evaluation {
    pub weights_sha256: String,
    scores: Vec<Score>,
}

#[derive(Deserialize)]
struct Score {
    measure: Measure,
    values: Vec<f64>,
    training: Option<f64>,
}

/// The scores that are needed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Measure {
    Accuracy,
    Fid,
    Precision,
    Recall,
    Coverage,
    ClassesCovered,
    ClassDivergence,
    #[serde(rename = "Agreement")]
    ClassAccuracy,
    NearestTraining,
    Sharpness,
    ReconstructionFid,
    #[serde(other)]
    Another,
}

impl Evaluation {
    pub fn mean(&self, measure: Measure) -> Option<f64> {
        let score = self.scores.iter().find(|score| score.measure == measure)?;
        Some(score.values.iter().sum::<f64>() / score.values.len().max(1) as f64)
    }

    /// The score of as many training images.
    pub fn training(&self, measure: Measure) -> Option<f64> {
        self.scores.iter().find(|score| score.measure == measure)?.training
    }
}

#[derive(Debug, Clone)]
pub struct Pipeline {
    pub path: PathBuf,
    pub text: String,
}

impl Pipeline {
    pub fn named(name: &str) -> Result<Self> {
        let wanted = format!("name: {name}");
        for path in workspace::files(Path::new("pipelines"), ".yaml")? {
            let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            if text.lines().any(|line| line.trim_end() == wanted) {
                return Ok(Self { path, text });
            }
        }
        bail!("no pipeline has the name {name}")
    }

    /// The commands of its header, in order: the arguments of `imago`.
    pub fn commands(&self) -> Vec<Vec<String>> {
        let lines = self.text.lines().take_while(|line| line.starts_with('#'));
        let commands = lines.filter_map(|line| line.strip_prefix("#   imago "));
        commands.map(|command| command.split_whitespace().map(str::to_owned).collect()).collect()
    }
}

/// The models with scores in the folders of `shelf`.
pub fn shipped(shelf: &str) -> Result<Vec<Shipped>> {
    let mut models = Vec::new();
    for folder in workspace::entries(Path::new(shelf))? {
        if !["model.ron", "evaluation.ron"].iter().all(|name| folder.join(name).is_file()) {
            continue;
        }
        let manifest: Manifest = read(&folder.join("model.ron"))?;
        let pipeline = Pipeline::named(&manifest.name)?;
        let size = |name: &str| fs::metadata(folder.join(name)).map_or(0, |file| file.len());
        let bytes = size("model.ron") + size("weights.bpk");
        models.push(Shipped { evaluation: read(&folder.join("evaluation.ron"))?, folder, manifest, pipeline, bytes });
    }
    Ok(models)
}

pub struct Report {
    pub name: String,
    pub parameters: u64,
    pub fid: Option<f64>,
    pub accuracy: Option<f64>,
}

/// The results of the reports' models. Each line has four cells, of which the last two may be
/// empty.
pub fn reports() -> Result<Vec<Report>> {
    let text = fs::read_to_string(REPORTS).with_context(|| format!("cannot read {REPORTS}"))?;
    let report = |line: &str| {
        let mut cells = line.split('\t');
        let mut cell = || cells.next().map(str::trim);
        let (name, parameters) = (cell()?.to_owned(), cell()?.parse().ok()?);
        let mut figure = || cell().map(|text| if text.is_empty() { None } else { Some(text.parse().ok()) });
        let (fid, accuracy) = (figure()?, figure()?);
        // A cell that is not empty must hold a number.
        let sound = [fid, accuracy].iter().all(|figure| *figure != Some(None));
        sound.then_some(Report { name, parameters, fid: fid.flatten(), accuracy: accuracy.flatten() })
    };
    // The first line names the columns.
    let lines = text.lines().skip(1);
    lines.map(|line| report(line).with_context(|| format!("{REPORTS}: `{line}`"))).collect()
}

pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    // Optional values are written without `Some` in a manifest, and with it in an evaluation.
    let options = match path.ends_with("model.ron") {
        true => Options::default().with_default_extension(Extensions::IMPLICIT_SOME),
        false => Options::default(),
    };
    options.from_str(&text).with_context(|| path.display().to_string())
}
