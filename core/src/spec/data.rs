//! The `data` part of a pipeline.

use serde::{Deserialize, Serialize, Serializer};

use crate::layer::one_key;

#[cfg(feature = "yaml")]
use crate::diagnostic::{Problem, Step};
#[cfg(feature = "yaml")]
use crate::network::PlanBuilder;

/// The largest side of an image.
const MAX_SIDE: usize = 1024;
/// The most classes that a folder can have.
#[cfg(feature = "yaml")]
const MAX_CLASSES: usize = 256;

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
    /// Height and width in pixels to which the images are scaled; 28 leaves those of the sets with names as they are.
    #[serde(default = "side")]
    pub size: usize,
    /// Of a folder: 1 for grey images, 3 for red, green and blue. Sets with names know it themselves.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub channels: usize,
    /// Of a folder: the names of its sub-folders, each a class, in the order of the classes. Without them all images are of one class.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// What black and white become: `[0, 1]`, or `[-1, 1]` for generators that end with tanh.
    #[serde(default)]
    pub range: PixelRange,
    /// How training images are changed at random each time they are seen.
    #[serde(default, skip_serializing_if = "Augment::is_none")]
    pub augment: Augment,
}

/// Random changes of training images; what comes in at the borders is black.
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
    /// The share of images that are mirrored, left for right: 0.5 for clothing, 0 for digits, as a mirrored digit is none.
    #[serde(skip_serializing_if = "is_zero")]
    pub flip: f64,
    /// Blurs every other image with a Gaussian whose standard deviation is up to so many pixels.
    #[serde(skip_serializing_if = "is_zero")]
    pub blur: f64,
    /// Makes what is bright darker by up to this share, or as much brighter.
    #[serde(skip_serializing_if = "is_zero")]
    pub contrast: f64,
    /// Adds noise to every other image, from a normal distribution whose standard deviation is up to this; white is 1.
    #[serde(skip_serializing_if = "is_zero")]
    pub noise: f64,
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
    /// All of a set, as it is.
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

    /// What the classes are called, in the order of their labels.
    pub fn class_names(&self) -> Vec<String> {
        match (&self.set, self.classes.as_slice()) {
            (Set::Folder(_) | Set::StackedMnist, []) => vec!["all".to_owned()],
            (Set::Folder(_), classes) => classes.to_vec(),
            (set, _) => set.classes().iter().map(ToString::to_string).collect(),
        }
    }

    /// Whether the images have a size that can be.
    pub(crate) fn has_good_size(&self) -> bool {
        (4..=MAX_SIDE).contains(&self.size)
    }

    #[cfg(feature = "yaml")]
    pub(crate) fn check(&self, builder: &mut PlanBuilder<'_>) {
        if !self.has_good_size() {
            let found = format!("size must lie between 4 and {MAX_SIDE} pixels, found {}", self.size);
            builder.note(Problem::new(vec![Step::key("data"), Step::key("size")], found));
        }
        if !(0.0..=0.9).contains(&self.validation) {
            let found = format!("validation must lie between 0 and 0.9, found {}", self.validation);
            builder.note(Problem::new(vec![Step::key("data"), Step::key("validation")], found));
        }
        self.check_folder(builder);
        let Augment { shift, rotate, scale, flip, blur, contrast, noise } = self.augment;
        let moves = [("shift", shift, MAX_SIDE as f64), ("rotate", rotate, 180.0), ("scale", scale, 0.9)];
        let looks = [("flip", flip, 1.0), ("blur", blur, 10.0), ("contrast", contrast, 1.0), ("noise", noise, 1.0)];
        for (key, value, most) in moves.into_iter().chain(looks) {
            if !(0.0..=most).contains(&value) {
                let found = format!("{key} must lie between 0 and {most}, found {value}");
                builder.note(Problem::new(["data", "augment", key].map(Step::key).to_vec(), found));
            }
        }
    }
}

#[cfg(feature = "yaml")]
impl Data {
    /// Notes what only a folder can have, and what no folder can.
    fn check_folder(&self, builder: &mut PlanBuilder<'_>) {
        let mut note = |key: &str, found: String, fix: Option<&str>| {
            let problem = Problem::new(["data", key].map(Step::key).to_vec(), found);
            builder.note(problem.suggest(fix.map(str::to_owned)));
        };
        let Set::Folder(folder) = &self.set else {
            let name = self.set.name();
            let (own, found) = (self.channels(), self.channels);
            if ![1, own].contains(&found) {
                let kind = if own == 1 { "grey" } else { "RGB" };
                note(
                    "channels",
                    format!("the images of {name} are {kind}, found {found} channels"),
                    Some("leave it away"),
                );
            }
            if !self.classes.is_empty() {
                note("classes", format!("{name} knows its classes itself"), Some("leave them away"));
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
            note("classes", format!("at most {MAX_CLASSES} classes, found {}", self.classes.len()), None);
        }
        for (index, class) in self.classes.iter().enumerate() {
            if class.is_empty() || [".", ".."].contains(&class.as_str()) || class.contains(['/', '\\']) {
                note("classes", format!("`{class}` is no name of a sub-folder"), None);
            } else if self.classes[..index].contains(class) {
                note("classes", format!("`{class}` occurs twice"), None);
            }
        }
    }
}

/// What black and white become, written as a list of two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "[f64; 2]", into = "[f64; 2]")]
pub enum PixelRange {
    /// `[0, 1]`
    #[default]
    Unit,
    /// `[-1, 1]`
    Signed,
}

impl TryFrom<[f64; 2]> for PixelRange {
    type Error = String;

    fn try_from(ends: [f64; 2]) -> Result<Self, String> {
        match ends {
            [0.0, 1.0] => Ok(Self::Unit),
            [-1.0, 1.0] => Ok(Self::Signed),
            [low, high] => Err(format!("pixels have the range [0, 1] or [-1, 1], found [{low}, {high}]")),
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
            "description": "What black and white become: `[0, 1]` or `[-1, 1]`.",
            "enum": [[0, 1], [-1, 1]]
        })
    }
}

/// Where images come from: a set that is known by name, or a folder.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Set {
    /// Handwritten digits. LeCun, Cortes and Burges, "The MNIST database of handwritten digits".
    Mnist,
    /// Clothing. Xiao, Rasul and Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
    /// Algorithms" (2017).
    FashionMnist,
    /// Three random MNIST digits as red, green and blue: 128,000 images of 1,000 combinations, by which it is counted how many a model
    /// makes. Metz et al., "Unrolled Generative AdversarialLoss Networks" (2016); Srivastava et al. (2017).
    StackedMnist,
    /// Digits drawn by the program itself; nothing is downloaded.
    SyntheticDigits,
    /// Clothing drawn by the program itself; nothing is downloaded.
    SyntheticClothing,
    /// The images in a folder, as seen from where the program is called. With sub-folders `train` and `test` those are its parts,
    /// otherwise a tenth of the images is for testing.
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
    /// All sets with names.
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

    /// What the classes of a set with a name are called, in the order of their labels.
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
