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
    use crate::layer::builds;

    builds!(Sigmoid => activation::Sigmoid, |_| activation::Sigmoid::new());

    crate::layer::activation!(activation::Sigmoid, |_: &Self| Some(Activation::Sigmoid));
}

#[cfg(all(test, feature = "flex", feature = "yaml"))]
crate::layer::testing::reference! {
    // torch.nn.Sigmoid()(torch.tensor([-2., -1., 0.5, 3.]))
    // # [0.119203, 0.268941, 0.622459, 0.952574]
    "sigmoid", [4]; [-2.0, -1.0, 0.5, 3.0] => [0.119203, 0.268941, 0.622459, 0.952574];
}
