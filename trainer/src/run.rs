//! A run folder: all that one training made.
//!
//! ```text
//! runs/<name>-<time>/
//!   pipeline.yaml    the pipeline as it was written
//!   resolved.yaml    the pipeline as used: with what the command line changed, every default written out
//!   run.ron          program, device, seed, progress, outcome
//!   metrics.jsonl    one line an epoch
//!   events/          the same for TensorBoard
//!   curves.svg       the same as curves
//!   evaluation.ron   the scores of its samples, once `imago evaluate` measured them
//!   samples/         the same latents after every evaluation, and samples.gif of all of them
//!   run.lock         held while the run is trained
//!   source/          the model whose codes are learned, if there is one
//!   checkpoints/     see `checkpoint`
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use burn::tensor::{Device, read_sync};
use imago_core::artifact::{Artifact, HISTORY, MANIFEST, Manifest, WEIGHTS};
use imago_core::family::{Plan, Trained, restore};
use imago_core::limits::Limits;
use imago_core::pipeline::Pipeline;
use imago_core::weights::Precision;
use imago_core::yaml::Override;
use serde::{Deserialize, Serialize};

use imago_core::training::{Export, Snapshot, export};

use crate::checkpoint::Checkpoints;
use crate::files;
use crate::pipeline_file::PipelineFile;

/// A folder that a training writes into.
#[derive(Debug, Clone)]
pub struct RunFolder {
    folder: PathBuf,
}

/// `run.ron`: what the run was made with and how it went.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Record {
    pub name: String,
    pub version: String,
    /// The version of Burn, which computes.
    pub burn: String,
    /// The commit of the folder that the pipeline lies in, if it is in a repository of git, and whether files had changes.
    pub git: Option<String>,
    pub device: String,
    /// The device's driver and its version, where it has one.
    pub driver: Option<String>,
    pub seed: u64,
    pub parameters: u64,
    /// What the command line changed in the pipeline, in order.
    pub set: Vec<String>,
    /// SHA-256 of the training images and their labels.
    pub data_sha256: String,
    pub started: String,
    /// When this was written last.
    pub updated: String,
    pub outcome: Outcome,
    pub epochs: usize,
    pub steps: u64,
    /// Time spent training.
    pub seconds: f64,
    /// The most memory that the process had, in bytes, where the system tells.
    pub peak_memory: Option<u64>,
    pub losses: Vec<(String, f64)>,
    pub validation: Vec<(String, f64)>,
    pub test: Vec<(String, f64)>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Outcome {
    /// It has not, or the program was killed.
    #[default]
    Running,
    Finished,
    /// It ended before its last epoch, since evaluations no longer became better.
    StoppedEarly,
    Interrupted,
    Diverged,
}

/// Which checkpoint of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    Last,
    Best,
}

const PIPELINE: &str = "pipeline.yaml";
const RESOLVED: &str = "resolved.yaml";
const RECORD: &str = "run.ron";
/// The scores of the model of a run or an artifact.
pub const EVALUATION: &str = "evaluation.ron";
/// The codes of test images, of an artifact with an encoder.
pub const LATENTS: &str = "codes.bin";
/// The first of those test images.
pub const TESTS: &str = "tests.png";
/// The samples that are nearest to a training image.
pub const NEIGHBOURS: &str = "neighbours.png";
/// The losses as curves.
pub const CURVES: &str = "curves.svg";
/// Test images and what comes back of their codes.
pub const RECONSTRUCTIONS: &str = "reconstructions.png";
const METRICS: &str = "metrics.jsonl";
const CHECKPOINTS: &str = "checkpoints";
const SAMPLES: &str = "samples";
const SOURCE: &str = "source";
const LOCK: &str = "run.lock";

impl RunFolder {
    /// Makes a new run folder for a pipeline that was written as `text`. One that exists is refused, or with `replace` replaced.
    pub fn create(
        folder: PathBuf,
        text: &[u8],
        pipeline: &Pipeline,
        record: &Record,
        source: Option<&Artifact>,
        replace: bool,
    ) -> Result<Self> {
        let run = Self { folder };
        if run.folder.exists() {
            let ours = run.folder.join(PIPELINE).is_file();
            let empty = fs::read_dir(&run.folder).is_ok_and(|mut entries| entries.next().is_none());
            match (replace, ours, empty) {
                (_, _, true) => {}
                (true, true, _) => drop(run.lock()?),
                (false, true, _) => bail!("{run} holds a run already; choose another --run, or --force to replace it"),
                (_, false, _) => bail!("{run} exists and is no run folder; choose another --run"),
            }
        }
        let resolved = pipeline.to_yaml()?;
        // The image of its history stays where it is.
        let source = source.map(|source| {
            let manifest = Manifest { history: None, ..source.manifest.clone() };
            Artifact { manifest, weights: source.weights.clone() }
        });
        let source = source.as_ref();
        let manifest = source.map(Artifact::manifest_text).transpose()?.unwrap_or_default();
        let [manifest_name, weights_name] = [MANIFEST, WEIGHTS].map(|name| format!("{SOURCE}/{name}"));
        let record = files::ron(record)?;
        let mut content: Vec<(&str, &[u8])> =
            vec![(PIPELINE, text), (RESOLVED, resolved.as_bytes()), (RECORD, record.as_bytes()), (LOCK, b"")];
        if let Some(source) = source {
            content.extend([(manifest_name.as_str(), manifest.as_bytes()), (&weights_name, &source.weights)]);
        }
        files::write_folder(&run.folder, &content)?;
        Ok(run)
    }

    /// Keeps other processes from training this run while the file is open.
    pub fn lock(&self) -> Result<File> {
        let path = self.folder.join(LOCK);
        let options = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = options.with_context(|| format!("cannot open {}", path.display()))?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => bail!("{self} is being trained by another process"),
            // Where files cannot be locked, nothing is.
            Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
        }
    }

    /// Removes what an interrupted writing left behind.
    pub fn tidy(&self) -> Result<()> {
        [self.folder.clone(), self.folder.join(CHECKPOINTS), self.folder.join(SAMPLES)]
            .iter()
            .try_for_each(|folder| files::tidy(folder))
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

    /// Where the run is.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// The pipeline that the run uses.
    pub fn pipeline(&self) -> Result<(Pipeline, Plan)> {
        // What was allowed when the run was made is allowed again, and what it was warned of was told then.
        let source = PipelineFile::open(&self.folder.join(RESOLVED))?;
        match source.read(&[], Limits::LARGE).pipeline {
            Some(pipeline) => Ok(pipeline),
            None => source.pipeline(&[], Limits::LARGE),
        }
    }

    /// Whether this is the pipeline that the run uses.
    pub fn uses(&self, pipeline: &Pipeline) -> Result<bool> {
        let reading = PipelineFile::open(&self.folder.join(RESOLVED))?.read(&[], Limits::LARGE);
        Ok(reading.pipeline.is_some_and(|(used, _)| used == *pipeline))
    }

    /// The pipeline as the run's file says now, with changes.
    pub fn written(&self, overrides: &[Override]) -> Result<(Pipeline, Plan)> {
        PipelineFile::open(&self.folder.join(PIPELINE))?.pipeline(overrides, Limits::LARGE)
    }

    /// Writes the pipeline that the run uses from now on.
    pub fn write_pipeline(&self, pipeline: &Pipeline) -> Result<()> {
        files::write(&self.folder.join(RESOLVED), pipeline.to_yaml()?.as_bytes())
    }

    /// Writes `run.ron`.
    pub fn write_record(&self, record: &Record) -> Result<()> {
        files::write(&self.folder.join(RECORD), files::ron(record)?.as_bytes())
    }

    /// `run.ron`.
    pub fn record(&self) -> Result<Record> {
        let path = self.folder.join(RECORD);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        ron::from_str(&text).map_err(|error| anyhow!("{}: {error}", path.display()))
    }

    /// The checkpoints of the run.
    pub fn checkpoints(&self) -> Checkpoints {
        Checkpoints::of(self.folder.join(CHECKPOINTS))
    }

    /// Adds a line to `metrics.jsonl`.
    pub fn append_metrics(&self, line: &serde_json::Value) -> Result<()> {
        let path = self.folder.join(METRICS);
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let result = file.and_then(|mut file| writeln!(file, "{line}"));
        result.with_context(|| format!("cannot write {}", path.display()))
    }

    /// Takes lines of `metrics.jsonl` away that lie behind step number `steps`, and one that was cut short: they tell of a time that is
    /// lost.
    pub fn trim_metrics(&self, steps: u64) -> Result<()> {
        let text = self.metrics_text()?;
        let holds = |line: &&str| {
            let line: Option<serde_json::Value> = serde_json::from_str(line).ok();
            line.and_then(|line| line["step"].as_u64()).is_some_and(|step| step <= steps)
        };
        let kept: String = text.split_inclusive('\n').filter(|line| line.ends_with('\n')).filter(holds).collect();
        if kept == text { Ok(()) } else { files::write(&self.folder.join(METRICS), kept.as_bytes()) }
    }

    /// The lines of `metrics.jsonl`.
    pub fn metrics(&self) -> Result<Vec<serde_json::Value>> {
        Ok(self.metrics_text()?.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    /// `metrics.jsonl` as it is; empty if there is none yet.
    fn metrics_text(&self) -> Result<String> {
        let path = self.folder.join(METRICS);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(text),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Writes an image or another file that tells of the run.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<PathBuf> {
        let path = self.folder.join(name);
        files::write(&path, content)?;
        Ok(path)
    }

    /// Writes the image of the samples after an epoch; of epoch 0 those before the first step.
    pub fn write_samples(&self, epoch: usize, image: &[u8]) -> Result<()> {
        self.write(&format!("{SAMPLES}/epoch-{epoch:04}.png"), image).map(drop)
    }

    /// The images of the samples with the epochs that they were drawn after, oldest first.
    pub fn samples(&self) -> Result<BTreeMap<usize, Vec<u8>>> {
        let folder = self.folder.join(SAMPLES);
        let failed = || format!("cannot read {}", folder.display());
        let mut images = BTreeMap::new();
        for entry in fs::read_dir(&folder).with_context(failed)? {
            let path = entry.with_context(failed)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let number = name.strip_prefix("epoch-").and_then(|name| name.strip_suffix(".png"));
            if let Some(epoch) = number.and_then(|number| number.parse().ok()) {
                images.insert(epoch, fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?);
            }
        }
        Ok(images)
    }

    /// The last checkpoint that is whole, if there is any; what is wrong with a later one is said.
    pub fn latest(&self) -> Result<Option<Snapshot>> {
        let Some((checkpoint, problems)) = self.checkpoints().last()? else { return Ok(None) };
        for problem in problems {
            eprintln!("warning: {problem}; going on from step {} instead", checkpoint.state.steps);
        }
        Ok(Some(checkpoint))
    }

    /// The networks of use of a checkpoint.
    pub fn trained(&self, which: Which, plan: &Plan, device: &Device) -> Result<Trained> {
        Ok(restore(plan, &self.checkpoint(which)?.saved.weights, device)?)
    }

    fn checkpoint(&self, which: Which) -> Result<Snapshot> {
        match which {
            Which::Last => self.latest()?.with_context(|| {
                format!("{self} has no checkpoint yet; `imago train` writes the first within minutes")
            }),
            Which::Best => self.checkpoints().best().with_context(|| {
                format!(
                    "{self} has no best checkpoint: only what is measured on other images than it learns from has one"
                )
            }),
        }
    }

    /// The model whose codes are learned.
    pub fn source(&self) -> Result<Artifact> {
        open_artifact(&self.folder.join(SOURCE), false)
    }

    /// The run's model as an artifact, with its encoder if that is wanted and there is one.
    pub fn artifact(&self, which: Which, precision: Precision, with_encoder: bool) -> Result<Artifact> {
        let (pipeline, plan) = self.pipeline()?;
        let device = self.record()?.device;
        let snapshot = self.checkpoint(which)?;
        let source = pipeline.model.traits().source.map(|_| self.source()).transpose()?;
        let options = Export { precision, encoder: with_encoder, device: &device };
        Ok(read_sync(export(&pipeline, &plan, &snapshot, source.as_ref(), options, &Device::flex()))?)
    }
}

impl std::fmt::Display for RunFolder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.folder.display().fmt(f)
    }
}

/// Writes an artifact as a folder, in place of one that is there, with the image of its history if it has one.
pub fn write_artifact(folder: &Path, artifact: &Artifact, history: Option<&[u8]>) -> Result<()> {
    let manifest = artifact.manifest_text()?;
    let mut content = vec![(MANIFEST, manifest.as_bytes()), (WEIGHTS, artifact.weights.as_slice())];
    content.extend(history.map(|image| (HISTORY, image)));
    files::write_folder(folder, &content)
}

/// The artifact in a folder: exported already, or made from a run, with its encoder if that is wanted.
pub fn open_artifact(folder: &Path, with_encoder: bool) -> Result<Artifact> {
    if !folder.join(MANIFEST).is_file() {
        return match folder.join(PIPELINE).is_file() {
            true => RunFolder::open(folder)?.artifact(Which::Last, Precision::F32, with_encoder),
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
