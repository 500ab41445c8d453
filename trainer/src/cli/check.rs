//! `imago check`: validates pipelines.

use std::path::PathBuf;
use std::process::ExitCode;

use imago_core::model::Plan;

use super::{Overrides, read};

/// Validate pipelines without training them; tells all problems of all files
#[derive(clap::Args)]
pub struct Check {
    /// The YAML files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    set: Overrides,
}

impl Check {
    pub fn run(self) -> ExitCode {
        let mut good = true;
        for file in &self.files {
            match read(file, &self.set.overrides) {
                Ok((pipeline, plan)) => say!("{}: ok ({}, {})", file.display(), pipeline.name, describe(&plan)),
                Err(error) => {
                    good = false;
                    eprintln!("{error:#}");
                }
            }
        }
        if good { ExitCode::SUCCESS } else { ExitCode::from(1) }
    }
}

fn describe(plan: &Plan) -> String {
    format!("{}, {} parameters", plan.family().name(), plan.parameters())
}
