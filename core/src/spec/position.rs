//! Where in a YAML text the value at some path stands.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_yaml::Location;

use crate::plan::Step;

/// Line and column of the value at `path`, or of the deepest value on the way that exists.
///
/// The text is read once more with a reader that stops with an error at the value it looks for, and the parser then
/// tells where that was.
pub(super) fn locate(text: &str, path: &[Step]) -> Option<Location> {
    (0..=path.len()).rev().find_map(|length| {
        let reader = serde_yaml::Deserializer::from_str(text);
        match (Seek { path: &path[..length] }).deserialize(reader) {
            Err(error) if error.to_string().contains(FOUND) => error.location(),
            _ => None,
        }
    })
}

/// Marks the error that means success.
const FOUND: &str = "the value at the end of the path";

struct Seek<'a> {
    path: &'a [Step],
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

    leaf!(visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64), visit_str(&str));

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.arrive()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.arrive()?;
        let mut index = 0;
        loop {
            let here = self.path.first() == Some(&Step::Index(index));
            let more = match here {
                true => items.next_element_seed(Seek { path: &self.path[1..] })?.is_some(),
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
        while let Some(key) = entries.next_key::<String>()? {
            if self.path.first() == Some(&Step::Key(key)) {
                entries.next_value_seed(Seek { path: &self.path[1..] })?;
            } else {
                entries.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_nested_value_is_found() {
        let text = "a: 1\nb:\n  c:\n    - x\n    - { d: 5 }\n";
        let place = |path: &[Step]| locate(text, path).map(|place| (place.line(), place.column()));
        let path = [Step::key("b"), Step::key("c"), Step::Index(1), Step::key("d")];
        assert_eq!(place(&path), Some((5, 12)));
        assert_eq!(place(&path[..3]), Some((5, 7)));
        assert_eq!(place(&[Step::key("a")]), Some((1, 4)));
    }

    #[test]
    fn a_missing_value_is_shown_where_it_belongs() {
        let path = [Step::key("b"), Step::key("z")];
        let place = locate("a: 1\nb:\n  c: 2\n", &path).unwrap();
        assert_eq!(place.line(), 3);
    }
}
