//! `cargo xtask reproduce`: retrains a shipped model from scratch.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::shelf::{self, Evaluation, MODELS, Manifest, Measure, Pipeline};
use crate::{process, workspace};

/// Retrain a shipped model with the commands of its pipeline's header, and compare the results.
///
/// docs/models.md has the training times. Everything happens in a folder under the target folder;
/// the same command continues after an interruption.
#[derive(clap::Args)]
pub struct Args {
    /// The model, such as mnist-vae, or a model of the reports, such as reports-dcgan
    model: String,
    /// Replace the shipped model with the new one
    #[arg(long)]
    replace: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let pipeline = Pipeline::named(&args.model)?;
    let commands = pipeline.commands();
    ensure!(
        commands.iter().any(|words| words.first().is_some_and(|word| word == "train")),
        "the header of {} has no command that trains",
        pipeline.path.display()
    );
    workspace::build_imago()?;
    let (root, imago) = (std::env::current_dir()?, workspace::imago()?);
    let place = workspace::target_dir()?.join("reproduce").join(&args.model);
    fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
    for words in commands {
        let Some(words) = pending(&place, words) else { continue };
        let mut command = Command::new(&imago);
        command.current_dir(&place).args(words.iter().map(|word| located(&root, word)));
        if let Some(data) = std::env::var_os("IMAGO_DATA_DIR") {
            command.env("IMAGO_DATA_DIR", root.join(data));
        }
        process::run(&mut command)?;
    }
    let (fresh, shipped) = (place.join(MODELS).join(&args.model), Path::new(MODELS).join(&args.model));
    if !fresh.is_dir() {
        println!("{} is trained: {}", args.model, place.display());
        return Ok(());
    }
    if shipped.is_dir() {
        compare(&shipped, &fresh)?;
    }
    if args.replace {
        fs::create_dir_all(&shipped).with_context(|| format!("cannot make {}", shipped.display()))?;
        for entry in fs::read_dir(&fresh)? {
            let entry = entry?;
            let to = shipped.join(entry.file_name());
            fs::copy(entry.path(), &to).with_context(|| format!("cannot write {}", to.display()))?;
        }
        println!("{} is replaced; `cargo xtask models` documents it", shipped.display());
    }
    Ok(())
}

/// What remains of a command in `place`: nothing of a finished training, the rest of an interrupted
/// one.
fn pending(place: &Path, words: Vec<String>) -> Option<Vec<String>> {
    if words.first().is_none_or(|word| word != "train") {
        return Some(words);
    }
    let run = words.iter().position(|word| word == "--run").and_then(|at| words.get(at + 1))?;
    let Ok(record) = fs::read_to_string(place.join(run).join("run.ron")) else { return Some(words) };
    let ended = ["Finished", "StoppedEarly"].iter().any(|end| record.contains(&format!("outcome: {end}")));
    (!ended).then(|| ["train", "--resume", run].map(str::to_owned).to_vec())
}

/// A word of a command that runs elsewhere: files of the repository become absolute.
fn located(root: &Path, word: &str) -> PathBuf {
    if word.starts_with("pipelines/") { root.join(word) } else { word.into() }
}

/// Says whether two artifacts are the same, and prints both scores.
fn compare(shipped: &Path, fresh: &Path) -> Result<()> {
    let [old, new] = [shipped, fresh].map(|folder| shelf::read::<Manifest>(&folder.join("model.ron")));
    if old?.weights.sha256 == new?.weights.sha256 {
        println!("the weights are those of {}, byte for byte", shipped.display());
        return Ok(());
    }
    println!("the weights differ from those of {}: other kinds of CPU round differently", shipped.display());
    let [old, new] = [shipped, fresh].map(|folder| shelf::read::<Evaluation>(&folder.join("evaluation.ron")));
    let (old, new) = (old?, new?);
    println!("{:<12}{:>10}{:>10}", "", "shipped", "new");
    for (measure, name) in [
        (Measure::Accuracy, "accuracy"),
        (Measure::Fid, "FID"),
        (Measure::Precision, "precision"),
        (Measure::Coverage, "coverage"),
        (Measure::ClassAccuracy, "agreement"),
    ] {
        if let (Some(old), Some(new)) = (old.mean(measure), new.mean(measure)) {
            println!("{name:<12}{old:>10.3}{new:>10.3}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(command: &str) -> Vec<String> {
        command.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_training_is_begun_gone_on_with_or_left_alone() {
        let place = tempfile::tempdir().unwrap();
        let train = words("train pipelines/a.yaml --run runs/a");
        assert_eq!(pending(place.path(), train.clone()), Some(train.clone()));
        fs::create_dir_all(place.path().join("runs/a")).unwrap();
        let record =
            |outcome: &str| fs::write(place.path().join("runs/a/run.ron"), format!("(\n    outcome: {outcome},\n)"));
        record("Interrupted").unwrap();
        assert_eq!(pending(place.path(), train.clone()), Some(words("train --resume runs/a")));
        record("Finished").unwrap();
        assert_eq!(pending(place.path(), train), None);
        let export = words("export runs/a --to www/models/a --force");
        assert_eq!(pending(place.path(), export.clone()), Some(export));
    }

    #[test]
    fn only_files_of_the_repository_are_looked_for_there() {
        let root = Path::new("root");
        assert_eq!(located(root, "pipelines/mnist/vae.yaml"), root.join("pipelines/mnist/vae.yaml"));
        assert_eq!(located(root, "runs/a"), Path::new("runs/a"));
    }

    #[test]
    fn every_shipped_model_can_be_trained_again_by_its_header() {
        workspace::enter().unwrap();
        for model in shelf::shipped(MODELS).unwrap() {
            let (name, commands) = (&model.manifest.name, model.pipeline.commands());
            let lines: Vec<String> = commands.iter().map(|words| words.join(" ")).collect();
            let target = format!("{MODELS}/{name}");
            assert!(
                lines.iter().any(|line| line.starts_with("train ") && line.contains(" --run ")),
                "{name}: {lines:?}"
            );
            let export = lines.iter().find(|line| line.starts_with("export ") && line.contains(&target));
            let export = export.unwrap_or_else(|| panic!("{name} is not exported: {lines:?}"));
            assert_eq!(export.contains("--encoder"), model.manifest.encoder.is_some(), "{name}");
            assert!(lines.contains(&format!("evaluate {target}")), "{name} is not measured: {lines:?}");
        }
    }
}
