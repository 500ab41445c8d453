use serde::{Deserialize, Serialize};

use super::{Layer, ShapeError};
use crate::program::{Kind, Lowering};
use crate::shape::Shape;

/// Puts the values of an image in a row: `[batch, c, h, w]` → `[batch, c × h × w]`.
///
/// ```yaml
/// - flatten
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Flatten {}

impl Layer for Flatten {
    fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
        Ok(Shape::Flat(input.len()))
    }

    fn lower(&self, input: Shape, lowering: &mut Lowering) {
        lowering.push(Kind::Reshape, input, Shape::Flat(input.len()));
    }
}

#[cfg(feature = "train")]
mod built {
    use burn::module::Module;

    use super::*;
    use crate::layer::{Forward, Value, builds};

    builds!(Flatten => FlattenModule, |_| FlattenModule);

    #[derive(Module, Debug)]
    pub struct FlattenModule;

    impl Forward for FlattenModule {
        fn forward(&self, value: Value) -> Value {
            Value::Flat(value.flat())
        }
    }
}

#[cfg(all(test, feature = "flex", feature = "yaml"))]
crate::layer::testing::reference! {
    // torch.tensor([1., 2., 3., 4.]).reshape(1, 2, 1, 2).flatten(1)  # [1, 2, 3, 4]
    "flatten", [2, 1, 2]; [1.0, 2.0, 3.0, 4.0] => [1.0, 2.0, 3.0, 4.0];
}
