//! `dropout`: values are left out at random while training.

use burn::nn::DropoutConfig;
use serde::{Deserialize, Serialize};

use super::declared::short_form;
use super::{Layer, Misfit};
use crate::nn;
use crate::plan::Shape;

/// Dropout: while training each value is set to 0 with probability `rate` and the others are divided by 1 − `rate`; elsewhere
/// nothing happens.
///
/// The masks are the device's own, seeded at every step, so a run repeats on one device but not bit for bit on another.
///
/// Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting" (2014).
///
/// ```yaml
/// - dropout: 0.3
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct Dropout {
    /// Probability that a value is left out.
    pub rate: f64,
}

short_form!(Dropout, f64, "a rate such as 0.3, or the field { rate }");

impl Dropout {
    /// Leaves out each value with probability `rate`.
    pub fn new(rate: f64) -> Self {
        Self { rate }
    }
}

impl Layer for Dropout {
    fn output(&self, input: Shape) -> Result<Shape, Misfit> {
        match self.rate {
            rate if (0.0..1.0).contains(&rate) => Ok(input),
            rate => Err(Misfit::new(format!("rate must be at least 0 and below 1, found {rate}"))),
        }
    }

    fn build(&self, _input: Shape, _start: &mut nn::Start<'_>) -> nn::Layer {
        nn::Layer::Dropout(DropoutConfig::new(self.rate).init())
    }
}
