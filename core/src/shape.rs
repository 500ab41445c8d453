//! The shape of one sample.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The shape of one sample, without the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shape {
    /// A vector: a tensor `[batch, values]`.
    Flat(usize),
    /// An image `[channels, height, width]`: a tensor `[batch, channels, height, width]`.
    Image([usize; 3]),
}

impl Shape {
    /// The number of values in one sample, or `usize::MAX` if it overflows.
    pub fn len(self) -> usize {
        self.sides().iter().fold(1, |product, side| product.saturating_mul(*side))
    }

    /// Whether a sample holds no value.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Channels, height and width; a row of n values is n channels of one pixel.
    pub fn sides(self) -> [usize; 3] {
        match self {
            Self::Flat(values) => [values, 1, 1],
            Self::Image(sides) => sides,
        }
    }

    /// Channels of an image or values of a row.
    pub fn channels(self) -> usize {
        self.sides()[0]
    }

    /// The sizes of a tensor, without the batch.
    pub fn sizes(self) -> Vec<usize> {
        match self {
            Self::Flat(values) => vec![values],
            Self::Image(sides) => sides.to_vec(),
        }
    }

    /// Bytes of one sample in 32-bit floats; saturates instead of overflowing.
    pub fn bytes(self) -> u64 {
        (self.len() as u64).saturating_mul(4)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flat(values) => write!(f, "[{values}]"),
            Self::Image([channels, height, width]) => write!(f, "[{channels}, {height}, {width}]"),
        }
    }
}
