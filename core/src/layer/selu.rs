use serde::{Deserialize, Serialize};

use super::Layer;
use crate::program::{Function, Kind, Lowering};
use crate::shape::Shape;

/// The self-normalizing exponential unit, λ x for x > 0, otherwise λ α (exp(x) − 1), with
/// λ = 1.0507 and α = 1.6733.
///
/// Klambauer et al., "Self-Normalizing Neural Networks" (2017).
///
/// ```yaml
/// - selu
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Selu {}

/// The two constants for which mean 0 and variance 1 stay as they are.
const ALPHA: f64 = 1.673_263_242_354_377_2;
const LAMBDA: f64 = 1.050_700_987_355_480_5;

impl Layer for Selu {
    const ACTIVATION: bool = true;

    fn lower(&self, input: Shape, lowering: &mut Lowering) {
        lowering.keep(Kind::Apply(Function::Elu { alpha: ALPHA as f32, scale: LAMBDA as f32 }), input);
    }
}

#[cfg(feature = "train")]
mod built {
    use burn::module::Module;
    use burn::tensor::Tensor;

    use super::*;
    use crate::layer::{any_rank, builds, elu::elu};

    builds!(Selu => SeluModule, |_| SeluModule);

    #[derive(Module, Debug)]
    pub struct SeluModule;

    impl SeluModule {
        fn forward<const D: usize>(&self, input: Tensor<D>) -> Tensor<D> {
            elu(input, ALPHA) * LAMBDA
        }
    }

    any_rank!(SeluModule);
}

#[cfg(all(test, feature = "flex", feature = "yaml"))]
crate::layer::testing::reference! {
    // torch.nn.SELU()(torch.tensor([-2., -1., 0.5, 3.]))  # [-1.52017, -1.11133, 0.525351, 3.1521]
    "selu", [4]; [-2.0, -1.0, 0.5, 3.0] => [-1.52017, -1.11133, 0.525351, 3.1521];
}
