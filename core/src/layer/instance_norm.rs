use serde::{Deserialize, Serialize};

use super::declared::epsilon;
use super::{FieldErrors, Layer, ShapeError, count, image};
use crate::program::{Kind, Lowering, Normalize};
use crate::shape::Shape;

/// Normalizes each channel of each image to mean 0 and variance 1.
///
/// y = (x − mean) / √(variance + ε), with the mean and variance of each channel of each image;
/// with `affine` followed by γ y + β for each channel. γ starts at 1 and β at 0.
///
/// Ulyanov et al., "Instance Normalization: The Missing Ingredient for Fast Stylization" (2016).
///
/// ```yaml
/// - instance_norm
/// - instance_norm: { affine: true }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct InstanceNorm {
    /// Whether each channel has a learned scale and offset.
    #[serde(default)]
    pub affine: bool,
    /// Added to the variance to avoid a division by 0.
    #[serde(default = "epsilon")]
    pub epsilon: f64,
}

impl InstanceNorm {
    /// The shape of γ and β, if there are any.
    fn shape(&self, input: Shape) -> Option<[usize; 1]> {
        self.affine.then(|| [input.channels()])
    }
}

impl Layer for InstanceNorm {
    fn check(&self, errors: &mut FieldErrors) {
        errors.positive(self.epsilon, "epsilon");
    }

    fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
        let [_, height, width] = image("instance_norm", input)?;
        match height * width {
            1 => Err(ShapeError::new("an image of one pixel has no variance").fix("`layer_norm` or `batch_norm`")),
            _ => Ok(input),
        }
    }

    fn parameters(&self, input: Shape) -> u64 {
        self.shape(input).map_or(0, |shape| 2 * count(&shape))
    }

    fn lower(&self, input: Shape, lowering: &mut Lowering) {
        let mut weight = |name| self.shape(input).map(|shape| lowering.weight(name, shape)).unwrap_or_default();
        let (scale, shift) = (weight("gamma"), weight("beta"));
        let normalize = Normalize { groups: input.channels(), epsilon: self.epsilon as f32, scale, shift };
        lowering.keep(Kind::Normalize(normalize), input);
    }
}

#[cfg(feature = "train")]
mod built {
    use super::*;
    use crate::layer::{Build, Initializer, group_norm::GroupNormModule};

    impl Build for InstanceNorm {
        type Module = GroupNormModule;

        fn build(&self, input: Shape, initializer: &mut Initializer<'_>) -> GroupNormModule {
            // A group for each channel.
            GroupNormModule::new(input.channels(), self.epsilon, self.shape(input), initializer)
        }
    }
}

#[cfg(all(test, feature = "flex", feature = "yaml"))]
crate::layer::testing::reference! {
    // x = torch.tensor([1., 3., 10., 40.]).reshape(1, 2, 1, 2)
    // torch.nn.InstanceNorm2d(2, eps=0.5)(x)  # [[[-0.816497, 0.816497]], [[-0.998891, 0.998891]]]
    // layer = torch.nn.InstanceNorm2d(2, affine=True)
    // layer.weight.data, layer.bias.data = torch.tensor([2., 3.]), torch.tensor([0., 1.])  # γ, β
    // layer(x)  # [[[-1.99999, 1.99999]], [[-2, 4]]]
    "instance_norm: { epsilon: 0.5 }", [2, 1, 2];
        [1.0, 3.0, 10.0, 40.0] => [-0.816497, 0.816497, -0.998891, 0.998891];
    "instance_norm: { affine: true }", [2, 1, 2], "gamma": [2.0, 3.0], "beta": [0.0, 1.0];
        [1.0, 3.0, 10.0, 40.0] => [-1.99999, 1.99999, -2.0, 4.0];
}
