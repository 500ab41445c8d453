use serde::{Deserialize, Serialize};

use super::{FieldErrors, Layer, ShapeError};
use crate::program::{Kind, Lowering};
use crate::shape::Shape;

/// Reads the same values in another shape: `[channels, height, width]`, filled channel by channel.
///
/// ```yaml
/// - reshape: [64, 7, 7]
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Reshape(pub [usize; 3]);

impl Layer for Reshape {
    fn check(&self, errors: &mut FieldErrors) {
        let shape = Shape::Image(self.0);
        errors.require(!shape.is_empty(), "", || format!("every side must be at least 1, found {shape}"));
    }

    fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
        let output = Shape::Image(self.0);
        match input.len() == output.len() {
            true => Ok(output),
            false => {
                let found = format!("`reshape: {output}` holds {} values, but {} reach it", output.len(), input.len());
                Err(ShapeError::new(found).wants(output.len()))
            }
        }
    }

    fn fixed_output(&self) -> Option<Shape> {
        Some(Shape::Image(self.0))
    }

    fn lower(&self, input: Shape, lowering: &mut Lowering) {
        lowering.push(Kind::Reshape, input, Shape::Image(self.0));
    }
}

#[cfg(feature = "train")]
mod built {
    use burn::module::Module;

    use super::*;
    use crate::layer::{Forward, Value, builds};

    builds!(Reshape => ReshapeModule, |it| ReshapeModule { shape: it.0 });

    #[derive(Module, Debug)]
    pub struct ReshapeModule {
        /// Channels, height and width.
        shape: [usize; 3],
    }

    impl Forward for ReshapeModule {
        fn forward(&self, value: Value) -> Value {
            let (rows, [channels, height, width]) = (value.flat(), self.shape);
            let [batch, _] = rows.dims();
            Value::Image(rows.reshape([batch, channels, height, width]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reshape_that_does_not_fit_says_how_many_values_it_needs() {
        let error = Reshape([64, 7, 7]).output(Shape::Flat(2304)).unwrap_err();
        assert_eq!(error.found, "`reshape: [64, 7, 7]` holds 3136 values, but 2304 reach it");
        assert_eq!(error.wants, Some(3136));
    }

    // torch.nn.Unflatten(1, (2, 1, 2))(torch.tensor([[1., 2., 3., 4.]]))  # [[[1, 2]], [[3, 4]]]
    #[cfg(all(feature = "flex", feature = "yaml"))]
    #[test]
    fn agrees_with_pytorch() {
        use crate::layer::testing::agrees;

        agrees!("reshape: [2, 1, 2]", [4]; [1.0, 2.0, 3.0, 4.0] => [1.0, 2.0, 3.0, 4.0]);
    }
}
