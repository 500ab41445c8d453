use serde::{Deserialize, Serialize};

use super::declared::epsilon;
use super::window::divide;
use super::{FieldErrors, Layer, ShapeError, count};
use crate::program::{Kind, Lowering, Normalize};
use crate::shape::Shape;

/// Normalizes groups of channels of each sample to mean 0 and variance 1.
///
/// y = γ (x − mean) / √(variance + ε) + β, with the mean and variance of each group of
/// channels of each sample, and a γ and β for each channel. γ starts at 1 and β at 0.
///
/// Wu and He, "Group Normalization" (2018).
///
/// ```yaml
/// - group_norm: 8
/// - group_norm: { groups: 8, epsilon: 1e-3 }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct GroupNorm {
    /// Into how many groups the channels are divided.
    pub groups: usize,
    /// Added to the variance to avoid a division by 0.
    #[serde(default = "epsilon")]
    pub epsilon: f64,
}

/// The shape of γ and β.
fn shape(input: Shape) -> [usize; 1] {
    [input.channels()]
}

impl Layer for GroupNorm {
    const SHORT: Option<&'static str> = Some("groups");

    fn check(&self, errors: &mut FieldErrors) {
        errors.require(self.groups > 0, "groups", || "groups must be at least 1, found 0".into());
        errors.positive(self.epsilon, "epsilon");
    }

    fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
        let channels = input.channels();
        divide(channels, self.groups).map_err(|error| {
            let largest = (1..=self.groups.min(channels)).rev().find(|groups| channels.is_multiple_of(*groups));
            error.fix(format!("{} groups", largest.unwrap_or(1)))
        })?;
        Ok(input)
    }

    fn parameters(&self, input: Shape) -> u64 {
        2 * count(&shape(input))
    }

    fn lower(&self, input: Shape, lowering: &mut Lowering) {
        let mut weight = |name| lowering.weight(name, shape(input));
        let (scale, shift) = (weight("gamma"), weight("beta"));
        let normalize = Normalize { groups: self.groups, epsilon: self.epsilon as f32, scale, shift };
        lowering.keep(Kind::Normalize(normalize), input);
    }
}

#[cfg(feature = "train")]
pub(super) use built::GroupNormModule;

#[cfg(feature = "train")]
mod built {
    use burn::module::{Module, Param};
    use burn::tensor::Tensor;

    use super::*;
    use crate::layer::{Build, Distribution, Forward, Initializer, Value};

    impl Build for GroupNorm {
        type Module = GroupNormModule;

        fn build(&self, input: Shape, initializer: &mut Initializer<'_>) -> GroupNormModule {
            GroupNormModule::new(self.groups, self.epsilon, Some(shape(input)), initializer)
        }
    }

    /// Burn's own refuses rows, and a batch of two values or fewer.
    #[derive(Module, Debug)]
    pub struct GroupNormModule {
        /// `[channels]`
        gamma: Option<Param<Tensor<1>>>,
        /// `[channels]`
        beta: Option<Param<Tensor<1>>>,
        groups: usize,
        epsilon: f64,
    }

    impl GroupNormModule {
        pub(in crate::layer) fn new(
            groups: usize,
            epsilon: f64,
            affine: Option<[usize; 1]>,
            initializer: &mut Initializer<'_>,
        ) -> Self {
            Self {
                gamma: affine.map(|shape| initializer.parameter("gamma", shape, Distribution::Constant(1.0))),
                beta: affine.map(|shape| initializer.parameter("beta", shape, Distribution::Constant(0.0))),
                groups,
                epsilon,
            }
        }

        /// `[batch, channels, pixels]` → the same.
        fn normalize(&self, batch: Tensor<3>) -> Tensor<3> {
            let [count, channels, pixels] = batch.dims();
            let groups: Tensor<3> = batch.reshape([count, self.groups, channels / self.groups * pixels]);
            let centred = groups.clone() - groups.mean_dim(2);
            let variance = (centred.clone() * centred.clone()).mean_dim(2);
            let output = (centred / (variance + self.epsilon).sqrt()).reshape([count, channels, pixels]);
            match (&self.gamma, &self.beta) {
                (Some(gamma), Some(beta)) => {
                    let sides = [1, channels, 1];
                    output * gamma.val().reshape(sides) + beta.val().reshape(sides)
                }
                _ => output,
            }
        }
    }

    impl Forward for GroupNormModule {
        fn forward(&self, value: Value) -> Value {
            match value {
                Value::Flat(rows) => Value::Flat(self.normalize(rows.unsqueeze_dim(2)).squeeze_dim(2)),
                Value::Image(images) => {
                    let sides = images.dims();
                    Value::Image(self.normalize(images.flatten(2, 3)).reshape(sides))
                }
            }
        }
    }
}

#[cfg(all(test, feature = "flex", feature = "yaml"))]
crate::layer::testing::reference! {
    // layer = torch.nn.GroupNorm(2, 4)
    // layer.weight.data = torch.tensor([1., 2., 3., 4.])
    // layer.bias.data = torch.tensor([0., 0., 0., 1.])
    // layer(torch.tensor([1., 3., 10., 30.]).reshape(1, 4, 1, 1))
    // # [[[-0.999995]], [[1.99999]], [[-3]], [[5]]]
    // torch.nn.GroupNorm(1, 3, eps=0.5)(torch.tensor([[1., 2., 6.], [3., 0., 0.]]))
    // # [[-0.879883, -0.439941, 1.31982], [1.26491, -0.632456, -0.632456]]
    "group_norm: 2", [4, 1, 1], "gamma": [1.0, 2.0, 3.0, 4.0], "beta": [0.0, 0.0, 0.0, 1.0];
        [1.0, 3.0, 10.0, 30.0] => [-0.999995, 1.99999, -3.0, 5.0];
    "group_norm: { groups: 1, epsilon: 0.5 }", [3], "gamma": [1.0, 1.0, 1.0], "beta": [0.0, 0.0, 0.0];
        [1.0, 2.0, 6.0, 3.0, 0.0, 0.0] => [-0.879883, -0.439941, 1.31982, 1.26491, -0.632456, -0.632456];
}
