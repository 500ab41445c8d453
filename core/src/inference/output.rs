//! From the values of a generator to pixels.

use serde::{Deserialize, Serialize};

use crate::program::exp;
use crate::spec::PixelRange;

/// How the values of a generator become pixels between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Output {
    /// The values are logits.
    Sigmoid,
    /// The values are pixels, clamped to 0 to 1.
    Identity,
    /// The values are pixels between −1 and 1, clamped to that range.
    Signed,
}

impl Output {
    /// The output of a network whose values are pixels in `range`.
    pub fn pixels_of(range: PixelRange) -> Self {
        match range {
            PixelRange::Unit => Self::Identity,
            PixelRange::Signed => Self::Signed,
        }
    }

    /// Turns `values` into pixels between 0 and 1.
    pub fn to_pixels(self, values: &mut [f32]) {
        match self {
            Self::Sigmoid => values.iter_mut().for_each(|value| *value = 1.0 / (1.0 + exp(-*value))),
            Self::Identity => values.iter_mut().for_each(|value| *value = value.clamp(0.0, 1.0)),
            Self::Signed => values.iter_mut().for_each(|value| *value = ((*value + 1.0) * 0.5).clamp(0.0, 1.0)),
        }
    }
}

impl PixelRange {
    /// Brings `pixels` between 0 and 1 into this range.
    pub fn scale_pixels(self, pixels: &mut [f32]) {
        match self {
            Self::Unit => {}
            Self::Signed => pixels.iter_mut().for_each(|pixel| *pixel = *pixel * 2.0 - 1.0),
        }
    }
}

/// The class of each of the samples `first .. first + count` of a model with `classes` classes:
/// `class`, or without it the classes in turn; 0 for an unconditional model.
pub fn sample_classes(classes: usize, first: u64, count: usize, class: Option<usize>) -> Vec<usize> {
    match (classes, class) {
        (0, _) => vec![0; count],
        (_, Some(class)) => vec![class; count],
        (classes, None) => (first..first + count as u64).map(|index| (index % classes as u64) as usize).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_lie_between_0_and_1_and_back() {
        let pixels = |output: Output, mut values: [f32; 3]| {
            output.to_pixels(&mut values);
            values
        };
        assert_eq!(pixels(Output::Identity, [-1.0, 0.25, 2.0]), [0.0, 0.25, 1.0]);
        assert_eq!(pixels(Output::Signed, [-3.0, -0.5, 1.0]), [0.0, 0.25, 1.0]);
        let [low, middle, high] = pixels(Output::Sigmoid, [-100.0, 0.0, 100.0]);
        assert!(low < 1e-30 && middle == 0.5 && high == 1.0);
        let mut pixels = [0.0, 0.25, 1.0];
        PixelRange::Unit.scale_pixels(&mut pixels);
        PixelRange::Signed.scale_pixels(&mut pixels);
        assert_eq!(pixels, [-1.0, -0.5, 1.0]);
    }

    #[test]
    fn classes_come_in_turn_or_as_requested() {
        assert_eq!(sample_classes(0, 5, 3, Some(1)), [0, 0, 0]);
        assert_eq!(sample_classes(3, 5, 4, None), [2, 0, 1, 2]);
        assert_eq!(sample_classes(3, 5, 2, Some(1)), [1, 1]);
    }
}
