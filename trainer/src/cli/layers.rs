//! `imago layers`: the layer reference.

use std::process::ExitCode;

use anyhow::{Result, bail};
use imago_core::layer::LayerSpec;
use imago_core::yaml::nearest;

use crate::report::reference;

/// Print the reference of all layers, or of one
#[derive(clap::Args)]
pub struct Layers {
    /// The layer's name
    name: Option<String>,
    /// Print everything about all layers, as Markdown
    #[arg(long, conflicts_with = "name")]
    all: bool,
}

impl Layers {
    pub fn run(self) -> Result<ExitCode> {
        match &self.name {
            Some(name) => match reference::layers().iter().find(|layer| layer.name == name) {
                Some(layer) => say!("{}", layer.page().trim_end()),
                None => match nearest(name, LayerSpec::NAMES) {
                    Some(near) => bail!("there is no layer `{name}`; did you mean `{near}`?"),
                    None => bail!("there is no layer `{name}`; `imago layers` lists all"),
                },
            },
            None if self.all => say!("{}", reference::markdown().trim_end()),
            None => {
                for layer in reference::layers() {
                    say!("{:<18}{}", layer.name, layer.summary());
                }
                say!("\n`imago layers NAME` tells more about one of them.");
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
