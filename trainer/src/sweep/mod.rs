//! Sweeps: variants of a pipeline, each trained in its own folder and process.
//!
//! ```text
//! runs/<sweep>/
//!   001-lr-0.0002-seed-1/       a run folder, as from `imago train`
//!   001-lr-0.0002-seed-1.log    the output of its training, all attempts
//!   001-lr-0.0002-seed-1.lock   held while a process trains it
//!   …
//!   sweep.tsv                   the table
//! ```
//!
//! The folders hold all progress, so any number of processes on any number of machines may share a
//! sweep, and each may stop at any time.

mod folder;
mod label;
mod seeds;
pub mod shell;
mod spec;
mod table;
mod work;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use imago_core::family::Family;
use imago_core::limits::Limits;
use imago_core::spec::Data;
use imago_core::yaml::{Finding, Override};

use crate::files;
use crate::measure::{EvaluatedModel, EvaluationJob, EvaluationProgress, Evaluator, ImportanceSamples, ReferenceSet};
use crate::pipeline_file::PipelineFile;
use crate::run::{EVALUATION, RunFolder};
use folder::{Folder, RunStatus};
use label::Names;
pub use seeds::Seeds;
use spec::{Setting, Spec, Variant};
use table::Row;
pub use work::Workers;
use work::{End, Signals, work};

const TABLE: &str = "sweep.tsv";
const SAMPLES: usize = 10_000;

pub struct Sweep {
    file: PathBuf,
    out: PathBuf,
    names: Names,
    runs: Vec<Planned>,
}

pub struct Planned {
    pub index: usize,
    title: String,
    pipeline: PathBuf,
    variant: Variant,
    folder: Folder,
}

impl Planned {
    /// All overrides of the pipeline, in order.
    fn settings(&self) -> impl Iterator<Item = &Setting> {
        self.variant.common.iter().chain(&self.variant.changed)
    }
}

impl Sweep {
    /// The sweep declared in a file, in `out` or in `runs/<name of the file>`.
    pub fn open(file: &Path, out: Option<PathBuf>) -> Result<Self> {
        let Spec { pipeline, variants } = Spec::read(file)?;
        let out = out.unwrap_or_else(|| Path::new("runs").join(file.file_stem().unwrap_or("sweep".as_ref())));
        Ok(Self::new(file, out, &pipeline, variants))
    }

    /// A pipeline with several seeds, in `out` or in `runs/<name of the pipeline>-seeds`.
    pub fn over_seeds(
        pipeline: &Path,
        overrides: &[Override],
        limits: Limits,
        seeds: &Seeds,
        out: Option<PathBuf>,
    ) -> Result<Self> {
        let common = overrides.iter().filter_map(|change| change.text().split_once('='));
        let common: Vec<Setting> =
            common.map(|(path, value)| Setting { path: path.to_owned(), value: value.to_owned() }).collect();
        let variants = spec::variants(&common, &[Vec::new()], Some(seeds))?;
        let out = match out {
            Some(out) => out,
            // Problems of the pipeline are reported later, before training.
            None => match PipelineFile::open(pipeline)?.read(overrides, limits).pipeline {
                Some((pipeline, _)) => Path::new("runs").join(format!("{}-seeds", pipeline.name)),
                None => PathBuf::from("runs/seeds"),
            },
        };
        Ok(Self::new(pipeline, out, pipeline, variants))
    }

    fn new(file: &Path, out: PathBuf, pipeline: &Path, variants: Vec<Variant>) -> Self {
        let names = Names::new(&variants);
        let plan = |(index, variant): (usize, Variant)| Planned {
            index: index + 1,
            title: names.title(&variant.changed),
            pipeline: pipeline.to_owned(),
            folder: Folder::new(out.join(names.folder(index + 1, &variant.changed))),
            variant,
        };
        let runs = variants.into_iter().enumerate().map(plan).collect();
        Self { file: file.to_owned(), out, names, runs }
    }

    pub fn out(&self) -> &Path {
        &self.out
    }

    pub fn runs(&self, index: Option<usize>) -> Result<Vec<&Planned>> {
        match index {
            None => Ok(self.runs.iter().collect()),
            Some(index) => match index.checked_sub(1).and_then(|at| self.runs.get(at)) {
                Some(run) => Ok(vec![run]),
                None => bail!("there is no run {index}: {} declares {}", self.file.display(), self.runs.len()),
            },
        }
    }

    /// Reads the pipeline of each of `runs`, shows all problems, and checks whether its folder is
    /// usable.
    ///
    /// # Errors
    /// One of them has a problem; none may start.
    pub fn check(&self, runs: &[&Planned], limits: Limits) -> Result<()> {
        let mut shown: Vec<Finding> = Vec::new();
        let mut wrong = Vec::new();
        let mut known = HashMap::new();
        for run in runs {
            let overrides: Vec<Override> = run
                .settings()
                .map(|setting| Override::parse(&setting.to_string()))
                .collect::<Result<_, _>>()
                .map_err(|fault| anyhow!("{}: run {}: {fault}", self.file.display(), run.index))?;
            let source = PipelineFile::open(&run.pipeline).with_context(|| self.file.display().to_string())?;
            let reading = source.read(&overrides, limits);
            // Problems of the pipeline itself affect every run, and are shown once.
            let fresh: Vec<Finding> = reading.findings.into_iter().filter(|finding| !shown.contains(finding)).collect();
            if !fresh.is_empty() {
                eprintln!("run {}, {}:", run.index, run.title);
                fresh.iter().for_each(|finding| source.show(finding));
                shown.extend(fresh);
            }
            let Some((pipeline, _)) = reading.pipeline else {
                wrong.push(run.index.to_string());
                continue;
            };
            if let Some(twin) = known.insert(pipeline.to_yaml()?, run.index) {
                let (file, index) = (self.file.display(), run.index);
                bail!("{file}: the runs {twin} and {index} are the same, {}; remove one of them", run.title);
            }
            run.folder.check(&pipeline)?;
        }
        match wrong.as_slice() {
            [] => Ok(()),
            [one] => bail!("{}: run {one} has errors; nothing was started", self.file.display()),
            [many @ .., last] => {
                bail!("{}: runs {} and {last} have errors; nothing was started", self.file.display(), many.join(", "))
            }
        }
    }

    /// Trains all unfinished runs, or only number `index`. Reports the start and end of each, and a
    /// table. The exit code is 0 when all have finished, 1 when one has not, and 130 after a
    /// signal.
    pub fn train(&self, index: Option<usize>, workers: &Workers) -> Result<ExitCode> {
        let runs = self.runs(index)?;
        self.check(&runs, workers.limits())?;
        let workers = match index {
            Some(index) => workers.clone().only(index - 1),
            None => workers.clone(),
        };
        let program = std::env::current_exe().context("cannot find this program")?;
        let signals = Signals::listen()?;
        if index.is_none() {
            let statuses = runs.iter().map(|run| run.folder.status());
            let done = statuses.filter(|status| matches!(status, RunStatus::Finished | RunStatus::Diverged)).count();
            let done = if done == 0 { String::new() } else { format!(", {done} of them already done") };
            let count = if runs.len() == 1 { "1 run".to_owned() } else { format!("{} runs", runs.len()) };
            say!("{count} of {} in {}{done}", self.file.display(), self.out.display());
        }
        let total = self.runs.len();
        let width = total.to_string().len();
        let report = |run: &Planned, what: &str| say!("{:>width$}/{total}  {}: {what}", run.index, run.title);
        let ends = work(&program, &runs, &workers, &signals, report);
        let scored = match workers.score && !signals.heard() {
            true => self.score(&runs, &workers, &signals),
            false => Ok(()),
        };
        if index.is_none() {
            let failed = |run: &Planned| ends[run.index - 1] == End::Failed;
            say!("");
            self.report(&self.rows(failed))?;
            for (run, end) in runs.iter().zip(&ends).filter(|(_, end)| matches!(end, End::Failed | End::Diverged)) {
                let end = if *end == End::Failed { "failed" } else { "diverged" };
                say!("run {} {end}; see {}", run.index, run.folder.log().display());
            }
        }
        if signals.heard() {
            say!("stopped; the same command continues");
            return Ok(ExitCode::from(130));
        }
        // Training results have been reported by now.
        scored.context("the samples could not be evaluated")?;
        Ok(if ends.iter().all(|end| *end == End::Finished) { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }

    /// Evaluates samples of finished runs without scores, and writes the scores into their folders.
    /// One seed suffices to tell runs apart by more than a few hundredths; a final model deserves
    /// more.
    fn score(&self, runs: &[&Planned], workers: &Workers, signals: &Signals) -> Result<()> {
        let opened = workers.devices.first().copied().unwrap_or_default().open()?;
        let progress = EvaluationProgress::new(true);
        let mut reference_sets: Vec<(Data, ReferenceSet)> = Vec::new();
        for run in runs {
            if signals.heard() {
                break;
            }
            if run.folder.status() != RunStatus::Finished || run.folder.evaluation().is_some() {
                continue;
            }
            let failed = || format!("run {}, {}", run.index, run.title);
            // A classifier was evaluated in training.
            if RunFolder::open(run.folder.path())?.pipeline().with_context(failed)?.0.model.family()
                == Family::Classifier
            {
                continue;
            }
            let model = EvaluatedModel::open(run.folder.path(), &opened.device).with_context(failed)?;
            let at = match reference_sets.iter().position(|(data, _)| *data == model.data) {
                Some(at) => at,
                None => {
                    let evaluator = Evaluator::open(None, &model.data, &opened.device)?;
                    let (data, device) = (&model.data, &opened.device);
                    let reference_set =
                        ReferenceSet::new(data, &workers.search, evaluator, None, SAMPLES, device, &progress)?;
                    reference_sets.push((model.data.clone(), reference_set));
                    reference_sets.len() - 1
                }
            };
            let job = EvaluationJob {
                count: SAMPLES,
                seeds: &[1],
                importance_samples: ImportanceSamples { images: 100, draws: 10 },
                search: &workers.search,
                device: &opened.name,
                progress: &progress,
            };
            let (evaluation, _) = job.measure(&model, &reference_sets[at].1).with_context(failed)?;
            files::write(&run.folder.path().join(EVALUATION), files::ron(&evaluation)?.as_bytes())?;
        }
        Ok(())
    }

    /// Prints the table of all runs from their folders.
    pub fn table(&self) -> Result<()> {
        self.report(&self.rows(|_| false))
    }

    fn rows(&self, failed: impl Fn(&Planned) -> bool) -> Vec<Row<'_>> {
        let mut rows = Vec::with_capacity(self.runs.len());
        for run in &self.runs {
            let Planned { index, variant, folder, .. } = run;
            let name = folder.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
            let (record, evaluation, failed) = (folder.record(), folder.evaluation(), failed(run));
            rows.push(Row { index: *index, changed: &variant.changed, folder: name, record, evaluation, failed });
        }
        rows
    }

    fn report(&self, rows: &[Row<'_>]) -> Result<()> {
        say!("{}", table::runs(rows, &self.names));
        if let Some(means) = table::means(rows, &self.names) {
            say!("mean ± standard deviation over the seeds\n\n{means}");
        }
        if self.out.is_dir() {
            files::write(&self.out.join(TABLE), table::tsv(rows, &self.names).as_bytes())?;
        }
        Ok(())
    }
}
