//! The `data` part of a pipeline.

use serde::{Deserialize, Serialize, Serializer};

use crate::layer::one_key;

#[cfg(feature = "yaml")]
use crate::diagnostic::Problem;
#[cfg(feature = "yaml")]
use crate::network::PlanBuilder;

const MAX_SIDE: usize = 1024;
#[cfg(feature = "yaml")]
const MAX_CLASSES: usize = 256;

/// The training images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// The data set.
    pub set: Set,
    /// Use only the first this many training images; 0 for all.
    #[serde(default)]
    pub limit: usize,
    /// Share of the training images that is held out and evaluated in place of the test images,
    /// which are then evaluated once, at the end.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub validation: f64,
    /// Height and width in pixels that images are scaled to; named sets have 28.
    #[serde(default = "side")]
    pub size: usize,
    /// For a folder: 1 for grey images, 3 for red, green and blue.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub channels: usize,
    /// For a folder: one sub-folder per class, in order. Without them there is one class.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// The values of black and white: `[0, 1]`, or `[-1, 1]` for generators that end with tanh.
    #[serde(default)]
    pub range: PixelRange,
    /// Random changes of the training images, drawn anew each time.
    #[serde(default, skip_serializing_if = "Augment::is_none")]
    pub augment: Augment,
}

/// Random changes of training images; areas from outside the image are black.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Augment {
    /// The largest shift along each axis, in pixels.
    pub shift: f64,
    /// The largest rotation in either direction, in degrees.
    pub rotate: f64,
    /// The largest change of size: 0.1 for 0.9 to 1.1 times the size.
    pub scale: f64,
    /// Share of images that are mirrored left to right: 0.5 for clothing, 0 for digits.
    #[serde(skip_serializing_if = "is_zero")]
    pub flip: f64,
    /// The largest standard deviation, in pixels, of a Gaussian blur of every other image.
    #[serde(skip_serializing_if = "is_zero")]
    pub blur: f64,
    /// The largest change of brightness: 0.1 for 0.9 to 1.1 times as bright.
    #[serde(skip_serializing_if = "is_zero")]
    pub contrast: f64,
    /// The largest standard deviation of normal noise on every other image; white is 1.
    #[serde(skip_serializing_if = "is_zero")]
    pub noise: f64,
}

impl Augment {
    /// Whether images stay unchanged.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

fn is_zero(number: &f64) -> bool {
    *number == 0.0
}

fn one() -> usize {
    1
}

fn is_one(number: &usize) -> bool {
    *number == 1
}

fn side() -> usize {
    28
}

impl Data {
    /// All of a set, unchanged.
    pub fn new(set: Set) -> Self {
        Self {
            set,
            limit: 0,
            validation: 0.0,
            size: side(),
            channels: 1,
            classes: Vec::new(),
            range: PixelRange::default(),
            augment: Augment::default(),
        }
    }

    /// Channels, height and width of every image.
    pub fn image(&self) -> [usize; 3] {
        [self.channels(), self.size, self.size]
    }

    /// Number of channels of every image.
    pub fn channels(&self) -> usize {
        match self.set {
            Set::Folder(_) => self.channels,
            Set::StackedMnist => 3,
            _ => 1,
        }
    }

    /// The names of the classes, in the order of their labels.
    pub fn class_names(&self) -> Vec<String> {
        match (&self.set, self.classes.as_slice()) {
            (Set::Folder(_) | Set::StackedMnist, []) => vec!["all".to_owned()],
            (Set::Folder(_), classes) => classes.to_vec(),
            (set, _) => set.classes().iter().map(ToString::to_string).collect(),
        }
    }

    pub(crate) fn has_good_size(&self) -> bool {
        (4..=MAX_SIDE).contains(&self.size)
    }

    #[cfg(feature = "yaml")]
    pub(crate) fn check(&self, builder: &mut PlanBuilder<'_>) {
        if !self.has_good_size() {
            let found = format!("size must lie between 4 and {MAX_SIDE} pixels, found {}", self.size);
            builder.note(Problem::at(&["data", "size"], found));
        }
        if !(0.0..=0.9).contains(&self.validation) {
            let found = format!("validation must lie between 0 and 0.9, found {}", self.validation);
            builder.note(Problem::at(&["data", "validation"], found));
        }
        self.check_folder(builder);
        let Augment { shift, rotate, scale, flip, blur, contrast, noise } = self.augment;
        let moves = [("shift", shift, MAX_SIDE as f64), ("rotate", rotate, 180.0), ("scale", scale, 0.9)];
        let looks = [("flip", flip, 1.0), ("blur", blur, 10.0), ("contrast", contrast, 1.0), ("noise", noise, 1.0)];
        for (key, value, most) in moves.into_iter().chain(looks) {
            if !(0.0..=most).contains(&value) {
                let found = format!("{key} must lie between 0 and {most}, found {value}");
                builder.note(Problem::at(&["data", "augment", key], found));
            }
        }
    }
}

#[cfg(feature = "yaml")]
impl Data {
    fn check_folder(&self, builder: &mut PlanBuilder<'_>) {
        let mut note = |key: &str, found: String, fix: Option<&str>| {
            let problem = Problem::at(&["data", key], found);
            builder.note(problem.suggest(fix.map(str::to_owned)));
        };
        let Set::Folder(folder) = &self.set else {
            let name = self.set.name();
            let (own, found) = (self.channels(), self.channels);
            if ![1, own].contains(&found) {
                let kind = if own == 1 { "grey" } else { "RGB" };
                note("channels", format!("the images of {name} are {kind}, found {found} channels"), Some("remove it"));
            }
            if !self.classes.is_empty() {
                note("classes", format!("the classes of {name} are fixed"), Some("remove them"));
            }
            return;
        };
        if folder.is_empty() {
            note("set", "the folder has no name".into(), None);
        }
        if ![1, 3].contains(&self.channels) {
            note("channels", format!("images have 1 or 3 channels, found {}", self.channels), None);
        }
        if self.classes.len() > MAX_CLASSES {
            note("classes", format!("expected at most {MAX_CLASSES} classes, found {}", self.classes.len()), None);
        }
        for (index, class) in self.classes.iter().enumerate() {
            if class.is_empty() || [".", ".."].contains(&class.as_str()) || class.contains(['/', '\\']) {
                note("classes", format!("`{class}` is not the name of a sub-folder"), None);
            } else if self.classes[..index].contains(class) {
                note("classes", format!("`{class}` occurs twice"), None);
            }
        }
    }
}

/// The values of black and white, written as a list of two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "[f64; 2]", into = "[f64; 2]")]
pub enum PixelRange {
    /// `[0, 1]`
    #[default]
    Unit,
    /// `[-1, 1]`
    Signed,
}

/// A range that pixels cannot have.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("pixels have the range [0, 1] or [-1, 1], found [{0}, {1}]")]
pub struct PixelRangeError(f64, f64);

impl TryFrom<[f64; 2]> for PixelRange {
    type Error = PixelRangeError;

    fn try_from(ends: [f64; 2]) -> Result<Self, PixelRangeError> {
        match ends {
            [0.0, 1.0] => Ok(Self::Unit),
            [-1.0, 1.0] => Ok(Self::Signed),
            [low, high] => Err(PixelRangeError(low, high)),
        }
    }
}

impl From<PixelRange> for [f64; 2] {
    fn from(range: PixelRange) -> Self {
        match range {
            PixelRange::Unit => [0.0, 1.0],
            PixelRange::Signed => [-1.0, 1.0],
        }
    }
}

#[cfg(feature = "yaml")]
impl schemars::JsonSchema for PixelRange {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PixelRange".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "The values of black and white: `[0, 1]` or `[-1, 1]`.",
            "enum": [[0, 1], [-1, 1]]
        })
    }
}

/// Where images come from: a named set or a folder.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Set {
    /// Handwritten digits. LeCun, Cortes and Burges, "The MNIST database of handwritten digits".
    Mnist,
    /// Clothing. Xiao, Rasul and Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking
    /// Machine Learning Algorithms" (2017).
    FashionMnist,
    /// Three random MNIST digits as red, green and blue: 128,000 images with 1,000 modes to count.
    /// Metz et al., "Unrolled Generative Adversarial Networks" (2016); Srivastava et al. (2017).
    StackedMnist,
    /// Digits drawn by the program itself, without a download.
    SyntheticDigits,
    /// Clothing drawn by the program itself, without a download.
    SyntheticClothing,
    /// The images in a folder, a path relative to the current one. Sub-folders `train` and `test`
    /// are used as such; otherwise a tenth of the images is for testing.
    Folder(String),
}

impl Serialize for Set {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Folder(path) => one_key(serializer, "folder", path),
            set => set.name().serialize(serializer),
        }
    }
}

impl Set {
    /// All named sets.
    pub const ALL: [Self; 5] =
        [Self::Mnist, Self::FashionMnist, Self::StackedMnist, Self::SyntheticDigits, Self::SyntheticClothing];

    /// The name in YAML, or the path of the folder.
    pub fn name(&self) -> &str {
        match self {
            Self::Mnist => "mnist",
            Self::FashionMnist => "fashion-mnist",
            Self::StackedMnist => "stacked-mnist",
            Self::SyntheticDigits => "synthetic-digits",
            Self::SyntheticClothing => "synthetic-clothing",
            Self::Folder(path) => path,
        }
    }

    /// The name, or the last part of the folder's path.
    pub fn title(&self) -> &str {
        let name = self.name().trim_end_matches(['/', '\\']);
        name.rsplit(['/', '\\']).next().unwrap_or(name)
    }

    fn classes(&self) -> &'static [&'static str] {
        match self {
            Self::Folder(_) | Self::StackedMnist => &[],
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
