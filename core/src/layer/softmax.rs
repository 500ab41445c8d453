use serde::{Deserialize, Serialize};

use super::Layer;
use crate::program::{Kind, Lowering};
use crate::shape::Shape;

/// Turns the values of a row, or the channels of each pixel, into shares of 1.
///
/// exp(xᵢ) / Σ exp(xⱼ), computed so that no exponential overflows.
/// The cross-entropy of a classifier takes logits and needs no softmax.
///
/// ```yaml
/// - softmax
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Softmax {}

impl Layer for Softmax {
    const ACTIVATION: bool = true;

    fn lower(&self, input: Shape, lowering: &mut Lowering) {
        lowering.keep(Kind::Softmax, input);
    }
}

#[cfg(feature = "train")]
mod built {
    use burn::module::Module;
    use burn::tensor::Tensor;
    use burn::tensor::activation::softmax;

    use super::*;
    use crate::layer::{any_rank, builds};

    builds!(Softmax => SoftmaxModule, |_| SoftmaxModule);

    #[derive(Module, Debug)]
    pub struct SoftmaxModule;

    impl SoftmaxModule {
        fn forward<const D: usize>(&self, input: Tensor<D>) -> Tensor<D> {
            softmax(input, 1)
        }
    }

    any_rank!(SoftmaxModule);
}

#[cfg(all(test, feature = "flex", feature = "yaml"))]
crate::layer::testing::reference! {
    // torch.nn.Softmax(1)(torch.tensor([[1., 2., 4.]]))  # [0.0420101, 0.114195, 0.843795]
    // torch.nn.Softmax(1)(torch.tensor([1., 0., 3., 0.]).reshape(1, 2, 1, 2))
    // # [[[0.119203, 0.5]], [[0.880797, 0.5]]]
    "softmax", [3]; [1.0, 2.0, 4.0] => [0.0420101, 0.114195, 0.843795];
    "softmax", [2, 1, 2]; [1.0, 0.0, 3.0, 0.0] => [0.119203, 0.5, 0.880797, 0.5];
}
