use serde::{Deserialize, Serialize};

use super::declared::epsilon;
use super::{FieldErrors, Layer, count};
use crate::program::{Kind, Lowering, Normalize};
use crate::shape::Shape;

/// Normalizes each sample to mean 0 and variance 1.
///
/// y = γ (x − mean) / √(variance + ε) + β, with the mean and variance of all values of a
/// sample and a γ and β for each of them. γ starts at 1 and β at 0.
///
/// Ba, Kiros and Hinton, "Layer Normalization" (2016); PyTorch's
/// `LayerNorm([channels, height, width])`.
///
/// ```yaml
/// - layer_norm
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LayerNorm {
    /// Added to the variance to avoid a division by 0.
    #[serde(default = "epsilon")]
    pub epsilon: f64,
}

/// The shape of γ and β.
fn shape(input: Shape) -> [usize; 1] {
    [input.len()]
}

impl Layer for LayerNorm {
    fn check(&self, errors: &mut FieldErrors) {
        errors.positive(self.epsilon, "epsilon");
    }

    fn parameters(&self, input: Shape) -> u64 {
        2 * count(&shape(input))
    }

    fn lower(&self, input: Shape, lowering: &mut Lowering) {
        let mut weight = |name| lowering.weight(name, shape(input));
        let (scale, shift) = (weight("gamma"), weight("beta"));
        let normalize = Normalize { groups: 1, epsilon: self.epsilon as f32, scale, shift };
        lowering.keep(Kind::Normalize(normalize), input);
    }
}

#[cfg(feature = "train")]
mod built {
    use burn::module::{Module, Param};
    use burn::tensor::Tensor;
    use burn::tensor::module::layer_norm;

    use super::*;
    use crate::layer::{Build, Distribution, Forward, Initializer, Value};

    impl Build for LayerNorm {
        type Module = LayerNormModule;

        fn build(&self, input: Shape, initializer: &mut Initializer<'_>) -> LayerNormModule {
            LayerNormModule {
                gamma: initializer.parameter("gamma", shape(input), Distribution::Constant(1.0)),
                beta: initializer.parameter("beta", shape(input), Distribution::Constant(0.0)),
                epsilon: self.epsilon,
            }
        }
    }

    #[derive(Module, Debug)]
    pub struct LayerNormModule {
        /// `[values]`
        gamma: Param<Tensor<1>>,
        /// `[values]`
        beta: Param<Tensor<1>>,
        epsilon: f64,
    }

    impl LayerNormModule {
        fn rows(&self, input: Tensor<2>) -> Tensor<2> {
            layer_norm(input, self.gamma.val(), Some(self.beta.val()), self.epsilon)
        }
    }

    impl Forward for LayerNormModule {
        fn forward(&self, value: Value) -> Value {
            match value {
                Value::Flat(rows) => Value::Flat(self.rows(rows)),
                Value::Image(images) => {
                    let sides = images.dims();
                    Value::Image(self.rows(images.flatten(1, 3)).reshape(sides))
                }
            }
        }
    }
}

#[cfg(all(test, feature = "flex", feature = "yaml"))]
crate::layer::testing::reference! {
    // layer = torch.nn.LayerNorm(3)
    // layer.weight.data, layer.bias.data = torch.tensor([1., 2., 3.]), torch.tensor([0., 0., 1.])
    // layer(torch.tensor([[1., 2., 6.], [3., 1., 0.]]))
    // # [[-0.925819, -0.925819, 5.16619], [1.3363, -0.534521, -2.20712]]
    // torch.nn.LayerNorm([2, 1, 2], eps=0.5)(torch.tensor([1., 3., 10., 30.]).reshape(1, 2, 1, 2))
    // # [[[-0.870388, -0.696311]], [[-0.0870388, 1.65374]]]
    "layer_norm", [3], "gamma": [1.0, 2.0, 3.0], "beta": [0.0, 0.0, 1.0];
        [1.0, 2.0, 6.0, 3.0, 1.0, 0.0] => [-0.925819, -0.925819, 5.16619, 1.3363, -0.534521, -2.20712];
    "layer_norm: { epsilon: 0.5 }", [2, 1, 2], "gamma": [1.0, 1.0, 1.0, 1.0], "beta": [0.0, 0.0, 0.0, 0.0];
        [1.0, 3.0, 10.0, 30.0] => [-0.870388, -0.696311, -0.0870388, 1.65374];
}
