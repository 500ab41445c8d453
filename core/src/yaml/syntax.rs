//! What is wrong with a file before there is a tree: its bytes, its characters, its syntax.

use super::node::OURS;
use super::position::span;
use super::{Finding, Place, Severity};
use crate::diagnostic::{Advice, KeyPath, Problem};

/// How many brackets may be open at once, including those in quotes and comments; far more than
/// [`Limits::depth`](crate::limits::Limits::depth).
const MAX_BRACKETS: usize = 500;

/// The finding for bytes that are not UTF-8; `text` is their lossy form.
pub(super) fn not_utf8(bytes: &[u8], text: &str) -> Option<Finding> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let error = std::str::from_utf8(bytes).err()?;
    let (found, place) = match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => ("the file is in UTF-16".to_owned(), Place::START),
        _ => {
            let valid = error.valid_up_to();
            let (line, column) = line_and_column(&text[..valid]);
            (
                format!("the byte {:#04x} is not UTF-8", bytes[valid]),
                Place::Text { line, column, span: valid..valid + 3 },
            )
        }
    };
    let problem = Problem::new(KeyPath::new(), found).suggest(Some("save the file as UTF-8".into()));
    Some(Finding { severity: Severity::Error, problem, place })
}

/// The finding for an error of the YAML parser.
pub(super) fn syntax(text: &str, error: &serde_yaml::Error) -> Finding {
    let message = error.to_string();
    let (mut line, mut column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
    // The parser puts the path to the value before our own messages, and the position after all.
    let said = message.rsplit(OURS).next().unwrap_or(&message);
    let mut found = said.split(" at line ").next().unwrap_or(said).to_owned();
    let mut fix = None;
    match found.as_str() {
        "EOF while parsing a value" => return nothing(),
        "recursion limit exceeded" => {
            "the nesting is too deep, or an alias contains itself".clone_into(&mut found);
        }
        _ if found.contains("more than one document") => {
            let begins = |(_, content): &(usize, &str)| content.starts_with("---");
            line = text.lines().enumerate().filter(begins).last().map_or(1, |(index, _)| index + 1);
            column = 1;
            "a second document starts here".clone_into(&mut found);
            fix = Some("one pipeline per file, without `---`");
        }
        _ if found.contains("cannot start any token") => {
            fix = Some("spaces for indentation, not tabs; quotes around text that starts with a special character");
        }
        _ => {}
    }
    // "… at line 21 column 15, while parsing a flow sequence at line 20 column 16": blame the
    // 2nd.
    let opened = said.split(", while ").nth(1).and_then(|context| {
        let (what, place) = context.split_once(" at line ")?;
        let (line, column) = place.split_once(" column ")?;
        Some((what, line.parse::<usize>().ok()?, column.trim().parse::<usize>().ok()?))
    });
    let mut note = None;
    if let Some((what, begin, at)) = opened
        && (what.contains("flow") || what.contains("quoted"))
        && begin != line
    {
        note = Some(format!("this is {what}, and it does not end before {line}:{column}"));
        (line, column) = (begin, at);
    }
    let problem = Problem { note, ..Problem::new(KeyPath::new(), found).suggest(fix.map(Into::into)) };
    let span = span(text, line, column, false);
    Finding { severity: Severity::Error, problem, place: Place::Text { line, column, span } }
}

/// The finding for a file without content.
pub(super) fn nothing() -> Finding {
    let problem = Problem::new(KeyPath::new(), "the file contains no pipeline").advise(Advice::Template);
    Finding { severity: Severity::Error, problem, place: Place::START }
}

/// The finding for the first control character, which YAML does not allow.
pub(super) fn control_character(text: &str) -> Option<Finding> {
    let (at, found) =
        text.char_indices().find(|(_, c)| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}'))?;
    let (line, column) = line_and_column(&text[..at]);
    let problem =
        Problem::new(KeyPath::new(), format!("the control character U+{:04X} is not allowed", u32::from(found)))
            .suggest(Some("remove it; it may be invisible in an editor".into()));
    let place = Place::Text { line, column, span: at..at + found.len_utf8() };
    Some(Finding { severity: Severity::Error, problem, place })
}

/// The finding for brackets so deep that they would take the YAML parser very long.
pub(super) fn brackets(text: &str) -> Option<Finding> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '[' | '{' => depth += 1,
            ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_BRACKETS {
            let (line, column) = line_and_column(&text[..at]);
            let problem = Problem::new(KeyPath::new(), format!("more than {MAX_BRACKETS} brackets are open here"));
            let place = Place::Text { line, column, span: at..at + 1 };
            return Some(Finding { severity: Severity::Error, problem, place });
        }
    }
    None
}

fn line_and_column(before: &str) -> (usize, usize) {
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (before.matches('\n').count() + 1, column)
}
