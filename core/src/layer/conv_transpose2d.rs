//! `conv_transpose2d`: the reverse of a convolution, which makes images larger.

use serde::{Deserialize, Serialize};

use super::{Layer, Misfit, Padding, Pair, count, image};
use crate::nn;
use crate::plan::Shape;

/// A two-dimensional transposed convolution: every input pixel stamps the window, scaled, into the output.
///
/// Takes `[batch, channels, height, width]`, gives `[batch, filters, height', width']`. With `padding: same`
/// height' = height × stride, which is TensorFlow's rule; otherwise height' = (height − 1) × stride + kernel − 2 × padding.
/// Weights are `[channels, filters, kernel, kernel]`, drawn from Glorot's uniform distribution; the bias is `[filters]` and
/// begins at 0.
///
/// Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2016).
///
/// ```yaml
/// - conv_transpose2d: { filters: 32, kernel: 3, stride: 2, padding: same }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvTranspose2d {
    /// Number of output channels.
    pub filters: usize,
    /// Sides of the window.
    pub kernel: Pair,
    /// Distance of the stamps in the output.
    #[serde(default = "Pair::one")]
    pub stride: Pair,
    /// What is cut off around the output.
    #[serde(default)]
    pub padding: Padding,
    /// Whether a bias is added.
    #[serde(default = "yes")]
    pub bias: bool,
}

fn yes() -> bool {
    true
}

impl ConvTranspose2d {
    /// Along one direction: `(before, size)`, the pixels cut off before the image and the size that is left, of a full
    /// output of (input − 1) × stride + kernel pixels. The full output is extended with zeros where it is too short.
    fn cut(&self, axis: usize, input: usize) -> (usize, Option<usize>) {
        let (kernel, stride) = (self.kernel.0[axis], self.stride.0[axis]);
        let full = (input.saturating_sub(1)).saturating_mul(stride).saturating_add(kernel);
        match self.padding {
            Padding::Same => {
                let size = input.saturating_mul(stride);
                (self.padding.around(size, kernel, stride).0, Some(size))
            }
            Padding::Valid => (0, Some(full)),
            Padding::Pixels(pixels) => (pixels, full.checked_sub(2 * pixels).filter(|size| *size > 0)),
        }
    }
}

impl Layer for ConvTranspose2d {
    fn output(&self, input: Shape) -> Result<Shape, Misfit> {
        let [_, height, width] = image(input)?;
        if self.filters == 0 {
            return Err(Misfit::new("filters must be at least 1, found 0"));
        }
        self.kernel.check("kernel")?;
        self.stride.check("stride")?;
        self.padding.check()?;
        match (self.cut(0, height).1, self.cut(1, width).1) {
            (Some(height), Some(width)) => Ok(Shape::Image([self.filters, height, width])),
            _ => Err(Misfit::with_fix(
                format!("the padding cuts off all of the output of an image of {height} by {width}"),
                "a smaller padding, or `padding: same`",
            )),
        }
    }

    fn parameters(&self, input: Shape) -> u64 {
        let channels = image(input).map_or(0, |[channels, ..]| channels);
        let [height, width] = self.kernel.0;
        count(&[channels, self.filters, height, width]).saturating_add(if self.bias { self.filters as u64 } else { 0 })
    }

    fn build(&self, input: Shape, start: &mut nn::Start<'_>) -> nn::Layer {
        let [channels, height, width] = image(input).unwrap_or_default();
        let (cut, size): (Vec<_>, Vec<_>) = [self.cut(0, height), self.cut(1, width)].into_iter().unzip();
        nn::Layer::ConvTranspose2d(start.conv_transpose2d(
            [channels, self.filters],
            self.kernel.0,
            self.stride.0,
            nn::Cut { before: [cut[0], cut[1]], size: [size[0].unwrap_or_default(), size[1].unwrap_or_default()] },
            self.bias,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_follow_the_padding_rule() {
        let layer = |kernel: usize, stride: usize, padding| ConvTranspose2d {
            filters: 8,
            kernel: kernel.into(),
            stride: stride.into(),
            padding,
            bias: true,
        };
        for (layer, side) in [
            (layer(3, 2, Padding::Same), 14),
            (layer(2, 3, Padding::Same), 21),
            (layer(3, 2, Padding::Valid), 15),
            (layer(4, 2, Padding::Pixels(1)), 14),
        ] {
            let output = layer.output(Shape::Image([4, 7, 7]));
            assert_eq!(output, Ok(Shape::Image([8, side, side])), "{layer:?}");
        }
        assert!(layer(3, 1, Padding::Pixels(9)).output(Shape::Image([4, 7, 7])).is_err());
    }
}
