use serde::{Deserialize, Serialize};

use super::{FieldErrors, Inside, Layer, LayerSpec, ShapeError, count, lower};
use crate::kernel::slices::Geometry;
use crate::program::{Convolve, Function, Kind, Lowering};
use crate::shape::Shape;

/// A skip connection around layers, y = f(x) + x.
///
/// Where f changes the shape, the shortcut is a projection without a bias: for rows a linear layer;
/// for images a 1 by 1 convolution, with the stride for which ⌈height / stride⌉ is the new
/// height if the image shrinks, or after nearest upsampling if it grows by a whole factor.
///
/// He et al., "Deep Residual Learning for Image Recognition" (2015), option B.
///
/// ```yaml
/// - residual:
///     - conv2d: { filters: 64, kernel: 3, stride: 2, padding: same }
///     - batch_norm
///     - relu
///     - conv2d: { filters: 64, kernel: 3, padding: same }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Residual(pub Vec<LayerSpec>);

/// What brings the input to the shape of the output.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Shortcut {
    Identity,
    /// A matrix, by the shape of its weight.
    Linear([usize; 2]),
    /// A 1 by 1 convolution after an upsampling by `grow`, by the shape of its weight.
    Conv {
        weight: [usize; 4],
        grow: [usize; 2],
        stride: [usize; 2],
    },
}

impl Shortcut {
    fn between(input: Shape, output: Shape) -> Result<Self, ShapeError> {
        match (input, output) {
            (input, output) if input == output => Ok(Self::Identity),
            (Shape::Flat(inputs), Shape::Flat(outputs)) => Ok(Self::Linear([inputs, outputs])),
            (Shape::Image(from), Shape::Image(to)) => {
                let axis = |axis: usize| step(from[axis], to[axis]);
                let (Some(rows), Some(columns)) = (axis(1), axis(2)) else {
                    let found =
                        format!("what the layers make of {input} is {output}, and no stride or factor joins the two");
                    return Err(
                        ShapeError::new(found).fix("`padding: same`, so that sizes stay or change by a whole factor")
                    );
                };
                let weight = [to[0], from[0], 1, 1];
                Ok(Self::Conv { weight, grow: [rows.0, columns.0], stride: [rows.1, columns.1] })
            }
            _ => {
                Err(ShapeError::new(format!("the layers make {output} of {input}; a row and an image cannot be added")))
            }
        }
    }

    fn weights(self) -> u64 {
        match self {
            Self::Identity => 0,
            Self::Linear(weight) => count(&weight),
            Self::Conv { weight, .. } => count(&weight),
        }
    }
}

/// Along one direction, the upsampling factor and the stride that lead from one size to another.
fn step(from: usize, to: usize) -> Option<(usize, usize)> {
    if to >= from {
        return to.is_multiple_of(from).then_some((to / from, 1));
    }
    let stride = from.div_ceil(to);
    (from.div_ceil(stride) == to).then_some((1, stride))
}

impl Residual {
    fn inner(&self, input: Shape) -> Result<Shape, ShapeError> {
        self.0.iter().try_fold(input, |shape, layer| layer.output(shape))
    }

    fn shortcut(&self, input: Shape) -> Result<Shortcut, ShapeError> {
        Shortcut::between(input, self.inner(input)?)
    }
}

impl Layer for Residual {
    fn check(&self, errors: &mut FieldErrors) {
        errors.require(!self.0.is_empty(), "", || "there is no layer to go around".into());
    }

    fn inside(&self) -> Option<Inside<'_>> {
        Some(Inside { layers: &self.0, times: 1, key: None })
    }

    fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
        // Asks the layers inside only once: twice would be 2ⁿ times for residuals nested n deep.
        let output = self.inner(input)?;
        Shortcut::between(input, output)?;
        Ok(output)
    }

    /// Those of the projection.
    fn parameters(&self, input: Shape) -> u64 {
        self.shortcut(input).map_or(0, Shortcut::weights)
    }

    fn macs(&self, input: Shape, output: Shape) -> u64 {
        let pixels = if let Shape::Image([_, height, width]) = output { count(&[height, width]) } else { 1 };
        self.parameters(input).saturating_mul(pixels)
    }

    fn lower(&self, input: Shape, lowering: &mut Lowering) {
        let through = lowering.branch(|lowering| drop(lower(self.0.iter(), input, lowering)));
        let output = self.output(input).unwrap_or(input);
        let around = lowering.branch(|lowering| {
            lowering.within("projection", |lowering| match self.shortcut(input).unwrap_or(Shortcut::Identity) {
                Shortcut::Identity => {}
                Shortcut::Linear(weight) => {
                    let matrix = Convolve::matrix(&lowering.weight("weight", weight), Vec::new(), weight);
                    lowering.push(Kind::Convolve(matrix), input, output);
                }
                Shortcut::Conv { weight, grow, stride } => {
                    let [to, from, rows, columns] = weight;
                    let weights = lowering.weight("weight", weight);
                    let [_, height, width] = input.sides();
                    let (height, width) = (height * grow[0], width * grow[1]);
                    let larger = Shape::Image([from, height, width]);
                    if grow != [1, 1] {
                        lowering.push(Kind::Resize { scale: grow, bilinear: false }, input, larger);
                    }
                    let geometry = Geometry {
                        image: [height, width, from],
                        grid: [output.sides()[1], output.sides()[2], to],
                        kernel: [rows, columns],
                        stride,
                        dilation: [1, 1],
                        before: [0, 0],
                    };
                    let (bias, function) = (Vec::new(), Function::NONE);
                    let convolve = Convolve { geometry, transposed: false, groups: 1, weights, bias, function };
                    lowering.push(Kind::Convolve(convolve), larger, output);
                }
            });
        });
        lowering.push(Kind::Branches([through, around]), input, output);
    }
}

#[cfg(feature = "train")]
mod built {
    use burn::module::{Module, Param};
    use burn::tensor::Tensor;
    use burn::tensor::module::{conv2d, linear};
    use burn::tensor::ops::ConvOptions;

    use super::*;
    use crate::layer::upsample::{Mode, Upsample};
    use crate::layer::{Build, Forward, Init, Initializer, LayerModule, Value, build, pass};

    impl Build for Residual {
        type Module = ResidualModule;

        fn build(&self, input: Shape, initializer: &mut Initializer<'_>) -> ResidualModule {
            let layers = build(self.0.iter(), input, initializer);
            initializer.within("projection", |initializer| match self.shortcut(input).unwrap_or(Shortcut::Identity) {
                Shortcut::Identity => ResidualModule { layers, projection: None, grow: [1, 1], stride: [1, 1] },
                Shortcut::Linear(weight) => {
                    let weight = initializer.parameter("weight", weight, Init::Glorot.of(weight[0], weight[1]));
                    let projection = Some(Projection::Linear(LinearProjection { weight }));
                    ResidualModule { layers, projection, grow: [1, 1], stride: [1, 1] }
                }
                Shortcut::Conv { weight, grow, stride } => {
                    let weight = initializer.parameter("weight", weight, Init::Glorot.of(weight[1], weight[0]));
                    let projection = Some(Projection::Conv(ConvProjection { weight }));
                    ResidualModule { layers, projection, grow, stride }
                }
            })
        }
    }

    #[derive(Module, Debug)]
    pub struct ResidualModule {
        layers: Vec<LayerModule>,
        projection: Option<Projection>,
        grow: [usize; 2],
        stride: [usize; 2],
    }

    #[derive(Module, Debug)]
    enum Projection {
        Linear(LinearProjection),
        Conv(ConvProjection),
    }

    #[derive(Module, Debug)]
    struct LinearProjection {
        /// `[inputs, outputs]`
        weight: Param<Tensor<2>>,
    }

    #[derive(Module, Debug)]
    struct ConvProjection {
        /// `[filters, channels, 1, 1]`
        weight: Param<Tensor<4>>,
    }

    impl Forward for ResidualModule {
        fn forward(&self, value: Value) -> Value {
            let around = match &self.projection {
                None => value.clone(),
                Some(Projection::Linear(projection)) => {
                    Value::Flat(linear(value.clone().flat(), projection.weight.val(), None))
                }
                Some(Projection::Conv(projection)) => {
                    let options = ConvOptions::new(self.stride, [0, 0], [1, 1], 1);
                    let images = match self.grow {
                        [1, 1] => value.clone().image(),
                        scale => Upsample::built(scale, Mode::Nearest).forward(value.clone()).image(),
                    };
                    Value::Image(conv2d(images, projection.weight.val(), None, options))
                }
            };
            match (pass(&self.layers, value), around) {
                (Value::Flat(through), around) => Value::Flat(through + around.flat()),
                (Value::Image(through), around) => Value::Image(through + around.image()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_joined_by_a_stride_or_a_factor() {
        for (from, to, expected) in [
            (8, 8, Some((1, 1))),
            (7, 4, Some((1, 2))),
            (8, 4, Some((1, 2))),
            (4, 12, Some((3, 1))),
            (8, 6, None),
            (4, 6, None),
        ] {
            assert_eq!(step(from, to), expected, "{from} to {to}");
        }
    }

    // x, w = torch.tensor([[1., 2.]]), torch.tensor([[1., 2.], [3., -4.]])  # [inputs, units]
    // x + F.relu(x @ w)  # [8, 2]
    // x @ torch.tensor([[1.], [10.]]) + x @ torch.tensor([[0.5], [0.5]])  # [22.5]
    // x, one = torch.arange(1., 17.).reshape(1, 1, 4, 4), torch.ones(1, 1, 1, 1)
    // w = 2 * one
    // F.conv2d(x, w, stride=2) + F.conv2d(x, one, stride=2)  # [[3, 9], [27, 33]]
    // x = torch.tensor([1., 2.]).reshape(1, 1, 1, 2)
    // F.conv2d(F.interpolate(x, scale_factor=2), w) + F.interpolate(x, scale_factor=2)
    // # [[3, 3, 6, 6], [3, 3, 6, 6]]
    #[cfg(all(feature = "flex", feature = "yaml"))]
    #[test]
    fn agrees_with_pytorch() {
        use crate::layer::testing::agrees;

        agrees!("residual: [{ linear: { units: 2, bias: false } }, relu]", [2],
            "layers.0.weight": [1.0, 2.0, 3.0, -4.0];
            [1.0, 2.0] => [8.0, 2.0]);
        agrees!("residual: [{ linear: { units: 1, bias: false } }]", [2], "layers.0.weight": [0.5, 0.5],
            "projection.weight": [1.0, 10.0];
            [1.0, 2.0] => [22.5]);
        agrees!("residual: [{ conv2d: { filters: 1, kernel: 1, stride: 2, bias: false } }]", [1, 4, 4],
            "layers.0.weight": [1.0], "projection.weight": [2.0];
            [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0]
            => [3.0, 9.0, 27.0, 33.0]);
        agrees!("residual: [upsample]", [1, 1, 2], "projection.weight": [2.0];
            [1.0, 2.0] => [3.0, 3.0, 6.0, 6.0, 3.0, 3.0, 6.0, 6.0]);
    }
}
