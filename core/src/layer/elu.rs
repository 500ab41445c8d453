use serde::{Deserialize, Serialize};

use super::{FieldErrors, Layer};
use crate::program::{Function, Kind, Lowering};
use crate::shape::Shape;

/// The exponential linear unit, x for x > 0, otherwise alpha × (exp(x) − 1).
///
/// Clevert et al., "Fast and Accurate Deep Network Learning by Exponential Linear Units" (2015).
///
/// ```yaml
/// - elu
/// - elu: 0.5
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Elu {
    /// Minus the limit for x → −∞.
    #[serde(default = "alpha")]
    pub alpha: f64,
}

fn alpha() -> f64 {
    1.0
}

impl Layer for Elu {
    const SHORT: Option<&'static str> = Some("alpha");
    const ACTIVATION: bool = true;

    fn check(&self, errors: &mut FieldErrors) {
        errors.finite(self.alpha, "alpha");
    }

    fn lower(&self, input: Shape, lowering: &mut Lowering) {
        lowering.keep(Kind::Apply(Function::Elu { alpha: self.alpha as f32, scale: 1.0 }), input);
    }
}

#[cfg(feature = "train")]
pub(super) use built::elu;

#[cfg(feature = "train")]
mod built {
    use burn::module::Module;
    use burn::tensor::Tensor;
    use burn::tensor::activation::relu;

    use super::*;
    use crate::layer::{any_rank, builds};

    builds!(Elu => EluModule, |it| EluModule { alpha: it.alpha });

    #[derive(Module, Debug)]
    pub struct EluModule {
        alpha: f64,
    }

    impl EluModule {
        fn forward<const D: usize>(&self, input: Tensor<D>) -> Tensor<D> {
            elu(input, self.alpha)
        }
    }

    any_rank!(EluModule);

    /// Unlike Burn's, with a finite gradient for every input: exp never sees a value above 0.
    pub(in crate::layer) fn elu<const D: usize>(input: Tensor<D>, alpha: f64) -> Tensor<D> {
        relu(input.clone()) + (input.clamp_max(0.0).exp() + -1.0) * alpha
    }
}

#[cfg(all(test, feature = "flex", feature = "yaml"))]
crate::layer::testing::reference! {
    // x = torch.tensor([-2., -1., 0.5, 3.])
    // torch.nn.ELU()(x)  # [-0.864665, -0.632121, 0.5, 3]
    // torch.nn.ELU(0.5)(x)  # [-0.432332, -0.31606, 0.5, 3]
    "elu", [4]; [-2.0, -1.0, 0.5, 3.0] => [-0.864665, -0.632121, 0.5, 3.0];
    "elu: 0.5", [4]; [-2.0, -1.0, 0.5, 3.0] => [-0.432332, -0.31606, 0.5, 3.0];
}
