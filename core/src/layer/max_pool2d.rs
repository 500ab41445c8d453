//! `max_pool2d`: the largest value of each window.

use serde::{Deserialize, Serialize};

use super::declared::ones;
use super::window::span;
use super::{FieldErrors, Layer, ShapeError, Padding, Pair, image};
use crate::shape::Shape;
use crate::program::{Kind, Lowering, Pool};

/// The largest value of each window, channel by channel; what is padded never wins.
///
/// Takes `[batch, channels, height, width]`, gives `[batch, channels, height', width']` with height' = ⌊(height + 2 ×
/// padding − dilation × (kernel − 1) − 1) / stride⌋ + 1, or ⌈height / stride⌉ with `padding: same`.
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
    /// Steps of the window; those of the kernel if not given.
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
    fn stride(&self) -> [usize; 2] {
        self.stride.unwrap_or(self.kernel).0
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
        let [channels, height, width] = image("max_pool2d", input)?;
        // Between taps that lie further apart than the image is wide, a window at the border would see padding only.
        let sides = [height, width];
        let padded = |axis: usize| {
            let kernel = span(self.kernel, self.dilation)[axis];
            self.padding.around(sides[axis], kernel, self.stride()[axis]) != (0, 0)
        };
        if (0..2).any(|axis| padded(axis) && sides[axis] < self.dilation.0[axis]) {
            let found =
                format!("an image of {height} by {width} fits between the taps of a dilation of {}", self.dilation);
            return Err(ShapeError::new(found).fix("a smaller dilation, or `padding: valid`"));
        }
        let output = self.padding.slide([height, width], span(self.kernel, self.dilation), self.stride())?;
        Ok(Shape::Image([channels, output[0], output[1]]))
    }

    fn lower(&self, input: Shape, lowering: &mut Lowering) {
        let [_, height, width] = input.sides();
        let (sides, kernel, stride) = ([height, width], span(self.kernel, self.dilation), self.stride());
        let pool = Pool {
            kernel: self.kernel.0,
            stride,
            dilation: self.dilation.0,
            before: [0, 1].map(|axis| self.padding.around(sides[axis], kernel[axis], stride[axis]).0),
            mean: None,
        };
        lowering.push(Kind::Pool(pool), input, self.output(input).unwrap_or(input));
    }
}

#[cfg(feature = "train")]
mod built {
    use burn::module::Module;
    use burn::nn::pool;

    use super::*;
    use crate::kernel;
    use crate::kernel::Window;
    use crate::layer::Build;
    use crate::layer::{Forward, Initializer, Value};

    impl Build for MaxPool2d {
        type Module = MaxPool2dModule;

        fn build(&self, input: Shape, _start: &mut Initializer<'_>) -> MaxPool2dModule {
            let [_, height, width] = input.sides();
            let (sides, kernel) = ([height, width], span(self.kernel, self.dilation));
            let padding = self.padding.explicit(sides, kernel, self.stride());
            let burns = pool::MaxPool2dConfig::new(self.kernel.0)
                .with_strides(self.stride())
                .with_padding(padding)
                .with_dilation(self.dilation.0)
                .init();
            let before = [0, 1].map(|axis| self.padding.around(sides[axis], kernel[axis], self.stride()[axis]).0);
            let size = self.output(input).unwrap_or(input).sides();
            MaxPool2dModule { burns, before, size: [size[1], size[2]] }
        }
    }

    /// A built `max_pool2d`.
    #[derive(Module, Debug)]
    pub struct MaxPool2dModule {
        burns: pool::MaxPool2d,
        /// Rows above the image and columns left of it.
        before: [usize; 2],
        /// Height and width of the output.
        size: [usize; 2],
    }

    impl Forward for MaxPool2dModule {
        fn forward(&self, value: Value) -> Value {
            let image = value.image();
            let pool::MaxPool2d { stride, kernel_size, dilation, .. } = self.burns;
            let window = Window { stride, dilation, before: self.before, size: self.size };
            Value::Image(kernel::max_pool2d(&image, kernel_size, window).unwrap_or_else(|| self.burns.forward(image)))
        }
    }
}

#[cfg(all(test, feature = "flex", feature = "yaml"))]
mod reference {
    use crate::layer::testing::{close, forward};
    use crate::shape::Shape;

    /// ```text
    /// x = torch.arange(1., 10.).reshape(1, 1, 3, 3)
    /// F.max_pool2d(x, 2)  # [5]
    /// F.max_pool2d(x, 2, stride=1)  # [[5, 6], [8, 9]]
    /// F.max_pool2d(x, 2, stride=1, dilation=2)  # [9]
    /// F.max_pool2d(-x, 2, padding=1)  # [[-1, -2], [-4, -5]]
    /// F.max_pool2d(F.pad(-x, (0, 1, 0, 1), value=-torch.inf), 2)  # [[-1, -3], [-7, -9]]
    /// ```
    #[test]
    fn agrees_with_pytorch() {
        close(
            &forward("max_pool2d: 2", Shape::Image([1, 3, 3]), &[], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]),
            &[5.0],
        );
        close(
            &forward(
                "max_pool2d: { kernel: 2, stride: 1 }",
                Shape::Image([1, 3, 3]),
                &[],
                &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0],
            ),
            &[5.0, 6.0, 8.0, 9.0],
        );
        close(
            &forward(
                "max_pool2d: { kernel: 2, stride: 1, dilation: 2 }",
                Shape::Image([1, 3, 3]),
                &[],
                &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0],
            ),
            &[9.0],
        );
        close(
            &forward(
                "max_pool2d: { kernel: 2, padding: 1 }",
                Shape::Image([1, 3, 3]),
                &[],
                &[-1.0, -2.0, -3.0, -4.0, -5.0, -6.0, -7.0, -8.0, -9.0],
            ),
            &[-1.0, -2.0, -4.0, -5.0],
        );
        close(
            &forward(
                "max_pool2d: { kernel: 2, padding: same }",
                Shape::Image([1, 3, 3]),
                &[],
                &[-1.0, -2.0, -3.0, -4.0, -5.0, -6.0, -7.0, -8.0, -9.0],
            ),
            &[-1.0, -3.0, -7.0, -9.0],
        );
    }
}
