//! Where in a YAML text the value or key at some path stands.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_yaml::Location;

use crate::diagnostic::Step;

/// Line and column of the value at `path` (or of its key, if `at_key`), or of the deepest value on the way that exists.
///
/// The text is read once more with a reader that stops with an error at the value it looks for, and the parser then
/// tells where that was.
pub(super) fn locate(text: &str, path: &[Step], at_key: bool) -> Option<Location> {
    (0..=path.len()).rev().find_map(|length| {
        let reader = serde_yaml::Deserializer::from_str(text);
        match (Seek { path: &path[..length], at_key: at_key && length == path.len() }).deserialize(reader) {
            Err(error) if error.to_string().contains(FOUND) => error.location(),
            _ => None,
        }
    })
}

/// Marks the error that means success.
const FOUND: &str = "the value at the end of the path";

struct Seek<'a> {
    path: &'a [Step],
    at_key: bool,
}

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// Values without anything below them: found if the path ends here, passed over otherwise.
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
            let here = self.path.first() == Some(&Step::Index(index));
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
            [Step::Key(key)] if self.at_key => Some(key.as_str()),
            _ => None,
        };
        while let Some(key) = entries.next_key_seed(SeekKey { wanted })? {
            if self.path.first() == Some(&Step::Key(key)) {
                entries.next_value_seed(Seek { path: &self.path[1..], at_key: self.at_key })?;
            } else {
                entries.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// Reads a key; stops at the one that is wanted.
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

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a: 1\nb:\n  c:\n    - x\n    - { d: 5 }\n";

    fn place(path: &[Step], at_key: bool) -> Option<(usize, usize)> {
        locate(TEXT, path, at_key).map(|place| (place.line(), place.column()))
    }

    #[test]
    fn the_place_of_a_nested_value_and_of_its_key_is_found() {
        let path = [Step::key("b"), Step::key("c"), Step::Index(1), Step::key("d")];
        assert_eq!(place(&path, false), Some((5, 12)));
        assert_eq!(place(&path, true), Some((5, 9)));
        assert_eq!(place(&path[..3], false), Some((5, 7)));
        assert_eq!(place(&[Step::key("a")], false), Some((1, 4)));
        assert_eq!(place(&[Step::key("b")], true), Some((2, 1)));
    }

    #[test]
    fn a_missing_value_is_shown_where_it_belongs() {
        assert_eq!(place(&[Step::key("b"), Step::key("z")], false), Some((3, 3)));
    }
}
