//! `linear`: every output is a weighted sum of all inputs.

use serde::{Deserialize, Serialize};

use super::declared::short_form;
use super::{Layer, Misfit, count};
use crate::nn;
use crate::plan::Shape;

/// A fully connected layer, y = x W + b.
///
/// Takes `[batch, inputs]`, gives `[batch, units]`. W is `[inputs, units]`, drawn from Glorot's uniform distribution; b is
/// `[units]` and begins at 0.
///
/// ```yaml
/// - linear: 128
/// - linear: { units: 128, bias: false }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct Linear {
    /// Number of outputs.
    pub units: usize,
    /// Whether a bias is added.
    #[serde(default = "yes")]
    pub bias: bool,
}

short_form!(Linear, usize, "a number of units, or the fields { units, bias }");

fn yes() -> bool {
    true
}

impl Linear {
    /// A layer of `units` outputs with a bias.
    pub fn new(units: usize) -> Self {
        Self { units, bias: true }
    }
}

impl Layer for Linear {
    fn output(&self, input: Shape) -> Result<Shape, Misfit> {
        match input {
            Shape::Flat(_) if self.units > 0 => Ok(Shape::Flat(self.units)),
            Shape::Flat(_) => Err(Misfit::new("units must be at least 1, found 0")),
            Shape::Image(_) => Err(Misfit::with_fix(
                format!("needs values in a row, found an image {input}"),
                "put `flatten` before it",
            )),
        }
    }

    fn parameters(&self, input: Shape) -> u64 {
        count(&[input.len(), self.units]).saturating_add(if self.bias { self.units as u64 } else { 0 })
    }

    fn build(&self, input: Shape, start: &mut nn::Start<'_>) -> nn::Layer {
        nn::Layer::Linear(start.linear(input.len(), self.units, self.bias))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_layer_counts_weights_and_biases() {
        assert_eq!(Linear::new(4).parameters(Shape::Flat(2304)), 9_220);
        let unbiased = Linear { units: 3136, bias: false };
        assert_eq!(unbiased.parameters(Shape::Flat(2)), 6_272);
    }

    #[test]
    fn a_linear_layer_behind_an_image_asks_for_flatten() {
        let misfit = Linear::new(4).output(Shape::Image([64, 6, 6])).unwrap_err();
        assert!(misfit.found.contains("[64, 6, 6]"));
        assert!(misfit.fix.unwrap().contains("flatten"));
    }
}
