use std::fmt;

#[cfg(feature = "train")]
use burn::nn::PaddingConfig2d;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{FieldErrors, ShapeError, channels_of};
#[cfg(feature = "train")]
use crate::kernel::Window;
use crate::kernel::slices::Geometry;
use crate::program::{Mean, Pool};
use crate::shape::Shape;

/// The largest kernel, stride, dilation or padding.
const MAX_SIDE: usize = 1024;

/// A size in both directions, height first. Written as one number for both, or as a list of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair(pub [usize; 2]);

impl Pair {
    /// Refuses 0 and sizes far beyond any image.
    pub(super) fn check(self, field: &'static str, errors: &mut FieldErrors) {
        errors.require(self.0.iter().all(|side| (1..=MAX_SIDE).contains(side)), field, || {
            format!("{field} must lie between 1 and {MAX_SIDE}, found {self}")
        });
    }
}

impl From<usize> for Pair {
    fn from(side: usize) -> Self {
        Self([side, side])
    }
}

/// As in YAML: one number if both are the same.
impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [height, width] if height == width => write!(f, "{height}"),
            [height, width] => write!(f, "[{height}, {width}]"),
        }
    }
}

impl Serialize for Pair {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            [height, width] if height == width => serializer.serialize_u64(height as u64),
            sides => sides.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Pair {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairVisitor;
        impl<'de> Visitor<'de> for PairVisitor {
            type Value = Pair;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number, or a list of two: [height, width]")
            }

            fn visit_u64<E: Error>(self, side: u64) -> Result<Pair, E> {
                Ok(usize::try_from(side).unwrap_or(usize::MAX).into())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sides: A) -> Result<Pair, A::Error> {
                let missing = |found| A::Error::invalid_length(found, &PairVisitor);
                let height = sides.next_element()?.ok_or_else(|| missing(0))?;
                let width = sides.next_element()?.ok_or_else(|| missing(1))?;
                match sides.next_element::<usize>()? {
                    None => Ok(Pair([height, width])),
                    Some(_) => Err(missing(3)),
                }
            }
        }
        deserializer.deserialize_any(PairVisitor)
    }
}

#[cfg(feature = "yaml")]
impl schemars::JsonSchema for Pair {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Pair".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let side = serde_json::json!({ "type": "integer", "minimum": 0, "maximum": MAX_SIDE });
        schemars::json_schema!({
            "description": "One number for both directions, or [height, width].",
            "anyOf": [side, { "type": "array", "items": side, "minItems": 2, "maxItems": 2 }]
        })
    }
}

/// How an image is extended before a window slides over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Padding {
    /// None: the window stays within the image.
    #[default]
    Valid,
    /// TensorFlow's rule: a convolution returns ⌈size / stride⌉, a transposed one size ×
    /// stride. Of an odd padding, the larger part lies at the bottom and right.
    Same,
    /// This many pixels on every side.
    Pixels(usize),
}

impl Padding {
    /// Pixels `(before, after)` in one direction, for a window that covers `kernel` of `size`
    /// pixels.
    pub(super) fn around(self, size: usize, kernel: usize, stride: usize) -> (usize, usize) {
        match self {
            Self::Valid => (0, 0),
            Self::Pixels(pixels) => (pixels, pixels),
            Self::Same => {
                let steps = size.div_ceil(stride).saturating_sub(1);
                let needed = steps.saturating_mul(stride).saturating_add(kernel).saturating_sub(size);
                (needed / 2, needed - needed / 2)
            }
        }
    }

    /// How a window slides over an image of `sides`.
    ///
    /// # Errors
    /// The window does not fit into the image.
    pub(super) fn slide(
        self,
        sides: [usize; 2],
        kernel: Pair,
        stride: [usize; 2],
        dilation: Pair,
    ) -> Result<Slide, ShapeError> {
        let covered = span(kernel, dilation);
        let mut slide = Slide { kernel: kernel.0, stride, dilation: dilation.0, ..Slide::default() };
        for axis in [0, 1] {
            let (before, after) = self.around(sides[axis], covered[axis], stride[axis]);
            let padded = sides[axis].saturating_add(before).saturating_add(after);
            let Some(room) = padded.checked_sub(covered[axis]) else {
                let ([height, width], [rows, columns]) = (sides, covered);
                let found =
                    format!("a window of {rows} by {columns} does not fit into an image of {height} by {width}");
                return Err(
                    ShapeError::new(found).fix("a smaller kernel, `padding: same`, or smaller strides before it")
                );
            };
            (slide.before[axis], slide.after[axis]) = (before, after);
            slide.size[axis] = room / stride[axis] + 1;
        }
        Ok(slide)
    }

    /// Refuses a padding with which a window of a pool may see no pixel.
    pub(super) fn check_pool(self, kernel: Pair, errors: &mut FieldErrors) {
        if let Self::Pixels(pixels) = self {
            errors.require(kernel.0.iter().all(|side| pixels <= side / 2), "padding", || {
                format!("padding must be at most half of the kernel, found {pixels} for a kernel of {kernel}")
            });
        }
    }

    /// Refuses a padding far beyond any image.
    pub(super) fn check(self, errors: &mut FieldErrors) {
        if let Self::Pixels(pixels) = self {
            errors.require(pixels <= MAX_SIDE, "padding", || {
                format!("padding must be at most {MAX_SIDE}, found {pixels}")
            });
        }
    }
}

/// How a layer's window slides over an image, height first.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Slide {
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub dilation: [usize; 2],
    /// Rows above the image and columns left of it.
    pub before: [usize; 2],
    /// Rows below the image and columns right of it; unused by a transposed convolution.
    pub after: [usize; 2],
    /// Height and width of the output.
    pub size: [usize; 2],
}

impl Slide {
    pub fn output(&self, channels: usize) -> Shape {
        Shape::Image([channels, self.size[0], self.size[1]])
    }

    /// A convolution between `image` and `grid`, `[height, width, channels]` each.
    pub fn geometry(&self, image: [usize; 3], grid: [usize; 3]) -> Geometry {
        let Self { kernel, stride, dilation, before, .. } = *self;
        Geometry { image, grid, kernel, stride, dilation, before }
    }

    pub fn pool(&self, mean: Option<Mean>) -> Pool {
        let Self { kernel, stride, dilation, before, .. } = *self;
        Pool { kernel, stride, dilation, before, mean }
    }

    #[cfg(feature = "train")]
    pub fn window(&self) -> Window {
        let Self { stride, dilation, before, size, .. } = *self;
        Window { stride, dilation, before, size }
    }

    #[cfg(feature = "train")]
    pub fn padding(&self) -> PaddingConfig2d {
        let ([top, left], [bottom, right]) = (self.before, self.after);
        PaddingConfig2d::Explicit(top, left, bottom, right)
    }
}

/// How many pixels a window with a dilation covers.
pub(super) fn span(kernel: Pair, dilation: Pair) -> [usize; 2] {
    [0, 1].map(|axis| dilation.0[axis] * kernel.0[axis].saturating_sub(1) + 1)
}

/// Refuses groups that do not divide the filters.
pub(super) fn check_groups(groups: usize, filters: usize, errors: &mut FieldErrors) {
    errors.require(groups > 0, "groups", || "groups must be at least 1, found 0".into());
    errors.require(groups == 0 || filters.is_multiple_of(groups), "groups", || {
        format!("{filters} filters cannot be divided into {groups} groups")
    });
}

/// What to do about channels that a convolution cannot divide.
pub(super) const DIVIDE: &str = "groups that divide both the channels and the filters";

/// Refuses channels that cannot be divided into `groups`.
pub(super) fn divide(channels: usize, groups: usize) -> Result<(), ShapeError> {
    match channels.is_multiple_of(groups) {
        true => Ok(()),
        false => Err(ShapeError::new(format!("{} cannot be divided into {groups} groups", channels_of(channels)))),
    }
}

const NAMES: &[&str] = &["valid", "same"];

impl Serialize for Padding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Valid => serializer.serialize_str("valid"),
            Self::Same => serializer.serialize_str("same"),
            Self::Pixels(pixels) => serializer.serialize_u64(*pixels as u64),
        }
    }
}

impl<'de> Deserialize<'de> for Padding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PaddingVisitor;
        impl Visitor<'_> for PaddingVisitor {
            type Value = Padding;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`valid`, `same` or a number of pixels")
            }

            fn visit_u64<E: Error>(self, pixels: u64) -> Result<Padding, E> {
                Ok(Padding::Pixels(usize::try_from(pixels).unwrap_or(usize::MAX)))
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Padding, E> {
                match name {
                    "valid" => Ok(Padding::Valid),
                    "same" => Ok(Padding::Same),
                    other => Err(E::unknown_variant(other, NAMES)),
                }
            }
        }
        deserializer.deserialize_any(PaddingVisitor)
    }
}

#[cfg(feature = "yaml")]
impl schemars::JsonSchema for Padding {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Padding".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "`valid` (none), `same` (TensorFlow's rule; the uneven pixel lies at the bottom and right) or a number \
                            of pixels on every side.",
            "anyOf": [{ "enum": NAMES }, { "type": "integer", "minimum": 0, "maximum": MAX_SIDE }]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `tf.nn.conv2d(x, k, stride, "SAME")` of TensorFlow 2: pads by size, kernel, stride.
    #[test]
    fn same_padding_follows_tensorflow_where_it_is_uneven() {
        for (size, kernel, stride, expected) in [
            (28, 3, 1, (1, 1)),
            (28, 3, 2, (0, 1)),
            (28, 4, 2, (1, 1)),
            (28, 4, 1, (1, 2)),
            (7, 3, 2, (1, 1)),
            (28, 5, 3, (2, 2)),
            (28, 1, 2, (0, 0)),
        ] {
            assert_eq!(Padding::Same.around(size, kernel, stride), expected, "{size} {kernel} {stride}");
        }
    }
}
