use serde::{Deserialize, Serialize};

use super::Layer;
use crate::activation::Activation;
use crate::program::{Function, Kind, Lowering};
use crate::shape::Shape;

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
    const ACTIVATION: bool = true;

    fn lower(&self, input: Shape, lowering: &mut Lowering) {
        lowering.keep(Kind::Apply(Function::Simple(Activation::Tanh)), input);
    }
}

#[cfg(feature = "train")]
mod built {
    use burn::module::Module;
    use burn::tensor::Tensor;

    use super::*;
    use crate::layer::builds;

    builds!(Tanh => TanhModule, |_| TanhModule);

    /// From here on, tanh is 1 in 32-bit floats.
    pub(super) const EDGE: f32 = 10.0;

    #[derive(Module, Debug)]
    pub struct TanhModule;

    impl TanhModule {
        /// Some GPUs divide exponentials, which are infinite far from 0 and lead to NaN.
        pub fn forward<const D: usize>(&self, values: Tensor<D>) -> Tensor<D> {
            values.clamp(-EDGE, EDGE).tanh()
        }
    }

    crate::layer::activation!(TanhModule, |_: &Self| Some(Activation::Tanh));
}

#[cfg(all(test, feature = "flex", feature = "yaml"))]
mod reference {
    use crate::layer::testing::agrees;

    // torch.nn.Tanh()(torch.tensor([-2., -1., 0.5, 3.]))
    // # [-0.964028, -0.761594, 0.462117, 0.995055]
    #[test]
    fn agrees_with_pytorch() {
        agrees!("tanh", [4]; [-2.0, -1.0, 0.5, 3.0] => [-0.964028, -0.761594, 0.462117, 0.995055]);
    }

    #[test]
    fn values_far_from_0_give_1() {
        agrees!("tanh", [4]; [-1e30, -100.0, 10.0, 1e4] => [-1.0, -1.0, 1.0, 1.0]);
        assert_eq!(super::built::EDGE.tanh(), 1.0);
    }
}
