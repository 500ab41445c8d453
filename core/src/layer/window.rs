//! What convolutions have in common: sizes in two directions and the padding around an image.

use std::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Misfit;
use super::declared::unknown_name;

/// A size in both directions, height first. Written as one number for both, or as a list of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Pair(pub [usize; 2]);

impl Pair {
    /// A stride or dilation of one pixel.
    pub(super) fn one() -> Self {
        Self([1, 1])
    }

    /// Refuses sizes that are 0 or far beyond any image.
    pub(super) fn check(self, field: &str) -> Result<[usize; 2], Misfit> {
        match self.0 {
            sides if sides.iter().all(|side| (1..=1024).contains(side)) => Ok(sides),
            [height, width] => {
                Err(Misfit::new(format!("{field} must lie between 1 and 1024, found {height} by {width}")))
            }
        }
    }
}

impl From<usize> for Pair {
    fn from(side: usize) -> Self {
        Self([side, side])
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

/// How an image is extended before a convolution slides over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Padding {
    /// None: the kernel stays within the image.
    #[default]
    Valid,
    /// TensorFlow's rule: a convolution gives ⌈size / stride⌉, a transposed one size × stride. Where the padding is odd,
    /// the larger part lies at the bottom and right.
    Same,
    /// So many pixels on every side.
    Pixels(usize),
}

impl Padding {
    /// Pixels `(before, after)` along one direction for a convolution: `size` is its input, or for a transposed
    /// convolution its output, whose rule is the mirror image.
    pub(super) fn around(self, size: usize, kernel: usize, stride: usize) -> (usize, usize) {
        match self {
            Self::Valid => (0, 0),
            Self::Pixels(pixels) => (pixels, pixels),
            Self::Same => {
                let needed = (size.div_ceil(stride).saturating_sub(1) * stride + kernel).saturating_sub(size);
                (needed / 2, needed - needed / 2)
            }
        }
    }

    /// Refuses a padding far beyond any image.
    pub(super) fn check(self) -> Result<(), Misfit> {
        match self {
            Self::Pixels(pixels) if pixels > 1024 => {
                Err(Misfit::new(format!("padding must be at most 1024, found {pixels}")))
            }
            _ => Ok(()),
        }
    }
}

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
                    other => Err(E::custom(unknown_name("padding", other, &["valid", "same"]))),
                }
            }
        }
        deserializer.deserialize_any(PaddingVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `tf.nn.conv2d(x, k, stride, "SAME")` of TensorFlow 2: pads (before, after) by size, kernel, stride.
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
