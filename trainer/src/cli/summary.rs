//! `imago summary`: the table of layers.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use super::{Overrides, read};

/// Print every layer of a pipeline with its output shape and parameters
#[derive(clap::Args)]
pub struct Summary {
    /// The YAML file
    file: PathBuf,
    #[command(flatten)]
    set: Overrides,
}

impl Summary {
    pub fn run(self) -> Result<ExitCode> {
        let (pipeline, plan) = read(&self.file, &self.set.overrides)?;
        say!("{}: {} on {}\n", pipeline.name, plan.family().name(), pipeline.data.set.name());
        say!("{plan}");
        Ok(ExitCode::SUCCESS)
    }
}
