//! Problems in a declaration, and where they are.

use std::fmt;

/// One step of a path into a file: `model`, `encoder`, `[3]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathStep {
    /// A key of a map.
    Key(String),
    /// A position in a list, from 0.
    Index(usize),
}

impl PathStep {
    /// The step to the value of `key`.
    pub fn key(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

/// The path from the top of a file to a value.
pub type KeyPath = Vec<PathStep>;

/// `path` followed by `steps`.
pub(crate) fn extend(path: &[PathStep], steps: impl IntoIterator<Item = PathStep>) -> KeyPath {
    path.iter().cloned().chain(steps).collect()
}

/// A path as people write it: `model.encoder[3]`.
pub fn format_path(path: &[PathStep]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            PathStep::Key(key) if text.is_empty() => text.push_str(key),
            PathStep::Key(key) => text = format!("{text}.{key}"),
            PathStep::Index(index) => text = format!("{text}[{index}]"),
        }
    }
    text
}

/// Help beyond the file, which the program that shows a problem puts into its own commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// Larger [`Limits`](crate::limits::Limits) would do instead of the suggestion.
    LargerLimits,
    /// A template to start from.
    Template,
    /// The list of classes that fits a folder.
    FolderClasses,
    /// The names of all layers, which are what was expected.
    LayerNames,
}

/// Something wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The path to the value that is wrong.
    pub path: KeyPath,
    /// Whether the last key of the path is wrong, rather than its value.
    pub at_key: bool,
    /// What was found, and why it is wrong.
    pub found: String,
    /// What was expected, in a few words.
    pub expected: Option<String>,
    /// Further explanation, such as the shapes up to here; may have several lines.
    pub note: Option<String>,
    /// What to write instead.
    pub suggestion: Option<String>,
    /// Help beyond the file.
    pub advice: Option<Advice>,
}

impl Problem {
    /// A problem with the value at `path`.
    pub fn new(path: KeyPath, found: impl Into<String>) -> Self {
        let found = found.into();
        Self { path, at_key: false, found, expected: None, note: None, suggestion: None, advice: None }
    }

    /// A problem with the value of the last of `keys`.
    pub fn at(keys: &[&str], found: impl Into<String>) -> Self {
        Self::new(keys.iter().map(|key| PathStep::key(key)).collect(), found)
    }

    /// Blames the last key of the path instead of its value.
    pub fn at_key(self) -> Self {
        Self { at_key: true, ..self }
    }

    /// Adds what was expected.
    pub fn expected(self, expected: impl Into<String>) -> Self {
        Self { expected: Some(expected.into()), ..self }
    }

    /// Adds a note.
    pub fn note(self, note: impl Into<String>) -> Self {
        Self { note: Some(note.into()), ..self }
    }

    /// Sets what to write instead.
    pub fn suggest(self, suggestion: Option<String>) -> Self {
        Self { suggestion, ..self }
    }

    /// Adds help beyond the file.
    pub fn advise(self, advice: Advice) -> Self {
        Self { advice: Some(advice), ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", format_path(&self.path), self.found)?;
        if let Some(expected) = &self.expected {
            write!(f, "; expected {expected}")?;
        }
        if let Some(note) = &self.note {
            write!(f, "\n  {}", note.replace('\n', "\n  "))?;
        }
        if let Some(suggestion) = &self.suggestion {
            let limits = if self.advice == Some(Advice::LargerLimits) { ", or larger limits" } else { "" };
            write!(f, "\n  try: {suggestion}{limits}")?;
        }
        Ok(())
    }
}

/// All problems of one declaration; never empty when returned as an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problems: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&problems.join("\n"))
    }
}

impl std::error::Error for Problems {}
