use serde::{Deserialize, Serialize};

use super::{FieldErrors, Layer, count};
use crate::program::{Kind, Lowering};
use crate::shape::Shape;

/// The parametric rectifier, x for x ≥ 0, otherwise α x with a learned α.
///
/// He et al., "Delving Deep into Rectifiers" (2015).
///
/// ```yaml
/// - prelu
/// - prelu: { slope: 0.1, per_channel: true }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Prelu {
    /// Initial value of α.
    #[serde(default = "slope")]
    pub slope: f64,
    /// Whether every channel of an image, or value of a row, has an α of its own.
    #[serde(default)]
    pub per_channel: bool,
}

fn slope() -> f64 {
    0.25
}

impl Prelu {
    /// The shape of α.
    fn shape(&self, input: Shape) -> [usize; 1] {
        [if self.per_channel { input.channels() } else { 1 }]
    }
}

impl Layer for Prelu {
    const SHORT: Option<&'static str> = Some("slope");
    const ACTIVATION: bool = true;

    fn check(&self, errors: &mut FieldErrors) {
        errors.finite(self.slope, "slope");
    }

    fn parameters(&self, input: Shape) -> u64 {
        count(&self.shape(input))
    }

    fn lower(&self, input: Shape, lowering: &mut Lowering) {
        let slopes = lowering.weight("alpha", self.shape(input));
        lowering.keep(Kind::Slope(slopes), input);
    }
}

#[cfg(feature = "train")]
mod built {
    use burn::nn::PRelu;

    use super::*;
    use crate::layer::{Build, Distribution, Initializer, any_rank};

    impl Build for Prelu {
        type Module = PRelu;

        fn build(&self, input: Shape, initializer: &mut Initializer<'_>) -> PRelu {
            let alpha = initializer.parameter("alpha", self.shape(input), Distribution::Constant(self.slope as f32));
            PRelu { alpha, alpha_value: self.slope }
        }
    }

    any_rank!(PRelu);
}

#[cfg(all(test, feature = "flex", feature = "yaml"))]
crate::layer::testing::reference! {
    // torch.nn.PReLU()(torch.tensor([-2., -1., 0.5, 3.]))  # [-0.5, -0.25, 0.5, 3]
    // x = torch.tensor([-1., 3., -2., 4.]).reshape(1, 2, 1, 2)
    // F.prelu(x, torch.tensor([0.1, 0.5]))  # [[[-0.1, 3]], [[-1, 4]]]
    // F.prelu(torch.tensor([[-1., -2.], [-3., 4.]]), torch.tensor([0.1, 0.5]))
    // # [[-0.1, -1], [-0.3, 4]]
    "prelu", [4], "alpha": [0.25]; [-2.0, -1.0, 0.5, 3.0] => [-0.5, -0.25, 0.5, 3.0];
    "prelu: { per_channel: true }", [2, 1, 2], "alpha": [0.1, 0.5];
        [-1.0, 3.0, -2.0, 4.0] => [-0.1, 3.0, -1.0, 4.0];
    "prelu: { per_channel: true }", [2], "alpha": [0.1, 0.5];
        [-1.0, -2.0, -3.0, 4.0] => [-0.1, -1.0, -0.3, 4.0];
}
