use serde::{Deserialize, Serialize};

use super::Layer;
use crate::activation::Activation;
use crate::program::{Function, Kind, Lowering};
use crate::shape::Shape;

/// The logistic function, σ(x) = 1 / (1 + exp(−x)), between 0 and 1.
///
/// ```yaml
/// - sigmoid
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Sigmoid {}

impl Layer for Sigmoid {
    const ACTIVATION: bool = true;

    fn lower(&self, input: Shape, lowering: &mut Lowering) {
        lowering.keep(Kind::Apply(Function::Simple(Activation::Sigmoid)), input);
    }
}

#[cfg(feature = "train")]
mod built {
    use burn::nn::activation;

    use super::*;
    use crate::layer::{Build, Initializer};

    impl Build for Sigmoid {
        type Module = activation::Sigmoid;

        fn build(&self, _input: Shape, _initializer: &mut Initializer<'_>) -> activation::Sigmoid {
            activation::Sigmoid::new()
        }
    }

    crate::layer::activation!(activation::Sigmoid, |_: &Self| Some(Activation::Sigmoid));
}

#[cfg(all(test, feature = "flex", feature = "yaml"))]
mod reference {
    use crate::layer::testing::{Shape, agrees};

    // torch.nn.Sigmoid()(torch.tensor([-2., -1., 0.5, 3.]))
    // # [0.119203, 0.268941, 0.622459, 0.952574]
    #[test]
    fn agrees_with_pytorch() {
        agrees("sigmoid", Shape::Flat(4), &[], &[-2.0, -1.0, 0.5, 3.0], &[0.119203, 0.268941, 0.622459, 0.952574]);
    }
}
