//! `avg_pool2d`: the mean of each window.

use serde::{Deserialize, Serialize};

use super::{FieldErrors, Layer, ShapeError, Padding, Pair, image};
use crate::shape::Shape;
use crate::program::{Kind, Lowering, Mean, Pool};

/// The mean of each window, channel by channel. With a number as padding its zeros count, as in PyTorch; with `same`
/// only the pixels that exist do, as in TensorFlow.
///
/// Takes `[batch, channels, height, width]`, gives `[batch, channels, height', width']` with
/// height' = ⌊(height + 2 × padding − kernel) / stride⌋ + 1, or ⌈height / stride⌉ with `padding: same`.
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
    /// Steps of the window; those of the kernel if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stride: Option<Pair>,
    /// What lies around the image.
    #[serde(default)]
    pub padding: Padding,
}

impl AvgPool2d {
    fn stride(&self) -> [usize; 2] {
        self.stride.unwrap_or(self.kernel).0
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
        let [channels, height, width] = image("avg_pool2d", input)?;
        let output = self.padding.slide([height, width], self.kernel.0, self.stride())?;
        Ok(Shape::Image([channels, output[0], output[1]]))
    }

    fn lower(&self, input: Shape, lowering: &mut Lowering) {
        let [_, height, width] = input.sides();
        let (sides, kernel, stride) = ([height, width], self.kernel.0, self.stride());
        let pool = Pool {
            kernel,
            stride,
            dilation: [1, 1],
            before: [0, 1].map(|axis| self.padding.around(sides[axis], kernel[axis], stride[axis]).0),
            mean: Some(if self.padding == Padding::Same { Mean::Pixels } else { Mean::Window }),
        };
        lowering.push(Kind::Pool(pool), input, self.output(input).unwrap_or(input));
    }
}

#[cfg(feature = "train")]
mod built {
    use burn::nn::pool;

    use super::*;
    use crate::layer::Build;
    use crate::layer::{Forward, Initializer, Value};

    impl Build for AvgPool2d {
        type Module = pool::AvgPool2d;

        fn build(&self, input: Shape, _start: &mut Initializer<'_>) -> pool::AvgPool2d {
            let [_, height, width] = input.sides();
            pool::AvgPool2dConfig::new(self.kernel.0)
                .with_strides(self.stride())
                .with_padding(self.padding.explicit([height, width], self.kernel.0, self.stride()))
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
mod reference {
    use crate::layer::testing::{close, forward};
    use crate::shape::Shape;

    /// ```text
    /// x = torch.arange(1., 10.).reshape(1, 1, 3, 3)
    /// F.avg_pool2d(x, 2)  # [3]
    /// F.avg_pool2d(x, (1, 2), stride=(2, 1))  # [[1.5, 2.5], [7.5, 8.5]]
    /// F.avg_pool2d(x, 2, padding=1)  # [[0.25, 1.25], [2.75, 7]]
    /// means = lambda x: F.avg_pool2d(F.pad(x, (0, 1, 0, 1)), 2)
    /// means(x) / means(torch.ones_like(x))  # [[3, 4.5], [7.5, 9]]
    /// ```
    #[test]
    fn agrees_with_pytorch() {
        close(
            &forward("avg_pool2d: 2", Shape::Image([1, 3, 3]), &[], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]),
            &[3.0],
        );
        close(
            &forward(
                "avg_pool2d: { kernel: [1, 2], stride: [2, 1] }",
                Shape::Image([1, 3, 3]),
                &[],
                &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0],
            ),
            &[1.5, 2.5, 7.5, 8.5],
        );
        close(
            &forward(
                "avg_pool2d: { kernel: 2, padding: 1 }",
                Shape::Image([1, 3, 3]),
                &[],
                &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0],
            ),
            &[0.25, 1.25, 2.75, 7.0],
        );
        close(
            &forward(
                "avg_pool2d: { kernel: 2, padding: same }",
                Shape::Image([1, 3, 3]),
                &[],
                &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0],
            ),
            &[3.0, 4.5, 7.5, 9.0],
        );
    }
}
