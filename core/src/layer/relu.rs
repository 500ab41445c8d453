use serde::{Deserialize, Serialize};

use super::Layer;
use crate::activation::Activation;
use crate::program::{Function, Kind, Lowering};
use crate::shape::Shape;

/// The rectifier, max(x, 0).
///
/// Nair and Hinton, "Rectified Linear Units Improve Restricted Boltzmann Machines" (2010).
///
/// ```yaml
/// - relu
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Relu {}

impl Layer for Relu {
    const ACTIVATION: bool = true;

    fn lower(&self, input: Shape, lowering: &mut Lowering) {
        lowering.keep(Kind::Apply(Function::Simple(Activation::Rectify { slope: 0.0 })), input);
    }
}

#[cfg(feature = "train")]
mod built {
    use burn::nn::activation;

    use super::*;
    use crate::layer::builds;

    builds!(Relu => activation::Relu, |_| activation::Relu::new());

    crate::layer::activation!(activation::Relu, |_: &Self| Some(Activation::Rectify { slope: 0.0 }));
}

#[cfg(all(test, feature = "flex", feature = "yaml"))]
crate::layer::testing::reference! {
    // torch.nn.ReLU()(torch.tensor([-2., -1., 0.5, 3.]))  # [0, 0, 0.5, 3]
    "relu", [4]; [-2.0, -1.0, 0.5, 3.0] => [0.0, 0.0, 0.5, 3.0];
}
