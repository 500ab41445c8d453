use serde::{Deserialize, Serialize};

use super::declared::epsilon;
use super::{FieldErrors, Layer, count};
use crate::program::{Kind, Lowering};
use crate::shape::Shape;

/// Normalizes each channel to mean 0 and variance 1 over the batch.
///
/// y = γ (x − mean) / √(variance + ε) + β for each channel of an image or value of a row, in
/// training with the mean and biased variance of the batch, otherwise with the moving ones: moving
/// ← (1 − momentum) × moving + momentum × batch (Keras' momentum is 1 minus this one). γ
/// starts at 1 and β at 0. The moving values are stored with the weights but not counted as
/// parameters.
///
/// Ioffe and Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal
/// Covariate Shift" (2015).
///
/// ```yaml
/// - batch_norm
/// - batch_norm: { momentum: 0.01, epsilon: 1e-3 }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BatchNorm {
    /// Share of the latest batch in the moving mean and variance.
    #[serde(default = "momentum")]
    pub momentum: f64,
    /// Added to the variance to avoid a division by 0.
    #[serde(default = "epsilon")]
    pub epsilon: f64,
}

fn momentum() -> f64 {
    0.1
}

/// The shape of γ, β and the moving values.
fn shape(input: Shape) -> [usize; 1] {
    [input.channels()]
}

impl Layer for BatchNorm {
    fn check(&self, errors: &mut FieldErrors) {
        errors.require((0.0..=1.0).contains(&self.momentum), "momentum", || {
            format!("momentum must lie in 0 to 1, found {}", self.momentum)
        });
        errors.positive(self.epsilon, "epsilon");
    }

    fn parameters(&self, input: Shape) -> u64 {
        2 * count(&shape(input))
    }

    fn lower(&self, input: Shape, lowering: &mut Lowering) {
        let mut weight = |name| lowering.weight(name, shape(input));
        let (mut scale, mut shift) = (weight("gamma"), weight("beta"));
        let (mean, variance) = (weight("running_mean"), weight("running_var"));
        for (channel, (mean, variance)) in mean.iter().zip(&variance).enumerate() {
            if let (Some(scale), Some(shift)) = (scale.get_mut(channel), shift.get_mut(channel)) {
                *scale /= (variance + self.epsilon as f32).sqrt();
                *shift -= mean * *scale;
            }
        }
        lowering.keep(Kind::Scale { scale, shift }, input);
    }
}

#[cfg(feature = "train")]
mod built {
    use burn::module::Param;
    use burn::nn;
    use burn::tensor::Tensor;

    use super::*;
    use crate::activation::Activation;
    use crate::kernel;
    use crate::layer::{Build, Distribution, Forward, Initializer, Value};

    impl Build for BatchNorm {
        type Module = nn::BatchNorm;

        fn build(&self, input: Shape, initializer: &mut Initializer<'_>) -> nn::BatchNorm {
            let shape = shape(input);
            nn::BatchNorm {
                gamma: initializer.parameter("gamma", shape, Distribution::Constant(1.0)),
                beta: initializer.parameter("beta", shape, Distribution::Constant(0.0)),
                running_mean: initializer.state("running_mean", shape, 0.0),
                running_var: initializer.state("running_var", shape, 1.0),
                training: Param::from_bool(true),
                momentum: self.momentum,
                epsilon: self.epsilon,
            }
        }
    }

    impl Forward for nn::BatchNorm {
        fn forward(&self, value: Value) -> Value {
            self.fused(&value, Activation::Identity).unwrap_or_else(|| match value {
                Value::Flat(tensor) => Value::Flat(self.forward(tensor)),
                Value::Image(tensor) => Value::Image(self.forward(tensor)),
            })
        }

        fn fused(&self, value: &Value, activation: Activation) -> Option<Value> {
            Some(match value {
                Value::Flat(tensor) => Value::Flat(kernel_forward(self, tensor, activation)?),
                Value::Image(tensor) => Value::Image(kernel_forward(self, tensor, activation)?),
            })
        }
    }

    /// The layer with our own kernels, updating the moving values as Burn does.
    fn kernel_forward<const D: usize>(
        layer: &nn::BatchNorm,
        input: &Tensor<D>,
        activation: Activation,
    ) -> Option<Tensor<D>> {
        let device = input.device();
        let (gamma, beta) = (layer.gamma.val(), layer.beta.val());
        if !(device.is_autodiff() && layer.training.is_enabled()) {
            let (mean, variance) =
                (layer.running_mean.value().to_device(&device), layer.running_var.value().to_device(&device));
            return kernel::normalize(input, [&gamma, &beta, &mean, &variance], layer.epsilon, activation);
        }
        let (output, batch) = kernel::batch_norm(input, [&gamma, &beta], layer.epsilon, activation)?;
        for (moving, batch) in [(&layer.running_mean, batch.mean), (&layer.running_var, batch.variance)] {
            let batch = Tensor::<1>::from_floats(&batch[..], &device);
            let before = moving.value_sync().to_device(&device);
            moving.update(before.mul_scalar(1.0 - layer.momentum).add(batch.mul_scalar(layer.momentum)).detach());
        }
        Some(output)
    }
}

#[cfg(all(test, feature = "flex", feature = "yaml"))]
crate::layer::testing::reference! {
    // layer = torch.nn.BatchNorm2d(2).eval()
    // layer.weight.data, layer.bias.data = torch.tensor([2., 0.5]), torch.tensor([1., -1.])
    // layer.running_mean, layer.running_var = torch.tensor([1., 0.]), torch.tensor([4., 0.25])
    // layer(torch.tensor([1., 2., 3., 4.]).reshape(1, 2, 1, 2))  # [[[1, 2]], [[1.99994, 2.99992]]]
    // torch.nn.BatchNorm1d(1, eps=0.5).eval()(torch.tensor([[1.], [2.]]))
    // # [[0.816497], [1.63299]]
    "batch_norm", [2, 1, 2], "gamma": [2.0, 0.5], "beta": [1.0, -1.0], "running_mean": [1.0, 0.0],
        "running_var": [4.0, 0.25];
        [1.0, 2.0, 3.0, 4.0] => [1.0, 2.0, 1.99994, 2.99992];
    "batch_norm: { epsilon: 0.5 }", [1], "gamma": [1.0], "beta": [0.0], "running_mean": [0.0],
        "running_var": [1.0];
        [1.0, 2.0] => [0.816497, 1.63299];
}
