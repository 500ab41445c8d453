//! `imago export`: the artifact that the page loads.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use imago_core::artifact::{MANIFEST, Precision, WEIGHTS};

use crate::run::{Run, Which, write_artifact};

/// Write a run's model as model.ron and weights.bpk, which the page loads
#[derive(clap::Args)]
pub struct Export {
    /// The run folder
    run: PathBuf,
    /// The folder to make, such as www/models/mnist-vae
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
    /// Width of the stored numbers
    #[arg(long, value_enum, default_value_t = Dtype::F16)]
    dtype: Dtype,
    /// Write the encoder as well, of which other models can learn codes
    #[arg(long)]
    encoder: bool,
    /// Take the weights of the best evaluation instead of the last ones
    #[arg(long)]
    best: bool,
    /// Replace an artifact that the folder holds already
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
                true => bail!("{} holds an artifact already; --force replaces it", self.to.display()),
                false => bail!("{} exists and is no artifact; choose another folder", self.to.display()),
            }
        }
        let precision = match self.dtype {
            Dtype::F16 => Precision::F16,
            Dtype::F32 => Precision::F32,
        };
        let which = if self.best { Which::Best } else { Which::Last };
        let artifact = Run::open(&self.run)?.artifact(which, precision, self.encoder)?;
        if self.encoder && artifact.manifest.encoder.is_none() {
            bail!("the family `{}` has no encoder", artifact.manifest.family.name());
        }
        write_artifact(&self.to, &artifact).context("the export failed; what was there before is untouched")?;
        let bytes = artifact.manifest_text()?.len() + artifact.weights.len();
        say!("{}: {} and {} ({} bytes)", self.to.display(), MANIFEST, WEIGHTS, bytes);
        Ok(ExitCode::SUCCESS)
    }
}
