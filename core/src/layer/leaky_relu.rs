use serde::{Deserialize, Serialize};

use super::{FieldErrors, Layer};
use crate::activation::Activation;
use crate::program::{Function, Kind, Lowering};
use crate::shape::Shape;

/// The leaky rectifier, x for x ≥ 0, otherwise negative_slope × x.
///
/// Maas, Hannun and Ng, "Rectifier Nonlinearities Improve Neural Network Acoustic Models" (2013).
///
/// ```yaml
/// - leaky_relu: 0.2
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LeakyRelu {
    /// Slope left of 0.
    #[serde(default = "negative_slope")]
    pub negative_slope: f64,
}

fn negative_slope() -> f64 {
    0.01
}

impl LeakyRelu {
    /// A rectifier with that slope left of 0.
    pub fn new(negative_slope: f64) -> Self {
        Self { negative_slope }
    }
}

impl Layer for LeakyRelu {
    const SHORT: Option<&'static str> = Some("negative_slope");
    const ACTIVATION: bool = true;

    fn check(&self, errors: &mut FieldErrors) {
        errors.finite(self.negative_slope, "negative_slope");
    }

    fn lower(&self, input: Shape, lowering: &mut Lowering) {
        let slope = self.negative_slope as f32;
        lowering.keep(Kind::Apply(Function::Simple(Activation::Rectify { slope })), input);
    }
}

#[cfg(feature = "train")]
mod built {
    use burn::nn::activation;

    use super::*;
    use crate::layer::builds;

    builds!(LeakyRelu => activation::LeakyRelu, |it| {
        activation::LeakyReluConfig::new().with_negative_slope(it.negative_slope).init()
    });

    crate::layer::activation!(activation::LeakyRelu, |it: &Self| (it.negative_slope >= 0.0)
        .then_some(Activation::Rectify { slope: it.negative_slope as f32 }));
}

#[cfg(all(test, feature = "flex", feature = "yaml"))]
crate::layer::testing::reference! {
    // x = torch.tensor([-2., -1., 0.5, 3.])
    // torch.nn.LeakyReLU()(x)  # [-0.02, -0.01, 0.5, 3]
    // torch.nn.LeakyReLU(0.2)(x)  # [-0.4, -0.2, 0.5, 3]
    "leaky_relu", [4]; [-2.0, -1.0, 0.5, 3.0] => [-0.02, -0.01, 0.5, 3.0];
    "leaky_relu: 0.2", [4]; [-2.0, -1.0, 0.5, 3.0] => [-0.4, -0.2, 0.5, 3.0];
}
