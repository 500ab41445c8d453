//! Reading goes on behind a mistake: every value that cannot be read is replaced, as its suggestion says or else by a stand-in,
//! so that all mistakes of a file are found at once.

use serde::Deserialize;

use super::names::nearest;
use super::node::{FieldError, Kind, Node};
use crate::diagnostic::{Path, Problem, Step, extend, written};

/// How many problems of one file are told; the others rarely help.
pub const MAX_PROBLEMS: usize = 20;

/// What reading a tree gave.
pub(super) struct Repaired<T> {
    /// The value, with stand-ins where something was wrong; `None` if nothing could be made of it.
    pub value: Option<T>,
    /// What was wrong.
    pub problems: Vec<Problem>,
    /// Where a stand-in is, which says nothing about what was meant.
    pub unread: Vec<Path>,
}

/// Reads a value from `tree`, and all mistakes in it.
pub(super) fn read<T: for<'de> Deserialize<'de>>(tree: &mut Node) -> Repaired<T> {
    let mut repaired = Repaired { value: None, problems: Vec::new(), unread: Vec::new() };
    // Stand-ins that were tried at the last place of `unread`.
    let mut tried = 0;
    // The map that an unknown key was taken out of, and the number of that problem.
    let mut stranger: Option<(Path, usize)> = None;
    // Every round mends one place or tries the next stand-in there, so this ends long before.
    for _ in 0..MAX_PROBLEMS * 16 {
        let fault = match T::deserialize(&*tree) {
            Ok(value) => {
                repaired.value = Some(value);
                return repaired;
            }
            Err(fault) => fault,
        };
        let path = fault.path();
        // The stand-in of the last round does not fit either.
        if let Some(last) = repaired.unread.last().cloned()
            && path.starts_with(&last)
        {
            tried += 1;
            match put(tree, &last, tried) {
                true => continue,
                false => return repaired,
            }
        }
        if repaired.problems.len() == MAX_PROBLEMS {
            return repaired;
        }
        // What is lacking where an unknown key was taken out is what that key was meant to be.
        let follows = !matches!(fault.kind, Kind::UnknownKey { .. });
        match stranger.take_if(|(owner, _)| follows && *owner == path) {
            Some((_, index)) => {
                if let Kind::MissingKey { key } = fault.kind {
                    repaired.problems[index].suggestion = Some(format!("did you mean `{key}`, which is lacking?"));
                }
            }
            None => {
                let (problem, name) = problem(&path, &fault);
                repaired.problems.push(problem);
                if name.is_some_and(|name| rename(tree, &path, &fault.kind, name)) {
                    continue;
                }
                if let Kind::UnknownKey { key, .. } = &fault.kind {
                    remove(tree, &path, key);
                    stranger = Some((path, repaired.problems.len() - 1));
                    continue;
                }
            }
        }
        let place = place(path, &fault.kind);
        tried = 0;
        if !put(tree, &place, tried) {
            return repaired;
        }
        repaired.unread.push(place);
    }
    repaired
}

/// Where the stand-in for a fault belongs.
fn place(path: Path, kind: &Kind) -> Path {
    match kind {
        Kind::MissingKey { key } => extend(&path, [Step::key(key)]),
        _ => path,
    }
}

/// What to tell of a fault, and the name that was most likely meant.
fn problem(path: &[Step], fault: &FieldError) -> (Problem, Option<&'static str>) {
    let meant = |name: &'static str| Some(format!("did you mean `{name}`?"));
    match &fault.kind {
        Kind::UnknownKey { key, known } => {
            let near = nearest(key, known);
            let owner = match path.last() {
                Some(Step::Key(owner)) => format!(" of `{owner}`"),
                _ => String::new(),
            };
            let found = match key.as_str() {
                "<<" => "merge keys (`<<`) are not part of the language; write the fields out".into(),
                key => format!("unknown key `{}`{owner}", short(key)),
            };
            let problem = Problem::new(extend(path, [Step::key(key)]), found).at_key().expected(one_of(known));
            (problem.suggest(near.and_then(meant)), near)
        }
        Kind::UnknownWord { word, known } => {
            let near = nearest(word, known);
            let what = match path.last() {
                Some(Step::Index(_)) => "layer",
                Some(Step::Key(key)) => key,
                None => "word",
            };
            let problem =
                Problem::new(path.to_vec(), format!("unknown {what} `{}`", short(word))).expected(one_of(known));
            (problem.suggest(near.and_then(meant)), near)
        }
        Kind::MissingKey { key } => {
            let owner = match path.is_empty() {
                true => "the pipeline".into(),
                false => format!("`{}`", written(path)),
            };
            (Problem::new(path.to_vec(), format!("{owner} lacks the key `{key}`")).at_key(), None)
        }
        Kind::Wrong { found, expected } => {
            let number = found.strip_prefix("the text `").and_then(|text| text.strip_suffix('`'));
            let unquoted = number.filter(|text| expected.contains("number") && text.parse::<f64>().is_ok());
            let fix = match found.as_str() {
                "nothing" => {
                    Some("a value behind the colon; fields below a name are indented deeper than the name".into())
                }
                _ => unquoted.map(|number| format!("{number} without quotes")),
            };
            (Problem::new(path.to_vec(), format!("found {found}")).expected(expected).suggest(fix), None)
        }
        Kind::Other(message) => (Problem::new(path.to_vec(), message.clone()), None),
    }
}

/// A word of the file, cut if it is very long.
fn short(word: &str) -> String {
    match word.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &word[..end]),
        None => word.to_owned(),
    }
}

fn one_of(names: &[&str]) -> String {
    match names {
        [] => "no key: this has none".into(),
        [name] => format!("`{name}`"),
        names if names.len() > 12 => "one of the names that `imago layers` lists".into(),
        [names @ .., last] => format!("one of `{}` or `{last}`", names.join("`, `")),
    }
}

/// Replaces a wrong name by the one that was meant, unless that is there as well.
fn rename(tree: &mut Node, path: &[Step], kind: &Kind, name: &str) -> bool {
    let wrong = match kind {
        Kind::UnknownKey { key, .. } => key,
        Kind::UnknownWord { word, .. } => word,
        _ => return false,
    };
    match tree.get_mut(path) {
        Some(Node::Text(text)) => {
            name.clone_into(text);
            true
        }
        Some(Node::Map(entries)) if entries.iter().all(|(key, _)| key != name) => {
            match entries.iter_mut().find(|(key, _)| key == wrong) {
                Some((key, _)) => {
                    name.clone_into(key);
                    true
                }
                None => false,
            }
        }
        _ => false,
    }
}

fn remove(tree: &mut Node, path: &[Step], wrong: &str) {
    if let Some(Node::Map(entries)) = tree.get_mut(path) {
        entries.retain(|(key, _)| key != wrong);
    }
}

/// Puts stand-in number `which` at `place`; `false` if there are no more.
fn put(tree: &mut Node, place: &[Step], which: usize) -> bool {
    let stand_in = match which {
        0 => Node::Integer(1),
        1 => Node::List(Vec::new()),
        2 => Node::Map(Vec::new()),
        3 => Node::Text("relu".into()),
        4 => Node::Bool(false),
        5 => Node::List(vec![Node::Integer(0), Node::Integer(1)]),
        6 => Node::List(vec![Node::Integer(1); 3]),
        7 => Node::Text("mnist".into()),
        8 => Node::Text("bce".into()),
        9 => Node::Text("non-saturating".into()),
        10 => Node::Text("nearest".into()),
        _ => return false,
    };
    if let Some(node) = tree.get_mut(place) {
        *node = stand_in;
        return true;
    }
    let Some((Step::Key(key), owner)) = place.split_last() else { return false };
    match tree.get_mut(owner) {
        Some(Node::Map(entries)) => entries.push((key.clone(), stand_in)),
        // A bare word: `linear` alone lacks its fields.
        Some(node) => *node = Node::Text("relu".into()),
        None => return false,
    }
    true
}
