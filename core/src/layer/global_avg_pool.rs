use serde::{Deserialize, Serialize};

use super::{Layer, ShapeError, image};
use crate::program::{Kind, Lowering, Mean, Pool};
use crate::shape::Shape;

/// The mean of each channel: `[batch, channels, height, width]` → `[batch, channels]`.
///
/// Lin, Chen and Yan, "Network In Network" (2013).
///
/// ```yaml
/// - global_avg_pool
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct GlobalAvgPool {}

impl Layer for GlobalAvgPool {
    fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
        let [channels, ..] = image("global_avg_pool", input)?;
        Ok(Shape::Flat(channels))
    }

    fn lower(&self, input: Shape, lowering: &mut Lowering) {
        let [channels, height, width] = input.sides();
        let kernel = [height, width];
        let pool = Pool { kernel, stride: kernel, dilation: [1, 1], before: [0, 0], mean: Some(Mean::Pixels) };
        lowering.push(Kind::Pool(pool), input, Shape::Flat(channels));
    }
}

#[cfg(feature = "train")]
mod built {
    use burn::module::Module;

    use super::*;
    use crate::layer::{Forward, Value, builds};

    builds!(GlobalAvgPool => GlobalAvgPoolModule, |_| GlobalAvgPoolModule);

    #[derive(Module, Debug)]
    pub struct GlobalAvgPoolModule;

    impl Forward for GlobalAvgPoolModule {
        fn forward(&self, value: Value) -> Value {
            Value::Flat(value.image().flatten::<3>(2, 3).mean_dim(2).squeeze_dim(2))
        }
    }
}

#[cfg(all(test, feature = "flex", feature = "yaml"))]
crate::layer::testing::reference! {
    // torch.tensor([1., 2., 3., 6.]).reshape(1, 2, 1, 2).mean((2, 3))  # [1.5, 4.5]
    "global_avg_pool", [2, 1, 2]; [1.0, 2.0, 3.0, 6.0] => [1.5, 4.5];
}
