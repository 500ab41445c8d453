//! A run folder: all that one training made.
//!
//! ```text
//! runs/<name>-<time>/
//!   pipeline.yaml    the pipeline as used, every default written out
//!   run.ron          program, device, seed, progress, outcome
//!   metrics.jsonl    one line an epoch
//!   samples/         the same latents after every epoch
//!   source/          the model whose codes are learned, if there is one
//!   checkpoints/     step-<steps>/ with weights.bpk, optimizer-<n>.bpk and state.ron; the highest is the last
//! ```

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use imago_core::artifact::{
    Artifact, CLASSIFIER, DataFacts, ENCODER, FORMAT, GENERATOR, Generator, MANIFEST, Manifest, PRIOR, Precision,
    Reader, TrainingFacts, WEIGHTS, WeightFacts, sha256,
};
use imago_core::model::{Plan, Prior, Saved, restore};
use imago_core::nn::Sequential;
use imago_core::plan::Limits;
use imago_core::spec::{self, Pipeline};
use serde::{Deserialize, Serialize};

use crate::files;
use crate::source::Source;

/// A folder that a training writes into.
#[derive(Debug, Clone)]
pub struct Run {
    folder: PathBuf,
}

/// Where a training stands; written with every checkpoint.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct State {
    /// Steps done.
    pub steps: u64,
    /// Epochs begun: the number of the last whole or broken-off one, from 1.
    pub epoch: usize,
    /// Whether the epoch was broken off.
    pub partial: bool,
    /// Time spent training, in seconds.
    pub seconds: f64,
    /// The parts of the loss, averaged over the last epoch.
    pub losses: Vec<(String, f64)>,
    /// The same on the test samples after it, where they mean something there.
    pub test: Vec<(String, f64)>,
    /// What latents are drawn from.
    pub prior: Prior,
    /// SHA-256 of the weights beside it.
    pub weights_sha256: String,
    /// SHA-256 of the states of the optimisers beside it.
    pub optimizers_sha256: Vec<String>,
}

/// A checkpoint as it was saved.
pub struct Checkpoint {
    pub state: State,
    pub saved: Saved,
}

/// `run.ron`: what the run was made with and how it went.
#[derive(Debug, Serialize, Deserialize)]
pub struct Record {
    pub name: String,
    pub version: String,
    pub device: String,
    pub seed: u64,
    pub parameters: u64,
    pub started: String,
    pub outcome: Outcome,
    pub epochs: usize,
    pub steps: u64,
    pub seconds: f64,
    pub losses: Vec<(String, f64)>,
    #[serde(default)]
    pub test: Vec<(String, f64)>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    Running,
    Finished,
    Interrupted,
    Diverged,
}

const PIPELINE: &str = "pipeline.yaml";
const RECORD: &str = "run.ron";
const METRICS: &str = "metrics.jsonl";
const CHECKPOINTS: &str = "checkpoints";
const STATE: &str = "state.ron";
const SOURCE: &str = "source";

/// The file of an optimiser's state, counted from 0.
fn optimizer(index: usize) -> String {
    format!("optimizer-{}.bpk", index + 1)
}

impl Run {
    /// Makes a new run folder. One that exists is refused, or with `replace` emptied of its earlier run.
    pub fn create(folder: PathBuf, pipeline: &Pipeline, replace: bool) -> Result<Self> {
        let run = Self { folder };
        if run.folder.exists() {
            let ours = run.folder.join(PIPELINE).is_file();
            let empty = fs::read_dir(&run.folder).is_ok_and(|mut entries| entries.next().is_none());
            match (replace, ours, empty) {
                (_, _, true) => {}
                (true, true, _) => fs::remove_dir_all(&run.folder).context("cannot remove the earlier run")?,
                (false, true, _) => bail!("{run} holds a run already; choose another --run, or --force to replace it"),
                (_, false, _) => bail!("{run} exists and is no run folder; choose another --run"),
            }
        }
        files::write(&run.folder.join(PIPELINE), pipeline.to_yaml()?.as_bytes())?;
        Ok(run)
    }

    /// Opens a run folder.
    pub fn open(folder: &Path) -> Result<Self> {
        let run = Self { folder: folder.to_owned() };
        match run.folder.join(PIPELINE).is_file() {
            true => Ok(run),
            false if run.folder.exists() => bail!("{run} is no run folder: it has no {PIPELINE}"),
            false => bail!("{run} does not exist; `imago train` makes run folders under runs/"),
        }
    }

    /// The pipeline that the run was made with, with changes.
    pub fn pipeline(&self, overrides: &[spec::Override]) -> Result<(Pipeline, Plan)> {
        let path = self.folder.join(PIPELINE);
        // What was allowed when the run was made is allowed again.
        Source::open(&path)?.pipeline(overrides, Limits::LARGE)
    }

    /// Writes the pipeline anew, when a resumed run changes it.
    pub fn write_pipeline(&self, pipeline: &Pipeline) -> Result<()> {
        files::write(&self.folder.join(PIPELINE), pipeline.to_yaml()?.as_bytes())
    }

    /// Writes `run.ron`.
    pub fn write_record(&self, record: &Record) -> Result<()> {
        files::write(&self.folder.join(RECORD), pretty(record)?.as_bytes())
    }

    /// `run.ron`.
    pub fn record(&self) -> Result<Record> {
        let path = self.folder.join(RECORD);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        ron::from_str(&text).map_err(|error| anyhow!("{}: {error}", path.display()))
    }

    /// Adds a line to `metrics.jsonl`.
    pub fn append_metrics(&self, line: &serde_json::Value) -> Result<()> {
        let path = self.folder.join(METRICS);
        let file = fs::OpenOptions::new().create(true).append(true).open(&path);
        let result = file.and_then(|mut file| writeln!(file, "{line}"));
        result.with_context(|| format!("cannot write {}", path.display()))
    }

    /// Writes a picture of samples, under a name that sorts by epoch.
    pub fn write_samples(&self, epoch: usize, png: &[u8]) -> Result<PathBuf> {
        let path = self.folder.join("samples").join(format!("epoch-{epoch:04}.png"));
        files::write(&path, png)?;
        Ok(path)
    }

    /// Saves a checkpoint; the one before it goes once this one is whole.
    pub fn save(&self, mut checkpoint: Checkpoint) -> Result<()> {
        let Saved { weights, optimizers } = &checkpoint.saved;
        checkpoint.state.weights_sha256 = sha256(weights);
        checkpoint.state.optimizers_sha256 = optimizers.iter().map(|state| sha256(state)).collect();
        let state = pretty(&checkpoint.state)?;
        let earlier = self.checkpoints()?;
        let folder = self.folder.join(CHECKPOINTS).join(format!("step-{:08}", checkpoint.state.steps));
        let names: Vec<String> = (0..optimizers.len()).map(optimizer).collect();
        let mut content: Vec<(&str, &[u8])> = vec![(WEIGHTS, weights), (STATE, state.as_bytes())];
        content.extend(names.iter().map(String::as_str).zip(optimizers.iter().map(Vec::as_slice)));
        files::write_folder(&folder, &content)?;
        for old in earlier.into_iter().filter(|old| *old != folder) {
            fs::remove_dir_all(&old).with_context(|| format!("cannot remove {}", old.display()))?;
        }
        Ok(())
    }

    /// The last checkpoint, verified.
    pub fn last(&self) -> Result<Checkpoint> {
        let Some(folder) = self.checkpoints()?.pop() else {
            bail!("{self} has no checkpoint yet; the first is written after an epoch, or when training is interrupted");
        };
        let read = |name: &str| {
            let path = folder.join(name);
            fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
        };
        let text = String::from_utf8_lossy(&read(STATE)?).into_owned();
        let state: State =
            ron::from_str(&text).map_err(|error| anyhow!("{}: {error}", folder.join(STATE).display()))?;
        let verified = |name: &str, expected: &String| {
            let bytes = read(name)?;
            if sha256(&bytes) != *expected {
                let path = folder.join(name);
                bail!("{} was cut short or changed: its SHA-256 is not that in {STATE}", path.display());
            }
            Ok(bytes)
        };
        let weights = verified(WEIGHTS, &state.weights_sha256)?;
        let states = state.optimizers_sha256.iter().enumerate();
        let optimizers =
            states.map(|(index, expected)| verified(&optimizer(index), expected)).collect::<Result<_>>()?;
        Ok(Checkpoint { state, saved: Saved { weights, optimizers } })
    }

    /// The folders of all checkpoints, oldest first.
    fn checkpoints(&self) -> Result<Vec<PathBuf>> {
        let folder = self.folder.join(CHECKPOINTS);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", folder.display())),
        };
        // What is half-written has another name, and step numbers are as wide as to sort by their text.
        let mut found: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        found.retain(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("step-")));
        found.sort();
        Ok(found)
    }

    /// Keeps the model whose codes are learned, so that the run needs no other.
    pub fn write_source(&self, source: &Artifact) -> Result<()> {
        write_artifact(&self.folder.join(SOURCE), source)
    }

    /// The model whose codes are learned.
    pub fn source(&self) -> Result<Artifact> {
        open_artifact(&self.folder.join(SOURCE), false)
    }

    /// The run's model as an artifact, with its encoder if that is wanted and there is one.
    pub fn artifact(&self, precision: Precision, with_encoder: bool) -> Result<Artifact> {
        let (pipeline, plan) = self.pipeline(&[])?;
        let record = self.record()?;
        let Checkpoint { state, saved } = self.last()?;
        let device = burn::tensor::Device::flex();
        let trained = restore(&plan, &saved.weights, &device)?;
        let source =
            pipeline.model.source().map(|_| self.source()?.sampler(&device).context("the source")).transpose()?;
        let mut networks: Vec<(&str, &Sequential)> = Vec::new();
        let mut generator = None;
        match (&source, &trained.generator) {
            (Some(source), Some(learned)) => {
                networks.extend([(GENERATOR, &source.generator), (PRIOR, &learned.network)]);
                generator = self.source()?.manifest.generator;
            }
            (None, Some(part)) => {
                networks.push((GENERATOR, &part.network));
                let classes = if plan.condition().is_some() { plan.classes() } else { 0 };
                let layers = part.layers.clone();
                generator = Some(Generator { latent: plan.latent(), classes, layers, output: plan.output() });
            }
            (_, None) => {}
        }
        let range = pipeline.data.range;
        let encoder = trained.encoder.as_ref().filter(|_| with_encoder && source.is_none());
        if let Some(encoder) = encoder {
            networks.push((ENCODER, &encoder.part.network));
        }
        if let Some(classifier) = &trained.classifier {
            networks.push((CLASSIFIER, &classifier.network));
        }
        let set = pipeline.data.set;
        let manifest = Manifest {
            format: FORMAT,
            name: pipeline.name,
            family: plan.family(),
            data: DataFacts {
                set: set.name().to_owned(),
                image: plan.image(),
                classes: set.classes().iter().map(ToString::to_string).collect(),
            },
            generator,
            prior: state.prior,
            encoder: encoder.map(|encoder| Reader { layers: encoder.part.layers.clone(), range, heads: encoder.heads }),
            classifier: trained.classifier.as_ref().map(|part| Reader {
                layers: part.layers.clone(),
                range,
                heads: false,
            }),
            training: TrainingFacts {
                epochs: state.epoch - usize::from(state.partial),
                seed: pipeline.train.seed,
                device: record.device,
                seconds: state.seconds.round(),
                parameters: plan.parameters(),
                losses: state.losses,
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
            weights: WeightFacts::default(),
        };
        Ok(Artifact::new(manifest, &networks, precision)?)
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.folder.display().fmt(f)
    }
}

/// Writes an artifact as a folder, in place of one that is there.
pub fn write_artifact(folder: &Path, artifact: &Artifact) -> Result<()> {
    let manifest = artifact.manifest_text()?;
    files::write_folder(folder, &[(MANIFEST, manifest.as_bytes()), (WEIGHTS, &artifact.weights)])
}

/// The artifact in a folder: exported already, or made from a run, with its encoder if that is wanted.
pub fn open_artifact(folder: &Path, with_encoder: bool) -> Result<Artifact> {
    if !folder.join(MANIFEST).is_file() {
        return match folder.join(PIPELINE).is_file() {
            true => Run::open(folder)?.artifact(Precision::F32, with_encoder),
            false => bail!(
                "{} is neither a run folder (with {PIPELINE}) nor an artifact (with {MANIFEST} and {WEIGHTS})",
                folder.display()
            ),
        };
    }
    let path = folder.join(MANIFEST);
    let manifest = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let path = folder.join(WEIGHTS);
    let weights = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Artifact::read(&manifest, weights).with_context(|| folder.display().to_string())
}

fn pretty(value: &impl Serialize) -> Result<String> {
    Ok(ron::ser::to_string_pretty(value, ron::ser::PrettyConfig::new().compact_arrays(true))? + "\n")
}
