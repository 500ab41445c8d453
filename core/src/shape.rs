//! The shape of one sample, without the batch.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The shape of one sample as it passes from layer to layer; the batch size is not part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shape {
    /// A vector of so many values: a tensor `[batch, values]`.
    Flat(usize),
    /// An image `[channels, height, width]`: a tensor `[batch, channels, height, width]`.
    Image([usize; 3]),
}

impl Shape {
    /// The number of values in one sample, or `usize::MAX` if it overflows.
    pub fn len(self) -> usize {
        self.sides().iter().fold(1, |product, side| product.saturating_mul(*side))
    }

    /// Whether a sample of this shape holds no value at all.
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

    /// The sizes without the batch, as a tensor has them.
    pub fn sizes(self) -> Vec<usize> {
        match self {
            Self::Flat(values) => vec![values],
            Self::Image(sides) => sides.to_vec(),
        }
    }

    /// Bytes of one sample in 32-bit floats; saturates rather than overflows.
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
