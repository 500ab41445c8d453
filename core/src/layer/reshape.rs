//! `reshape`: values in a row become an image.

use serde::{Deserialize, Serialize};

use super::{Layer, Misfit};
use crate::nn;
use crate::plan::Shape;

/// Reads the same values in another shape: `[channels, height, width]`, filled channel by channel.
///
/// ```yaml
/// - reshape: [64, 7, 7]
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reshape(pub [usize; 3]);

impl Layer for Reshape {
    fn output(&self, input: Shape) -> Result<Shape, Misfit> {
        let output = Shape::Image(self.0);
        if output.is_empty() {
            return Err(Misfit::new(format!("every side must be at least 1, found {output}")));
        }
        if output.len() == input.len() {
            return Ok(output);
        }
        let found = format!("{output} holds {} values, found {} in {input}", output.len(), input.len());
        Err(match input {
            Shape::Flat(_) => Misfit::with_fix(found, format!("`linear: {}` before it", output.len())),
            Shape::Image(_) => Misfit::new(found),
        })
    }

    fn build(&self, _input: Shape, _start: &mut nn::Start<'_>) -> nn::Layer {
        nn::Layer::Reshape(nn::Reshape { shape: self.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reshape_that_does_not_fit_names_the_units_that_would() {
        let misfit = Reshape([64, 7, 7]).output(Shape::Flat(2304)).unwrap_err();
        assert_eq!(misfit.found, "[64, 7, 7] holds 3136 values, found 2304 in [2304]");
        assert_eq!(misfit.fix.unwrap(), "`linear: 3136` before it");
    }
}
