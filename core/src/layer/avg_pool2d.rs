use serde::{Deserialize, Serialize};

use super::declared::ones;
use super::window::Slide;
use super::{FieldErrors, Layer, Padding, Pair, ShapeError, image};
use crate::program::{Kind, Lowering, Mean};
use crate::shape::Shape;

/// The mean of each window, channel by channel. With a number as padding its zeros count, as in
/// PyTorch; with `same` only real pixels do, as in TensorFlow.
///
/// Takes `[batch, channels, height, width]`, returns `[batch, channels, height', width']` with
/// height' = ⌊(height + 2 × padding − kernel) / stride⌋ + 1, or ⌈height / stride⌉ with
/// `padding: same`.
///
/// ```yaml
/// - avg_pool2d: 2
/// - avg_pool2d: { kernel: 3, stride: 2, padding: same }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AvgPool2d {
    /// Sides of the window.
    pub kernel: Pair,
    /// Steps of the window; the sides of the kernel by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stride: Option<Pair>,
    /// What lies around the image.
    #[serde(default)]
    pub padding: Padding,
}

impl AvgPool2d {
    fn slide(&self, input: Shape) -> Result<Slide, ShapeError> {
        let [_, height, width] = input.sides();
        self.padding.slide([height, width], self.kernel, self.stride.unwrap_or(self.kernel).0, ones())
    }
}

impl Layer for AvgPool2d {
    const SHORT: Option<&'static str> = Some("kernel");

    fn check(&self, errors: &mut FieldErrors) {
        self.kernel.check("kernel", errors);
        if let Some(stride) = self.stride {
            stride.check("stride", errors);
        }
        self.padding.check_pool(self.kernel, errors);
    }

    fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
        let [channels, ..] = image("avg_pool2d", input)?;
        Ok(self.slide(input)?.output(channels))
    }

    fn lower(&self, input: Shape, lowering: &mut Lowering) {
        let slide = self.slide(input).unwrap_or_default();
        let mean = if self.padding == Padding::Same { Mean::Pixels } else { Mean::Window };
        lowering.push(Kind::Pool(slide.pool(Some(mean))), input, slide.output(input.channels()));
    }
}

#[cfg(feature = "train")]
mod built {
    use burn::nn::pool;

    use super::*;
    use crate::layer::{Build, Forward, Initializer, Value};

    impl Build for AvgPool2d {
        type Module = pool::AvgPool2d;

        fn build(&self, input: Shape, _initializer: &mut Initializer<'_>) -> pool::AvgPool2d {
            let slide = self.slide(input).unwrap_or_default();
            pool::AvgPool2dConfig::new(slide.kernel)
                .with_strides(slide.stride)
                .with_padding(slide.padding())
                .with_count_include_pad(self.padding != Padding::Same)
                .init()
        }
    }

    impl Forward for pool::AvgPool2d {
        fn forward(&self, value: Value) -> Value {
            Value::Image(self.forward(value.image()))
        }
    }
}

#[cfg(all(test, feature = "flex", feature = "yaml"))]
crate::layer::testing::reference! {
    // x = torch.arange(1., 10.).reshape(1, 1, 3, 3)
    // F.avg_pool2d(x, 2)  # [3]
    // F.avg_pool2d(x, (1, 2), stride=(2, 1))  # [[1.5, 2.5], [7.5, 8.5]]
    // F.avg_pool2d(x, 2, padding=1)  # [[0.25, 1.25], [2.75, 7]]
    // means = lambda x: F.avg_pool2d(F.pad(x, (0, 1, 0, 1)), 2)
    // means(x) / means(torch.ones_like(x))  # [[3, 4.5], [7.5, 9]]
    "avg_pool2d: 2", [1, 3, 3]; [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0] => [3.0];
    "avg_pool2d: { kernel: [1, 2], stride: [2, 1] }", [1, 3, 3];
        [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0] => [1.5, 2.5, 7.5, 8.5];
    "avg_pool2d: { kernel: 2, padding: 1 }", [1, 3, 3];
        [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0] => [0.25, 1.25, 2.75, 7.0];
    "avg_pool2d: { kernel: 2, padding: same }", [1, 3, 3];
        [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0] => [3.0, 4.5, 7.5, 9.0];
}
