use serde::{Deserialize, Serialize};

use super::{FieldErrors, Layer};
use crate::program::Lowering;
use crate::shape::Shape;

/// Adds noise while training.
///
/// Adds a sample of N(0, std²) to each value, only in training. The device draws the samples,
/// seeded at every step, so a run repeats on one device but not bit for bit on another.
///
/// Sønderby et al., "Amortised MAP Inference for Image Super-resolution" (2016).
///
/// ```yaml
/// - gaussian_noise: 0.1
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct GaussianNoise {
    /// Standard deviation of the noise.
    pub std: f64,
}

impl Layer for GaussianNoise {
    const SHORT: Option<&'static str> = Some("std");

    fn check(&self, errors: &mut FieldErrors) {
        errors.require((0.0..=1e3).contains(&self.std), "std", || {
            format!("std must lie between 0 and 1000, found {}", self.std)
        });
    }

    fn lower(&self, _input: Shape, _lowering: &mut Lowering) {}
}

#[cfg(feature = "train")]
mod built {
    use burn::nn;

    use super::*;
    use crate::layer::builds;

    builds!(GaussianNoise => nn::GaussianNoise, |it| nn::GaussianNoiseConfig::new(it.std).init());

    crate::layer::any_rank!(nn::GaussianNoise);
}

#[cfg(all(test, feature = "flex", feature = "yaml"))]
mod reference {
    use crate::layer::testing::agrees;

    #[test]
    fn does_nothing_outside_of_training() {
        agrees!("gaussian_noise: 0.1", [2]; [1.0, -2.0] => [1.0, -2.0]);
    }
}
