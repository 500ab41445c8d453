use serde::{Deserialize, Serialize};

use super::{FieldErrors, Inside, Layer, LayerSpec, ShapeError, lower};
use crate::program::Lowering;
use crate::shape::Shape;

/// Repeats layers several times, each time with weights of their own.
///
/// ```yaml
/// - repeat:
///     times: 3
///     layers:
///       - conv2d: { filters: 32, kernel: 3, padding: same }
///       - relu
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// How often.
    pub times: usize,
    /// What is repeated.
    pub layers: Vec<LayerSpec>,
}

impl Repeat {
    fn all(&self) -> impl Iterator<Item = &LayerSpec> {
        (0..self.times).flat_map(|_| &self.layers)
    }
}

impl Layer for Repeat {
    fn check(&self, errors: &mut FieldErrors) {
        errors.require((1..=1000).contains(&self.times), "times", || {
            format!("times must lie between 1 and 1000, found {}", self.times)
        });
        errors.require(!self.layers.is_empty(), "layers", || "there is no layer to repeat".into());
    }

    fn inside(&self) -> Option<Inside<'_>> {
        Some(Inside { layers: &self.layers, times: self.times, key: Some("layers") })
    }

    fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
        self.all().try_fold(input, |shape, layer| layer.output(shape))
    }

    fn lower(&self, input: Shape, lowering: &mut Lowering) {
        lower(self.all(), input, lowering);
    }
}

#[cfg(feature = "train")]
mod built {
    use burn::module::Module;

    use super::*;
    use crate::layer::{Build, Forward, Initializer, LayerModule, Value, build, pass};

    impl Build for Repeat {
        type Module = RepeatModule;

        fn build(&self, input: Shape, initializer: &mut Initializer<'_>) -> RepeatModule {
            RepeatModule { layers: build(self.all(), input, initializer) }
        }
    }

    #[derive(Module, Debug)]
    pub struct RepeatModule {
        layers: Vec<LayerModule>,
    }

    impl Forward for RepeatModule {
        fn forward(&self, value: Value) -> Value {
            pass(&self.layers, value)
        }
    }
}
