//! `cargo xtask models`: the documentation of the shipped models, from their artifacts.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::shelf::{self, EVALUATORS, Evaluation, MODELS, Measure, Report, Shipped};
use crate::web::grouped;
use crate::{process, workspace};

const DOCUMENT: &str = "docs/models.md";
const IMAGES: &str = "docs/pictures/models";
/// Which samples the images show, and how many.
const SAMPLE_OPTIONS: [&str; 6] = ["--seed", "7", "--count", "40", "--columns", "10"];
/// The header line of a pipeline with its scores.
const SCORES: &str = "# Scores:";

/// Update the documentation of the shipped models: the tables of docs/models.md, the `# Scores:`
/// line of each pipeline, and the images.
#[derive(clap::Args)]
pub struct Args {
    /// Leave the images as they are, which saves building `imago`
    #[arg(long)]
    no_images: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let docs = ModelDocs::gather()?;
    for (path, text) in docs.files()? {
        if fs::read_to_string(&path).ok().as_ref() != Some(&text) {
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
            println!("{}", path.display());
        }
    }
    if !args.no_images {
        workspace::build_imago()?;
        let imago = workspace::imago()?;
        fs::create_dir_all(IMAGES).with_context(|| format!("cannot make {IMAGES}"))?;
        for model in docs.models.iter().filter(|model| model.manifest.generator.is_some()) {
            let image = Path::new(IMAGES).join(format!("{}.png", model.manifest.name));
            let mut sample = Command::new(&imago);
            sample.arg("sample").arg(&model.folder).args(SAMPLE_OPTIONS).args(["--device", "cpu", "--out"]).arg(image);
            process::run(&mut sample)?;
        }
    }
    Ok(())
}

struct ModelDocs {
    models: Vec<Shipped>,
    evaluators: Vec<Shipped>,
    reports: Vec<Report>,
}

impl ModelDocs {
    fn gather() -> Result<Self> {
        let models = shelf::shipped(MODELS)?;
        for Shipped { folder, manifest, evaluation, .. } in &models {
            ensure!(
                evaluation.weights_sha256 == manifest.weights.sha256,
                "{0}: the scores are of other weights; `imago evaluate {0}` measures these",
                folder.display()
            );
        }
        Ok(Self { models, evaluators: shelf::shipped(EVALUATORS)?, reports: shelf::reports()? })
    }

    /// The documenting files as they should be.
    fn files(&self) -> Result<Vec<(PathBuf, String)>> {
        let read = |path: &Path| fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()));
        let mut document = read(Path::new(DOCUMENT))?;
        for (set, key) in [("mnist", "mnist"), ("fashion-mnist", "fashion-mnist")] {
            document = fill(&document, key, &self.generators(set))?;
            document = fill(&document, &format!("{key}-reports"), &self.against_reports(set))?;
        }
        document = fill(&document, "classifiers", &self.classifiers())?;
        let mut files = vec![(PathBuf::from(DOCUMENT), document)];
        for model in self.models.iter().chain(&self.evaluators) {
            let path = &model.pipeline.path;
            let with_scores = scored(&model.pipeline.text, &scores(model))
                .with_context(|| format!("{} has no line that begins with `{SCORES}`", path.display()))?;
            files.push((path.clone(), with_scores));
        }
        Ok(files)
    }

    fn of<'a>(&'a self, set: &'a str) -> impl Iterator<Item = &'a Shipped> {
        self.models.iter().filter(move |model| model.manifest.data.set == set && model.manifest.generator.is_some())
    }

    fn generators(&self, set: &str) -> String {
        let mut models: Vec<&Shipped> = self.of(set).collect();
        models.sort_by(|a, b| fid(&a.evaluation).total_cmp(&fid(&b.evaluation)));
        if models.is_empty() {
            return "None of them has been measured yet.\n".into();
        }
        let mut text = "| model | FID | precision | recall | coverage | KL of the classes | class accuracy of samples | distance to training | \
                        sharpness | parameters | size | training |\n| --- "
            .to_owned();
        text.push_str(&"| ---: ".repeat(10));
        text.push_str("| --- |\n");
        let measures = [
            (Measure::Fid, 2),
            (Measure::Precision, 3),
            (Measure::Recall, 3),
            (Measure::Coverage, 3),
            (Measure::ClassDivergence, 4),
            (Measure::ClassAccuracy, 3),
            (Measure::NearestTraining, 2),
            (Measure::Sharpness, 2),
        ];
        let cell = |value: Option<f64>, decimals: usize| {
            value.map_or_else(|| "–".to_owned(), |value| format!("{value:.decimals$}"))
        };
        for model in &models {
            let Shipped { manifest, evaluation, bytes, .. } = model;
            let _ = write!(text, "| {} ", link(model));
            for (measure, decimals) in measures {
                let _ = write!(text, "| {} ", cell(evaluation.mean(measure), decimals));
            }
            let _ = writeln!(
                text,
                "| {} | {} KB{} | {}, {} epochs on {} |",
                grouped(manifest.training.parameters),
                bytes.div_ceil(1000),
                if manifest.encoder.is_some() { ", with its encoder" } else { "" },
                time(manifest.training.seconds),
                manifest.training.epochs,
                manifest.training.device
            );
        }
        if let Some(Shipped { evaluation, .. }) = models.first() {
            text.push_str("| *real training images* ");
            for (measure, decimals) in measures {
                let _ = write!(text, "| {} ", cell(evaluation.training(measure), decimals));
            }
            text.push_str("| | | |\n");
        }
        text
    }

    /// Each model beside the reports' model of its family.
    fn against_reports(&self, set: &str) -> String {
        if self.of(set).all(|model| self.report(model).is_none()) {
            return String::new();
        }
        let mut text = "| model | FID | parameters | the reports' | FID | parameters | FID, ours of theirs |\n\
                        | --- | ---: | ---: | --- | ---: | ---: | ---: |\n"
            .to_owned();
        for model in self.of(set) {
            let Some((report, theirs)) = self.report(model).and_then(|report| Some((report, report.fid?))) else {
                continue;
            };
            let ours = fid(&model.evaluation);
            let _ = writeln!(
                text,
                "| {} | {ours:.2} | {} | {} | {theirs:.2} | {} | {:.0} % |",
                model.manifest.name,
                grouped(model.manifest.training.parameters),
                report.name,
                grouped(report.parameters),
                100.0 * ours / theirs
            );
        }
        text
    }

    /// The reports' model of the same family, trained on the same images.
    fn report(&self, model: &Shipped) -> Option<&Report> {
        let classes = model.manifest.generator.as_ref().map_or(0, |generator| generator.classes);
        let network = match (model.manifest.family.as_str(), classes) {
            ("gan", 0) => "dcgan",
            ("gan", _) => "cgan",
            ("latent-vae", _) => "vae",
            (family, _) => family,
        };
        let fashion = if model.manifest.data.set == "fashion-mnist" { "fashion-" } else { "" };
        let wanted = format!("reports-{fashion}{network}");
        self.reports.iter().find(|report| report.name == wanted)
    }

    fn classifiers(&self) -> String {
        let mut text =
            "| classifier | set | accuracy | of training images | the reports' | parameters | size | training |\n\
                        | --- | --- | ---: | ---: | ---: | ---: | ---: | --- |\n"
                .to_owned();
        let shipped = self.models.iter().filter(|model| model.manifest.generator.is_none());
        for model in shipped.chain(&self.evaluators) {
            let percent =
                |value: Option<f64>| value.map_or_else(|| "–".into(), |value| format!("{:.2} %", 100.0 * value));
            let Shipped { manifest, evaluation, bytes, .. } = model;
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {} KB | {}, {} epochs on {} |",
                link(model),
                manifest.data.set,
                percent(evaluation.mean(Measure::Accuracy)),
                percent(evaluation.training(Measure::Accuracy)),
                percent(self.report(model).and_then(|report| report.accuracy)),
                grouped(manifest.training.parameters),
                bytes.div_ceil(1000),
                time(manifest.training.seconds),
                manifest.training.epochs,
                manifest.training.device
            );
        }
        text
    }
}

fn fid(evaluation: &Evaluation) -> f64 {
    evaluation.mean(Measure::Fid).unwrap_or(f64::INFINITY)
}

fn link(model: &Shipped) -> String {
    let path = model.pipeline.path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>();
    format!("[{}](../{})", model.manifest.name, path.join("/"))
}

fn scores(model: &Shipped) -> String {
    let Shipped { manifest, evaluation, .. } = model;
    let mut parts = Vec::new();
    if let Some(accuracy) = evaluation.mean(Measure::Accuracy) {
        parts.push(format!("{:.2} % of the test images classified correctly", 100.0 * accuracy));
    }
    if let Some(fid) = evaluation.mean(Measure::Fid) {
        parts.push(match evaluation.training(Measure::Fid) {
            Some(floor) => format!("FID {fid:.2} (training images {floor:.2})"),
            None => format!("FID {fid:.2}"),
        });
    }
    for (measure, name) in [
        (Measure::Precision, "precision"),
        (Measure::Coverage, "coverage"),
        (Measure::ClassAccuracy, "class accuracy of samples"),
    ] {
        parts.extend(evaluation.mean(measure).map(|value| format!("{name} {value:.3}")));
    }
    let training = &manifest.training;
    parts.push(format!("seed {}", training.seed));
    parts.push(format!("{} on {}", time(training.seconds), training.device));
    parts.join(", ") + "."
}

/// `text` with new scores in its header; None if it has no line for them.
fn scored(text: &str, scores: &str) -> Option<String> {
    let old = text.lines().find(|line| line.starts_with(SCORES))?;
    Some(text.replacen(old, &format!("{SCORES} {scores}"), 1))
}

fn fill(document: &str, key: &str, content: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- {key} -->\n"), format!("<!-- end of {key} -->"));
    let Some((before, rest)) = document.split_once(&begin) else { bail!("{DOCUMENT} has no `{}`", begin.trim()) };
    let Some((_, after)) = rest.split_once(&end) else { bail!("{DOCUMENT} has no `{end}`") };
    Ok(format!("{before}{begin}\n{content}\n{end}{after}"))
}

/// 45 s, 12 min, 2.5 h
fn time(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 99.5 => format!("{seconds:.0} s"),
        seconds if seconds < 99.5 * 60.0 => format!("{:.0} min", seconds / 60.0),
        seconds => format!("{:.1} h", seconds / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_matches_the_artifacts() {
        workspace::enter().unwrap();
        for (path, text) in ModelDocs::gather().unwrap().files().unwrap() {
            let found = fs::read_to_string(&path).unwrap().replace("\r\n", "\n");
            assert_eq!(found, text, "`cargo xtask models` brings {} up to date", path.display());
        }
    }

    /// Tuned models must beat the reports' models of their families.
    #[test]
    fn every_shipped_model_beats_that_of_the_reports_by_a_clear_margin_without_many_more_parameters() {
        workspace::enter().unwrap();
        let docs = ModelDocs::gather().unwrap();
        for model in &docs.models {
            let Some(report) = docs.report(model) else { continue };
            let (name, size) = (&model.manifest.name, model.manifest.training.parameters);
            if let Some(theirs) = report.fid {
                let ours = fid(&model.evaluation);
                assert!(ours < 0.75 * theirs, "{name}: {ours}, the reports' {theirs}");
            }
            if let Some(theirs) = report.accuracy {
                let ours = model.evaluation.mean(Measure::Accuracy).unwrap();
                assert!(1.0 - ours < 0.8 * (1.0 - theirs), "{name}: {ours}, the reports' {theirs}");
            }
            assert!(size <= 4 * report.parameters, "{name}: {size} parameters, the reports' {}", report.parameters);
        }
    }

    #[test]
    fn a_document_is_filled_between_its_marks() {
        let document = "a\n<!-- x -->\nold\n<!-- end of x -->\nb";
        let filled = fill(document, "x", "| new |\n").unwrap();
        assert_eq!(filled, "a\n<!-- x -->\n\n| new |\n\n<!-- end of x -->\nb");
        assert_eq!(fill(&filled, "x", "| new |\n").unwrap(), filled);
        assert!(fill(document, "y", "").is_err());
    }

    #[test]
    fn the_scores_of_a_pipeline_take_the_place_of_the_old_ones() {
        let text = "# A model.\n# Scores: FID 9.\nname: a\n";
        assert_eq!(scored(text, "FID 1.").unwrap(), "# A model.\n# Scores: FID 1.\nname: a\n");
        assert!(scored("name: a\n", "FID 1.").is_none());
    }

    #[test]
    fn times_are_told_briefly() {
        assert_eq!([3.0, 600.0, 9_000.0].map(time), ["3 s", "10 min", "2.5 h"]);
    }
}
