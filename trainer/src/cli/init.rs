//! `imago init`: a pipeline to begin with.

use std::process::ExitCode;

use clap::ValueEnum;
use imago_core::spec::Set;

/// Print a commented pipeline to begin with: imago init vae > my.yaml
#[derive(clap::Args)]
pub struct Init {
    /// The kind of model
    #[arg(value_enum)]
    family: Family,
    /// The images
    #[arg(long, value_enum, default_value_t = Data::Mnist)]
    data: Data,
    /// Where editors find the JSON Schema; `imago schema > pipeline.schema.json` writes it
    #[arg(long, value_name = "PATH|URL", default_value = "pipeline.schema.json")]
    schema: String,
}

#[derive(Clone, Copy, ValueEnum)]
enum Family {
    Classifier,
    Autoencoder,
    Vae,
    Gan,
    VaeGan,
    LatentGan,
    LatentVae,
}

#[derive(Clone, Copy, ValueEnum)]
enum Data {
    Mnist,
    FashionMnist,
    SyntheticDigits,
    SyntheticClothing,
}

impl Init {
    pub fn run(self) -> ExitCode {
        let template = match self.family {
            Family::Classifier => include_str!("init/classifier.yaml"),
            Family::Autoencoder => include_str!("init/autoencoder.yaml"),
            Family::Vae => include_str!("init/vae.yaml"),
            Family::Gan => include_str!("init/gan.yaml"),
            Family::VaeGan => include_str!("init/vae-gan.yaml"),
            Family::LatentGan => include_str!("init/latent-gan.yaml"),
            Family::LatentVae => include_str!("init/latent-vae.yaml"),
        };
        let set = match self.data {
            Data::Mnist => Set::Mnist,
            Data::FashionMnist => Set::FashionMnist,
            Data::SyntheticDigits => Set::SyntheticDigits,
            Data::SyntheticClothing => Set::SyntheticClothing,
        };
        let text = template.replace("$schema=SCHEMA", &format!("$schema={}", self.schema));
        say!("{}", text.replace("set: DATA", &format!("set: {}", set.name())).trim_end());
        ExitCode::SUCCESS
    }
}
