//! A run folder.
//!
//! ```text
//! runs/<name>-<time>/
//!   pipeline.yaml    the pipeline as written
//!   resolved.yaml    the pipeline as used: with overrides and all defaults
//!   run.ron          program, device, seed, progress, outcome
//!   metrics.jsonl    a line for each epoch
//!   events/          the same for TensorBoard
//!   curves.svg       the same as curves
//!   evaluation.ron   scores, after `imago evaluate`
//!   samples/         samples of the same latents after every evaluation, and samples.gif of them
//!   run.lock         held during training
//!   source/          the model that provides the latents, if any
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

#[derive(Debug, Clone)]
pub struct RunFolder {
    folder: PathBuf,
}

/// `run.ron`: settings, progress and outcome.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Record {
    pub name: String,
    pub version: String,
    pub burn: String,
    /// The commit of the pipeline's repository, if it is in one, and whether files were changed.
    pub git: Option<String>,
    pub device: String,
    pub driver: Option<String>,
    pub seed: u64,
    pub parameters: u64,
    /// The overrides from the command line, in order.
    pub set: Vec<String>,
    pub data_sha256: String,
    pub started: String,
    pub updated: String,
    pub outcome: Outcome,
    pub epochs: usize,
    pub steps: u64,
    pub seconds: f64,
    /// Peak memory of the process in bytes, where the system reports it.
    pub peak_memory: Option<u64>,
    pub losses: Vec<(String, f64)>,
    pub validation: Vec<(String, f64)>,
    pub test: Vec<(String, f64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Outcome {
    /// It has not ended, or the program was killed.
    #[default]
    Running,
    Finished,
    /// It ended before its last epoch, as evaluations stopped improving.
    StoppedEarly,
    Interrupted,
    Diverged,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    Last,
    Best,
}

const PIPELINE: &str = "pipeline.yaml";
const RESOLVED: &str = "resolved.yaml";
const RECORD: &str = "run.ron";
pub const EVALUATION: &str = "evaluation.ron";
pub const LATENTS: &str = "codes.bin";
pub const TESTS: &str = "tests.png";
pub const NEIGHBOURS: &str = "neighbours.png";
pub const CURVES: &str = "curves.svg";
pub const RECONSTRUCTIONS: &str = "reconstructions.png";
const METRICS: &str = "metrics.jsonl";
const CHECKPOINTS: &str = "checkpoints";
const SAMPLES: &str = "samples";
const SOURCE: &str = "source";
const LOCK: &str = "run.lock";

impl RunFolder {
    /// Creates the folder of a new run of the pipeline written as `text`. An existing run is
    /// refused, or with `replace` replaced.
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
                (false, true, _) => bail!("{run} already holds a run; choose another --run, or --force to replace it"),
                (_, false, _) => bail!("{run} exists and is not a run folder; choose another --run"),
            }
        }
        let resolved = pipeline.to_yaml()?;
        // The image of its history stays behind.
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
            // Some file systems have no locks.
            Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
        }
    }

    /// Removes leftovers of interrupted writes.
    pub fn tidy(&self) -> Result<()> {
        [self.folder.clone(), self.folder.join(CHECKPOINTS), self.folder.join(SAMPLES)]
            .iter()
            .try_for_each(|folder| files::tidy(folder))
    }

    pub fn open(folder: &Path) -> Result<Self> {
        let run = Self { folder: folder.to_owned() };
        match run.folder.join(PIPELINE).is_file() {
            true => Ok(run),
            false if run.folder.exists() => bail!("{run} is not a run folder: it has no {PIPELINE}"),
            false => bail!("{run} does not exist; `imago train` creates run folders under runs/"),
        }
    }

    pub fn path(&self) -> &Path {
        &self.folder
    }

    pub fn pipeline(&self) -> Result<(Pipeline, Plan)> {
        // Limits were checked when the run was created, and warnings shown.
        let source = PipelineFile::open(&self.folder.join(RESOLVED))?;
        match source.read(&[], Limits::LARGE).pipeline {
            Some(pipeline) => Ok(pipeline),
            None => source.pipeline(&[], Limits::LARGE),
        }
    }

    pub fn uses(&self, pipeline: &Pipeline) -> Result<bool> {
        let reading = PipelineFile::open(&self.folder.join(RESOLVED))?.read(&[], Limits::LARGE);
        Ok(reading.pipeline.is_some_and(|(used, _)| used == *pipeline))
    }

    pub fn written(&self, overrides: &[Override]) -> Result<(Pipeline, Plan)> {
        PipelineFile::open(&self.folder.join(PIPELINE))?.pipeline(overrides, Limits::LARGE)
    }

    pub fn write_pipeline(&self, pipeline: &Pipeline) -> Result<()> {
        files::write(&self.folder.join(RESOLVED), pipeline.to_yaml()?.as_bytes())
    }

    pub fn write_record(&self, record: &Record) -> Result<()> {
        files::write(&self.folder.join(RECORD), files::ron(record)?.as_bytes())
    }

    pub fn record(&self) -> Result<Record> {
        let path = self.folder.join(RECORD);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        ron::from_str(&text).map_err(|error| anyhow!("{}: {error}", path.display()))
    }

    pub fn checkpoints(&self) -> Checkpoints {
        Checkpoints::of(self.folder.join(CHECKPOINTS))
    }

    pub fn append_metrics(&self, line: &serde_json::Value) -> Result<()> {
        let path = self.folder.join(METRICS);
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let result = file.and_then(|mut file| writeln!(file, "{line}"));
        result.with_context(|| format!("cannot write {}", path.display()))
    }

    /// Removes lines of `metrics.jsonl` after step `steps` and an incomplete last line, which
    /// belong to lost progress.
    pub fn trim_metrics(&self, steps: u64) -> Result<()> {
        let text = self.metrics_text()?;
        let holds = |line: &&str| {
            let line: Option<serde_json::Value> = serde_json::from_str(line).ok();
            line.and_then(|line| line["step"].as_u64()).is_some_and(|step| step <= steps)
        };
        let kept: String = text.split_inclusive('\n').filter(|line| line.ends_with('\n')).filter(holds).collect();
        if kept == text { Ok(()) } else { files::write(&self.folder.join(METRICS), kept.as_bytes()) }
    }

    pub fn metrics(&self) -> Result<Vec<serde_json::Value>> {
        Ok(self.metrics_text()?.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    /// `metrics.jsonl`, empty if there is none yet.
    fn metrics_text(&self) -> Result<String> {
        let path = self.folder.join(METRICS);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(text),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    pub fn write(&self, name: &str, content: &[u8]) -> Result<PathBuf> {
        let path = self.folder.join(name);
        files::write(&path, content)?;
        Ok(path)
    }

    /// Writes the samples after an epoch; epoch 0 is before the first step.
    pub fn write_samples(&self, epoch: usize, image: &[u8]) -> Result<()> {
        self.write(&format!("{SAMPLES}/epoch-{epoch:04}.png"), image).map(drop)
    }

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

    /// The last intact checkpoint, if any; warns of later ones that are damaged.
    pub fn latest(&self) -> Result<Option<Snapshot>> {
        let Some((checkpoint, problems)) = self.checkpoints().last()? else { return Ok(None) };
        for problem in problems {
            eprintln!("warning: {problem}; resuming from step {} instead", checkpoint.state.steps);
        }
        Ok(Some(checkpoint))
    }

    /// The networks of a checkpoint that are used after training.
    pub fn trained(&self, which: Which, plan: &Plan, device: &Device) -> Result<Trained> {
        Ok(restore(plan, &self.checkpoint(which)?.saved.weights, device)?)
    }

    fn checkpoint(&self, which: Which) -> Result<Snapshot> {
        match which {
            Which::Last => self.latest()?.with_context(|| {
                format!("{self} has no checkpoint yet; `imago train` writes the first within minutes")
            }),
            Which::Best => self.checkpoints().best().with_context(|| {
                format!("{self} has no best checkpoint: only models with metrics on held-out images have one")
            }),
        }
    }

    /// The model that provides the latents.
    pub fn source(&self) -> Result<Artifact> {
        open_artifact(&self.folder.join(SOURCE), false)
    }

    /// The run's model as an artifact, optionally with its encoder.
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

/// Writes an artifact as a folder, replacing an existing one, with the image of its history.
pub fn write_artifact(folder: &Path, artifact: &Artifact, history: Option<&[u8]>) -> Result<()> {
    let manifest = artifact.manifest_text()?;
    let mut content = vec![(MANIFEST, manifest.as_bytes()), (WEIGHTS, artifact.weights.as_slice())];
    content.extend(history.map(|image| (HISTORY, image)));
    files::write_folder(folder, &content)
}

/// The artifact in a folder, or one made from a run, optionally with its encoder.
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
