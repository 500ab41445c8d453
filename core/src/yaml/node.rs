//! A YAML file as a tree.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, Visitor};

use crate::diagnostic::PathStep;

/// How many values a file may have, aliases expanded.
const MAX_VALUES: usize = 100_000;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    /// # Errors
    /// The text is not YAML, repeats a key, uses tags, or is too deep or too large.
    pub(super) fn parse(text: &str, depth: usize) -> Result<Self, serde_yaml::Error> {
        let budget = Cell::new(MAX_VALUES);
        Read { most: depth, depth: 0, budget: &budget }.deserialize(serde_yaml::Deserializer::from_str(text))
    }

    /// The value at `path`.
    pub(super) fn get_mut(&mut self, path: &[PathStep]) -> Option<&mut Self> {
        path.iter().try_fold(self, |node, step| match (node, step) {
            (Self::List(items), PathStep::Index(index)) => items.get_mut(*index),
            (Self::Map(entries), PathStep::Key(key)) => {
                entries.iter_mut().find(|(name, _)| name == key).map(|(_, value)| value)
            }
            _ => None,
        })
    }
}

#[derive(Clone, Copy)]
struct Read<'a> {
    /// How deep lists and maps may be nested.
    most: usize,
    depth: usize,
    budget: &'a Cell<usize>,
}

impl Read<'_> {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        match self.depth < self.most {
            true => Ok(Self { depth: self.depth + 1, ..self }),
            false => Err(refuse(format!(
                "lists and maps lie more than {} deep within one another, or an alias within what it stands for",
                self.most
            ))),
        }
    }

    fn spend<E: Error>(self) -> Result<(), E> {
        match self.budget.get().checked_sub(1) {
            Some(left) => {
                self.budget.set(left);
                Ok(())
            }
            None => Err(refuse(format!("the aliases make this more than {MAX_VALUES} values"))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Read<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        self.spend()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Read<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Integer(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Integer(value.into()))
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<Node, E> {
        Ok(Node::Integer(value))
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<Node, E> {
        Ok(i128::try_from(value).map_or(Node::Float(value as f64), Node::Integer))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Float(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let inner = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let inner = self.deeper()?;
        let mut entries: Vec<(String, Node)> = Vec::new();
        while let Some(key) = map.next_key_seed(Key { before: &entries })? {
            entries.push((key, map.next_value_seed(inner)?));
        }
        Ok(Node::Map(entries))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<Node, A::Error> {
        let (tag, _): (String, _) = tagged.variant()?;
        let tag = tag.trim_start_matches('!');
        Err(refuse(format!("found the tag `!{tag}`, but tags mean nothing here; write `{tag}: …` with a colon")))
    }
}

/// Reads a key that differs from those before.
struct Key<'a> {
    before: &'a [(String, Node)],
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<String, E> {
        match self.before.iter().any(|(name, _)| name == key) {
            true => Err(refuse(format!("the key `{key}` is there twice"))),
            false => Ok(key.to_owned()),
        }
    }
}

/// Marks our own messages, as the parser puts the path to the value before them.
pub(super) const OURS: &str = "\u{1}";

fn refuse<E: Error>(message: String) -> E {
    E::custom(format!("{OURS}{message}"))
}
