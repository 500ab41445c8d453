use serde::{Deserialize, Serialize};

use super::{FieldErrors, Layer};
use crate::program::Lowering;
use crate::shape::Shape;

/// Drops values at random while training.
///
/// Each value is set to 0 with probability rate and the others are divided by 1 − rate, only in
/// training. The device draws the masks, seeded at every step, so a run repeats on one device but
/// not bit for bit on another.
///
/// Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting" (2014).
///
/// ```yaml
/// - dropout: 0.3
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Dropout {
    /// Probability that a value is dropped.
    pub rate: f64,
}

impl Dropout {
    /// Drops each value with probability `rate`.
    pub fn new(rate: f64) -> Self {
        Self { rate }
    }
}

impl Layer for Dropout {
    const SHORT: Option<&'static str> = Some("rate");

    fn check(&self, errors: &mut FieldErrors) {
        errors.require((0.0..1.0).contains(&self.rate), "rate", || {
            format!("rate is a probability of at least 0 and below 1, found {}", self.rate)
        });
    }

    fn lower(&self, _input: Shape, _lowering: &mut Lowering) {}
}

#[cfg(feature = "train")]
mod built {
    use burn::nn;
    use burn::tensor::Tensor;

    use super::*;
    use crate::kernel;
    use crate::layer::{Forward, Value, builds};

    builds!(Dropout => nn::Dropout, |it| nn::DropoutConfig::new(it.rate).init());

    impl Forward for nn::Dropout {
        fn forward(&self, value: Value) -> Value {
            value.map(|tensor| drop_values(self, tensor), |tensor| drop_values(self, tensor))
        }
    }

    fn drop_values<const D: usize>(layer: &nn::Dropout, input: Tensor<D>) -> Tensor<D> {
        let learns = layer.training.is_enabled() && input.device().is_autodiff() && layer.prob > 0.0;
        let dropped = if learns { kernel::dropout(&input, layer.prob) } else { None };
        dropped.unwrap_or_else(|| layer.forward(input))
    }
}

#[cfg(all(test, feature = "flex", feature = "yaml"))]
mod reference {
    use crate::layer::testing::agrees;

    // torch.nn.Dropout(0.3).eval()(torch.tensor([1., -2.]))  # [1, -2]
    #[test]
    fn agrees_with_pytorch_outside_of_training() {
        agrees!("dropout: 0.3", [2]; [1.0, -2.0] => [1.0, -2.0]);
    }
}
