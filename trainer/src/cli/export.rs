//! `imago export`: the artifact that the page loads.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use imago_core::artifact::{Artifact, HISTORY, History, MANIFEST, WEIGHTS};
use imago_core::weights::Precision;

use crate::report::png_rows;
use crate::run::{RunFolder, Which, write_artifact};
use crate::train::SAMPLE_SCALE;

/// Write a run's model as model.ron and weights.bpk for the page, with samples from its training
#[derive(clap::Args)]
pub struct Export {
    /// The run folder
    run: PathBuf,
    /// The folder to create, such as www/models/mnist-vae
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
    /// Precision of the stored weights
    #[arg(long, value_enum, default_value_t = Dtype::F16)]
    dtype: Dtype,
    /// Include the encoder, which other models need to learn latents
    #[arg(long)]
    encoder: bool,
    /// Use the weights of the best evaluation instead of the last ones
    #[arg(long)]
    best: bool,
    /// Replace an existing artifact
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Dtype {
    F16,
    F32,
}

impl Export {
    pub fn run(self) -> Result<ExitCode> {
        if self.to.exists() {
            match self.to.join(MANIFEST).is_file() {
                true if self.force => {}
                true => bail!("{} already holds an artifact; --force replaces it", self.to.display()),
                false => bail!("{} exists and is not an artifact; choose another folder", self.to.display()),
            }
        }
        let precision = match self.dtype {
            Dtype::F16 => Precision::F16,
            Dtype::F32 => Precision::F32,
        };
        let which = if self.best { Which::Best } else { Which::Last };
        let run = RunFolder::open(&self.run)?;
        let mut artifact = run.artifact(which, precision, self.encoder)?;
        if self.encoder && artifact.manifest.encoder.is_none() {
            bail!("the family `{}` has no encoder", artifact.manifest.family.name());
        }
        let image = history(&run, &mut artifact)?;
        write_artifact(&self.to, &artifact, image.as_deref())
            .context("the export failed; what was there before is untouched")?;
        let files = if image.is_some() {
            format!("{MANIFEST}, {WEIGHTS} and {HISTORY}")
        } else {
            format!("{MANIFEST} and {WEIGHTS}")
        };
        let bytes = artifact.manifest_text()?.len() + artifact.weights.len() + image.map_or(0, |image| image.len());
        say!("{}: {files} ({bytes} bytes)", self.to.display());
        Ok(ExitCode::SUCCESS)
    }
}

/// The samples at growing intervals of the training, also noted in the manifest; None for a
/// classifier, or if the run's images are gone.
fn history(run: &RunFolder, artifact: &mut Artifact) -> Result<Option<Vec<u8>>> {
    let last = artifact.manifest.training.epochs;
    let images = match artifact.manifest.generator {
        Some(_) => run.samples().unwrap_or_default(),
        None => BTreeMap::new(),
    };
    // Nothing later than the exported weights.
    let epochs = growing(images.keys().copied().filter(|epoch| *epoch <= last));
    if epochs.is_empty() {
        return Ok(None);
    }
    let [_, height, width] = artifact.manifest.data.image;
    let grids: Vec<Vec<u8>> = epochs.iter().filter_map(|epoch| images.get(epoch).cloned()).collect();
    let (image, columns) = png_rows(&grids, [height, width], SAMPLE_SCALE)
        .with_context(|| format!("the samples of {run} have changed since its training"))?;
    artifact.manifest.history = Some(History { epochs, columns });
    Ok(Some(image))
}

/// From ascending numbers: the first, the next at or above 1, 2, 4, 8 and so on, and the last.
fn growing(numbers: impl Iterator<Item = usize>) -> Vec<usize> {
    let (mut chosen, mut latest, mut due) = (Vec::new(), None, 0);
    for number in numbers {
        latest = Some(number);
        if number >= due {
            chosen.push(number);
            due = (number + 1).next_power_of_two();
        }
    }
    chosen.extend(latest.filter(|latest| !chosen.ends_with(&[*latest])));
    chosen
}

#[cfg(test)]
mod tests {
    use super::growing;

    #[test]
    fn epochs_are_twice_as_far_apart_each_time() {
        assert_eq!(growing(0..=20), [0, 1, 2, 4, 8, 16, 20]);
        assert_eq!(growing(0..=16), [0, 1, 2, 4, 8, 16]);
        assert_eq!(growing((5..=40).step_by(5)), [5, 10, 20, 35, 40]);
        assert_eq!(growing(3..=3), [3]);
        assert_eq!(growing(0..0), [0_usize; 0]);
    }
}
