//! `batch_norm`: every channel is brought to mean 0 and variance 1 over the batch.

use serde::{Deserialize, Serialize};

use super::{Layer, Misfit};
use crate::nn;
use crate::plan::Shape;

/// Batch normalisation, y = γ (x − mean) / √(variance + ε) + β, with a mean and variance for each channel of an image or each
/// value of a row.
///
/// While training they are those of the batch; elsewhere the moving ones, which are updated by
/// moving ← (1 − momentum) × moving + momentum × batch. γ begins at 1 and β at 0. The moving values are stored with the
/// weights but are not counted as parameters, since no gradient reaches them.
///
/// Ioffe and Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift" (2015).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchNorm {
    /// Share of the newest batch in the moving mean and variance.
    #[serde(default = "momentum")]
    pub momentum: f64,
    /// Added to the variance so that nothing is divided by 0.
    #[serde(default = "epsilon")]
    pub epsilon: f64,
}

fn momentum() -> f64 {
    0.1
}

fn epsilon() -> f64 {
    1e-5
}

impl BatchNorm {
    fn features(input: Shape) -> usize {
        match input {
            Shape::Flat(values) => values,
            Shape::Image([channels, ..]) => channels,
        }
    }
}

impl Layer for BatchNorm {
    fn output(&self, input: Shape) -> Result<Shape, Misfit> {
        if !(0.0..=1.0).contains(&self.momentum) {
            return Err(Misfit::new(format!("momentum must lie in 0 to 1, found {}", self.momentum)));
        }
        if !(self.epsilon > 0.0 && self.epsilon.is_finite()) {
            return Err(Misfit::new(format!("epsilon must be above 0, found {}", self.epsilon)));
        }
        Ok(input)
    }

    fn parameters(&self, input: Shape) -> u64 {
        2 * Self::features(input) as u64
    }

    fn build(&self, input: Shape, start: &mut nn::Start<'_>) -> nn::Layer {
        nn::Layer::BatchNorm(start.batch_norm(Self::features(input), self.momentum, self.epsilon))
    }
}
