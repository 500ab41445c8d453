//! `imago check`: validates pipelines.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use imago_core::yaml::{Finding, Place, Reading, Severity};
use serde_json::{Value, json};

use super::Overrides;
use crate::pipeline_file::{PipelineFile, counted, with_commands};
use crate::sweep::Sweep;

/// Validate pipelines without training them; reports all problems of all files
///
/// Exits with 0 if all files are valid, 1 if a file is not, and 2 if a file cannot be read.
#[derive(clap::Args)]
pub struct Check {
    /// YAML files of pipelines and sweeps, or patterns such as 'pipelines/**/*.yaml'
    #[arg(required = true, value_name = "FILE|PATTERN")]
    files: Vec<String>,
    /// Output for people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Treat warnings as errors
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    set: Overrides,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Check {
    pub fn run(self) -> Result<ExitCode> {
        let mut wrong = false;
        let mut report = Vec::new();
        for file in self.files()? {
            let source = PipelineFile::open(&file)?;
            if source.is_sweep() {
                let checked = self.sweep(&file);
                wrong |= checked.is_err();
                match (self.format, checked) {
                    (Format::Json, checked) => report.push(describe_sweep(&file, checked.err())),
                    (Format::Text, Ok(runs)) => say!("{}: ok (a sweep of {runs} runs)", file.display()),
                    (Format::Text, Err(error)) => eprintln!("error: {error:#}\n"),
                }
                continue;
            }
            let reading = source.read(&self.set.overrides, self.set.limits());
            wrong |= reading.pipeline.is_none() || (self.strict && !reading.findings.is_empty());
            match self.format {
                Format::Json => report.push(describe(&file.display().to_string(), &reading)),
                Format::Text => {
                    reading.findings.iter().for_each(|finding| source.show(finding));
                    summarise(&file.display().to_string(), &reading);
                }
            }
        }
        if self.format == Format::Json {
            say!("{:#}", Value::Array(report));
        }
        Ok(if wrong { ExitCode::from(1) } else { ExitCode::SUCCESS })
    }

    /// Checks every run of a sweep and returns their number.
    fn sweep(&self, file: &Path) -> Result<usize> {
        let sweep = Sweep::open(file, None)?;
        let runs = sweep.runs(None)?;
        sweep.check(&runs, self.set.limits())?;
        Ok(runs.len())
    }

    /// The files that are named or match a pattern.
    fn files(&self) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for name in &self.files {
            let path = PathBuf::from(name);
            if path.exists() || !name.contains(['*', '?', '[']) {
                files.push(path);
                continue;
            }
            let before = files.len();
            let matches = glob::glob(name).with_context(|| format!("`{name}` is not a valid pattern"))?;
            for path in matches {
                files.push(path?);
            }
            if files.len() == before {
                bail!("no file matches `{name}`");
            }
        }
        Ok(files)
    }
}

fn summarise(file: &str, Reading { pipeline, findings }: &Reading) {
    let counts = counted(findings);
    match pipeline {
        Some((pipeline, plan)) => {
            let odd = if findings.is_empty() { String::new() } else { format!(", {counts}") };
            let (family, parameters) = (plan.family().name(), plan.parameters());
            say!("{file}: ok ({}, {family}, {parameters} parameters{odd})", pipeline.name);
        }
        None => eprintln!("{file}: {counts}\n"),
    }
}

fn describe(file: &str, reading: &Reading) -> Value {
    let findings: Vec<Value> = reading.findings.iter().map(finding).collect();
    json!({ "file": file, "valid": reading.pipeline.is_some(), "findings": findings })
}

fn describe_sweep(file: &Path, error: Option<anyhow::Error>) -> Value {
    let finding = |error: &anyhow::Error| json!({ "severity": "error", "message": format!("{error:#}") });
    let findings: Vec<Value> = error.iter().map(finding).collect();
    json!({ "file": file.display().to_string(), "valid": findings.is_empty(), "findings": findings })
}

fn finding(finding: &Finding) -> Value {
    let problem = with_commands(&finding.problem);
    let mut value = json!({
        "severity": match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        "path": finding.path(),
        "message": problem.found,
        "expected": problem.expected,
        "note": problem.note,
        "suggestion": problem.suggestion,
    });
    match &finding.place {
        Place::Text { line, column, span } => {
            value["line"] = json!(line);
            value["column"] = json!(column);
            value["bytes"] = json!([span.start, span.end]);
        }
        Place::Override(text) => value["override"] = json!(text),
    }
    value
}
