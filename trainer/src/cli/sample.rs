//! `imago sample`: images from a trained model.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use super::Model;
use crate::device::{DeviceChoice, within_threads};
use crate::files;
use crate::report::{npy, png_grid};
use crate::run::open_artifact;

/// Sample from a run or an exported artifact
#[derive(clap::Args)]
pub struct Sample {
    #[command(flatten)]
    model: Model,
    /// Which samples: a seed gives the same images here and in the page [default: random]
    #[arg(long)]
    seed: Option<u32>,
    /// How many samples
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    count: u32,
    /// Images in a row [default: 8, or the number of classes of a conditional model]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    columns: Option<u32>,
    /// The number of the class to sample, for a conditional model [default: classes in turn]
    #[arg(long)]
    class: Option<usize>,
    /// Below 1 for samples nearer to the centre of the prior: fewer artefacts, less variety
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR", value_parser = temperature)]
    temperature: f32,
    /// An image, or an array [samples, channels, height, width] with pixels from 0 to 1
    #[arg(long, value_enum, default_value_t = Format::Png)]
    format: Format,
    /// The file to write [default: samples.png or samples.npy]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The device to compute on
    #[arg(long, value_enum, default_value_t)]
    device: DeviceChoice,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Png,
    Npy,
}

/// Samples per batch, which bounds the memory.
const BATCH: usize = 256;

impl Sample {
    pub fn run(self) -> Result<ExitCode> {
        let artifact = open_artifact(&self.model.path, false)?;
        let opened = self.device.open()?;
        let sampler = artifact.sampler(&opened.device)?;
        let classes = &artifact.manifest.data.classes;
        match self.class {
            Some(_) if sampler.classes() == 0 => {
                bail!("{} is not conditional on a class; remove --class", artifact.manifest.name)
            }
            Some(class) if class >= sampler.classes() => {
                let named: Vec<String> =
                    classes.iter().enumerate().map(|(number, name)| format!("{number} {name}")).collect();
                bail!("there is no class {class}; the classes are {}", named.join(", "));
            }
            _ => {}
        }
        let columns =
            self.columns.map_or(if sampler.classes() > 0 { sampler.classes() } else { 8 }, |columns| columns as usize);
        let seed = match self.seed {
            Some(seed) => seed,
            None => getrandom::u32().context("the system provides no random seed; choose one with --seed")?,
        };
        let (count, shape) = (self.count as usize, artifact.manifest.data.image);
        let mut pixels: Vec<f32> = Vec::new();
        for first in (0..count).step_by(BATCH) {
            let some = BATCH.min(count - first);
            let samples = within_threads(|| {
                let classes = sampler.sample_classes(first as u64, some, self.class);
                let latents = sampler.latents(u64::from(seed), first as u64, &classes, self.temperature);
                sampler.decode(latents, &classes).into_data()
            });
            pixels.extend(samples.iter::<f32>());
        }
        let (bytes, name) = match self.format {
            Format::Png => (png_grid(&pixels, shape, columns, 3)?, "samples.png"),
            Format::Npy => (npy(&pixels, &[count, shape[0], shape[1], shape[2]]), "samples.npy"),
        };
        let out = self.out.unwrap_or_else(|| PathBuf::from(name));
        files::write(&out, &bytes)?;
        say!("{count} samples of {}, seed {seed}, on {}: {}", artifact.manifest.name, opened.name, out.display());
        Ok(ExitCode::SUCCESS)
    }
}

fn temperature(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(factor) if (0.0..=10.0).contains(&factor) => Ok(factor),
        _ => Err("expected a number from 0 to 10".into()),
    }
}
