//! Reading continues after a mistake: every unreadable value is replaced, by the suggestion or by a
//! stand-in, so that all mistakes of a file are found at once.

use serde::Deserialize;

use super::names::nearest;
use super::node::Node;
use super::typed::{FieldError, Kind};
use crate::diagnostic::{Advice, KeyPath, PathStep, Problem, extend, format_path};

/// How many problems of one file are reported; more rarely help.
pub const MAX_PROBLEMS: usize = 20;

/// The result of reading a tree.
pub(super) struct Repaired<T> {
    /// The value, with stand-ins for what was wrong; `None` if it is beyond repair.
    pub value: Option<T>,
    pub problems: Vec<Problem>,
    /// The paths of the stand-ins, which say nothing about what was meant.
    pub unread: Vec<KeyPath>,
}

/// Reads a value from `tree`, repairing it.
pub(super) fn read<T: for<'de> Deserialize<'de>>(tree: &mut Node) -> Repaired<T> {
    let mut repaired = Repaired { value: None, problems: Vec::new(), unread: Vec::new() };
    // Stand-ins that were tried at the last path of `unread`.
    let mut tried = 0;
    // The map that an unknown key was removed from, and the index of that problem.
    let mut removed: Option<(KeyPath, usize)> = None;
    // Every round repairs one place or tries the next stand-in there, so this ends long before.
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
        // A key that is missing where an unknown one was removed is what that one meant.
        let follows = !matches!(fault.kind, Kind::UnknownKey { .. });
        match removed.take_if(|(owner, _)| follows && *owner == path) {
            Some((_, index)) => {
                if let Kind::MissingKey { key } = fault.kind {
                    repaired.problems[index].suggestion = Some(format!("did you mean `{key}`, which is missing?"));
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
                    removed = Some((path, repaired.problems.len() - 1));
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

fn place(path: KeyPath, kind: &Kind) -> KeyPath {
    match kind {
        Kind::MissingKey { key } => extend(&path, [PathStep::key(key)]),
        _ => path,
    }
}

/// The problem to report, and the name that was most likely meant.
fn problem(path: &[PathStep], fault: &FieldError) -> (Problem, Option<&'static str>) {
    let meant = |name: &'static str| Some(format!("did you mean `{name}`?"));
    match &fault.kind {
        Kind::UnknownKey { key, known } => {
            let near = nearest(key, known);
            let owner = match path.last() {
                Some(PathStep::Key(owner)) => format!(" of `{owner}`"),
                _ => String::new(),
            };
            let found = match key.as_str() {
                "<<" => "merge keys (`<<`) are not part of the language; write the fields out".into(),
                key => format!("unknown key `{}`{owner}", short(key)),
            };
            let problem = expected_one_of(Problem::new(extend(path, [PathStep::key(key)]), found).at_key(), known);
            (problem.suggest(near.and_then(meant)), near)
        }
        Kind::UnknownWord { word, known } => {
            let near = nearest(word, known);
            let what = match path.last() {
                Some(PathStep::Index(_)) => "layer",
                Some(PathStep::Key(key)) => key,
                None => "word",
            };
            let found = format!("unknown {what} `{}`", short(word));
            let problem = expected_one_of(Problem::new(path.to_vec(), found), known);
            (problem.suggest(near.and_then(meant)), near)
        }
        Kind::MissingKey { key } => {
            let owner = match path.is_empty() {
                true => "the pipeline".into(),
                false => format!("`{}`", format_path(path)),
            };
            (Problem::new(path.to_vec(), format!("{owner} lacks the key `{key}`")).at_key(), None)
        }
        Kind::Wrong { found, expected } => {
            let number = found.strip_prefix("the text `").and_then(|text| text.strip_suffix('`'));
            let unquoted = number.filter(|text| expected.contains("number") && text.parse::<f64>().is_ok());
            let fix = match found.as_str() {
                "nothing" => {
                    Some("a value after the colon; fields below a name are indented deeper than the name".into())
                }
                _ => unquoted.map(|number| format!("{number} without quotes")),
            };
            (Problem::new(path.to_vec(), format!("found {found}")).expected(expected).suggest(fix), None)
        }
        Kind::Other(message) => (Problem::new(path.to_vec(), message.clone()), None),
    }
}

fn short(word: &str) -> String {
    match word.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &word[..end]),
        None => word.to_owned(),
    }
}

fn expected_one_of(problem: Problem, names: &[&str]) -> Problem {
    match names {
        [] => problem.expected("no key: this has none"),
        [name] => problem.expected(format!("`{name}`")),
        // Only the list of layers is that long.
        names if names.len() > 12 => problem.expected("the name of a layer").advise(Advice::LayerNames),
        [names @ .., last] => problem.expected(format!("one of `{}` or `{last}`", names.join("`, `"))),
    }
}

/// Replaces a wrong name with the one that was meant, unless that exists as well.
fn rename(tree: &mut Node, path: &[PathStep], kind: &Kind, name: &str) -> bool {
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

fn remove(tree: &mut Node, path: &[PathStep], wrong: &str) {
    if let Some(Node::Map(entries)) = tree.get_mut(path) {
        entries.retain(|(key, _)| key != wrong);
    }
}

/// Puts stand-in `which` at `place`; `false` if there are no more.
fn put(tree: &mut Node, place: &[PathStep], which: usize) -> bool {
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
    let Some((PathStep::Key(key), owner)) = place.split_last() else { return false };
    match tree.get_mut(owner) {
        Some(Node::Map(entries)) => entries.push((key.clone(), stand_in)),
        // A bare word such as `linear`, which needs fields.
        Some(node) => *node = Node::Text("relu".into()),
        None => return false,
    }
    true
}
