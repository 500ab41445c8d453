//! What a generator is asked for, and what its values mean.

use serde::{Deserialize, Serialize};

use crate::program::exp;
use crate::spec::Range;

/// What turns the values of a generator into pixels between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Output {
    /// The values are logits.
    Sigmoid,
    /// The values are pixels; what lies outside of 0 to 1 is cut off.
    Identity,
    /// The values are pixels between −1 and 1; what lies outside is cut off.
    Signed,
}

impl Output {
    /// What a network gives or takes whose values are pixels of that range.
    pub fn pixels_of(range: Range) -> Self {
        match range {
            Range::Unit => Self::Identity,
            Range::Signed => Self::Signed,
        }
    }

    /// The pixel, between 0 and 1, that `value` means.
    pub fn pixel(self, value: f32) -> f32 {
        match self {
            Self::Sigmoid => 1.0 / (1.0 + exp(-value)),
            Self::Identity => value.clamp(0.0, 1.0),
            Self::Signed => ((value + 1.0) * 0.5).clamp(0.0, 1.0),
        }
    }
}

impl Range {
    /// A pixel between 0 and 1 as a network knows it that learned from images of that range.
    pub fn seen(self, pixel: f32) -> f32 {
        match self {
            Self::Unit => pixel,
            Self::Signed => pixel * 2.0 - 1.0,
        }
    }
}

/// The class of each of the samples `first .. first + count` of a model that knows `classes`, when all are of one class or, without
/// it, one after the other; 0 for a model that knows none.
pub fn asked(classes: usize, first: u64, count: usize, class: Option<usize>) -> Vec<usize> {
    match (classes, class) {
        (0, _) => vec![0; count],
        (_, Some(class)) => vec![class; count],
        (classes, None) => (first..first + count as u64).map(|index| (index % classes as u64) as usize).collect(),
    }
}
