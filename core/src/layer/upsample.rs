use serde::{Deserialize, Serialize};

use super::{FieldErrors, Layer, Pair, ShapeError, image};
use crate::program::{Kind, Lowering};
use crate::shape::Shape;

/// Enlarges an image by a whole factor.
///
/// `[batch, channels, height, width]` → `[batch, channels, height × scale, width × scale]`.
///
/// `nearest` repeats pixels; `bilinear` mixes the four around the point (i + ½) / scale − ½,
/// with the border repeated outwards (PyTorch's `align_corners=False`, TensorFlow's `resize`).
///
/// Odena, Dumoulin and Olah, "Deconvolution and Checkerboard Artifacts" (2016), recommend it before
/// a convolution instead of a transposed one.
///
/// ```yaml
/// - upsample: 2
/// - upsample: { scale: 2, mode: bilinear }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Upsample {
    /// By how much height and width grow.
    #[serde(default = "two")]
    pub scale: Pair,
    /// What the new pixels are.
    #[serde(default)]
    pub mode: Mode,
}

/// What the new pixels of a larger image are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Copies of the nearest one.
    #[default]
    Nearest,
    /// Mixtures of the four nearest ones.
    Bilinear,
}

fn two() -> Pair {
    2.into()
}

impl Layer for Upsample {
    const SHORT: Option<&'static str> = Some("scale");

    fn check(&self, errors: &mut FieldErrors) {
        self.scale.check("scale", errors);
    }

    fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
        let [channels, height, width] = image("upsample", input)?;
        let [rows, columns] = self.scale.0;
        Ok(Shape::Image([channels, height.saturating_mul(rows), width.saturating_mul(columns)]))
    }

    fn macs(&self, _input: Shape, output: Shape) -> u64 {
        if self.mode == Mode::Bilinear { 4 * output.len() as u64 } else { 0 }
    }

    fn lower(&self, input: Shape, lowering: &mut Lowering) {
        let resize = Kind::Resize { scale: self.scale.0, bilinear: self.mode == Mode::Bilinear };
        lowering.push(resize, input, self.output(input).unwrap_or(input));
    }
}

#[cfg(feature = "train")]
mod built {
    use burn::module::Module;
    use burn::tensor::{Device, Tensor, TensorData};

    use super::*;
    use crate::layer::{Forward, Value, builds};

    builds!(Upsample => UpsampleModule, |it| Upsample::built(it.scale.0, it.mode));

    impl Upsample {
        pub(in crate::layer) fn built(scale: [usize; 2], mode: Mode) -> UpsampleModule {
            UpsampleModule { scale, bilinear: mode == Mode::Bilinear }
        }
    }

    #[derive(Module, Debug)]
    pub struct UpsampleModule {
        scale: [usize; 2],
        bilinear: bool,
    }

    impl Forward for UpsampleModule {
        fn forward(&self, value: Value) -> Value {
            let images = value.image();
            let [_, _, height, width] = images.dims();
            let [rows, columns] = self.scale;
            Value::Image(if self.bilinear {
                // On a GPU, Burn's bilinear interpolation has no gradient.
                let device = images.device();
                let (rows, columns) = (mixture(height, rows, &device), mixture(width, columns, &device));
                rows.matmul(images).matmul(columns.transpose())
            } else {
                let [batch, channels, ..] = images.dims();
                let apart: Tensor<6> = images.reshape([batch, channels, height, 1, width, 1]);
                let repeated = apart.expand([batch, channels, height, rows, width, columns]);
                repeated.reshape([batch, channels, height * rows, width * columns])
            })
        }
    }

    /// The matrix `[1, 1, size × scale, size]` that stretches a line of `size` pixels.
    fn mixture(size: usize, scale: usize, device: &Device) -> Tensor<4> {
        let mut shares = vec![0.0f32; size * scale * size];
        for (index, row) in shares.chunks_exact_mut(size).enumerate() {
            let place = ((index as f32 + 0.5) / scale as f32 - 0.5).max(0.0);
            let before = (place as usize).min(size - 1);
            let share = place - before as f32;
            row[before] += 1.0 - share;
            row[(before + 1).min(size - 1)] += share;
        }
        Tensor::from_data(TensorData::new(shares, [1, 1, size * scale, size]), device)
    }
}

#[cfg(all(test, feature = "flex", feature = "yaml"))]
crate::layer::testing::reference! {
    // x = torch.tensor([1., 2.]).reshape(1, 1, 1, 2)
    // F.interpolate(x, scale_factor=2)  # [[1, 1, 2, 2], [1, 1, 2, 2]]
    // F.interpolate(x, scale_factor=(2, 1))  # [[1, 2], [1, 2]]
    // x = torch.tensor([1., 2., 3., 5.]).reshape(1, 1, 2, 2)
    // F.interpolate(x, scale_factor=2, mode="bilinear")
    // # [[1, 1.25, 1.75, 2], [1.5, 1.8125, 2.4375, 2.75],
    // #  [2.5, 2.9375, 3.8125, 4.25], [3, 3.5, 4.5, 5]]
    // F.interpolate(x[..., :1, :], scale_factor=(1, 3), mode="bilinear")
    // # [1, 1, 1.33333, 1.66667, 2, 2]
    "upsample", [1, 1, 2]; [1.0, 2.0] => [1.0, 1.0, 2.0, 2.0, 1.0, 1.0, 2.0, 2.0];
    "upsample: [2, 1]", [1, 1, 2]; [1.0, 2.0] => [1.0, 2.0, 1.0, 2.0];
    "upsample: { scale: 2, mode: bilinear }", [1, 2, 2];
        [1.0, 2.0, 3.0, 5.0]
        => [1.0, 1.25, 1.75, 2.0, 1.5, 1.8125, 2.4375, 2.75, 2.5, 2.9375, 3.8125, 4.25, 3.0, 3.5, 4.5, 5.0];
    "upsample: { scale: [1, 3], mode: bilinear }", [1, 1, 2];
        [1.0, 2.0] => [1.0, 1.0, 1.33333, 1.66667, 2.0, 2.0];
}
