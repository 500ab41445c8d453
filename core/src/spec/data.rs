//! The `data` part of a pipeline.

use serde::{Deserialize, Serialize};

/// Which images a model learns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// The set.
    pub set: Set,
    /// Use only the first so many training images; 0 takes all.
    #[serde(default)]
    pub limit: usize,
}

/// The sets that are known by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Set {
    /// Handwritten digits. LeCun, Cortes and Burges, "The MNIST database of handwritten digits".
    Mnist,
    /// Clothing. Xiao, Rasul and Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
    /// Algorithms" (2017).
    FashionMnist,
    /// Digits drawn by the program itself; nothing is downloaded.
    SyntheticDigits,
    /// Clothing drawn by the program itself; nothing is downloaded.
    SyntheticClothing,
}

impl Set {
    /// The name in YAML.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mnist => "mnist",
            Self::FashionMnist => "fashion-mnist",
            Self::SyntheticDigits => "synthetic-digits",
            Self::SyntheticClothing => "synthetic-clothing",
        }
    }

    /// Channels, height and width of every image.
    pub fn image(self) -> [usize; 3] {
        [1, 28, 28]
    }

    /// What the classes are called, in the order of their labels.
    pub fn classes(self) -> &'static [&'static str] {
        match self {
            Self::Mnist | Self::SyntheticDigits => &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
            Self::FashionMnist | Self::SyntheticClothing => &[
                "T-shirt/top",
                "Trouser",
                "Pullover",
                "Dress",
                "Coat",
                "Sandal",
                "Shirt",
                "Sneaker",
                "Bag",
                "Ankle boot",
            ],
        }
    }
}
