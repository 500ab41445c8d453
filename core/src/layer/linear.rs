use serde::{Deserialize, Serialize};

use super::declared::yes;
use super::{FieldErrors, Init, Layer, ShapeError, Shapes, count};
use crate::program::{Convolve, Kind, Lowering};
use crate::shape::Shape;

/// A fully connected layer, y = x W + b.
///
/// `[batch, inputs]` → `[batch, units]`; W is `[inputs, units]`, b is `[units]` and starts at 0.
///
/// ```yaml
/// - linear: 128
/// - linear: { units: 128, bias: false, init: he }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Linear {
    /// Number of outputs.
    pub units: usize,
    /// Whether a bias is added.
    #[serde(default = "yes")]
    pub bias: bool,
    /// What the weights are drawn from.
    #[serde(default)]
    pub init: Init,
    /// Whether the weights are divided by their largest singular value (Miyato et al. 2018).
    #[serde(default)]
    pub spectral_norm: bool,
}

impl Linear {
    /// A layer of `units` outputs with a bias.
    pub fn new(units: usize) -> Self {
        Self { units, bias: true, init: Init::default(), spectral_norm: false }
    }

    fn shapes(&self, input: Shape) -> Shapes<2> {
        Shapes::new([input.len(), self.units], self.bias, self.units)
    }
}

impl Layer for Linear {
    const SHORT: Option<&'static str> = Some("units");

    fn check(&self, errors: &mut FieldErrors) {
        errors.require(self.units > 0, "units", || "units must be at least 1, found 0".into());
        self.init.check(errors);
        self.init.check_spectral(self.spectral_norm, errors);
    }

    fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
        match input {
            Shape::Flat(_) => Ok(Shape::Flat(self.units)),
            Shape::Image(_) => {
                Err(ShapeError::new(format!("`linear` needs values in a row, but an image {input} reaches it"))
                    .fix("put `flatten` before it"))
            }
        }
    }

    fn fixed_output(&self) -> Option<Shape> {
        Some(Shape::Flat(self.units))
    }

    fn parameters(&self, input: Shape) -> u64 {
        self.shapes(input).count()
    }

    fn macs(&self, input: Shape, _output: Shape) -> u64 {
        count(&self.shapes(input).weight)
    }

    fn lower(&self, input: Shape, lowering: &mut Lowering) {
        let Shapes { weight, bias } = self.shapes(input);
        let [inputs, units] = weight;
        let mut weights = lowering.weight("weight", weight);
        lowering.spectral(self.spectral_norm, &mut weights, [units, inputs], |row, column| column * units + row);
        let matrix = Convolve::matrix(&weights, lowering.bias(bias), weight);
        lowering.push(Kind::Convolve(matrix), input, Shape::Flat(self.units));
    }
}

#[cfg(feature = "train")]
mod built {
    use burn::module::{Module, Param};
    use burn::tensor::Tensor;
    use burn::tensor::module::linear;

    use super::*;
    use crate::layer::{Build, Forward, Initializer, Spectral, Value};

    impl Build for Linear {
        type Module = LinearModule;

        fn build(&self, input: Shape, initializer: &mut Initializer<'_>) -> LinearModule {
            let Shapes { weight, bias } = self.shapes(input);
            let weight = initializer.parameter("weight", weight, self.init.of(weight[0], weight[1]));
            let bias = initializer.bias(bias);
            // The rows of the matrix are the outputs, as in PyTorch.
            let spectral = self.spectral_norm.then(|| Spectral::new(&weight.val().transpose(), initializer));
            LinearModule { weight, bias, spectral }
        }
    }

    #[derive(Module, Debug)]
    pub struct LinearModule {
        /// `[inputs, units]`
        weight: Param<Tensor<2>>,
        /// `[units]`
        bias: Option<Param<Tensor<1>>>,
        spectral: Option<Spectral>,
    }

    impl Forward for LinearModule {
        fn forward(&self, value: Value) -> Value {
            let weight = match &self.spectral {
                Some(spectral) => spectral.normalize(self.weight.val().transpose()).transpose(),
                None => self.weight.val(),
            };
            Value::Flat(linear(value.flat(), weight, self.bias.as_ref().map(Param::val)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_layer_counts_weights_and_biases() {
        assert_eq!(Linear::new(4).parameters(Shape::Flat(2304)), 9_220);
        let unbiased = Linear { bias: false, ..Linear::new(3136) };
        assert_eq!(unbiased.parameters(Shape::Flat(2)), 6_272);
    }

    #[test]
    fn a_linear_layer_after_an_image_asks_for_flatten() {
        let error = Linear::new(4).output(Shape::Image([64, 6, 6])).unwrap_err();
        assert!(error.found.contains("[64, 6, 6]"));
        assert!(error.fix.unwrap().contains("flatten"));
    }

    // w = torch.tensor([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]])  # [inputs, units]
    // F.linear(torch.tensor([1., 2., 3.]), w.T, torch.tensor([0.5, -0.5]))  # [2.7, 2.3]
    #[cfg(all(feature = "flex", feature = "yaml"))]
    #[test]
    fn agrees_with_pytorch() {
        use crate::layer::testing::agrees;

        agrees!("linear: 2", [3], "weight": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], "bias": [0.5, -0.5];
            [1.0, 2.0, 3.0] => [2.7, 2.3]);
    }

    // spectral_norm = torch.nn.utils.parametrizations.spectral_norm
    // layer = spectral_norm(torch.nn.Linear(2, 2, bias=False)).eval()
    // norm = layer.parametrizations.weight
    // norm.original.data = torch.tensor([[3., 1.], [0., 2.]])  # [units, inputs]
    // norm[0]._u, norm[0]._v = torch.tensor([1., 0.]), torch.tensor([0.6, 0.8])  # so σ = 2.6
    // layer(torch.tensor([1., 2.]))  # [1.92308, 1.53846]
    #[cfg(all(feature = "flex", feature = "yaml"))]
    #[test]
    fn its_spectral_norm_agrees_with_pytorch() {
        use crate::layer::testing::agrees;

        agrees!("linear: { units: 2, bias: false, spectral_norm: true }", [2], "weight": [3.0, 0.0, 1.0, 2.0],
            "spectral.u": [1.0, 0.0], "spectral.v": [0.6, 0.8];
            [1.0, 2.0] => [1.92308, 1.53846]);
    }
}
