//! The `data` part of a pipeline.

use serde::{Deserialize, Serialize};

#[cfg(feature = "yaml")]
use crate::plan::{Outline, Problem, Step};

/// The largest side of an image.
const MAX_SIDE: usize = 1024;

/// Which images a model learns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// The set.
    pub set: Set,
    /// Use only the first so many training images; 0 takes all.
    #[serde(default)]
    pub limit: usize,
    /// The share of the training images that is kept out of training and measured after every evaluation instead of the test images:
    /// they are then measured once, at the end.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub validation: f64,
    /// Height and width in pixels to which the images are scaled; 28 leaves them as they are.
    #[serde(default = "side")]
    pub size: usize,
    /// What black and white become: `[0, 1]`, or `[-1, 1]` for generators that end with tanh.
    #[serde(default)]
    pub range: Range,
    /// How training images are changed at random each time they are seen.
    #[serde(default, skip_serializing_if = "Augment::is_none")]
    pub augment: Augment,
}

/// Random changes of training images; what comes in at the borders is black. There are no flips: a mirrored digit is none.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Augment {
    /// Moves an image by up to so many pixels in both directions.
    pub shift: f64,
    /// Turns it by up to so many degrees either way.
    pub rotate: f64,
    /// Makes it larger or smaller by up to this share: 0.1 for 0.9 to 1.1 times its size.
    pub scale: f64,
}

impl Augment {
    /// Whether images are left as they are.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

fn is_zero(number: &f64) -> bool {
    *number == 0.0
}

fn side() -> usize {
    28
}

impl Data {
    /// All of a set, as it is.
    pub fn new(set: Set) -> Self {
        Self { set, limit: 0, validation: 0.0, size: side(), range: Range::default(), augment: Augment::default() }
    }

    /// Channels, height and width of every image.
    pub fn image(&self) -> [usize; 3] {
        [1, self.size, self.size]
    }

    /// Whether the images have a size that can be.
    pub(crate) fn has_good_size(&self) -> bool {
        (4..=MAX_SIDE).contains(&self.size)
    }

    #[cfg(feature = "yaml")]
    pub(crate) fn check(&self, outline: &mut Outline<'_>) {
        if !self.has_good_size() {
            let found = format!("size must lie between 4 and {MAX_SIDE} pixels, found {}", self.size);
            outline.note(Problem::new(vec![Step::key("data"), Step::key("size")], found));
        }
        if !(0.0..=0.9).contains(&self.validation) {
            let found = format!("validation must lie between 0 and 0.9, found {}", self.validation);
            outline.note(Problem::new(vec![Step::key("data"), Step::key("validation")], found));
        }
        let Augment { shift, rotate, scale } = self.augment;
        for (key, value, most) in [("shift", shift, MAX_SIDE as f64), ("rotate", rotate, 180.0), ("scale", scale, 0.9)]
        {
            if !(0.0..=most).contains(&value) {
                let found = format!("{key} must lie between 0 and {most}, found {value}");
                outline.note(Problem::new(["data", "augment", key].map(Step::key).to_vec(), found));
            }
        }
    }
}

/// What black and white become, written as a list of two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "[f64; 2]", into = "[f64; 2]")]
pub enum Range {
    /// `[0, 1]`
    #[default]
    Unit,
    /// `[-1, 1]`
    Signed,
}

impl TryFrom<[f64; 2]> for Range {
    type Error = String;

    fn try_from(ends: [f64; 2]) -> Result<Self, String> {
        match ends {
            [0.0, 1.0] => Ok(Self::Unit),
            [-1.0, 1.0] => Ok(Self::Signed),
            [low, high] => Err(format!("pixels have the range [0, 1] or [-1, 1], found [{low}, {high}]")),
        }
    }
}

impl From<Range> for [f64; 2] {
    fn from(range: Range) -> Self {
        match range {
            Range::Unit => [0.0, 1.0],
            Range::Signed => [-1.0, 1.0],
        }
    }
}

#[cfg(feature = "yaml")]
impl schemars::JsonSchema for Range {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Range".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "What black and white become: `[0, 1]` or `[-1, 1]`.",
            "enum": [[0, 1], [-1, 1]]
        })
    }
}

/// The sets that are known by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
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
    /// All sets.
    pub const ALL: [Self; 4] = [Self::Mnist, Self::FashionMnist, Self::SyntheticDigits, Self::SyntheticClothing];

    /// The name in YAML.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mnist => "mnist",
            Self::FashionMnist => "fashion-mnist",
            Self::SyntheticDigits => "synthetic-digits",
            Self::SyntheticClothing => "synthetic-clothing",
        }
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
