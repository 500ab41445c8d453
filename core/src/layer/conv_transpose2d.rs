use serde::{Deserialize, Serialize};

use super::declared::{one, ones, yes, zeros};
use super::window::{DIVIDE, Slide, check_groups, divide, span};
use super::{FieldErrors, Init, Layer, Padding, Pair, ShapeError, Shapes, count, image};
use crate::program::{Convolve, Function, Kind, Lowering};
use crate::shape::Shape;

/// A two-dimensional transposed convolution: every input pixel adds a scaled window to the output.
///
/// Takes `[batch, channels, height, width]`, returns `[batch, filters, height', width']`. With
/// `padding: same` height' = height × stride, which is TensorFlow's rule; otherwise height' =
/// (height − 1) × stride + dilation × (kernel − 1) + 1 − 2 × padding + output_padding.
/// Weights are `[channels, filters / groups, kernel, kernel]`; the bias is `[filters]` and starts
/// at 0.
///
/// Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2016).
///
/// ```yaml
/// - conv_transpose2d: { filters: 32, kernel: 3, stride: 2, padding: same }
/// - conv_transpose2d: { filters: 32, kernel: 3, stride: 2, padding: 1, output_padding: 1 }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ConvTranspose2d {
    /// Number of output channels.
    pub filters: usize,
    /// Sides of the window.
    pub kernel: Pair,
    /// Distance of the stamps in the output.
    #[serde(default = "ones")]
    pub stride: Pair,
    /// What is cut off around the output.
    #[serde(default)]
    pub padding: Padding,
    /// Pixels added at the bottom and right, below the stride or dilation; not together with
    /// `same`.
    #[serde(default = "zeros")]
    pub output_padding: Pair,
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

impl ConvTranspose2d {
    /// A transposed convolution with the defaults of YAML.
    pub fn new(filters: usize, kernel: impl Into<Pair>) -> Self {
        Self {
            filters,
            kernel: kernel.into(),
            stride: ones(),
            padding: Padding::default(),
            output_padding: zeros(),
            dilation: ones(),
            groups: one(),
            bias: true,
            init: Init::default(),
            spectral_norm: false,
        }
    }

    fn shapes(&self, input: Shape) -> Shapes<4> {
        let [rows, columns] = self.kernel.0;
        Shapes::new([input.channels(), self.filters / self.groups, rows, columns], self.bias, self.filters)
    }

    fn slide(&self, input: Shape) -> Result<Slide, ShapeError> {
        let [_, height, width] = input.sides();
        let (Some(rows), Some(columns)) = (self.cut(0, height), self.cut(1, width)) else {
            let found = format!("the padding cuts off all of the output of an image of {height} by {width}");
            return Err(ShapeError::new(found).fix("a smaller padding, or `padding: same`"));
        };
        Ok(Slide {
            kernel: self.kernel.0,
            stride: self.stride.0,
            dilation: self.dilation.0,
            before: [rows.0, columns.0],
            after: [0, 0],
            size: [rows.1, columns.1],
        })
    }

    /// Along one direction, the pixels cut off before the output and its size; `None` if it is 0.
    fn cut(&self, axis: usize, input: usize) -> Option<(usize, usize)> {
        let (kernel, stride) = (span(self.kernel, self.dilation)[axis], self.stride.0[axis]);
        let full = input.saturating_sub(1).saturating_mul(stride).saturating_add(kernel);
        match self.padding {
            Padding::Same => {
                let size = input.saturating_mul(stride);
                Some((self.padding.around(size, kernel, stride).0, size))
            }
            Padding::Valid => Some((0, full.saturating_add(self.output_padding.0[axis]))),
            Padding::Pixels(pixels) => {
                let size = full.checked_sub(2 * pixels).filter(|size| *size > 0)?;
                Some((pixels, size + self.output_padding.0[axis]))
            }
        }
    }
}

impl Layer for ConvTranspose2d {
    fn check(&self, errors: &mut FieldErrors) {
        errors.require(self.filters > 0, "filters", || "filters must be at least 1, found 0".into());
        self.kernel.check("kernel", errors);
        self.stride.check("stride", errors);
        self.padding.check(errors);
        self.dilation.check("dilation", errors);
        check_groups(self.groups, self.filters, errors);
        self.init.check(errors);
        self.init.check_spectral(self.spectral_norm, errors);
        let (added, same) = (self.output_padding.0, self.padding == Padding::Same);
        let open = |axis: usize| added[axis] < self.stride.0[axis].max(self.dilation.0[axis]);
        errors.require(!same || added == [0, 0], "output_padding", || {
            "output_padding has no place beside `padding: same`, which settles the size by itself".into()
        });
        errors.require(same || added == [0, 0] || (open(0) && open(1)), "output_padding", || {
            format!("output_padding must be smaller than the stride or the dilation, found {}", self.output_padding)
        });
    }

    fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
        let [channels, ..] = image("conv_transpose2d", input)?;
        divide(channels, self.groups).map_err(|error| error.fix(DIVIDE))?;
        Ok(self.slide(input)?.output(self.filters))
    }

    fn parameters(&self, input: Shape) -> u64 {
        self.shapes(input).count()
    }

    fn macs(&self, input: Shape, _output: Shape) -> u64 {
        let [_, given, rows, columns] = self.shapes(input).weight;
        count(&[input.len(), given, rows, columns])
    }

    fn lower(&self, input: Shape, lowering: &mut Lowering) {
        let Shapes { weight, bias } = self.shapes(input);
        let [channels, given, rows, columns] = weight;
        let window = rows * columns;
        let mut weights = lowering.weight("weight", weight);
        let sides = [given, channels * window];
        lowering.spectral(self.spectral_norm, &mut weights, sides, |row, column| {
            (column / window * given + row) * window + column % window
        });
        let ([_, height, width], slide) = (input.sides(), self.slide(input).unwrap_or_default());
        let image = [slide.size[0], slide.size[1], given];
        let geometry = slide.geometry(image, [height, width, channels / self.groups]);
        let bias = lowering.bias(bias);
        let (transposed, function) = (true, Function::NONE);
        let convolve = Convolve { geometry, transposed, groups: self.groups, weights, bias, function };
        lowering.push(Kind::Convolve(convolve), input, slide.output(self.filters));
    }
}

#[cfg(feature = "train")]
mod built {
    use burn::module::{Module, Param};
    use burn::tensor::Tensor;
    use burn::tensor::module::conv_transpose2d;
    use burn::tensor::ops::ConvTransposeOptions;

    use super::*;
    use crate::activation::Activation;
    use crate::kernel;
    use crate::layer::{Build, Forward, Initializer, Spectral, Value};

    impl Build for ConvTranspose2d {
        type Module = ConvTranspose2dModule;

        fn build(&self, input: Shape, initializer: &mut Initializer<'_>) -> ConvTranspose2dModule {
            let Shapes { weight, bias } = self.shapes(input);
            let [channels, given, rows, columns] = weight;
            // As in Keras and PyTorch: the fans of the reverse convolution.
            let initial = self.init.of(given * rows * columns, channels * rows * columns);
            let weight = initializer.parameter("weight", weight, initial);
            let bias = initializer.bias(bias);
            let spectral = self.spectral_norm.then(|| Spectral::new(&weight.val().swap_dims(0, 1), initializer));
            let slide = self.slide(input).unwrap_or_default();
            ConvTranspose2dModule { weight, bias, spectral, slide, groups: self.groups }
        }
    }

    /// Burn's has one padding for both ends; TensorFlow's `same` rule needs two.
    #[derive(Module, Debug)]
    pub struct ConvTranspose2dModule {
        /// `[channels, filters / groups, kernel height, kernel width]`
        weight: Param<Tensor<4>>,
        /// `[filters]`
        bias: Option<Param<Tensor<1>>>,
        spectral: Option<Spectral>,
        #[module(skip)]
        slide: Slide,
        groups: usize,
    }

    impl ConvTranspose2dModule {
        fn weight(&self) -> Tensor<4> {
            match &self.spectral {
                Some(spectral) => spectral.normalize(self.weight.val().swap_dims(0, 1)).swap_dims(0, 1),
                None => self.weight.val(),
            }
        }

        fn kernel_forward(&self, grid: &Tensor<4>, weight: &Tensor<4>, activation: Activation) -> Option<Tensor<4>> {
            let bias = self.bias.as_ref().map(Param::val);
            let one = self.groups == 1;
            one.then(|| kernel::conv_transpose2d(grid, weight, bias.as_ref(), self.slide.window(), activation))
                .flatten()
        }

        fn burn_forward(&self, input: Tensor<4>, weight: Tensor<4>) -> Tensor<4> {
            let [_, _, height, width] = input.dims();
            let Slide { kernel, stride, dilation, before, size, .. } = self.slide;
            let full = |axis: usize, side: usize| {
                (side - 1) * stride[axis] + dilation[axis] * (kernel[axis] - 1) + 1 - 2 * before[axis]
            };
            let symmetric = [full(0, height), full(1, width)];
            let missing = [0, 1].map(|axis| size[axis].saturating_sub(symmetric[axis]));
            let options = ConvTransposeOptions::new(stride, before, missing, dilation, self.groups);
            let output = conv_transpose2d(input, weight, self.bias.as_ref().map(Param::val), options);
            if symmetric[0] <= size[0] && symmetric[1] <= size[1] {
                return output;
            }
            output.narrow(2, 0, size[0]).narrow(3, 0, size[1])
        }
    }

    impl Forward for ConvTranspose2dModule {
        fn forward(&self, value: Value) -> Value {
            let (input, weight) = (value.image(), self.weight());
            Value::Image(
                self.kernel_forward(&input, &weight, Activation::Identity)
                    .unwrap_or_else(|| self.burn_forward(input, weight)),
            )
        }

        fn fused(&self, value: &Value, activation: Activation) -> Option<Value> {
            self.kernel_forward(&value.clone().image(), &self.weight(), activation).map(Value::Image)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_follow_the_padding_rule() {
        let layer = |kernel: usize, stride: usize, padding| ConvTranspose2d {
            stride: stride.into(),
            padding,
            ..ConvTranspose2d::new(8, kernel)
        };
        for (layer, side) in [
            (layer(3, 2, Padding::Same), 14),
            (layer(2, 3, Padding::Same), 21),
            (layer(3, 2, Padding::Valid), 15),
            (layer(4, 2, Padding::Pixels(1)), 14),
            (ConvTranspose2d { output_padding: 1.into(), ..layer(3, 2, Padding::Pixels(1)) }, 14),
            (ConvTranspose2d { dilation: 2.into(), ..layer(3, 1, Padding::Valid) }, 11),
        ] {
            let output = layer.output(Shape::Image([4, 7, 7]));
            assert_eq!(output, Ok(Shape::Image([8, side, side])), "{layer:?}");
        }
        assert!(layer(3, 1, Padding::Pixels(9)).output(Shape::Image([4, 7, 7])).is_err());
    }

    // x = torch.tensor([1., 2.]).reshape(1, 1, 1, 2)
    // w = torch.tensor([0.1, 0.2, 0.3, 0.4]).reshape(1, 1, 2, 2)
    // F.conv_transpose2d(x, w, torch.tensor([0.5]), stride=2)
    // # [[0.6, 0.7, 0.7, 0.9], [0.8, 0.9, 1.1, 1.3]]
    // F.conv_transpose2d(x, w, dilation=2)
    // # [[0.1, 0.2, 0.2, 0.4], [0, 0, 0, 0], [0.3, 0.6, 0.4, 0.8]]
    // w = (torch.arange(1., 10.) / 10).reshape(1, 1, 3, 3)
    // F.conv_transpose2d(x, w, stride=2, padding=1, output_padding=1)
    // # [[0.5, 1.4, 1, 1.2], [0.8, 2.3, 1.6, 1.8]]
    // x = torch.tensor([2., 3.]).reshape(1, 2, 1, 1)
    // F.conv_transpose2d(x, torch.tensor([[1., 10.], [100., 1000.]]).reshape(2, 2, 1, 1))
    // # [[[302]], [[3020]]]
    // F.conv_transpose2d(x, torch.tensor([0.1, 0.2]).reshape(2, 1, 1, 1), groups=2)
    // # [[[0.2]], [[0.6]]]
    #[cfg(all(feature = "flex", feature = "yaml"))]
    #[test]
    fn agrees_with_pytorch() {
        use crate::layer::testing::agrees;

        agrees!("conv_transpose2d: { filters: 1, kernel: 2, stride: 2 }", [1, 1, 2],
            "weight": [0.1, 0.2, 0.3, 0.4], "bias": [0.5];
            [1.0, 2.0] => [0.6, 0.7, 0.7, 0.9, 0.8, 0.9, 1.1, 1.3]);
        agrees!("conv_transpose2d: { filters: 1, kernel: 2, dilation: 2, bias: false }", [1, 1, 2],
            "weight": [0.1, 0.2, 0.3, 0.4];
            [1.0, 2.0] => [0.1, 0.2, 0.2, 0.4, 0.0, 0.0, 0.0, 0.0, 0.3, 0.6, 0.4, 0.8]);
        agrees!("conv_transpose2d: { filters: 1, kernel: 3, stride: 2, padding: 1, output_padding: 1,
            bias: false }", [1, 1, 2], "weight": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
            [1.0, 2.0] => [0.5, 1.4, 1.0, 1.2, 0.8, 2.3, 1.6, 1.8]);
        agrees!("conv_transpose2d: { filters: 2, kernel: 1, bias: false }", [2, 1, 1],
            "weight": [1.0, 10.0, 100.0, 1000.0];
            [2.0, 3.0] => [302.0, 3020.0]);
        agrees!("conv_transpose2d: { filters: 2, kernel: 1, groups: 2, bias: false }", [2, 1, 1],
            "weight": [0.1, 0.2];
            [2.0, 3.0] => [0.2, 0.6]);
    }

    // x = torch.tensor([1., 2.]).reshape(1, 1, 1, 2)
    // w = (torch.arange(1., 10.) / 10).reshape(1, 1, 3, 3)
    // F.conv_transpose2d(x, w, stride=2)[..., :2, :4]  # [[0.1, 0.2, 0.5, 0.4], [0.4, 0.5, 1.4, 1]]
    // w = torch.tensor([0.1, 0.2, 0.3, 0.4]).reshape(1, 1, 2, 2)
    // F.pad(F.conv_transpose2d(x, w, stride=3), (0, 1, 0, 1))
    // # [[0.1, 0.2, 0, 0.2, 0.4, 0], [0.3, 0.4, 0, 0.6, 0.8, 0], [0, 0, 0, 0, 0, 0]]
    #[cfg(all(feature = "flex", feature = "yaml"))]
    #[test]
    fn same_padding_cuts_at_the_bottom_and_right_where_it_is_uneven() {
        use crate::layer::testing::agrees;

        agrees!("conv_transpose2d: { filters: 1, kernel: 3, stride: 2, padding: same, bias: false }", [1, 1,
            2], "weight": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
            [1.0, 2.0] => [0.1, 0.2, 0.5, 0.4, 0.4, 0.5, 1.4, 1.0]);
        agrees!("conv_transpose2d: { filters: 1, kernel: 2, stride: 3, padding: same, bias: false }", [1, 1,
            2], "weight": [0.1, 0.2, 0.3, 0.4];
            [1.0, 2.0]
            => [0.1, 0.2, 0.0, 0.2, 0.4, 0.0, 0.3, 0.4, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    }
}
