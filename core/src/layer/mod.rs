//! The layers of the language, one file each and one line in the list below; the doc comment is a
//! layer's page in the reference.

mod declared;
mod distribution;
mod init;
#[cfg(feature = "train")]
mod initializer;
#[cfg(feature = "train")]
mod spectral;
mod stack;
#[cfg(all(test, feature = "flex", feature = "yaml"))]
mod testing;
#[cfg(feature = "train")]
mod value;
mod window;

#[cfg(feature = "train")]
use burn::module::Module;

pub(crate) use declared::one_key;
pub use distribution::Distribution;
pub use init::Init;
#[cfg(feature = "train")]
pub use initializer::Initializer;
#[cfg(feature = "train")]
pub use spectral::Spectral;
pub(crate) use stack::lower;
#[cfg(feature = "train")]
pub(crate) use stack::{build, pass};
#[cfg(feature = "train")]
pub use value::{Forward, Value, detach};
#[cfg(feature = "train")]
pub(crate) use value::{activation, any_rank, builds};
pub use window::{Padding, Pair};

#[cfg(feature = "train")]
use crate::activation::Activation;
use crate::program::Lowering;
use crate::shape::Shape;

/// Declares every layer once: its name in YAML, its file and its type.
macro_rules! layers {
    ($($name:literal => $file:ident::$layer:ident),* $(,)?) => {
        $(mod $file; pub use $file::$layer;)*

        /// One layer as declared.
        #[derive(Debug, Clone, PartialEq)]
        pub enum LayerSpec {
            $(#[doc = concat!("`", $name, "`")] $layer($layer),)*
        }

        /// One layer as built.
        #[cfg(feature = "train")]
        #[derive(Module, Debug)]
        #[allow(clippy::large_enum_variant)]
        pub enum LayerModule {
            $(#[doc = concat!("`", $name, "`")] $layer(<$layer as Build>::Module),)*
        }

        #[cfg(feature = "train")]
        impl LayerModule {
            pub(crate) fn forward(&self, value: Value) -> Value {
                match self { $(Self::$layer(layer) => Forward::forward(layer, value),)* }
            }

            pub(crate) fn fused(&self, value: &Value, activation: Activation) -> Option<Value> {
                match self { $(Self::$layer(layer) => Forward::fused(layer, value, activation),)* }
            }

            pub(crate) fn activation(&self) -> Option<Activation> {
                match self { $(Self::$layer(layer) => Forward::activation(layer),)* }
            }
        }

        impl LayerSpec {
            /// The names of all layers, as written in YAML.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// The layer's name in YAML.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$layer(_) => $name,)* }
            }

            /// Whether the layer is an activation function.
            pub fn is_activation(&self) -> bool {
                match self { $(Self::$layer(_) => <$layer as Layer>::ACTIVATION,)* }
            }

            /// What is wrong with the layer's own fields, whatever its input.
            pub fn errors(&self) -> Vec<FieldError> {
                let mut errors = FieldErrors::default();
                match self { $(Self::$layer(layer) => layer.check(&mut errors),)* }
                errors.0
            }

            /// Shape of one output sample, for a layer without [`LayerSpec::errors`].
            ///
            /// # Errors
            /// The layer cannot take samples of shape `input`.
            pub fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
                match self { $(Self::$layer(layer) => layer.output(input),)* }
            }

            pub(crate) fn fixed_output(&self) -> Option<Shape> {
                match self { $(Self::$layer(layer) => layer.fixed_output(),)* }
            }

            pub(crate) fn inside(&self) -> Option<Inside<'_>> {
                match self { $(Self::$layer(layer) => layer.inside(),)* }
            }

            pub(crate) fn parameters(&self, input: Shape) -> u64 {
                match self { $(Self::$layer(layer) => layer.parameters(input),)* }
            }

            pub(crate) fn macs(&self, input: Shape, output: Shape) -> u64 {
                match self { $(Self::$layer(layer) => layer.macs(input, output),)* }
            }

            pub(crate) fn lower(&self, input: Shape, lowering: &mut Lowering) {
                match self { $(Self::$layer(layer) => layer.lower(input, lowering),)* }
            }

            #[cfg(feature = "train")]
            pub(crate) fn build(&self, input: Shape, initializer: &mut Initializer<'_>) -> LayerModule {
                match self { $(Self::$layer(layer) => LayerModule::$layer(layer.build(input, initializer)),)* }
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

        impl declared::Named for LayerSpec {
            fn read<'de, D: serde::Deserializer<'de>>(name: &str, fields: D) -> Result<Self, D::Error> {
                match name {
                    $($name => <$layer as serde::Deserialize>::deserialize(fields).map(Self::$layer),)*
                    other => Err(serde::de::Error::unknown_variant(other, Self::NAMES)),
                }
            }
        }

        #[cfg(feature = "yaml")]
        impl LayerSpec {
            /// The field that a bare value stands for in the struct `name` of a layer's fields.
            pub(crate) fn short(name: &str) -> Option<&'static str> {
                match name { $(stringify!($layer) => <$layer as Layer>::SHORT,)* _ => None }
            }

            /// The JSON Schema of each layer's fields.
            fn schemas(generator: &mut schemars::SchemaGenerator) -> Vec<declared::LayerSchema> {
                vec![$(declared::LayerSchema {
                    name: $name,
                    short: <$layer as Layer>::SHORT,
                    fields: generator.subschema_for::<$layer>(),
                    full: <$layer as schemars::JsonSchema>::json_schema(generator),
                }),*]
            }
        }
    };
}

layers! {
    "linear" => linear::Linear,
    "conv2d" => conv2d::Conv2d,
    "conv_transpose2d" => conv_transpose2d::ConvTranspose2d,
    "embedding" => embedding::Embedding,
    "batch_norm" => batch_norm::BatchNorm,
    "layer_norm" => layer_norm::LayerNorm,
    "group_norm" => group_norm::GroupNorm,
    "instance_norm" => instance_norm::InstanceNorm,
    "dropout" => dropout::Dropout,
    "gaussian_noise" => gaussian_noise::GaussianNoise,
    "minibatch_stddev" => minibatch_stddev::MinibatchStddev,
    "max_pool2d" => max_pool2d::MaxPool2d,
    "avg_pool2d" => avg_pool2d::AvgPool2d,
    "global_avg_pool" => global_avg_pool::GlobalAvgPool,
    "upsample" => upsample::Upsample,
    "pixel_shuffle" => pixel_shuffle::PixelShuffle,
    "flatten" => flatten::Flatten,
    "reshape" => reshape::Reshape,
    "relu" => relu::Relu,
    "leaky_relu" => leaky_relu::LeakyRelu,
    "prelu" => prelu::Prelu,
    "elu" => elu::Elu,
    "selu" => selu::Selu,
    "gelu" => gelu::Gelu,
    "silu" => silu::Silu,
    "softplus" => softplus::Softplus,
    "tanh" => tanh::Tanh,
    "sigmoid" => sigmoid::Sigmoid,
    "softmax" => softmax::Softmax,
    "residual" => residual::Residual,
    "repeat" => repeat::Repeat,
}

/// What every layer defines, with or without Burn.
pub trait Layer {
    /// The field that a bare value stands for: `linear: 128` is short for `linear: { units: 128 }`.
    const SHORT: Option<&'static str> = None;
    /// Whether it is an activation function.
    const ACTIVATION: bool = false;

    /// Notes what is wrong with the layer's own fields, whatever its input.
    fn check(&self, _errors: &mut FieldErrors) {}

    /// Shape of one output sample. Only called if [`Layer::check`] found no error.
    ///
    /// # Errors
    /// The layer cannot take such samples.
    fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
        Ok(input)
    }

    /// Shape of one output sample where it does not depend on the input.
    fn fixed_output(&self) -> Option<Shape> {
        None
    }

    /// The layers inside it, if any.
    fn inside(&self) -> Option<Inside<'_>> {
        None
    }

    /// Number of trainable values without those of layers inside; saturates on overflow.
    fn parameters(&self, _input: Shape) -> u64 {
        0
    }

    /// Multiply-accumulate operations per sample without those of layers inside.
    fn macs(&self, _input: Shape, _output: Shape) -> u64 {
        0
    }

    /// Adds the layer's operations to a program, for an input that [`Layer::output`] accepts.
    fn lower(&self, input: Shape, lowering: &mut Lowering);
}

/// A layer as a Burn module.
#[cfg(feature = "train")]
pub trait Build: Layer {
    /// The module.
    type Module: Forward;

    /// Builds the module for an input that [`Layer::output`] accepts.
    fn build(&self, input: Shape, initializer: &mut Initializer<'_>) -> Self::Module;
}

/// Why a layer cannot take its input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeError {
    /// What was found and what was expected.
    pub found: String,
    /// What to write instead, if that is clear.
    pub fix: Option<String>,
    /// How many values in a row would have fit.
    pub wants: Option<usize>,
}

impl ShapeError {
    fn new(found: impl Into<String>) -> Self {
        Self { found: found.into(), fix: None, wants: None }
    }

    fn fix(self, fix: impl Into<String>) -> Self {
        Self { fix: Some(fix.into()), ..self }
    }

    fn wants(self, values: usize) -> Self {
        Self { wants: Some(values), ..self }
    }
}

/// A wrong field of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field's name in YAML; empty for the whole layer.
    pub field: &'static str,
    /// What was found and what was expected.
    pub found: String,
}

/// The wrong fields of a layer.
#[derive(Debug, Default)]
pub struct FieldErrors(pub Vec<FieldError>);

impl FieldErrors {
    fn require(&mut self, holds: bool, field: &'static str, found: impl FnOnce() -> String) {
        if !holds {
            self.0.push(FieldError { field, found: found() });
        }
    }

    fn finite(&mut self, value: f64, field: &'static str) {
        self.require((value as f32).is_finite(), field, || format!("{field} must be finite, found {value}"));
    }

    fn positive(&mut self, value: f64, field: &'static str) {
        let single = value as f32;
        self.require(single > 0.0 && single.is_finite(), field, || {
            format!("{field} must be above 0 and finite, found {value}")
        });
    }
}

/// The layers inside another one.
#[derive(Debug, Clone, Copy)]
pub struct Inside<'a> {
    /// The layers.
    pub layers: &'a [LayerSpec],
    /// How often they are repeated.
    pub times: usize,
    /// The field that holds them; `None` if they are the layer's value itself.
    pub key: Option<&'static str>,
}

/// The shapes of a layer's weight and, where it has one, of its bias.
#[derive(Clone, Copy)]
struct Shapes<const D: usize> {
    weight: [usize; D],
    bias: Option<[usize; 1]>,
}

impl<const D: usize> Shapes<D> {
    fn new(weight: [usize; D], bias: bool, outputs: usize) -> Self {
        Self { weight, bias: bias.then_some([outputs]) }
    }

    fn count(&self) -> u64 {
        count(&self.weight).saturating_add(self.bias.map_or(0, |bias| count(&bias)))
    }
}

/// The product of sizes; saturates instead of overflowing.
fn count(sizes: &[usize]) -> u64 {
    sizes.iter().fold(1, |product: u64, size| product.saturating_mul(*size as u64))
}

/// "1 channel" or "32 channels".
fn channels_of(count: usize) -> String {
    format!("{count} channel{}", if count == 1 { "" } else { "s" })
}

/// The sides of an image, or why `layer` needs one.
fn image(layer: &str, input: Shape) -> Result<[usize; 3], ShapeError> {
    match input {
        Shape::Image(sides) => Ok(sides),
        Shape::Flat(values) => {
            Err(ShapeError::new(format!("`{layer}` needs an image, but {values} values in a row reach it"))
                .fix("put `reshape: [channels, height, width]` before it"))
        }
    }
}
