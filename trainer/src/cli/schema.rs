//! `imago schema`: the language for editors.

use std::process::ExitCode;

/// Print the JSON Schema (draft 7) of the YAML language, which editors use for completion and checks
#[derive(clap::Args)]
pub struct Schema {}

impl Schema {
    pub fn run(self) -> ExitCode {
        say!("{:#}", imago_core::yaml::schema());
        ExitCode::SUCCESS
    }
}
