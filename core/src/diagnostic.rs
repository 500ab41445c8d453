//! What can be wrong with a declaration, and where it stands.

use std::fmt;

/// One step on the way to a value in a file: `model`, `encoder`, `[3]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// A key of a map.
    Key(String),
    /// A place in a list, counted from 0.
    Index(usize),
}

impl Step {
    /// The step to the value of `key`.
    pub fn key(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

/// The way from the top of a file to a value.
pub type Path = Vec<Step>;

/// A way with more steps behind it.
pub(crate) fn extend(path: &[Step], steps: impl IntoIterator<Item = Step>) -> Path {
    path.iter().cloned().chain(steps).collect()
}

/// The way to a value, as a person writes it: `model.encoder[3]`.
pub fn written(path: &[Step]) -> String {
    let mut place = String::new();
    for step in path {
        match step {
            Step::Key(key) if place.is_empty() => place.push_str(key),
            Step::Key(key) => place = format!("{place}.{key}"),
            Step::Index(index) => place = format!("{place}[{index}]"),
        }
    }
    place
}

/// Something that does not fit, with the way to it in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The way from the top of the file to the value at fault.
    pub path: Path,
    /// Whether it is the last key of the path that is at fault, rather than its value.
    pub at_key: bool,
    /// What was found, and why that cannot be.
    pub found: String,
    /// What was expected, in a few words beside the value.
    pub expected: Option<String>,
    /// What else helps to see it, such as the shapes up to here; may have several lines.
    pub note: Option<String>,
    /// What to write instead.
    pub suggestion: Option<String>,
}

impl Problem {
    /// A problem of the value at `path`.
    pub fn new(path: Path, found: impl Into<String>) -> Self {
        Self { path, at_key: false, found: found.into(), expected: None, note: None, suggestion: None }
    }

    /// Says that the last key of the path is at fault.
    pub fn at_key(self) -> Self {
        Self { at_key: true, ..self }
    }

    /// Adds what was expected.
    pub fn expected(self, expected: impl Into<String>) -> Self {
        Self { expected: Some(expected.into()), ..self }
    }

    /// Adds a note, such as the shapes that led to the problem.
    pub fn note(self, note: impl Into<String>) -> Self {
        Self { note: Some(note.into()), ..self }
    }

    /// Adds what to write instead.
    pub fn suggest(self, suggestion: Option<String>) -> Self {
        Self { suggestion, ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", written(&self.path), self.found)?;
        if let Some(expected) = &self.expected {
            write!(f, "; expected {expected}")?;
        }
        if let Some(note) = &self.note {
            write!(f, "\n  {}", note.replace('\n', "\n  "))?;
        }
        if let Some(suggestion) = &self.suggestion {
            write!(f, "\n  try: {suggestion}")?;
        }
        Ok(())
    }
}

/// Everything that is wrong with one declaration; never empty when returned as an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
