//! Values given outside of the file in place of its own.

use super::node::Node;
use crate::diagnostic::{KeyPath, PathStep};
use crate::limits::Limits;

/// A value in place of the file's: `train.epochs=5`.
#[derive(Debug, Clone)]
pub struct Override {
    pub(super) text: String,
    pub(super) path: KeyPath,
    value: Node,
}

/// Why text is not an override.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OverrideError {
    /// It has no `=`.
    #[error("found `{0}`, expected path=value such as train.epochs=5")]
    NoValue(String),
    /// A key of its path is empty.
    #[error("found the path `{0}`, expected keys separated by dots such as train.epochs")]
    Path(String),
    /// Its value cannot be parsed.
    #[error("the value `{value}` is not YAML: {error}")]
    Value {
        /// The value.
        value: String,
        /// The message of the parser.
        error: String,
    },
}

/// Why a file has no place for an override.
#[derive(Debug, thiserror::Error)]
pub(super) enum PlaceError {
    #[error("there is no map with a key `{0}`")]
    Map(String),
    #[error("there is no entry {index} in a list of {count}, counted from 0")]
    Entry { index: usize, count: usize },
    #[error("there is no list with an entry {0}")]
    List(usize),
}

impl Override {
    /// Parses `path.to.key=value` with YAML as value and indices into lists, from 0, as keys.
    ///
    /// # Errors
    /// There is no `=`, a key is empty, or the value is not YAML.
    pub fn parse(text: &str) -> Result<Self, OverrideError> {
        let (path, value) = text.split_once('=').ok_or_else(|| OverrideError::NoValue(text.to_owned()))?;
        if path.split('.').any(str::is_empty) {
            return Err(OverrideError::Path(path.to_owned()));
        }
        let step = |part: &str| part.parse().map_or_else(|_| PathStep::key(part), PathStep::Index);
        let parsed = Node::parse(value, Limits::DEFAULT.depth);
        let failed = |error: serde_yaml::Error| OverrideError::Value { value: value.into(), error: error.to_string() };
        let path = path.split('.').map(step).collect();
        Ok(Self { text: text.to_owned(), path, value: parsed.map_err(failed)? })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The path, with dots between its keys.
    pub fn path(&self) -> &str {
        self.text.split_once('=').map_or("", |(path, _)| path)
    }

    /// Sets the value in `tree`, creating missing maps.
    pub(super) fn apply(&self, tree: &mut Node) -> Result<(), PlaceError> {
        let mut place = tree;
        for step in &self.path {
            place = match (step, place) {
                (PathStep::Key(key), place) => {
                    if *place == Node::Null {
                        *place = Node::Map(Vec::new());
                    }
                    let Node::Map(entries) = place else { return Err(PlaceError::Map(key.clone())) };
                    let index = entries.iter().position(|(name, _)| name == key).unwrap_or_else(|| {
                        entries.push((key.clone(), Node::Null));
                        entries.len() - 1
                    });
                    &mut entries[index].1
                }
                (PathStep::Index(index), Node::List(items)) => match items.len() {
                    count if *index < count => &mut items[*index],
                    count => return Err(PlaceError::Entry { index: *index, count }),
                },
                (PathStep::Index(index), _) => return Err(PlaceError::List(*index)),
            };
        }
        *place = self.value.clone();
        Ok(())
    }
}
