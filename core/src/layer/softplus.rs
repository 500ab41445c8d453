use serde::{Deserialize, Serialize};

use super::Layer;
use crate::program::{Function, Kind, Lowering};
use crate::shape::Shape;

/// The smooth rectifier, log(1 + exp(x)); x itself above 20.
///
/// Dugas et al., "Incorporating Second-Order Functional Knowledge for Better Option Pricing"
/// (2000).
///
/// ```yaml
/// - softplus
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Softplus {}

impl Layer for Softplus {
    const ACTIVATION: bool = true;

    fn lower(&self, input: Shape, lowering: &mut Lowering) {
        lowering.keep(Kind::Apply(Function::Softplus), input);
    }
}

#[cfg(feature = "train")]
mod built {
    use burn::nn::activation;

    use super::*;
    use crate::layer::{Build, Initializer, any_rank};

    impl Build for Softplus {
        type Module = activation::Softplus;

        fn build(&self, _input: Shape, _initializer: &mut Initializer<'_>) -> activation::Softplus {
            activation::SoftplusConfig::new().init()
        }
    }

    any_rank!(activation::Softplus);
}

#[cfg(all(test, feature = "flex", feature = "yaml"))]
mod reference {
    use crate::layer::testing::{Shape, agrees};

    // torch.nn.Softplus()(torch.tensor([-2., -1., 0.5, 3.]))
    // # [0.126928, 0.313262, 0.974077, 3.04859]
    // torch.nn.Softplus()(torch.tensor([-30., 30., 90.]))  # [9.35762e-14, 30, 90]
    #[test]
    fn agrees_with_pytorch() {
        agrees("softplus", Shape::Flat(4), &[], &[-2.0, -1.0, 0.5, 3.0], &[0.126928, 0.313262, 0.974077, 3.04859]);
        agrees("softplus", Shape::Flat(3), &[], &[-30.0, 30.0, 90.0], &[9.35762e-14, 30.0, 90.0]);
    }
}
