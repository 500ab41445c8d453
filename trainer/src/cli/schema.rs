//! `imago schema`: the JSON Schema for editors.

use std::process::ExitCode;

/// Print the JSON Schema (draft 7) of pipelines, which editors use for completion and validation
#[derive(clap::Args)]
pub struct Schema {}

impl Schema {
    pub fn run(self) -> ExitCode {
        say!("{:#}", imago_core::yaml::schema());
        ExitCode::SUCCESS
    }
}
