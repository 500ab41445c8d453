//! What a generator is asked for, and what its values mean.

use serde::{Deserialize, Serialize};

use crate::program::exp;
use crate::spec::PixelRange;

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
    pub fn pixels_of(range: PixelRange) -> Self {
        match range {
            PixelRange::Unit => Self::Identity,
            PixelRange::Signed => Self::Signed,
        }
    }

    /// Makes pixels between 0 and 1 of `values`.
    pub fn develop(self, values: &mut [f32]) {
        match self {
            Self::Sigmoid => values.iter_mut().for_each(|value| *value = 1.0 / (1.0 + exp(-*value))),
            Self::Identity => values.iter_mut().for_each(|value| *value = value.clamp(0.0, 1.0)),
            Self::Signed => values.iter_mut().for_each(|value| *value = ((*value + 1.0) * 0.5).clamp(0.0, 1.0)),
        }
    }
}

impl PixelRange {
    /// Makes of `pixels` between 0 and 1 what a network knows that learned from images of that range.
    pub fn see(self, pixels: &mut [f32]) {
        match self {
            Self::Unit => {}
            Self::Signed => pixels.iter_mut().for_each(|pixel| *pixel = *pixel * 2.0 - 1.0),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_lie_between_0_and_1_and_back() {
        let developed = |output: Output, mut values: [f32; 3]| {
            output.develop(&mut values);
            values
        };
        assert_eq!(developed(Output::Identity, [-1.0, 0.25, 2.0]), [0.0, 0.25, 1.0]);
        assert_eq!(developed(Output::Signed, [-3.0, -0.5, 1.0]), [0.0, 0.25, 1.0]);
        let [low, middle, high] = developed(Output::Sigmoid, [-100.0, 0.0, 100.0]);
        assert!(low < 1e-30 && middle == 0.5 && high == 1.0);
        let mut pixels = [0.0, 0.25, 1.0];
        PixelRange::Unit.see(&mut pixels);
        PixelRange::Signed.see(&mut pixels);
        assert_eq!(pixels, [-1.0, -0.5, 1.0]);
    }

    #[test]
    fn classes_come_in_turn_or_as_asked() {
        assert_eq!(asked(0, 5, 3, Some(1)), [0, 0, 0]);
        assert_eq!(asked(3, 5, 4, None), [2, 0, 1, 2]);
        assert_eq!(asked(3, 5, 2, Some(1)), [1, 1]);
    }
}
