//! `group_norm`: groups of channels are brought to mean 0 and variance 1 within each sample.

use burn::nn;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::declared::epsilon;
use super::{Faults, Layer, Misfit, channels_of};
use crate::nn::{Forward, Initial, Start, Value};
use crate::plan::Shape;

/// Brings groups of channels of each sample to mean 0 and variance 1.
///
/// y = γ (x − mean) / √(variance + ε) + β, with the mean and variance of each group of channels of each sample, and a γ
/// and β for each channel. γ begins at 1 and β at 0.
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
    /// Added to the variance so that nothing is divided by 0.
    #[serde(default = "epsilon")]
    pub epsilon: f64,
}

impl Layer for GroupNorm {
    type Module = nn::GroupNorm;
    const SHORT: Option<&'static str> = Some("groups");

    fn check(&self, faults: &mut Faults) {
        faults.unless(self.groups > 0, "groups", || "groups must be at least 1, found 0".into());
        faults.positive(self.epsilon, "epsilon");
    }

    fn output(&self, input: Shape) -> Result<Shape, Misfit> {
        if input.channels().is_multiple_of(self.groups) {
            return Ok(input);
        }
        let found = format!("{} cannot be divided into {} groups", channels_of(input.channels()), self.groups);
        let largest = (1..=self.groups.min(input.channels())).rev().find(|groups| input.channels().is_multiple_of(*groups));
        Err(Misfit::new(found).fix(format!("{} groups", largest.unwrap_or(1))))
    }

    fn parameters(&self, input: Shape) -> u64 {
        2 * input.channels() as u64
    }

    fn build(&self, input: Shape, start: &mut Start<'_>) -> nn::GroupNorm {
        let channels = input.channels();
        nn::GroupNorm {
            gamma: Some(start.parameter("gamma", [channels], Initial::Constant(1.0))),
            beta: Some(start.parameter("beta", [channels], Initial::Constant(0.0))),
            num_groups: self.groups,
            num_channels: channels,
            epsilon: self.epsilon,
            affine: true,
        }
    }
}

impl Forward for nn::GroupNorm {
    fn forward(&self, value: Value) -> Value {
        match value {
            Value::Image(images) => Value::Image(enough(images, |images| self.forward(images))),
            // Burn's needs a third axis.
            Value::Flat(rows) => {
                Value::Flat(enough(rows.unsqueeze_dim::<3>(2), |rows| self.forward(rows)).squeeze_dim(2))
            }
        }
    }
}

/// Burn's group and instance norm refuse a batch of no more than two values in all; three times the batch has the same
/// means.
pub(super) fn enough<const D: usize>(batch: Tensor<D>, norm: impl Fn(Tensor<D>) -> Tensor<D>) -> Tensor<D> {
    match batch.shape().num_elements() {
        0..=2 => {
            let count = batch.dims()[0];
            norm(batch.repeat_dim(0, 3)).narrow(0, 0, count)
        }
        _ => norm(batch),
    }
}

#[cfg(all(test, feature = "flex", feature = "yaml"))]
mod reference {
    use crate::layer::testing::{close, forward};
    use crate::plan::Shape;

    /// ```text
    /// layer = torch.nn.GroupNorm(2, 4)
    /// layer.weight.data, layer.bias.data = torch.tensor([1., 2., 3., 4.]), torch.tensor([0., 0., 0., 1.])  # γ, β
    /// layer(torch.tensor([1., 3., 10., 30.]).reshape(1, 4, 1, 1))  # [[[-0.999995]], [[1.99999]], [[-3]], [[5]]]
    /// torch.nn.GroupNorm(1, 3, eps=0.5)(torch.tensor([[1., 2., 6.], [3., 0., 0.]]))
    /// # [[-0.879883, -0.439941, 1.31982], [1.26491, -0.632456, -0.632456]]
    /// ```
    #[test]
    fn agrees_with_pytorch() {
        close(
            &forward(
                "group_norm: 2",
                Shape::Image([4, 1, 1]),
                &[("gamma", &[1.0, 2.0, 3.0, 4.0]), ("beta", &[0.0, 0.0, 0.0, 1.0])],
                &[1.0, 3.0, 10.0, 30.0],
            ),
            &[-0.999995, 1.99999, -3.0, 5.0],
        );
        close(
            &forward(
                "group_norm: { groups: 1, epsilon: 0.5 }",
                Shape::Flat(3),
                &[("gamma", &[1.0, 1.0, 1.0]), ("beta", &[0.0, 0.0, 0.0])],
                &[1.0, 2.0, 6.0, 3.0, 0.0, 0.0],
            ),
            &[-0.879883, -0.439941, 1.31982, 1.26491, -0.632456, -0.632456],
        );
    }
}
