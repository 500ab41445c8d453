use serde::{Deserialize, Serialize};

use super::{FieldErrors, Layer, ShapeError};
use crate::program::Lowering;
use crate::shape::Shape;

/// Adds a channel to an image, or a value to a row: how much the samples of a batch differ.
///
/// It holds the standard deviation of each value over a group of the batch, √(variance + 1e−8),
/// averaged over all values of a sample: `[batch, channels, height, width]` →
/// `[batch, channels + 1, height, width]`. A batch that `group` does not divide is divided by the
/// largest smaller number that does.
///
/// Karras et al., "Progressive Growing of GANs" (2017).
///
/// ```yaml
/// - minibatch_stddev
/// - minibatch_stddev: 8
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MinibatchStddev {
    /// How many samples are compared with one another.
    #[serde(default = "four")]
    pub group: usize,
}

fn four() -> usize {
    4
}

impl Layer for MinibatchStddev {
    const SHORT: Option<&'static str> = Some("group");

    fn check(&self, errors: &mut FieldErrors) {
        errors.require(self.group >= 2, "group", || format!("group must be at least 2, found {}", self.group));
    }

    fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
        Ok(match input {
            Shape::Flat(values) => Shape::Flat(values.saturating_add(1)),
            Shape::Image([channels, height, width]) => Shape::Image([channels.saturating_add(1), height, width]),
        })
    }

    fn lower(&self, _input: Shape, lowering: &mut Lowering) {
        lowering.refuse("minibatch_stddev");
    }
}

#[cfg(feature = "train")]
mod built {
    use burn::module::Module;
    use burn::tensor::Tensor;

    use super::*;
    use crate::layer::{Forward, Value, builds};

    builds!(MinibatchStddev => MinibatchStddevModule, |it| MinibatchStddevModule { group: it.group });

    #[derive(Module, Debug)]
    pub struct MinibatchStddevModule {
        group: usize,
    }

    impl MinibatchStddevModule {
        /// How much each sample's group differs: `[batch, values]` → `[batch, 1]`.
        fn spread(&self, rows: Tensor<2>) -> Tensor<2> {
            let [batch, values] = rows.dims();
            let group = (1..=self.group.min(batch)).rev().find(|group| batch.is_multiple_of(*group)).unwrap_or(1);
            let groups: Tensor<3> = rows.reshape([group, batch / group, values]);
            let centred = groups.clone() - groups.mean_dim(0);
            let std = ((centred.clone() * centred).mean_dim(0) + 1e-8).sqrt();
            let spread: Tensor<2> = std.mean_dim(2).squeeze_dim(0);
            spread.repeat_dim(0, group)
        }
    }

    impl Forward for MinibatchStddevModule {
        fn forward(&self, value: Value) -> Value {
            let spread = self.spread(value.clone().flat());
            match value {
                Value::Flat(rows) => Value::Flat(Tensor::cat(vec![rows, spread], 1)),
                Value::Image(images) => {
                    let [batch, _, height, width] = images.dims();
                    let channel = spread.reshape([batch, 1, 1, 1]).expand([batch, 1, height, width]);
                    Value::Image(Tensor::cat(vec![images, channel], 1))
                }
            }
        }
    }
}

#[cfg(all(test, feature = "flex", feature = "yaml"))]
crate::layer::testing::reference! {
    // x = torch.tensor([[1., 2.], [3., 6.]])
    // spread = (x.var(0, correction=0) + 1e-8).sqrt().mean()
    // torch.cat([x, spread.expand(2, 1)], 1)  # [[1, 2, 1.5], [3, 6, 1.5]]
    // torch.cat([x.reshape(2, 1, 1, 2), spread.expand(2, 1, 1, 2)], 1)
    // # [[[[1, 2]], [[1.5, 1.5]]], [[[3, 6]], [[1.5, 1.5]]]]
    // x = torch.tensor([[0.], [10.], [2.], [16.]])
    // # samples 0 and 2 are a group, 1 and 3 are another
    // torch.cat([x, (x.reshape(2, 2, 1).var(0, correction=0) + 1e-8).sqrt().repeat(2, 1)], 1)
    // # [[0, 1], [10, 3], [2, 1], [16, 3]]
    "minibatch_stddev", [2]; [1.0, 2.0, 3.0, 6.0] => [1.0, 2.0, 1.5, 3.0, 6.0, 1.5];
    "minibatch_stddev", [1, 1, 2]; [1.0, 2.0, 3.0, 6.0] => [1.0, 2.0, 1.5, 1.5, 3.0, 6.0, 1.5, 1.5];
    "minibatch_stddev: 2", [1]; [0.0, 10.0, 2.0, 16.0] => [0.0, 1.0, 10.0, 3.0, 2.0, 1.0, 16.0, 3.0];
}
