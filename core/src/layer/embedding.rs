use serde::{Deserialize, Serialize};

use super::{FieldErrors, Init, Layer, ShapeError, count};
use crate::program::Lowering;
use crate::shape::Shape;

/// Replaces each class number with a learned vector: `[batch, n]` → `[batch, n × size]`. Weights
/// are `[count, size]`.
///
/// Numbers are rounded down and limited to the classes.
///
/// ```yaml
/// - embedding: { count: 10, size: 16 }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Embedding {
    /// Number of classes.
    pub count: usize,
    /// Values of each vector.
    pub size: usize,
    /// What the weights are drawn from.
    #[serde(default = "unit_normal")]
    pub init: Init,
}

fn unit_normal() -> Init {
    Init::Normal(1.0)
}

impl Embedding {
    /// The shape of the weight.
    fn shape(&self) -> [usize; 2] {
        [self.count, self.size]
    }
}

impl Layer for Embedding {
    fn check(&self, errors: &mut FieldErrors) {
        errors.require(self.count > 0, "count", || "count must be at least 1, found 0".into());
        errors.require(self.size > 0, "size", || "size must be at least 1, found 0".into());
        self.init.check(errors);
    }

    fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
        match input {
            Shape::Flat(values) => Ok(Shape::Flat(values.saturating_mul(self.size))),
            Shape::Image(_) => Err(ShapeError::new(format!(
                "`embedding` needs class numbers in a row, but an image {input} reaches it"
            ))
            .fix("put `flatten` before it")),
        }
    }

    fn parameters(&self, _input: Shape) -> u64 {
        count(&self.shape())
    }

    fn lower(&self, _input: Shape, lowering: &mut Lowering) {
        lowering.refuse("embedding");
    }
}

#[cfg(feature = "train")]
mod built {
    use burn::module::{Module, Param};
    use burn::tensor::Tensor;
    use burn::tensor::module::embedding;

    use super::*;
    use crate::layer::{Build, Forward, Initializer, Value};

    impl Build for Embedding {
        type Module = EmbeddingModule;

        fn build(&self, _input: Shape, initializer: &mut Initializer<'_>) -> EmbeddingModule {
            let initial = self.init.of(self.count, self.size);
            EmbeddingModule { weight: initializer.parameter("weight", self.shape(), initial) }
        }
    }

    #[derive(Module, Debug)]
    pub struct EmbeddingModule {
        /// `[count, size]`
        weight: Param<Tensor<2>>,
    }

    impl Forward for EmbeddingModule {
        fn forward(&self, value: Value) -> Value {
            let weight = self.weight.val();
            let last = weight.dims()[0] - 1;
            let vectors: Tensor<3> = embedding(weight, value.flat().clamp(0.0, last as f32).int());
            Value::Flat(vectors.flatten(1, 2))
        }
    }
}

#[cfg(all(test, feature = "flex", feature = "yaml"))]
mod reference {
    use crate::layer::testing::agrees;

    // w = torch.tensor([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]])
    // F.embedding(torch.tensor([2, 0]), w).flatten()  # [0.5, 0.6, 0.1, 0.2]
    #[test]
    fn agrees_with_pytorch() {
        agrees!("embedding: { count: 3, size: 2 }", [2], "weight": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6];
            [2.0, 0.0] => [0.5, 0.6, 0.1, 0.2]);
    }

    #[test]
    fn a_number_between_or_beyond_the_classes_means_the_one_below() {
        agrees!("embedding: { count: 2, size: 1 }", [3], "weight": [10.0, 20.0];
            [0.9, 7.0, -1.0] => [10.0, 20.0, 10.0]);
    }
}
