//! `imago summary`: the table of layers.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::ValueEnum;

use super::Overrides;
use crate::pipeline_file::PipelineFile;
use crate::report::summary::{markdown, mermaid, table, to_json};

/// Print every layer of a pipeline with its output shape, parameters and cost
#[derive(clap::Args)]
pub struct Summary {
    /// The YAML file
    file: PathBuf,
    /// A table for the terminal or for a document, everything for programs, or a diagram
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    set: Overrides,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Table,
    Markdown,
    Json,
    Mermaid,
}

impl Summary {
    pub fn run(self) -> Result<ExitCode> {
        let (pipeline, plan) = PipelineFile::open(&self.file)?.pipeline(&self.set.overrides, self.set.limits())?;
        match self.format {
            Format::Table => say!("{}", table(&pipeline, &plan)),
            Format::Markdown => say!("{}", markdown(&pipeline, &plan)),
            Format::Json => say!("{:#}", to_json(&pipeline, &plan)),
            Format::Mermaid => say!("{}", mermaid(&plan)),
        }
        Ok(ExitCode::SUCCESS)
    }
}
