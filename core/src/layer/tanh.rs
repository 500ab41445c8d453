//! `tanh`: the hyperbolic tangent.

use burn::nn::activation;
use serde::{Deserialize, Serialize};

use super::Layer;
use crate::nn::{Activation, Start};
use crate::plan::Shape;

/// The hyperbolic tangent, between −1 and 1.
///
/// ```yaml
/// - tanh
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Tanh {}

impl Layer for Tanh {
    type Module = activation::Tanh;
    const ACTIVATION: bool = true;

    fn build(&self, _input: Shape, _start: &mut Start<'_>) -> activation::Tanh {
        activation::Tanh::new()
    }
}

crate::nn::activation!(activation::Tanh, |_: &Self| Some(Activation::Tanh));

#[cfg(all(test, feature = "flex", feature = "yaml"))]
mod reference {
    use crate::layer::testing::{close, forward};
    use crate::plan::Shape;

    /// ```text
    /// torch.nn.Tanh()(torch.tensor([-2., -1., 0.5, 3.]))  # [-0.964028, -0.761594, 0.462117, 0.995055]
    /// ```
    #[test]
    fn agrees_with_pytorch() {
        close(
            &forward("tanh", Shape::Flat(4), &[], &[-2.0, -1.0, 0.5, 3.0]),
            &[-0.964028, -0.761594, 0.462117, 0.995055],
        );
    }
}
