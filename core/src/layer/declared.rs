//! How a layer is written: a bare word (`relu`), a map with one key (`conv2d: { … }`), or a short form (`linear: 128`).

use std::fmt;

use serde::de::value::MapDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::LayerSpec;

/// A choice between things that have a name each.
pub(super) trait Named: Sized {
    /// Reads the thing called `name`; `None` if there is no such thing.
    fn read<'de, D: Deserializer<'de>>(name: &str, fields: D) -> Option<Result<Self, D::Error>>;
}

/// Writes `{ name: fields }`.
pub(super) fn one_key<S: Serializer>(serializer: S, name: &str, fields: &impl Serialize) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(name, fields)?;
    map.end()
}

/// Reads a layer.
pub(super) struct LayerVisitor;

impl<'de> Visitor<'de> for LayerVisitor {
    type Value = LayerSpec;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a layer: a bare word such as `relu`, or one key with its fields such as `linear: 128`")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<LayerSpec, E> {
        let no_fields = MapDeserializer::new(std::iter::empty::<(&str, &str)>());
        LayerSpec::read(name, no_fields).unwrap_or_else(|| Err(unknown(name)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<LayerSpec, A::Error> {
        let Some(name) = map.next_key::<String>()? else {
            return Err(Error::invalid_length(0, &self));
        };
        let layer = map.next_value_seed(Fields { name: &name })?;
        if let Some(second) = map.next_key::<String>()? {
            return Err(Error::custom(format!(
                "one layer an entry: found `{second}` beside `{name}`; begin it with a dash of its own"
            )));
        }
        Ok(layer)
    }
}

/// Reads the fields of the layer called `name`.
struct Fields<'a> {
    name: &'a str,
}

impl<'de> DeserializeSeed<'de> for Fields<'_> {
    type Value = LayerSpec;

    fn deserialize<D: Deserializer<'de>>(self, fields: D) -> Result<LayerSpec, D::Error> {
        LayerSpec::read(self.name, fields).unwrap_or_else(|| Err(unknown(self.name)))
    }
}

fn unknown<E: Error>(name: &str) -> E {
    E::custom(unknown_name("layer", name, LayerSpec::NAMES))
}

/// "unknown layer `con2d`, did you mean `conv2d`?"
pub(crate) fn unknown_name(what: &str, name: &str, names: &[&str]) -> String {
    match nearest(name, names) {
        Some(near) => format!("unknown {what} `{name}`; did you mean `{near}`?"),
        None => format!("unknown {what} `{name}`; there are {}", names.join(", ")),
    }
}

/// The name that a typing error most likely meant: the one with the fewest edits, if that is at most a third of it.
pub(crate) fn nearest<'a>(word: &str, names: &[&'a str]) -> Option<&'a str> {
    names
        .iter()
        .map(|name| (edits(word, name), *name))
        .min()
        .filter(|(edits, name)| *edits <= name.len().max(3) / 3)
        .map(|(_, name)| name)
}

/// Levenshtein's distance between two words.
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.chars().enumerate() {
            let substituted = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

/// Lets a layer be written short, as the one number that `new` takes: `linear: 128` for `linear: { units: 128 }`.
///
/// The layer derives serde's traits with `#[serde(remote = "Self")]`, which gives it the full form as plain functions.
macro_rules! short_form {
    ($layer:ident, $number:ident, $expecting:literal) => {
        impl serde::Serialize for $layer {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $layer::serialize(self, serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $layer {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Short;
                impl<'de> serde::de::Visitor<'de> for Short {
                    type Value = $layer;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($expecting)
                    }
                    fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<$layer, A::Error> {
                        $layer::deserialize(serde::de::value::MapAccessDeserializer::new(map))
                    }
                    $crate::layer::declared::short_form!(@$number $layer);
                }
                deserializer.deserialize_any(Short)
            }
        }
    };
    (@usize $layer:ident) => {
        fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<$layer, E> {
            Ok($layer::new(usize::try_from(number).unwrap_or(usize::MAX)))
        }
    };
    (@f64 $layer:ident) => {
        fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<$layer, E> {
            Ok($layer::new(number))
        }
        fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<$layer, E> {
            Ok($layer::new(number as f64))
        }
    };
}
pub(crate) use short_form;
