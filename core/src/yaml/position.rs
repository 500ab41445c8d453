//! The position of a path in a YAML text.

use std::fmt;
use std::ops::Range;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_yaml::Location;

use super::{Override, Place};
use crate::diagnostic::{PathStep, Problem};

/// Line and column of the value (or key) at `path`, or of its deepest existing ancestor.
///
/// A visitor fails on purpose at that value, and the parser's error has the position.
fn locate(text: &str, path: &[PathStep], at_key: bool) -> Option<Location> {
    (0..=path.len()).rev().find_map(|length| {
        let reader = serde_yaml::Deserializer::from_str(text);
        match (Seek { path: &path[..length], at_key: at_key && length == path.len() }).deserialize(reader) {
            Err(error) if error.to_string().contains(FOUND) => error.location(),
            _ => None,
        }
    })
}

const FOUND: &str = "the value at the end of the path";

struct Seek<'a> {
    path: &'a [PathStep],
    at_key: bool,
}

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// Scalars: found if the path ends here, skipped otherwise.
macro_rules! leaf {
    ($($method:ident($kind:ty)),*) => {
        $(fn $method<E: Error>(self, _: $kind) -> Result<(), E> { self.arrive() })*
    };
}

impl Seek<'_> {
    fn arrive<E: Error>(&self) -> Result<(), E> {
        match self.path {
            [] => Err(E::custom(FOUND)),
            _ => Ok(()),
        }
    }
}

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    leaf!(
        visit_bool(bool),
        visit_i64(i64),
        visit_u64(u64),
        visit_i128(i128),
        visit_u128(u128),
        visit_f64(f64),
        visit_str(&str)
    );

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.arrive()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.arrive()?;
        let mut index = 0;
        loop {
            let here = self.path.first() == Some(&PathStep::Index(index));
            let more = match here {
                true => items.next_element_seed(Seek { path: &self.path[1..], at_key: self.at_key })?.is_some(),
                false => items.next_element::<IgnoredAny>()?.is_some(),
            };
            if !more {
                return Ok(());
            }
            index += 1;
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        self.arrive()?;
        let wanted = match self.path {
            [PathStep::Key(key)] if self.at_key => Some(key.as_str()),
            _ => None,
        };
        while let Some(key) = entries.next_key_seed(SeekKey { wanted })? {
            if self.path.first() == Some(&PathStep::Key(key)) {
                entries.next_value_seed(Seek { path: &self.path[1..], at_key: self.at_key })?;
            } else {
                entries.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

struct SeekKey<'a> {
    wanted: Option<&'a str>,
}

impl<'de> DeserializeSeed<'de> for SeekKey<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for SeekKey<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<String, E> {
        match self.wanted == Some(key) {
            true => Err(E::custom(FOUND)),
            false => Ok(key.to_owned()),
        }
    }
}

/// Where a problem is: in an override, or in the text.
pub(super) fn place(text: &str, problem: &Problem, overrides: &[Override]) -> Place {
    if let Some(change) = overrides.iter().find(|change| problem.path.starts_with(&change.path)) {
        return Place::Override(change.text.clone());
    }
    match locate(text, &problem.path, problem.at_key) {
        Some(at) => {
            // A layer that does not fit is marked as a whole, an unreadable one by its first word.
            let whole = matches!(problem.path.last(), Some(PathStep::Index(_))) && problem.expected.is_none();
            let span = span(text, at.line(), at.column(), whole);
            Place::Text { line: at.line(), column: at.column(), span }
        }
        None => Place::START,
    }
}

/// The bytes of a value on its line: the `whole` rest without a comment, or one word.
pub(super) fn span(text: &str, line: usize, column: usize, whole: bool) -> Range<usize> {
    let mut start = 0;
    for (index, content) in text.split_inclusive('\n').enumerate() {
        if index + 1 < line {
            start += content.len();
            continue;
        }
        let content = content.trim_end();
        let begin = content.char_indices().nth(column.saturating_sub(1)).map_or(content.len(), |(at, _)| at);
        let rest = &content[begin..];
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
        let end = match (quote, whole) {
            (Some(quote), _) => rest[1..].find(quote).map_or(rest.len(), |end| end + 2),
            (None, true) => rest.find(" #").unwrap_or(rest.len()),
            (None, false) => rest.find([':', ',', '}', ']', '#']).filter(|end| *end > 0).unwrap_or(rest.len()),
        };
        let end = rest[..end].trim_end().len();
        return start + begin..start + begin + end;
    }
    text.len()..text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a: 1\nb:\n  c:\n    - x\n    - { d: 5 }\n";

    fn place(path: &[PathStep], at_key: bool) -> Option<(usize, usize)> {
        locate(TEXT, path, at_key).map(|place| (place.line(), place.column()))
    }

    #[test]
    fn the_place_of_a_nested_value_and_of_its_key_is_found() {
        let path = [PathStep::key("b"), PathStep::key("c"), PathStep::Index(1), PathStep::key("d")];
        assert_eq!(place(&path, false), Some((5, 12)));
        assert_eq!(place(&path, true), Some((5, 9)));
        assert_eq!(place(&path[..3], false), Some((5, 7)));
        assert_eq!(place(&[PathStep::key("a")], false), Some((1, 4)));
        assert_eq!(place(&[PathStep::key("b")], true), Some((2, 1)));
    }

    #[test]
    fn a_missing_value_is_shown_where_it_belongs() {
        assert_eq!(place(&[PathStep::key("b"), PathStep::key("z")], false), Some((3, 3)));
    }
}
