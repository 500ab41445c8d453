//! The layers of the language, one file each: fields as written in YAML, shape rule, parameter count, construction.

mod activation;
mod batch_norm;
mod conv2d;
mod conv_transpose2d;
mod declared;
mod dropout;
mod flatten;
mod linear;
mod reshape;
mod window;

pub use activation::{LeakyRelu, Relu, Sigmoid, Tanh};
pub use batch_norm::BatchNorm;
pub use conv_transpose2d::ConvTranspose2d;
pub use conv2d::Conv2d;
pub use dropout::Dropout;
pub use flatten::Flatten;
pub use linear::Linear;
pub use reshape::Reshape;
pub use window::{Padding, Pair};

#[cfg(feature = "yaml")]
pub(crate) use declared::nearest;

use crate::nn;
use crate::plan::Shape;

/// Why a layer cannot take what reaches it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// What was found and what was expected.
    pub found: String,
    /// What to write instead, where that is clear.
    pub fix: Option<String>,
}

impl Misfit {
    fn new(found: impl Into<String>) -> Self {
        Self { found: found.into(), fix: None }
    }

    fn with_fix(found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { found: found.into(), fix: Some(fix.into()) }
    }
}

/// What every layer says of itself.
trait Layer {
    /// Shape of a sample behind the layer, given the shape before it.
    fn output(&self, input: Shape) -> Result<Shape, Misfit>;

    /// Number of trainable values, given the shape before the layer; saturates rather than overflows.
    fn parameters(&self, _input: Shape) -> u64 {
        0
    }

    /// The network's layer. Only called with an input that [`Layer::output`] accepts.
    fn build(&self, input: Shape, start: &mut nn::Start<'_>) -> nn::Layer;
}

/// Declares every layer once: its name in YAML and its type.
macro_rules! layers {
    ($($name:literal => $layer:ident),* $(,)?) => {
        /// One layer as declared.
        #[derive(Debug, Clone, PartialEq)]
        pub enum LayerSpec {
            $(#[doc = concat!("`", $name, "`")] $layer($layer),)*
        }

        impl LayerSpec {
            /// The names of all layers, as written in YAML.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// The layer's name in YAML.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$layer(_) => $name,)* }
            }

            fn layer(&self) -> &dyn Layer {
                match self { $(Self::$layer(layer) => layer,)* }
            }
        }

        $(impl From<$layer> for LayerSpec {
            fn from(layer: $layer) -> Self { Self::$layer(layer) }
        })*

        impl serde::Serialize for LayerSpec {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self { $(Self::$layer(layer) => declared::one_key(serializer, $name, layer),)* }
            }
        }

        impl<'de> serde::Deserialize<'de> for LayerSpec {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(declared::LayerVisitor)
            }
        }

        impl declared::Named for LayerSpec {
            fn read<'de, D: serde::Deserializer<'de>>(name: &str, fields: D) -> Option<Result<Self, D::Error>> {
                match name {
                    $($name => Some(serde::Deserialize::deserialize(fields).map(Self::$layer)),)*
                    _ => None,
                }
            }
        }
    };
}

layers! {
    "linear" => Linear,
    "conv2d" => Conv2d,
    "conv_transpose2d" => ConvTranspose2d,
    "batch_norm" => BatchNorm,
    "dropout" => Dropout,
    "flatten" => Flatten,
    "reshape" => Reshape,
    "relu" => Relu,
    "leaky_relu" => LeakyRelu,
    "sigmoid" => Sigmoid,
    "tanh" => Tanh,
}

impl LayerSpec {
    /// Shape of one sample behind the layer.
    ///
    /// # Errors
    /// The layer cannot take samples of shape `input`, or one of its own fields makes no sense.
    pub fn output(&self, input: Shape) -> Result<Shape, Misfit> {
        self.layer().output(input)
    }

    /// Number of trainable values.
    pub fn parameters(&self, input: Shape) -> u64 {
        self.layer().parameters(input)
    }

    /// The network's layer, for an input that [`LayerSpec::output`] accepts.
    pub(crate) fn build(&self, input: Shape, start: &mut nn::Start<'_>) -> nn::Layer {
        self.layer().build(input, start)
    }
}

/// The product of several sizes as a count of parameters.
fn count(sizes: &[usize]) -> u64 {
    sizes.iter().fold(1, |product: u64, size| product.saturating_mul(*size as u64))
}

/// The sides of an image, or why a layer that needs one cannot be here.
fn image(input: Shape) -> Result<[usize; 3], Misfit> {
    match input {
        Shape::Image(sides) => Ok(sides),
        Shape::Flat(values) => Err(Misfit::with_fix(
            format!("needs an image [channels, height, width], found {values} values in a row"),
            "put `reshape: [channels, height, width]` before it",
        )),
    }
}
