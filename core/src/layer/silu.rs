use serde::{Deserialize, Serialize};

use super::Layer;
use crate::program::{Function, Kind, Lowering};
use crate::shape::Shape;

/// The sigmoid linear unit, x σ(x); also called swish.
///
/// Hendrycks and Gimpel (2016); Ramachandran et al., "Searching for Activation Functions" (2017).
///
/// ```yaml
/// - silu
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Silu {}

impl Layer for Silu {
    const ACTIVATION: bool = true;

    fn lower(&self, input: Shape, lowering: &mut Lowering) {
        lowering.keep(Kind::Apply(Function::Silu), input);
    }
}

#[cfg(feature = "train")]
mod built {
    use burn::nn::activation;

    use super::*;
    use crate::layer::{any_rank, builds};

    builds!(Silu => activation::SiLU, |_| activation::SiLU::new());

    any_rank!(activation::SiLU);
}

#[cfg(all(test, feature = "flex", feature = "yaml"))]
crate::layer::testing::reference! {
    // torch.nn.SiLU()(torch.tensor([-2., -1., 0.5, 3.]))
    // # [-0.238406, -0.268941, 0.31123, 2.85772]
    "silu", [4]; [-2.0, -1.0, 0.5, 3.0] => [-0.238406, -0.268941, 0.31123, 2.85772];
}
