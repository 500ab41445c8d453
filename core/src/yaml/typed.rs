//! Typed values from the tree of a file, with errors that know their path.

use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, Expected, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::node::Node;
use crate::diagnostic::{KeyPath, PathStep};
use crate::layer::LayerSpec;

/// Why a tree does not have a type, and where.
#[derive(Debug, Clone)]
pub(super) struct FieldError {
    /// The path to the value, last step first.
    reversed: KeyPath,
    pub kind: Kind,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    UnknownKey { key: String, known: &'static [&'static str] },
    UnknownWord { word: String, known: &'static [&'static str] },
    MissingKey { key: &'static str },
    Wrong { found: String, expected: String },
    Other(String),
}

impl FieldError {
    fn new(kind: Kind) -> Self {
        Self { reversed: Vec::new(), kind }
    }

    /// The path from the top.
    pub(super) fn path(&self) -> KeyPath {
        self.reversed.iter().rev().cloned().collect()
    }

    fn below(mut self, step: PathStep) -> Self {
        self.reversed.push(step);
        self
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.kind)
    }
}

impl std::error::Error for FieldError {}

impl Error for FieldError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Kind::Other(message.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Kind::Wrong { found: describe(found), expected: plain(&expected.to_string()) })
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        let entries = if length == 1 { "entry" } else { "entries" };
        let expected = plain(&expected.to_string());
        Self::new(Kind::Wrong { found: format!("a list of {length} {entries}"), expected })
    }

    fn unknown_variant(word: &str, known: &'static [&'static str]) -> Self {
        Self::new(Kind::UnknownWord { word: word.to_owned(), known })
    }

    fn unknown_field(key: &str, known: &'static [&'static str]) -> Self {
        Self::new(Kind::UnknownKey { key: key.to_owned(), known })
    }

    fn missing_field(key: &'static str) -> Self {
        Self::new(Kind::MissingKey { key })
    }

    fn duplicate_field(key: &'static str) -> Self {
        Self::custom(format!("the key `{key}` is there twice"))
    }
}

fn describe(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => format!("`{value}`"),
        Unexpected::Unsigned(value) => format!("the number {value}"),
        Unexpected::Signed(value) => format!("the number {value}"),
        Unexpected::Float(value) => format!("the number {value}"),
        Unexpected::Str(value) => match value.char_indices().nth(40) {
            Some((end, _)) => format!("the text `{}…`", &value[..end]),
            None => format!("the text `{value}`"),
        },
        Unexpected::Unit | Unexpected::Option => "nothing".into(),
        Unexpected::Seq => "a list".into(),
        Unexpected::Map => "a map".into(),
        other => other.to_string(),
    }
}

/// What was expected, without names of Rust types.
fn plain(expected: &str) -> String {
    match expected {
        "usize" | "u64" | "u32" => "a whole number of at least 0".into(),
        "f64" | "f32" => "a number".into(),
        "a boolean" => "`true` or `false`".into(),
        "a string" => "a word".into(),
        "a sequence" => "a list of layers".into(),
        "an array of length 2" => "a list of two numbers".into(),
        "an array of length 3" => "a list of three whole numbers: [channels, height, width]".into(),
        other if other.starts_with("struct ") => "a map of keys and values".into(),
        other if other.contains("enum ") => "a word".into(),
        other => other.into(),
    }
}

impl<'de> IntoDeserializer<'de, FieldError> for &'de Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = FieldError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match self {
            Node::Null => visitor.visit_unit(),
            Node::Bool(value) => visitor.visit_bool(*value),
            Node::Integer(value) => match (u64::try_from(*value), i64::try_from(*value)) {
                (Ok(value), _) => visitor.visit_u64(value),
                (_, Ok(value)) => visitor.visit_i64(value),
                _ => visitor.visit_f64(*value as f64),
            },
            Node::Float(value) => visitor.visit_f64(*value),
            Node::Text(value) => visitor.visit_borrowed_str(value),
            Node::List(items) => visitor.visit_seq(Items { items: items.iter(), index: 0 }),
            Node::Map(entries) => visitor.visit_map(Entries { entries: entries.iter(), value: None }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match self {
            Node::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, FieldError> {
        visitor.visit_newtype_struct(self)
    }

    /// Expands short forms: `linear: 128` is read as `linear: { units: 128 }`.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        let expected = |field: &str| format!("the value of `{field}`, or a map of fields");
        match (self, short(name)) {
            (Node::Null, Some(field)) => Err(FieldError::invalid_type(Unexpected::Unit, &expected(field).as_str())),
            (Node::Bool(value), Some(field)) => {
                Err(FieldError::invalid_type(Unexpected::Bool(*value), &expected(field).as_str()))
            }
            (Node::Integer(_) | Node::Float(_) | Node::Text(_) | Node::List(_), Some(field)) => {
                visitor.visit_map(MapDeserializer::new(std::iter::once((field, self))))
            }
            // serde would read a list as the fields in their order.
            (Node::List(_), None) => Err(FieldError::invalid_type(Unexpected::Seq, &visitor)),
            _ => self.deserialize_any(visitor),
        }
    }

    /// Expands bare words: `relu` is read as `relu: {}`. Only layers are read as maps.
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match self {
            Node::Text(word) => visitor.visit_map(Bare(Some(word))),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        match self {
            Node::Text(word) => visitor.visit_enum(Word(word)),
            Node::Null => Err(FieldError::invalid_type(Unexpected::Unit, &"a word")),
            Node::Bool(value) => Err(FieldError::invalid_type(Unexpected::Bool(*value), &"a word")),
            Node::Integer(value) => Err(FieldError::new(wrong_word(value))),
            Node::Float(value) => Err(FieldError::new(wrong_word(value))),
            Node::List(_) => Err(FieldError::invalid_type(Unexpected::Seq, &"a word")),
            Node::Map(entries) => match entries.as_slice() {
                [(name, value)] => visitor.visit_enum(Entry { name, value }),
                _ => Err(FieldError::invalid_type(Unexpected::Map, &"a word, or a map with one key")),
            },
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct identifier ignored_any
    }
}

fn wrong_word(value: &dyn fmt::Display) -> Kind {
    Kind::Wrong { found: format!("the number {value}"), expected: "a word".into() }
}

/// The field that a value alone stands for, in the struct called `name`.
fn short(name: &str) -> Option<&'static str> {
    match name {
        "Kl" => Some("weight"),
        layer => LayerSpec::short(layer),
    }
}

struct Items<'de> {
    items: std::slice::Iter<'de, Node>,
    index: usize,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = FieldError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, FieldError> {
        let Some(item) = self.items.next() else { return Ok(None) };
        let index = self.index;
        self.index += 1;
        seed.deserialize(item).map(Some).map_err(|fault| fault.below(PathStep::Index(index)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Entries<'de> {
    entries: std::slice::Iter<'de, (String, Node)>,
    value: Option<(&'de str, &'de Node)>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = FieldError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, FieldError> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        self.value = Some((key, value));
        seed.deserialize(StrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, FieldError> {
        let (key, value) = self.value.take().ok_or_else(|| FieldError::custom("a value without a key"))?;
        seed.deserialize(value).map_err(|fault| fault.below(PathStep::key(key)))
    }
}

/// A bare word as a map of one key without fields.
struct Bare<'de>(Option<&'de str>);

impl<'de> MapAccess<'de> for Bare<'de> {
    type Error = FieldError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, FieldError> {
        self.0.take().map(|word| seed.deserialize(StrDeserializer::new(word))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, FieldError> {
        seed.deserialize(MapDeserializer::new(std::iter::empty::<(&str, &str)>()))
    }
}

/// A variant without content: `relu`.
struct Word<'de>(&'de str);

/// A variant with a value: `{ mixture: 10 }`.
struct Entry<'de> {
    name: &'de str,
    value: &'de Node,
}

impl<'de> EnumAccess<'de> for Entry<'de> {
    type Error = FieldError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), FieldError> {
        Ok((seed.deserialize(StrDeserializer::<FieldError>::new(self.name))?, self))
    }
}

impl<'de> VariantAccess<'de> for Entry<'de> {
    type Error = FieldError;

    fn unit_variant(self) -> Result<(), FieldError> {
        Err(FieldError::invalid_type(Unexpected::Map, &format!("the word `{}` alone", self.name).as_str()))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, FieldError> {
        seed.deserialize(self.value).map_err(|fault| fault.below(PathStep::key(self.name)))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, FieldError> {
        self.value.deserialize_any(visitor).map_err(|fault| fault.below(PathStep::key(self.name)))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, FieldError> {
        self.value.deserialize_any(visitor).map_err(|fault| fault.below(PathStep::key(self.name)))
    }
}

impl<'de> EnumAccess<'de> for Word<'de> {
    type Error = FieldError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), FieldError> {
        Ok((seed.deserialize(StrDeserializer::<FieldError>::new(self.0))?, self))
    }
}

impl<'de> VariantAccess<'de> for Word<'de> {
    type Error = FieldError;

    fn unit_variant(self) -> Result<(), FieldError> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, FieldError> {
        seed.deserialize(StrDeserializer::<FieldError>::new(self.0))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, FieldError> {
        SeqDeserializer::new(std::iter::empty::<&str>()).deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, FieldError> {
        MapDeserializer::new(std::iter::empty::<(&str, &str)>()).deserialize_any(visitor)
    }
}
