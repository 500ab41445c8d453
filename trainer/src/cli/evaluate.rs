//! `imago evaluate`: the scores of a model.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use imago_core::artifact::MANIFEST;
use imago_core::family::Family;
use imago_core::spec::Data;

use super::{EvaluationOptions, Model};
use crate::device::{OpenDevice, within_threads};
use crate::files;
use crate::measure::{EvaluatedModel, Evaluation, EvaluationProgress, classified, evaluate_classifier, map};
use crate::report::npy;
use crate::run::{EVALUATION, LATENTS, NEIGHBOURS, TESTS};

/// Evaluate samples against real images (FID, KID, precision, recall, coverage, …), or a
/// classifier
#[derive(clap::Args)]
pub struct Evaluate {
    #[command(flatten)]
    model: Model,
    #[command(flatten)]
    scales: EvaluationOptions,
    /// The file for the scores [default: evaluation.ron in the model's folder]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write features of test images and of the first seed's samples into this folder, as .npy
    #[arg(long, value_name = "FOLDER")]
    save_features: Option<PathBuf>,
    /// Print the scores as JSON and nothing else
    #[arg(long)]
    json: bool,
}

impl Evaluate {
    pub fn run(self) -> Result<ExitCode> {
        let opened = self.scales.device.open()?;
        if let Some(data) = classified(&self.model.path)? {
            return self.evaluate_classifier(&data, &opened);
        }
        let model = EvaluatedModel::open(&self.model.path, &opened.device)?;
        let progress = EvaluationProgress::new(!self.json);
        let reference_set = self.scales.reference_set(&model.data, &opened.device, &progress)?;
        let (evaluation, outputs) = self.scales.job(&opened, &progress).measure(&model, &reference_set)?;
        drop(progress);
        let out = self.keep(&evaluation)?;
        let image = out.with_file_name(NEIGHBOURS);
        files::write(&image, &outputs.neighbours)?;
        if let (Some(encoder), true) = (&model.encoder, self.model.path.join(MANIFEST).is_file()) {
            let test = crate::data::test(&model.data, &self.scales.search)?;
            let latents = within_threads(|| map::latents(&test, encoder, model.sampler.latent(), &opened.device))?;
            files::write(&self.model.path.join(LATENTS), &latents)?;
            files::write(&self.model.path.join(TESTS), &map::image(&test)?)?;
        }
        if let Some(folder) = &self.save_features {
            for (name, features) in [("test.npy", reference_set.test_features()), ("samples.npy", &outputs.features)] {
                let values: Vec<f32> = features.values().iter().map(|value| *value as f32).collect();
                files::write(&folder.join(name), &npy(&values, &[features.count(), features.size()]))?;
            }
        }
        if !self.json {
            say!("\n{}; the samples nearest to training images: {}", out.display(), image.display());
        }
        Ok(ExitCode::SUCCESS)
    }

    fn evaluate_classifier(&self, data: &Data, opened: &OpenDevice) -> Result<ExitCode> {
        let path = self.model.path.display();
        ensure!(self.scales.evaluator.is_none(), "{path} is a classifier, which needs no evaluator");
        ensure!(self.save_features.is_none(), "{path} is a classifier, which has no samples to save features of");
        let progress = EvaluationProgress::new(!self.json);
        let evaluation = evaluate_classifier(&self.model.path, data, &self.scales.search, opened, &progress)?;
        drop(progress);
        let out = self.keep(&evaluation)?;
        if !self.json {
            say!("\n{}", out.display());
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Reports the scores, then writes them: minutes of work must survive a folder that is
    /// read-only.
    fn keep(&self, evaluation: &Evaluation) -> Result<PathBuf> {
        match self.json {
            true => say!("{}", serde_json::to_string(evaluation)?),
            false => show(evaluation),
        }
        let out = self.out.clone().unwrap_or_else(|| self.model.path.join(EVALUATION));
        files::write(&out, files::ron(evaluation)?.as_bytes())?;
        Ok(out)
    }
}

fn show(evaluation: &Evaluation) {
    if evaluation.family == Family::Classifier {
        let Evaluation { name, set, test_images, device, .. } = evaluation;
        say!("{name}: {test_images} test images of {set}, on {device}\n");
        say!("{:<22}{:>18}{:>18}", "", "test images", "training images");
        for score in &evaluation.scores {
            let learned = score.training.map_or_else(|| "–".to_owned(), |value| score.measure.show(value));
            say!("{:<22}{:>18}{:>18}", score.measure.title(), score.show(), learned);
        }
        return;
    }
    let Evaluation { name, set, count, seeds, evaluator, device, .. } = evaluation;
    let plural = if seeds.len() == 1 { "" } else { "s" };
    say!(
        "{name}: {count} samples of {} seed{plural} against {} test images of {set}, on {device}",
        seeds.len(),
        evaluation.test_images
    );
    say!(
        "evaluator: {} ({}{} features, SHA-256 {})\n",
        evaluator.name,
        evaluator.accuracy.map_or_else(String::new, |share| format!(
            "{:.2} % of the test images classified correctly, ",
            100.0 * share
        )),
        evaluator.features,
        evaluator.sha256.get(..12).unwrap_or(&evaluator.sha256)
    );
    say!("{:<26}{:>18}{:>18}{:>14}", "", "samples", "training images", "test images");
    for score in &evaluation.scores {
        let real = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| score.measure.show(value));
        say!("{:<26}{:>18}{:>18}{:>14}", score.measure.title(), score.show(), real(score.training), real(score.test));
    }
    if seeds.len() > 1 {
        say!("\n± is the standard deviation over the seeds, or for a likelihood the standard error over the images.");
    }
    for reason in &evaluation.alarm {
        say!("\nalarm: {reason}");
    }
    for warning in &evaluation.warnings {
        eprintln!("warning: {warning}");
    }
}
