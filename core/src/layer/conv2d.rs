//! `conv2d`: a small window of weights slides over an image.

use serde::{Deserialize, Serialize};

use super::{Layer, Misfit, Padding, Pair, count, image};
use crate::nn;
use crate::plan::Shape;

/// A two-dimensional convolution (cross-correlation, as everywhere in the field).
///
/// Takes `[batch, channels, height, width]`, gives `[batch, filters, height', width']` with
/// height' = ⌊(height + padding − kernel) / stride⌋ + 1. Weights are `[filters, channels, kernel, kernel]`, drawn from
/// Glorot's uniform distribution; the bias is `[filters]` and begins at 0.
///
/// ```yaml
/// - conv2d: { filters: 32, kernel: 3, stride: 2, padding: same }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv2d {
    /// Number of output channels.
    pub filters: usize,
    /// Sides of the window.
    pub kernel: Pair,
    /// Steps of the window.
    #[serde(default = "Pair::one")]
    pub stride: Pair,
    /// What lies around the image.
    #[serde(default)]
    pub padding: Padding,
    /// Whether a bias is added.
    #[serde(default = "yes")]
    pub bias: bool,
}

fn yes() -> bool {
    true
}

impl Conv2d {
    /// Pixels `[(top, bottom), (left, right)]` around an image of `sides`.
    fn pads(&self, sides: [usize; 2]) -> [(usize, usize); 2] {
        [0, 1].map(|axis| self.padding.around(sides[axis], self.kernel.0[axis], self.stride.0[axis]))
    }
}

impl Layer for Conv2d {
    fn output(&self, input: Shape) -> Result<Shape, Misfit> {
        let [_, height, width] = image(input)?;
        if self.filters == 0 {
            return Err(Misfit::new("filters must be at least 1, found 0"));
        }
        let (kernel, stride) = (self.kernel.check("kernel")?, self.stride.check("stride")?);
        self.padding.check()?;
        let sides = [height, width];
        let pads = self.pads(sides);
        let mut output = [self.filters, 0, 0];
        for axis in [0, 1] {
            let padded = sides[axis] + pads[axis].0 + pads[axis].1;
            let Some(room) = padded.checked_sub(kernel[axis]) else {
                return Err(Misfit::with_fix(
                    format!(
                        "a kernel of {} by {} does not fit into an image of {height} by {width}",
                        kernel[0], kernel[1]
                    ),
                    "a smaller kernel, `padding: same`, or smaller strides before it",
                ));
            };
            output[axis + 1] = room / stride[axis] + 1;
        }
        Ok(Shape::Image(output))
    }

    fn parameters(&self, input: Shape) -> u64 {
        let channels = image(input).map_or(0, |[channels, ..]| channels);
        let [height, width] = self.kernel.0;
        count(&[self.filters, channels, height, width]).saturating_add(if self.bias { self.filters as u64 } else { 0 })
    }

    fn build(&self, input: Shape, start: &mut nn::Start<'_>) -> nn::Layer {
        let [channels, height, width] = image(input).unwrap_or_default();
        let [(top, bottom), (left, right)] = self.pads([height, width]);
        nn::Layer::Conv2d(start.conv2d(
            [channels, self.filters],
            self.kernel.0,
            self.stride.0,
            (top, left, bottom, right),
            self.bias,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conv(kernel: usize, stride: usize, padding: Padding) -> Conv2d {
        Conv2d { filters: 8, kernel: kernel.into(), stride: stride.into(), padding, bias: true }
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
        let misfit = conv(5, 1, Padding::Valid).output(Shape::Image([1, 3, 3])).unwrap_err();
        assert!(misfit.found.contains("5 by 5"), "{misfit:?}");
    }

    #[test]
    fn a_stride_of_0_is_refused() {
        assert!(conv(3, 0, Padding::Same).output(Shape::Image([1, 8, 8])).is_err());
    }
}
