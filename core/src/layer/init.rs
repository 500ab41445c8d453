use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[cfg(feature = "train")]
use super::Distribution;
use super::FieldErrors;
use super::declared::one_key;

/// The distribution of a layer's initial weights; biases start at 0.
///
/// `fan in` is the number of inputs to one output, `fan out` the number of outputs one input
/// reaches. The formulas are those of Keras' initializers of the same names.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Init {
    /// Uniform between ±√(6 / (fan in + fan out)). Glorot and Bengio, "Understanding the
    /// difficulty of training deep feedforward neural networks" (2010).
    #[default]
    Glorot,
    /// A truncated normal distribution of variance 2 / (fan in + fan out).
    GlorotNormal,
    /// Uniform between ±√(6 / fan in). He et al., "Delving Deep into Rectifiers" (2015).
    He,
    /// A truncated normal distribution of variance 2 / fan in.
    HeNormal,
    /// Uniform between ±√(3 / fan in). LeCun et al., "Efficient BackProp" (1998).
    Lecun,
    /// A truncated normal distribution of variance 1 / fan in.
    LecunNormal,
    /// All weights are 0.
    Zeros,
    /// A normal distribution with this standard deviation.
    Normal(f64),
    /// Uniform between minus and plus this limit.
    Uniform(f64),
}

/// The names without a number.
const WORDS: [(&str, Init); 7] = [
    ("glorot", Init::Glorot),
    ("glorot-normal", Init::GlorotNormal),
    ("he", Init::He),
    ("he-normal", Init::HeNormal),
    ("lecun", Init::Lecun),
    ("lecun-normal", Init::LecunNormal),
    ("zeros", Init::Zeros),
];
type WithNumber = fn(f64) -> Init;
/// The names with a number.
const WITH_NUMBER: [(&str, WithNumber); 2] = [("normal", Init::Normal), ("uniform", Init::Uniform)];
const NAMES: &[&str] =
    &["glorot", "glorot-normal", "he", "he-normal", "lecun", "lecun-normal", "zeros", "normal", "uniform"];

/// Standard deviation of N(0, 1) truncated at two standard deviations.
#[cfg(feature = "train")]
const TRUNCATED: f64 = 0.879_625_661_034_239_8;

impl Init {
    /// The distribution for these numbers of inputs and outputs.
    #[cfg(feature = "train")]
    pub(super) fn of(self, fan_in: usize, fan_out: usize) -> Distribution {
        let (fan_in, fan_sum) = (fan_in.max(1) as f32, (fan_in + fan_out).max(1) as f32);
        let normal = |variance: f32| Distribution::TruncatedNormal(libm::sqrtf(variance) / TRUNCATED as f32);
        match self {
            Self::Glorot => Distribution::Uniform(libm::sqrtf(6.0 / fan_sum)),
            Self::GlorotNormal => normal(2.0 / fan_sum),
            Self::He => Distribution::Uniform(libm::sqrtf(6.0 / fan_in)),
            Self::HeNormal => normal(2.0 / fan_in),
            Self::Lecun => Distribution::Uniform(libm::sqrtf(3.0 / fan_in)),
            Self::LecunNormal => normal(1.0 / fan_in),
            Self::Zeros => Distribution::Constant(0.0),
            Self::Normal(std) => Distribution::Normal(std as f32),
            Self::Uniform(limit) => Distribution::Uniform(limit as f32),
        }
    }

    /// Refuses zero weights with spectral normalization.
    pub(super) fn check_spectral(self, spectral_norm: bool, errors: &mut FieldErrors) {
        let zero = matches!(self, Self::Zeros | Self::Normal(0.0) | Self::Uniform(0.0));
        errors.require(!(zero && spectral_norm), "init", || {
            "weights of 0 have no singular value for `spectral_norm` to divide by".into()
        });
    }

    pub(super) fn check(self, errors: &mut FieldErrors) {
        if let Self::Normal(width) | Self::Uniform(width) = self {
            errors.require((0.0..=1e3).contains(&width), "init", || {
                format!("the width of `init` must lie between 0 and 1000, found {width}")
            });
        }
    }
}

impl Serialize for Init {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Normal(std) => one_key(serializer, "normal", std),
            Self::Uniform(limit) => one_key(serializer, "uniform", limit),
            word => {
                let name = WORDS.iter().find(|(_, init)| init == word).map(|(name, _)| name);
                serializer.serialize_str(name.unwrap_or(&"glorot"))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Init {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InitVisitor;
        impl<'de> Visitor<'de> for InitVisitor {
            type Value = Init;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a word such as `he`, or `{ normal: 0.02 }` or `{ uniform: 0.05 }`")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Init, E> {
                if WITH_NUMBER.iter().any(|(known, _)| *known == name) {
                    return Err(E::custom(format!("`{name}` needs a number: `init: {{ {name}: 0.02 }}`")));
                }
                let found = WORDS.iter().find(|(known, _)| *known == name).map(|(_, init)| *init);
                found.ok_or_else(|| E::unknown_variant(name, NAMES))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Init, A::Error> {
                let name: String = map.next_key()?.ok_or_else(|| A::Error::invalid_length(0, &self))?;
                let make = WITH_NUMBER.iter().find(|(known, _)| *known == name).map(|(_, make)| make);
                let make = make.ok_or_else(|| A::Error::unknown_field(&name, &["normal", "uniform"]))?;
                let init = make(map.next_value()?);
                match map.next_key::<String>()? {
                    None => Ok(init),
                    Some(more) => Err(A::Error::custom(format!("one distribution, found `{more}` beside `{name}`"))),
                }
            }
        }
        deserializer.deserialize_any(InitVisitor)
    }
}

#[cfg(feature = "yaml")]
impl schemars::JsonSchema for Init {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Init".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let words: Vec<&str> = WORDS.iter().map(|(name, _)| *name).collect();
        let width = serde_json::json!({ "type": "number", "minimum": 0, "maximum": 1000 });
        let with_number = WITH_NUMBER.map(|(name, _)| {
            serde_json::json!({
                "type": "object", "properties": { name: width }, "required": [name], "additionalProperties": false
            })
        });
        schemars::json_schema!({
            "description": "What the weights are drawn from: a name, `{ normal: std }` or `{ uniform: limit }`.",
            "anyOf": [{ "enum": words }, with_number[0], with_number[1]]
        })
    }
}

#[cfg(all(test, feature = "train"))]
mod tests {
    use super::*;

    /// `keras.initializers` on a kernel of shape (300, 100).
    #[test]
    fn widths_are_those_of_keras() {
        assert_eq!(Init::Glorot.of(300, 100), Distribution::Uniform(libm::sqrtf(6.0 / 400.0)));
        assert_eq!(Init::Lecun.of(300, 100), Distribution::Uniform(0.1));
        let Distribution::TruncatedNormal(std) = Init::HeNormal.of(300, 100) else { panic!("another distribution") };
        assert!((std - 0.092_824).abs() < 1e-5, "{std}");
    }
}
