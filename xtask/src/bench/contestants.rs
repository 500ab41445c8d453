//! Contestants and networks of the benchmark.

use std::str::FromStr;

use anyhow::{Error, Result, bail};
use clap::ValueEnum;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Network {
    /// pipelines/reports/vae.yaml
    ReportsVae,
    /// pipelines/reports/dcgan.yaml
    ReportsDcgan,
    /// pipelines/mnist/gan.yaml
    MnistGan,
    /// pipelines/reports/classifier.yaml
    ReportsClassifier,
}

impl Network {
    pub fn name(self) -> &'static str {
        match self {
            Self::ReportsVae => "reports-vae",
            Self::ReportsDcgan => "reports-dcgan",
            Self::MnistGan => "mnist-gan",
            Self::ReportsClassifier => "reports-classifier",
        }
    }

    pub fn file(self) -> String {
        format!("pipelines/{}.yaml", self.name().replacen('-', "/", 1))
    }

    /// The pipeline's batch size, passed to all contestants.
    pub fn batch(self) -> u64 {
        if self == Self::MnistGan { 64 } else { 128 }
    }
}
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Program {
    Imago,
    Pytorch,
    Keras,
}

/// A program, and how to run it.
#[derive(Clone, PartialEq, Eq)]
pub struct Contestant {
    /// As typed.
    pub name: String,
    pub program: Program,
    /// Whether glibc keeps freed memory instead of returning it to the system.
    pub tuned: bool,
    /// Arguments for another framework; for Imago its device and features.
    pub words: Vec<&'static str>,
}

impl Contestant {
    pub fn device(&self) -> &'static str {
        DEVICES.into_iter().find(|device| self.words.contains(device)).unwrap_or("cpu")
    }

    /// The cargo features that Imago needs, comma-separated.
    pub fn features(&self) -> String {
        let features = ["vulkan", "cuda", "fusion", "autotune"];
        features.into_iter().filter(|feature| self.words.contains(feature)).collect::<Vec<_>>().join(",")
    }
}

const DEVICES: [&str; 3] = ["wgpu", "vulkan", "cuda"];

/// The options of a program's name, and the arguments they stand for.
const WAYS: [(Program, &str, &str); 8] = [
    (Program::Imago, "wgpu", "wgpu"),
    (Program::Imago, "vulkan", "vulkan"),
    (Program::Imago, "cuda", "cuda"),
    (Program::Imago, "fusion", "fusion"),
    (Program::Imago, "autotune", "autotune"),
    (Program::Pytorch, "channels-last", "--channels-last"),
    (Program::Pytorch, "compile", "--compile"),
    (Program::Keras, "jit", "--jit"),
];

impl FromStr for Contestant {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let (program, mut rest) = name.split_once('-').unwrap_or((name, ""));
        let program = match program {
            "imago" => Program::Imago,
            "pytorch" => Program::Pytorch,
            "keras" => Program::Keras,
            _ => bail!("no contestant is called `{program}`; there are imago, pytorch and keras"),
        };
        let mut contestant = Self { name: name.to_owned(), program, tuned: false, words: Vec::new() };
        let behind = |rest: &'_ str, way: &str| -> Option<usize> {
            let left = rest.strip_prefix(way)?;
            (left.is_empty() || left.starts_with('-')).then(|| rest.len() - left.len() + usize::from(!left.is_empty()))
        };
        while !rest.is_empty() {
            if let Some(length) = behind(rest, "tuned") {
                contestant.tuned = true;
                rest = &rest[length..];
                continue;
            }
            let mut ways = WAYS.into_iter().filter(|(who, ..)| *who == program);
            let Some((length, word)) = ways.find_map(|(_, way, word)| Some((behind(rest, way)?, word))) else {
                bail!(
                    "`{rest}` is no way to run it; there are tuned, wgpu, vulkan, cuda, fusion and autotune (Imago), \
                     channels-last and compile (PyTorch) and jit (Keras)"
                );
            };
            contestant.words.push(word);
            rest = &rest[length..];
        }
        Ok(contestant)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn contestants_are_read_as_they_are_typed() {
        let read = |name: &str| name.parse::<Contestant>();
        let plain = read("keras").unwrap();
        assert!(plain.program == Program::Keras && !plain.tuned && plain.words.is_empty());
        let fast = read("pytorch-channels-last-tuned").unwrap();
        assert!(fast.program == Program::Pytorch && fast.tuned);
        assert_eq!(fast.words, ["--channels-last"]);
        let ours = read("imago-vulkan-fusion-autotune").unwrap();
        assert_eq!((ours.device(), ours.features().as_str()), ("vulkan", "vulkan,fusion,autotune"));
        assert_eq!((read("imago").unwrap().device(), read("imago-wgpu").unwrap().features().as_str()), ("cpu", ""));
        for wrong in ["jax", "keras-compile", "pytorch-fast", "imago-jit", "keras-tunedjit"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn pipelines_exist_and_have_the_batch_size_that_is_passed() {
        for network in Network::value_variants() {
            let text = fs::read_to_string(Path::new("..").join(network.file())).unwrap();
            assert!(text.contains(&format!("name: {}\n", network.name())), "{}", network.name());
            assert!(text.contains(&format!("  batch: {}\n", network.batch())), "{}", network.name());
            assert_eq!(network.to_possible_value().unwrap().get_name(), network.name());
        }
    }
}
