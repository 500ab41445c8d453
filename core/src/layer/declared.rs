//! Reading and writing layers: `conv2d: { … }`, in YAML also `relu` and `linear: 128`.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{LayerSpec, Pair};

// Defaults of fields.

pub(super) fn yes() -> bool {
    true
}

pub(super) fn one() -> usize {
    1
}

pub(super) fn ones() -> Pair {
    1.into()
}

pub(super) fn zeros() -> Pair {
    0.into()
}

pub(super) fn epsilon() -> f64 {
    1e-5
}

/// A choice between named things.
pub(super) trait Named: Sized {
    /// Reads the fields of the one called `name`.
    fn read<'de, D: Deserializer<'de>>(name: &str, fields: D) -> Result<Self, D::Error>;
}

/// Writes `{ name: fields }`.
pub(crate) fn one_key<S: Serializer>(serializer: S, name: &str, fields: &impl Serialize) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(name, fields)?;
    map.end()
}

/// Only the full form, in every build; the YAML reader expands the other forms first.
impl<'de> Deserialize<'de> for LayerSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(LayerVisitor)
    }
}

struct LayerVisitor;

impl<'de> Visitor<'de> for LayerVisitor {
    type Value = LayerSpec;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a layer: a bare word such as `relu`, or one key with its fields such as `linear: 128`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<LayerSpec, A::Error> {
        let Some(name) = map.next_key::<String>()? else {
            return Err(Error::custom("a layer has a name, found an empty map"));
        };
        if !LayerSpec::NAMES.contains(&name.as_str()) {
            return Err(Error::unknown_variant(&name, LayerSpec::NAMES));
        }
        let layer = map.next_value_seed(LayerFields { name: &name })?;
        if let Some(second) = map.next_key::<String>()? {
            return Err(Error::custom(format!(
                "one layer an entry: found `{second}` beside `{name}`; begin it with a dash of its own"
            )));
        }
        Ok(layer)
    }
}

/// Reads the fields of the layer called `name`.
struct LayerFields<'a> {
    name: &'a str,
}

impl<'de> DeserializeSeed<'de> for LayerFields<'_> {
    type Value = LayerSpec;

    fn deserialize<D: Deserializer<'de>>(self, fields: D) -> Result<LayerSpec, D::Error> {
        LayerSpec::read(self.name, fields)
    }
}

#[cfg(feature = "yaml")]
pub(super) struct LayerSchema {
    pub name: &'static str,
    pub short: Option<&'static str>,
    /// A reference to the schema of the fields.
    pub fields: schemars::Schema,
    /// The schema of the fields itself.
    pub full: schemars::Schema,
}

#[cfg(feature = "yaml")]
impl schemars::JsonSchema for LayerSpec {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Layer".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        use serde_json::{Value, json};
        let layers = Self::schemas(generator);
        let bare = |layer: &&LayerSchema| {
            let required = layer.full.get("required").and_then(Value::as_array);
            layer.full.get("type") == Some(&json!("object")) && required.is_none_or(Vec::is_empty)
        };
        let words: Vec<&str> = layers.iter().filter(bare).map(|layer| layer.name).collect();
        let mut forms = vec![json!({ "enum": words, "description": "A layer whose fields all have defaults." })];
        forms.extend(layers.iter().map(|layer| {
            let mut fields = layer.fields.clone().to_value();
            let properties = layer.full.get("properties").and_then(Value::as_object);
            if let Some(field) = layer.short.and_then(|short| properties?.get(short)) {
                fields = json!({ "anyOf": [field, fields] });
            }
            let description = layer.full.get("description").cloned().unwrap_or_default();
            json!({
                "type": "object",
                "description": description,
                "properties": { layer.name: fields },
                "required": [layer.name],
                "additionalProperties": false
            })
        }));
        schemars::json_schema!({ "description": "One layer of a network.", "anyOf": forms })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::{Embedding, Init, Linear, MinibatchStddev, Relu};

    /// The same in every build, with or without YAML.
    #[test]
    fn a_manifest_declares_layers_in_full() {
        let read = |text: &str| ron::from_str::<LayerSpec>(text);
        assert_eq!(read(r#"{"linear": (units: 128)}"#), Ok(Linear::new(128).into()));
        assert_eq!(read(r#"{"relu": ()}"#), Ok(Relu {}.into()));
        let embedding = Embedding { count: 3, size: 2, init: Init::Normal(1.0) };
        assert_eq!(read(r#"{"embedding": (count: 3, size: 2)}"#), Ok(embedding.into()));
        assert_eq!(read(r#"{"minibatch_stddev": (group: 4)}"#), Ok(MinibatchStddev { group: 4 }.into()));
        for refused in
            [r#"{"linear": 128}"#, r#"{"upsample": [2, 2]}"#, r#""relu""#, "relu", r#"{"dense": (units: 1)}"#]
        {
            assert!(read(refused).is_err(), "{refused}");
        }
    }

    #[cfg(feature = "yaml")]
    #[test]
    fn yaml_expands_bare_words_and_short_forms() {
        let read = |text: &str| crate::yaml::part::<LayerSpec>(text).unwrap();
        assert_eq!(read("linear: 128"), Linear::new(128).into());
        assert_eq!(read("relu"), Relu {}.into());
        assert_eq!(read("minibatch_stddev"), read("minibatch_stddev: 4"));
        assert_eq!(read("upsample: [2, 3]"), read("upsample: { scale: [2, 3], mode: nearest }"));
        assert!(crate::yaml::part::<LayerSpec>("linear").is_err());
        assert!(crate::yaml::part::<LayerSpec>("linear:").is_err());
    }
}
