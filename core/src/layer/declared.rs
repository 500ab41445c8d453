//! How a layer is written: a bare word (`relu`), a map with one key (`conv2d: { … }`), or a short form (`linear: 128`).

use std::fmt;
#[cfg(feature = "yaml")]
use std::marker::PhantomData;

#[cfg(feature = "yaml")]
use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
#[cfg(feature = "yaml")]
use serde::de::{IntoDeserializer, SeqAccess};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{LayerSpec, Pair};

/// The default of a bias.
pub(super) fn yes() -> bool {
    true
}

/// The default of groups.
pub(super) fn one() -> usize {
    1
}

/// The default of strides and dilations.
pub(super) fn ones() -> Pair {
    1.into()
}

/// The default of an output padding.
pub(super) fn zeros() -> Pair {
    0.into()
}

/// The default of what is added to a variance.
pub(super) fn epsilon() -> f64 {
    1e-5
}

/// A choice between things that have a name each.
pub(super) trait Named: Sized {
    /// Reads the thing called `name`.
    fn read<'de, D: Deserializer<'de>>(name: &str, fields: D) -> Result<Self, D::Error>;
}

/// Writes `{ name: fields }`.
pub(crate) fn one_key<S: Serializer>(serializer: S, name: &str, fields: &impl Serialize) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(name, fields)?;
    map.end()
}

impl<'de> Deserialize<'de> for LayerSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LayerVisitor)
    }
}

struct LayerVisitor;

impl<'de> Visitor<'de> for LayerVisitor {
    type Value = LayerSpec;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a layer: a bare word such as `relu`, or one key with its fields such as `linear: 128`")
    }

    /// Bare words are for people, as short forms are.
    #[cfg(feature = "yaml")]
    fn visit_str<E: Error>(self, name: &str) -> Result<LayerSpec, E> {
        LayerSpec::read(name, MapDeserializer::new(std::iter::empty::<(&str, &str)>()))
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

/// Reads a layer's fields. Short forms are for people: what a program wrote has all fields, and the page does without the code.
#[cfg(not(feature = "yaml"))]
pub(crate) fn fields<'de, D, L>(fields: D, _short: Option<&'static str>) -> Result<L, D::Error>
where
    D: Deserializer<'de>,
    L: DeserializeOwned,
{
    L::deserialize(fields)
}

/// Reads a layer's fields; anything but a map stands for the field `short`, if there is one.
#[cfg(feature = "yaml")]
pub(crate) fn fields<'de, D, L>(fields: D, short: Option<&'static str>) -> Result<L, D::Error>
where
    D: Deserializer<'de>,
    L: DeserializeOwned,
{
    match short {
        Some(field) => fields.deserialize_any(Short { field, layer: PhantomData }),
        None => L::deserialize(fields),
    }
}

#[cfg(feature = "yaml")]
struct Short<L> {
    field: &'static str,
    layer: PhantomData<L>,
}

#[cfg(feature = "yaml")]
impl<L: DeserializeOwned> Short<L> {
    /// Reads `{ field: value }`.
    fn field<'de, E: Error>(self, value: impl IntoDeserializer<'de, E>) -> Result<L, E> {
        L::deserialize(MapDeserializer::new(std::iter::once((self.field, value))))
    }
}

/// A list on its way to a field.
#[cfg(feature = "yaml")]
struct List<A>(A);

#[cfg(feature = "yaml")]
impl<'de, A: SeqAccess<'de>> IntoDeserializer<'de, A::Error> for List<A> {
    type Deserializer = SeqAccessDeserializer<A>;

    fn into_deserializer(self) -> SeqAccessDeserializer<A> {
        SeqAccessDeserializer::new(self.0)
    }
}

#[cfg(feature = "yaml")]
impl<'de, L: DeserializeOwned> Visitor<'de> for Short<L> {
    type Value = L;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the value of `{}`, or a map of fields", self.field)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<L, E> {
        self.field(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<L, E> {
        self.field(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<L, E> {
        self.field(value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<L, E> {
        self.field(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<L, A::Error> {
        self.field(List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<L, A::Error> {
        L::deserialize(MapAccessDeserializer::new(map))
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
