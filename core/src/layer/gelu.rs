use serde::{Deserialize, Serialize};

use super::Layer;
use crate::program::{Function, Kind, Lowering};
use crate::shape::Shape;

/// The Gaussian error linear unit, x Φ(x) with the distribution function Φ of N(0, 1), exact
/// rather than approximated by tanh (on a GPU the gradient is that of the approximation).
///
/// Hendrycks and Gimpel, "Gaussian Error Linear Units (GELUs)" (2016).
///
/// ```yaml
/// - gelu
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Gelu {}

impl Layer for Gelu {
    const ACTIVATION: bool = true;

    fn lower(&self, input: Shape, lowering: &mut Lowering) {
        lowering.keep(Kind::Apply(Function::Gelu), input);
    }
}

#[cfg(feature = "train")]
mod built {
    use burn::nn::activation;

    use super::*;
    use crate::layer::{any_rank, builds};

    builds!(Gelu => activation::Gelu, |_| activation::Gelu::new());

    any_rank!(activation::Gelu);
}

#[cfg(all(test, feature = "flex", feature = "yaml"))]
crate::layer::testing::reference! {
    // torch.nn.GELU()(torch.tensor([-2., -1., 0.5, 3.]))
    // # [-0.0455003, -0.158655, 0.345731, 2.99595]
    "gelu", [4]; [-2.0, -1.0, 0.5, 3.0] => [-0.0455003, -0.158655, 0.345731, 2.99595];
}
