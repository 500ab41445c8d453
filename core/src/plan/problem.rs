//! What can be wrong with a declaration, and where it stands.

use std::fmt;

/// One step on the way to a value in a file: `model`, `encoder`, `[3]`.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// Something that does not fit, with the way to it in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The way from the top of the file to the value at fault.
    pub path: Vec<Step>,
    /// What was found and what was expected.
    pub found: String,
    /// What else helps to see it.
    pub note: Option<String>,
    /// What to write instead.
    pub suggestion: Option<String>,
}

impl Problem {
    /// A problem of the value at `path`.
    pub fn new(path: Vec<Step>, found: impl Into<String>) -> Self {
        Self { path, found: found.into(), note: None, suggestion: None }
    }

    /// Adds a note, such as the shapes that led to the problem.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// Adds what to write instead.
    pub fn suggest(mut self, suggestion: Option<String>) -> Self {
        self.suggestion = suggestion;
        self
    }

    /// The way to the value, as a person writes it: `model.encoder[3]`.
    pub fn place(&self) -> String {
        let mut place = String::new();
        for step in &self.path {
            match step {
                Step::Key(key) if place.is_empty() => place.push_str(key),
                Step::Key(key) => place = format!("{place}.{key}"),
                Step::Index(index) => place = format!("{place}[{index}]"),
            }
        }
        place
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place(), self.found)?;
        if let Some(note) = &self.note {
            write!(f, "\n  {note}")?;
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

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}
