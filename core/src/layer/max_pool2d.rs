use serde::{Deserialize, Serialize};

use super::declared::ones;
use super::window::{Slide, span};
use super::{FieldErrors, Layer, Padding, Pair, ShapeError, image};
use crate::program::{Kind, Lowering};
use crate::shape::Shape;

/// The largest value of each window, channel by channel; padding never wins.
///
/// Takes `[batch, channels, height, width]`, returns `[batch, channels, height', width']` with
/// height' = ⌊(height + 2 × padding − dilation × (kernel − 1) − 1) / stride⌋ + 1, or
/// ⌈height / stride⌉ with `padding: same`.
///
/// ```yaml
/// - max_pool2d: 2
/// - max_pool2d: { kernel: 3, stride: 2, padding: same }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MaxPool2d {
    /// Sides of the window.
    pub kernel: Pair,
    /// Steps of the window; the sides of the kernel by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stride: Option<Pair>,
    /// What lies around the image.
    #[serde(default)]
    pub padding: Padding,
    /// Distance of the window's taps.
    #[serde(default = "ones")]
    pub dilation: Pair,
}

impl MaxPool2d {
    fn slide(&self, input: Shape) -> Result<Slide, ShapeError> {
        let [_, height, width] = input.sides();
        let (sides, stride) = ([height, width], self.stride.unwrap_or(self.kernel).0);
        // With taps further apart than the image, a window at the border may see only padding.
        let covered = span(self.kernel, self.dilation);
        let padded = |axis: usize| self.padding.around(sides[axis], covered[axis], stride[axis]) != (0, 0);
        if (0..2).any(|axis| padded(axis) && sides[axis] < self.dilation.0[axis]) {
            let found =
                format!("an image of {height} by {width} fits between the taps of a dilation of {}", self.dilation);
            return Err(ShapeError::new(found).fix("a smaller dilation, or `padding: valid`"));
        }
        self.padding.slide(sides, self.kernel, stride, self.dilation)
    }
}

impl Layer for MaxPool2d {
    const SHORT: Option<&'static str> = Some("kernel");

    fn check(&self, errors: &mut FieldErrors) {
        self.kernel.check("kernel", errors);
        if let Some(stride) = self.stride {
            stride.check("stride", errors);
        }
        self.dilation.check("dilation", errors);
        self.padding.check_pool(self.kernel, errors);
    }

    fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
        let [channels, ..] = image("max_pool2d", input)?;
        Ok(self.slide(input)?.output(channels))
    }

    fn lower(&self, input: Shape, lowering: &mut Lowering) {
        let slide = self.slide(input).unwrap_or_default();
        lowering.push(Kind::Pool(slide.pool(None)), input, slide.output(input.channels()));
    }
}

#[cfg(feature = "train")]
mod built {
    use burn::module::Module;
    use burn::nn::pool;

    use super::*;
    use crate::kernel;
    use crate::layer::{Build, Forward, Initializer, Value};

    impl Build for MaxPool2d {
        type Module = MaxPool2dModule;

        fn build(&self, input: Shape, _initializer: &mut Initializer<'_>) -> MaxPool2dModule {
            let slide = self.slide(input).unwrap_or_default();
            let pool = pool::MaxPool2dConfig::new(slide.kernel)
                .with_strides(slide.stride)
                .with_padding(slide.padding())
                .with_dilation(slide.dilation)
                .init();
            MaxPool2dModule { pool, slide }
        }
    }

    #[derive(Module, Debug)]
    pub struct MaxPool2dModule {
        pool: pool::MaxPool2d,
        #[module(skip)]
        slide: Slide,
    }

    impl Forward for MaxPool2dModule {
        fn forward(&self, value: Value) -> Value {
            let image = value.image();
            let largest = kernel::max_pool2d(&image, self.slide.kernel, self.slide.window());
            Value::Image(largest.unwrap_or_else(|| self.pool.forward(image)))
        }
    }
}

#[cfg(all(test, feature = "flex", feature = "yaml"))]
crate::layer::testing::reference! {
    // x = torch.arange(1., 10.).reshape(1, 1, 3, 3)
    // F.max_pool2d(x, 2)  # [5]
    // F.max_pool2d(x, 2, stride=1)  # [[5, 6], [8, 9]]
    // F.max_pool2d(x, 2, stride=1, dilation=2)  # [9]
    // F.max_pool2d(-x, 2, padding=1)  # [[-1, -2], [-4, -5]]
    // F.max_pool2d(F.pad(-x, (0, 1, 0, 1), value=-torch.inf), 2)  # [[-1, -3], [-7, -9]]
    "max_pool2d: 2", [1, 3, 3]; [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0] => [5.0];
    "max_pool2d: { kernel: 2, stride: 1 }", [1, 3, 3];
        [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0] => [5.0, 6.0, 8.0, 9.0];
    "max_pool2d: { kernel: 2, stride: 1, dilation: 2 }", [1, 3, 3];
        [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0] => [9.0];
    "max_pool2d: { kernel: 2, padding: 1 }", [1, 3, 3];
        [-1.0, -2.0, -3.0, -4.0, -5.0, -6.0, -7.0, -8.0, -9.0] => [-1.0, -2.0, -4.0, -5.0];
    "max_pool2d: { kernel: 2, padding: same }", [1, 3, 3];
        [-1.0, -2.0, -3.0, -4.0, -5.0, -6.0, -7.0, -8.0, -9.0] => [-1.0, -3.0, -7.0, -9.0];
}
