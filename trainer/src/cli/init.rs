//! `imago init`: a pipeline to start from.

use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use imago_core::family::Family;
use imago_core::spec::{Data, Set};

/// Print a commented pipeline to start from: imago init vae > my.yaml
#[derive(clap::Args)]
pub struct Init {
    /// The kind of model
    #[arg(value_parser = families())]
    family: Family,
    /// The images
    #[arg(long, value_parser = sets(), default_value = "mnist")]
    data: Set,
    /// Where editors find the JSON Schema; `imago schema > pipeline.schema.json` writes it
    #[arg(long, value_name = "PATH|URL", default_value = "pipeline.schema.json")]
    schema: String,
}

fn families() -> impl TypedValueParser<Value = Family> {
    let named = |name: String| Family::ALL.iter().copied().find(|family| family.name() == name);
    PossibleValuesParser::new(Family::ALL.iter().map(|family| family.name()))
        .try_map(move |name| named(name).ok_or("there is no such family"))
}

fn sets() -> impl TypedValueParser<Value = Set> {
    static SETS: [Set; Set::ALL.len()] = Set::ALL;
    let named = |name: String| SETS.iter().find(|set| set.name() == name).cloned();
    PossibleValuesParser::new(SETS.iter().map(Set::name)).try_map(move |name| named(name).ok_or("there is no such set"))
}

impl Init {
    pub fn run(self) -> Result<ExitCode> {
        let template = match self.family {
            Family::Classifier => include_str!("init/classifier.yaml"),
            Family::Autoencoder => include_str!("init/autoencoder.yaml"),
            Family::Vae => include_str!("init/vae.yaml"),
            Family::Gan => include_str!("init/gan.yaml"),
            Family::VaeGan => include_str!("init/vae-gan.yaml"),
            Family::LatentGan => include_str!("init/latent-gan.yaml"),
            Family::LatentVae => include_str!("init/latent-vae.yaml"),
        };
        let (set, data) = (self.data.name(), Data::new(self.data.clone()));
        ensure!(
            self.family != Family::Classifier || data.class_names().len() > 1,
            "{set} has no classes for a classifier to learn; choose another set with --data, such as mnist"
        );
        let channels = data.channels();
        let about = if channels == 1 { "One channel, as the images are grey" } else { "One filter for each channel" };
        let text = template.replace("$schema=SCHEMA", &format!("$schema={}", self.schema));
        let text = text.replace("set: DATA", &format!("set: {set}")).replace("ABOUT_CHANNELS", about);
        say!("{}", text.replace("CHANNELS", &channels.to_string()).trim_end());
        Ok(ExitCode::SUCCESS)
    }
}
