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
    use crate::layer::{any_rank, builds};

    builds!(Softplus => activation::Softplus, |_| activation::SoftplusConfig::new().init());

    any_rank!(activation::Softplus);
}

#[cfg(all(test, feature = "flex", feature = "yaml"))]
crate::layer::testing::reference! {
    // torch.nn.Softplus()(torch.tensor([-2., -1., 0.5, 3.]))
    // # [0.126928, 0.313262, 0.974077, 3.04859]
    // torch.nn.Softplus()(torch.tensor([-30., 30., 90.]))  # [9.35762e-14, 30, 90]
    "softplus", [4]; [-2.0, -1.0, 0.5, 3.0] => [0.126928, 0.313262, 0.974077, 3.04859];
    "softplus", [3]; [-30.0, 30.0, 90.0] => [9.35762e-14, 30.0, 90.0];
}
