//! `imago compare`: models side by side.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};

use super::{EvaluationOptions, inception};
use crate::compare::{ComparisonBuilder, markdown, page, terminal};
use crate::files;
use crate::measure::{EvaluatedModel, EvaluationProgress, Evaluator, ReferenceSet};
use crate::sweep::shell::quoted;

/// Compare models of the same images: size, cost, scores and samples, as text, Markdown and a page
#[derive(clap::Args)]
pub struct Compare {
    /// Run folders or exported artifacts; those without scores are evaluated first
    #[arg(value_name = "RUN|ARTIFACT", required = true)]
    models: Vec<PathBuf>,
    #[command(flatten)]
    scales: EvaluationOptions,
    /// The seed of the samples that are shown
    #[arg(long, default_value_t = 0)]
    seed: u32,
    /// The page to write, with all images embedded
    #[arg(long, value_name = "FILE", default_value = "comparison.html")]
    html: PathBuf,
    /// Write the tables as Markdown too
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Print sizes, costs and scores as JSON and nothing else
    #[arg(long)]
    json: bool,
}

impl Compare {
    pub fn run(self) -> Result<ExitCode> {
        let opened = self.scales.device.open()?;
        let progress = EvaluationProgress::new(!self.json);
        let mut models: Vec<(PathBuf, EvaluatedModel)> = Vec::new();
        for path in &self.models {
            let model = EvaluatedModel::open(path, &opened.device)?;
            if let Some((first, other)) = models.first()
                && (other.data.set != model.data.set || other.data.image() != model.data.image())
            {
                bail!(
                    "{} generates images of {} {:?}, but {} of {} {:?}: only models of the same images can be compared",
                    first.display(),
                    other.data.set.title(),
                    other.data.image(),
                    path.display(),
                    model.data.set.title(),
                    model.data.image()
                );
            }
            models.push((path.clone(), model));
        }
        let Some((_, first)) = models.first() else { bail!("name the models to compare") };
        let data = first.data.clone();
        let evaluator = Evaluator::open(self.scales.evaluator.as_deref(), &data, &opened.device)?;
        let reference_set = || -> Result<ReferenceSet> { self.scales.reference_set(&data, &opened.device, &progress) };
        let inception_sha256 =
            self.scales.inception.as_deref().map(|path| inception(path, &data, &opened.device)).transpose()?;
        let builder = ComparisonBuilder {
            evaluator: &evaluator,
            reference_set: &reference_set,
            inception_sha256: inception_sha256.as_ref().map(|(_, sha256)| sha256.as_str()),
            job: self.scales.job(&opened, &progress),
            seed: u64::from(self.seed),
        };
        let comparison = builder.compare(&models, self.command())?;
        drop(progress);
        files::write(&self.html, page(&comparison).as_bytes())?;
        if let Some(path) = &self.markdown {
            files::write(path, markdown(&comparison).as_bytes())?;
        }
        match self.json {
            true => say!("{}", serde_json::to_string(&comparison)?),
            false => {
                say!("{}", terminal(&comparison));
                let written = [&self.html].into_iter().chain(&self.markdown);
                let written: Vec<String> = written.map(|path| path.display().to_string()).collect();
                say!("with images: {}", written.join(", "));
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The command that reproduces the comparison.
    fn command(&self) -> String {
        let models: Vec<String> = self.models.iter().map(|path| quoted(path.as_os_str())).collect();
        let mut command = format!("imago compare {}", models.join(" "));
        if self.scales.count != 10_000 {
            command += &format!(" --count {}", self.scales.count);
        }
        if self.seed != 0 {
            command += &format!(" --seed {}", self.seed);
        }
        for (flag, path) in [("--evaluator", &self.scales.evaluator), ("--inception", &self.scales.inception)] {
            if let Some(path) = path {
                command += &format!(" {flag} {}", quoted(path.as_os_str()));
            }
        }
        command
    }
}
