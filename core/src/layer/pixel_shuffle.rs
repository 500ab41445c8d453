use serde::{Deserialize, Serialize};

use super::{FieldErrors, Layer, ShapeError, channels_of, image};
use crate::program::{Kind, Lowering};
use crate::shape::Shape;

/// Enlarges an image by turning channels into pixels.
///
/// `[batch, channels × factor², height, width]` →
/// `[batch, channels, height × factor, width × factor]`.
///
/// Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel
/// Convolutional Neural Network" (2016).
///
/// ```yaml
/// - pixel_shuffle: 2
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PixelShuffle {
    /// By how much height and width grow.
    pub factor: usize,
}

impl Layer for PixelShuffle {
    const SHORT: Option<&'static str> = Some("factor");

    fn check(&self, errors: &mut FieldErrors) {
        errors.require((1..=64).contains(&self.factor), "factor", || {
            format!("factor must lie between 1 and 64, found {}", self.factor)
        });
    }

    fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
        let [channels, height, width] = image("pixel_shuffle", input)?;
        let (factor, square) = (self.factor, self.factor * self.factor);
        if !channels.is_multiple_of(square) {
            let found = format!("{} cannot be divided by {factor} × {factor}", channels_of(channels));
            return Err(ShapeError::new(found).fix(format!("{} channels before it", channels.next_multiple_of(square))));
        }
        Ok(Shape::Image([channels / square, height.saturating_mul(factor), width.saturating_mul(factor)]))
    }

    fn lower(&self, input: Shape, lowering: &mut Lowering) {
        lowering.push(Kind::Shuffle { factor: self.factor }, input, self.output(input).unwrap_or(input));
    }
}

#[cfg(feature = "train")]
mod built {
    use burn::nn;

    use super::*;
    use crate::layer::{Forward, Value, builds};

    builds!(PixelShuffle => nn::PixelShuffle, |it| nn::PixelShuffleConfig::new(it.factor).init());

    impl Forward for nn::PixelShuffle {
        fn forward(&self, value: Value) -> Value {
            Value::Image(self.forward(value.image()))
        }
    }
}

#[cfg(all(test, feature = "flex", feature = "yaml"))]
crate::layer::testing::reference! {
    // F.pixel_shuffle(torch.arange(1., 9.).reshape(1, 4, 1, 2), 2)  # [[1, 3, 2, 4], [5, 7, 6, 8]]
    "pixel_shuffle: 2", [4, 1, 2];
        [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0] => [1.0, 3.0, 2.0, 4.0, 5.0, 7.0, 6.0, 8.0];
}
