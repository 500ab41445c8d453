use serde::{Deserialize, Serialize};

use super::declared::{one, ones, yes};
use super::window::{DIVIDE, Slide, check_groups, divide};
use super::{FieldErrors, Init, Layer, Padding, Pair, ShapeError, Shapes, count, image};
use crate::program::{Convolve, Function, Kind, Lowering};
use crate::shape::Shape;

/// A two-dimensional convolution: a small window of weights slides over an image.
///
/// `y[f, i, j] = b[f] + Σ w[f, c, m, n] x[c, stride i + dilation m, stride j + dilation n]`.
///
/// Takes `[batch, channels, height, width]`, returns `[batch, filters, height', width']` with
/// height' = ⌊(height + 2 padding − dilation (kernel − 1) − 1) / stride⌋ + 1, or
/// ⌈height / stride⌉ with `padding: same`. Weights are
/// `[filters, channels / groups, kernel, kernel]`; the bias is `[filters]` and starts at 0.
///
/// Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2016).
///
/// ```yaml
/// - conv2d: { filters: 32, kernel: 3, stride: 2, padding: same }
/// - conv2d: { filters: 32, kernel: [3, 5], dilation: 2, groups: 8, bias: false }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Conv2d {
    /// Number of output channels.
    pub filters: usize,
    /// Sides of the window.
    pub kernel: Pair,
    /// Steps of the window.
    #[serde(default = "ones")]
    pub stride: Pair,
    /// What lies around the image.
    #[serde(default)]
    pub padding: Padding,
    /// Distance of the window's taps.
    #[serde(default = "ones")]
    pub dilation: Pair,
    /// Number of groups of channels and filters; each group of filters sees its own channels.
    #[serde(default = "one")]
    pub groups: usize,
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

impl Conv2d {
    /// A convolution with the defaults of YAML.
    pub fn new(filters: usize, kernel: impl Into<Pair>) -> Self {
        Self {
            filters,
            kernel: kernel.into(),
            stride: ones(),
            padding: Padding::default(),
            dilation: ones(),
            groups: one(),
            bias: true,
            init: Init::default(),
            spectral_norm: false,
        }
    }

    fn shapes(&self, input: Shape) -> Shapes<4> {
        let [rows, columns] = self.kernel.0;
        Shapes::new([self.filters, input.channels() / self.groups, rows, columns], self.bias, self.filters)
    }

    fn slide(&self, input: Shape) -> Result<Slide, ShapeError> {
        let [_, height, width] = input.sides();
        self.padding.slide([height, width], self.kernel, self.stride.0, self.dilation)
    }
}

impl Layer for Conv2d {
    fn check(&self, errors: &mut FieldErrors) {
        errors.require(self.filters > 0, "filters", || "filters must be at least 1, found 0".into());
        self.kernel.check("kernel", errors);
        self.stride.check("stride", errors);
        self.padding.check(errors);
        self.dilation.check("dilation", errors);
        check_groups(self.groups, self.filters, errors);
        self.init.check(errors);
        self.init.check_spectral(self.spectral_norm, errors);
    }

    fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
        let [channels, ..] = image("conv2d", input)?;
        divide(channels, self.groups).map_err(|error| error.fix(DIVIDE))?;
        Ok(self.slide(input)?.output(self.filters))
    }

    fn parameters(&self, input: Shape) -> u64 {
        self.shapes(input).count()
    }

    fn macs(&self, input: Shape, output: Shape) -> u64 {
        let [_, seen, rows, columns] = self.shapes(input).weight;
        count(&[output.len(), seen, rows, columns])
    }

    fn lower(&self, input: Shape, lowering: &mut Lowering) {
        let Shapes { weight, bias } = self.shapes(input);
        let [filters, seen, rows, columns] = weight;
        let mut weights = lowering.weight("weight", weight);
        let sides = [filters, seen * rows * columns];
        lowering.spectral(self.spectral_norm, &mut weights, sides, |row, column| row * sides[1] + column);
        let ([_, height, width], slide) = (input.sides(), self.slide(input).unwrap_or_default());
        let grid = [slide.size[0], slide.size[1], filters / self.groups];
        let geometry = slide.geometry([height, width, seen], grid);
        let bias = lowering.bias(bias);
        let (transposed, function) = (false, Function::NONE);
        let convolve = Convolve { geometry, transposed, groups: self.groups, weights, bias, function };
        lowering.push(Kind::Convolve(convolve), input, slide.output(filters));
    }
}

#[cfg(feature = "train")]
mod built {
    use burn::module::{Module, Param};
    use burn::tensor::Tensor;
    use burn::tensor::module::conv2d;
    use burn::tensor::ops::ConvOptions;

    use super::*;
    use crate::activation::Activation;
    use crate::kernel;
    use crate::layer::{Build, Forward, Initializer, Spectral, Value};

    impl Build for Conv2d {
        type Module = Conv2dModule;

        fn build(&self, input: Shape, initializer: &mut Initializer<'_>) -> Conv2dModule {
            let Shapes { weight, bias } = self.shapes(input);
            let [filters, seen, rows, columns] = weight;
            let initial = self.init.of(seen * rows * columns, filters * rows * columns);
            let weight = initializer.parameter("weight", weight, initial);
            let bias = initializer.bias(bias);
            let spectral = self.spectral_norm.then(|| Spectral::new(&weight.val(), initializer));
            let slide = self.slide(input).unwrap_or_default();
            Conv2dModule { weight, bias, spectral, slide, groups: self.groups }
        }
    }

    #[derive(Module, Debug)]
    pub struct Conv2dModule {
        /// `[filters, channels / groups, kernel height, kernel width]`
        weight: Param<Tensor<4>>,
        /// `[filters]`
        bias: Option<Param<Tensor<1>>>,
        spectral: Option<Spectral>,
        #[module(skip)]
        slide: Slide,
        groups: usize,
    }

    impl Conv2dModule {
        fn weight(&self) -> Tensor<4> {
            match &self.spectral {
                Some(spectral) => spectral.normalize(self.weight.val()),
                None => self.weight.val(),
            }
        }

        fn kernel_forward(&self, image: &Tensor<4>, weight: &Tensor<4>, activation: Activation) -> Option<Tensor<4>> {
            let bias = self.bias.as_ref().map(Param::val);
            let one = self.groups == 1;
            one.then(|| kernel::conv2d(image, weight, bias.as_ref(), self.slide.window(), activation)).flatten()
        }
    }

    impl Forward for Conv2dModule {
        fn forward(&self, value: Value) -> Value {
            let (image, weight) = (value.image(), self.weight());
            Value::Image(self.kernel_forward(&image, &weight, Activation::Identity).unwrap_or_else(|| {
                let Slide { stride, dilation, before, after, .. } = self.slide;
                let padding = [0, 1].map(|axis| (before[axis], after[axis]));
                let options = ConvOptions::new_with_padding(stride, padding, dilation, self.groups);
                conv2d(image, weight, self.bias.as_ref().map(Param::val), options)
            }))
        }

        fn fused(&self, value: &Value, activation: Activation) -> Option<Value> {
            self.kernel_forward(&value.clone().image(), &self.weight(), activation).map(Value::Image)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conv(kernel: usize, stride: usize, padding: Padding) -> Conv2d {
        Conv2d { stride: stride.into(), padding, ..Conv2d::new(8, kernel) }
    }

    #[test]
    fn sizes_follow_the_padding_rule() {
        let input = Shape::Image([1, 28, 28]);
        for (layer, side) in [
            (conv(3, 2, Padding::Valid), 13),
            (conv(3, 2, Padding::Same), 14),
            (conv(4, 2, Padding::Pixels(1)), 14),
            (conv(5, 3, Padding::Same), 10),
        ] {
            assert_eq!(layer.output(input), Ok(Shape::Image([8, side, side])), "{layer:?}");
        }
    }

    #[test]
    fn a_kernel_larger_than_the_image_is_refused() {
        let error = conv(5, 1, Padding::Valid).output(Shape::Image([1, 3, 3])).unwrap_err();
        assert!(error.found.contains("5 by 5"), "{error:?}");
    }

    #[test]
    fn every_wrong_field_is_reported() {
        let mut errors = FieldErrors::default();
        Conv2d { stride: 0.into(), groups: 3, ..Conv2d::new(8, 2000) }.check(&mut errors);
        let fields: Vec<&str> = errors.0.iter().map(|error| error.field).collect();
        assert_eq!(fields, ["kernel", "stride", "groups"]);
    }

    // x = torch.arange(1., 10.).reshape(1, 1, 3, 3)
    // w = torch.tensor([0.1, 0.2, 0.3, 0.4]).reshape(1, 1, 2, 2)
    // F.conv2d(x, w, torch.tensor([0.5]))  # [[4.2, 5.2], [7.2, 8.2]]
    // F.conv2d(x, w, stride=2, padding=1)  # [[0.4, 1.8], [3.6, 7.7]]
    // F.conv2d(x, w, dilation=2)  # [6.4]
    // F.conv2d(x, torch.tensor([1., 10.]).reshape(1, 1, 1, 2), stride=(2, 1))
    // # [[21, 32], [87, 98]]
    // x = torch.tensor([2., 3.]).reshape(1, 2, 1, 1)
    // F.conv2d(x, torch.tensor([[1., 10.], [100., 1000.]]).reshape(2, 2, 1, 1))
    // # [[[32]], [[3200]]]
    // F.conv2d(x, torch.tensor([0.1, 0.2]).reshape(2, 1, 1, 1), groups=2)  # [[[0.2]], [[0.6]]]
    #[cfg(all(feature = "flex", feature = "yaml"))]
    #[test]
    fn agrees_with_pytorch() {
        use crate::layer::testing::agrees;

        agrees!("conv2d: { filters: 1, kernel: 2 }", [1, 3, 3], "weight": [0.1, 0.2, 0.3, 0.4], "bias": [0.5];
            [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0] => [4.2, 5.2, 7.2, 8.2]);
        agrees!("conv2d: { filters: 1, kernel: 2, stride: 2, padding: 1, bias: false }", [1, 3, 3],
            "weight": [0.1, 0.2, 0.3, 0.4];
            [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0] => [0.4, 1.8, 3.6, 7.7]);
        agrees!("conv2d: { filters: 1, kernel: 2, dilation: 2, bias: false }", [1, 3, 3],
            "weight": [0.1, 0.2, 0.3, 0.4];
            [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0] => [6.4]);
        agrees!("conv2d: { filters: 1, kernel: [1, 2], stride: [2, 1], bias: false }", [1, 3, 3],
            "weight": [1.0, 10.0];
            [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0] => [21.0, 32.0, 87.0, 98.0]);
        agrees!("conv2d: { filters: 2, kernel: 1, bias: false }", [2, 1, 1],
            "weight": [1.0, 10.0, 100.0, 1000.0];
            [2.0, 3.0] => [32.0, 3200.0]);
        agrees!("conv2d: { filters: 2, kernel: 1, groups: 2, bias: false }", [2, 1, 1], "weight": [0.1, 0.2];
            [2.0, 3.0] => [0.2, 0.6]);
    }

    // x = torch.arange(1., 10.).reshape(1, 1, 3, 3)
    // w = torch.tensor([0.1, 0.2, 0.3, 0.4]).reshape(1, 1, 2, 2)
    // F.conv2d(F.pad(x, (0, 1, 0, 1)), w)  # [[3.7, 4.7, 2.1], [6.7, 7.7, 3.3], [2.3, 2.6, 0.9]]
    // x = torch.arange(16.).reshape(1, 1, 4, 4)
    // F.conv2d(F.pad(x, (0, 1, 0, 1)), torch.ones(1, 1, 3, 3), stride=2)  # [[45, 39], [66, 50]]
    #[cfg(all(feature = "flex", feature = "yaml"))]
    #[test]
    fn same_padding_lies_at_the_bottom_and_right_where_it_is_uneven() {
        use crate::layer::testing::agrees;

        agrees!("conv2d: { filters: 1, kernel: 2, padding: same, bias: false }", [1, 3, 3],
            "weight": [0.1, 0.2, 0.3, 0.4];
            [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0] => [3.7, 4.7, 2.1, 6.7, 7.7, 3.3, 2.3, 2.6, 0.9]);
        agrees!("conv2d: { filters: 1, kernel: 3, stride: 2, padding: same, bias: false }", [1, 4, 4],
            "weight": [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0];
            [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0]
            => [45.0, 39.0, 66.0, 50.0]);
    }
}
