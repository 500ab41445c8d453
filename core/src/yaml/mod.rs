//! From the text of a file to a pipeline, with every problem at its line and column.

mod names;
mod node;
mod position;
mod repair;
mod schema;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use crate::diagnostic::{Path, Problem, Problems, Step, written};
use crate::family::{Family, FamilyVisitor, Model, Plan};
use crate::format::readable;
use crate::limits::Limits;
use crate::network::PlanBuilder;
use crate::pipeline::Pipeline;
use crate::pipeline::warnings;
use crate::spec::{Data, Train};
pub use names::nearest;
use node::{Node, OURS};
use position::locate;
pub use repair::MAX_PROBLEMS;
use repair::Repaired;
pub use schema::schema;

/// How many brackets may be open at once, those in quotes and comments counted; far beyond [`Limits::depth`].
const MAX_BRACKETS: usize = 500;

/// A value given on the command line in place of the file's: `train.epochs=5`.
#[derive(Debug, Clone)]
pub struct Override {
    text: String,
    path: Path,
    value: Node,
}

impl Override {
    /// Reads `path.to.key=value`. Numbers in the path count the entries of a list from 0, and the value is YAML.
    ///
    /// # Errors
    /// There is no `=`, the path is empty, or the value is no YAML.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (path, value) = text
            .split_once('=')
            .ok_or_else(|| format!("found `{text}`, expected path=value such as train.epochs=5"))?;
        if path.split('.').any(str::is_empty) {
            return Err(format!("found the path `{path}`, expected keys with dots between such as train.epochs"));
        }
        let step = |part: &str| part.parse().map_or_else(|_| Step::key(part), Step::Index);
        Ok(Self {
            text: text.to_owned(),
            path: path.split('.').map(step).collect(),
            value: Node::parse(value, Limits::DEFAULT.depth)
                .map_err(|error| format!("the value `{value}` is no YAML: {error}"))?,
        })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The path, with dots between its keys.
    pub fn path(&self) -> &str {
        self.text.split_once('=').map_or("", |(path, _)| path)
    }

    /// Puts the value into `tree`, making maps on the way where there are none.
    fn apply(&self, tree: &mut Node) -> Result<(), String> {
        let mut place = tree;
        for step in &self.path {
            place = match (step, place) {
                (Step::Key(key), place) => {
                    if *place == Node::Null {
                        *place = Node::Map(Vec::new());
                    }
                    let Node::Map(entries) = place else { return Err(format!("there is no map with a key `{key}`")) };
                    let index = entries.iter().position(|(name, _)| name == key).unwrap_or_else(|| {
                        entries.push((key.clone(), Node::Null));
                        entries.len() - 1
                    });
                    &mut entries[index].1
                }
                (Step::Index(index), Node::List(items)) => match items.len() {
                    count if *index < count => &mut items[*index],
                    count => return Err(format!("there is no entry {index} in a list of {count}, counted from 0")),
                },
                (Step::Index(index), _) => return Err(format!("there is no list with an entry {index}")),
            };
        }
        *place = self.value.clone();
        Ok(())
    }
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing can be trained.
    Error,
    /// Legal, but surely wrong.
    Warning,
}

/// Where something was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the text of the file.
    Text {
        /// Line, from 1.
        line: usize,
        /// Column, from 1, in characters.
        column: usize,
        /// The bytes of the text at fault.
        span: Range<usize>,
    },
    /// In a value that was given on the command line.
    Override(String),
}

impl Place {
    /// The beginning of the text, for what concerns all of it.
    pub const START: Self = Self::Text { line: 1, column: 1, span: 0..0 };
}

/// Something wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is.
    pub problem: Problem,
    /// Where it stands.
    pub place: Place,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Text { line, column, .. } => write!(f, "{line}:{column}: {}", self.problem),
            Place::Override(text) => write!(f, "--set {text}: {}", self.problem),
        }
    }
}

/// What reading a file gave.
#[derive(Debug)]
pub struct Reading {
    /// The pipeline and what it means, if nothing is wrong with it.
    pub pipeline: Option<(Pipeline, Plan)>,
    /// What is wrong, as far as it can be told at once, and then what is odd; each in the order of the file.
    pub findings: Vec<Finding>,
}

/// The text of a file, without the mark that some editors put before it; what is no UTF-8 is replaced.
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
}

/// Reads the bytes of a pipeline file and resolves what it says, with `overrides` put in place of its values.
///
/// Places are those in [`text`]. Reading goes on behind a mistake as if it had been mended, so that all mistakes are found at once. Without a pipeline there
/// is at least one finding that is an error.
pub fn read(bytes: &[u8], overrides: &[Override], limits: Limits) -> Reading {
    let mut reading = Reading { pipeline: None, findings: Vec::new() };
    if bytes.len() > limits.file {
        reading.findings.push(too_long(bytes.len() as u64, limits));
        return reading;
    }
    let text = &text(bytes);
    if let Some(finding) = not_utf8(bytes, text).or_else(|| control_character(text)).or_else(|| brackets(text)) {
        reading.findings.push(finding);
        return reading;
    }
    let mut tree = match Node::parse(text, limits.depth) {
        Ok(tree) => tree,
        Err(error) => {
            reading.findings.push(syntax(text, &error));
            return reading;
        }
    };
    if tree == Node::Null {
        reading.findings.push(nothing());
        return reading;
    }
    for change in overrides {
        if let Err(found) = change.apply(&mut tree) {
            let (problem, place) = (Problem::new(change.path.clone(), found), Place::Override(change.text.clone()));
            reading.findings.push(Finding { severity: Severity::Error, problem, place });
        }
    }
    let (pipeline, problems, unread) = parse(&mut tree);
    let mut builder = PlanBuilder::new(limits, &unread);
    let plan = pipeline.as_ref().and_then(|pipeline| pipeline.resolve(limits, &mut builder));
    let found = |severity: Severity, problems: Vec<Problem>| {
        let place = |problem: Problem| Finding { severity, place: place(text, &problem, overrides), problem };
        let mut findings: Vec<Finding> = problems.into_iter().take(MAX_PROBLEMS).map(place).collect();
        findings.sort_by_key(|finding| match finding.place {
            Place::Override(_) => (0, 0),
            Place::Text { line, column, .. } => (line, column),
        });
        findings
    };
    let problems: Vec<Problem> = problems.into_iter().chain(builder.problems).collect();
    if problems.is_empty()
        && reading.findings.is_empty()
        && let (Some(pipeline), Some(plan)) = (pipeline, plan)
    {
        reading.findings = found(Severity::Warning, warnings(&pipeline, &plan));
        reading.pipeline = Some((pipeline, plan));
    } else {
        reading.findings.extend(found(Severity::Error, problems));
    }
    reading
}

/// Reads a part of a pipeline, such as a list of layers, by itself.
///
/// # Errors
/// The text is no YAML, or not such a part.
pub fn part<T: DeserializeOwned>(text: &str) -> Result<T, Problems> {
    let tree = Node::parse(text, Limits::DEFAULT.depth);
    let mut tree = tree.map_err(|error| Problems(vec![Problem::new(Path::new(), error.to_string())]))?;
    let Repaired { value, problems, .. } = repair::read(&mut tree);
    value.filter(|_| problems.is_empty()).ok_or(Problems(problems))
}

/// The finding for a file of so many bytes, for those who would rather not read it at all.
pub fn too_long(bytes: u64, limits: Limits) -> Finding {
    let (found, most) = (readable(bytes), readable(limits.file as u64));
    let problem = Problem::new(Path::new(), format!("the file has {found}, more than {most}"));
    let fix =
        (limits.file < Limits::LARGE.file).then(|| "a smaller file, or `--allow-large` on the command line".into());
    Finding { severity: Severity::Error, problem: problem.suggest(fix), place: Place::START }
}

/// The finding for bytes that are no UTF-8, of which `text` was made.
fn not_utf8(bytes: &[u8], text: &str) -> Option<Finding> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let error = std::str::from_utf8(bytes).err()?;
    let (found, place) = match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => ("the file is in UTF-16".to_owned(), Place::START),
        _ => {
            let valid = error.valid_up_to();
            let (line, column) = line_and_column(&text[..valid]);
            (
                format!("the byte {:#04x} is no UTF-8", bytes[valid]),
                Place::Text { line, column, span: valid..valid + 3 },
            )
        }
    };
    let problem = Problem::new(Path::new(), found).suggest(Some("save the file as UTF-8".into()));
    Some(Finding { severity: Severity::Error, problem, place })
}

/// A file whose model is known to be of type `M`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<M> {
    name: String,
    data: Data,
    model: M,
    #[serde(default)]
    train: Train,
}

/// The one key that decides how the rest of `model` is read.
#[derive(Deserialize)]
struct Peek {
    model: PeekModel,
}

#[derive(Deserialize)]
struct PeekModel {
    family: Family,
}

/// Reads a pipeline, with stand-ins where something is wrong; also what is wrong, and where the stand-ins are.
fn parse(tree: &mut Node) -> (Option<Pipeline>, Vec<Problem>, Vec<Path>) {
    // The family decides what else there is, so a mistake in its name is mended first.
    let family = [Step::key("model"), Step::key("family")];
    let peek = repair::read::<Peek>(&mut tree.clone());
    match peek.value.filter(|_| peek.unread.is_empty()).map(|peek| peek.model.family) {
        Some(known) => {
            let mut problems = Vec::new();
            if let Some(value) = tree.get_mut(&family) {
                problems = peek.problems.into_iter().filter(|problem| problem.path == family).collect();
                *value = Node::Text(known.name().into());
            }
            let (pipeline, more, unread) = known.visit(ReadAs(tree));
            problems.extend(more);
            (pipeline, problems, unread)
        }
        None => {
            // Without a family the rest of the file can be read, but not the model.
            let rest = repair::read::<File<IgnoredAny>>(tree);
            let mut problems = rest.problems;
            let known = problems.clone();
            problems.extend(peek.problems.into_iter().filter(|problem| !known.contains(problem)));
            (None, problems, rest.unread)
        }
    }
}

/// Reads a file whose family is known.
struct ReadAs<'a>(&'a mut Node);

impl FamilyVisitor for ReadAs<'_> {
    type Output = (Option<Pipeline>, Vec<Problem>, Vec<Path>);

    fn visit<M: DeserializeOwned + Into<Model>>(self) -> Self::Output {
        let Repaired { value, problems, unread } = repair::read::<File<M>>(self.0);
        let pipeline =
            value.map(|File { name, data, model, train }| Pipeline { name, data, model: model.into(), train });
        (pipeline, problems, unread)
    }
}

/// Something that the parser of YAML itself says.
fn syntax(text: &str, error: &serde_yaml::Error) -> Finding {
    let message = error.to_string();
    let (mut line, mut column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
    // Before what we say ourselves the parser puts the way to the value, and behind every message its position.
    let said = message.rsplit(OURS).next().unwrap_or(&message);
    let mut found = said.split(" at line ").next().unwrap_or(said).to_owned();
    let mut fix = None;
    match found.as_str() {
        "EOF while parsing a value" => return nothing(),
        "recursion limit exceeded" => {
            "the nesting is too deep, or an alias lies within what it stands for".clone_into(&mut found);
        }
        _ if found.contains("more than one document") => {
            let begins = |(_, content): &(usize, &str)| content.starts_with("---");
            line = text.lines().enumerate().filter(begins).last().map_or(1, |(index, _)| index + 1);
            column = 1;
            "a second document begins here".clone_into(&mut found);
            fix = Some("one pipeline a file, without `---` in between");
        }
        _ if found.contains("cannot start any token") => {
            fix = Some("blanks for indentation, not tabs; quotes around text that begins with a special character");
        }
        _ => {}
    }
    // "… at line 21 column 15, while parsing a flow sequence at line 20 column 16": what was opened is at fault.
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
    let problem = Problem { note, ..Problem::new(Path::new(), found).suggest(fix.map(Into::into)) };
    let span = span(text, line, column, false);
    Finding { severity: Severity::Error, problem, place: Place::Text { line, column, span } }
}

/// The finding for a file without content.
fn nothing() -> Finding {
    let fix = "`imago init vae` writes a pipeline to begin with";
    let problem = Problem::new(Path::new(), "the file holds no pipeline").suggest(Some(fix.into()));
    Finding { severity: Severity::Error, problem, place: Place::START }
}

/// The finding for the first control character, which YAML does not allow.
fn control_character(text: &str) -> Option<Finding> {
    let (at, found) =
        text.char_indices().find(|(_, c)| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}'))?;
    let (line, column) = line_and_column(&text[..at]);
    let problem = Problem::new(Path::new(), format!("the control character U+{:04X} is not allowed", u32::from(found)))
        .suggest(Some("take it out; it may not be visible in an editor".into()));
    let place = Place::Text { line, column, span: at..at + found.len_utf8() };
    Some(Finding { severity: Severity::Error, problem, place })
}

/// The finding for far too many brackets within one another, over which the parser of YAML would brood for long.
fn brackets(text: &str) -> Option<Finding> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '[' | '{' => depth += 1,
            ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_BRACKETS {
            let (line, column) = line_and_column(&text[..at]);
            let problem = Problem::new(Path::new(), format!("more than {MAX_BRACKETS} brackets are open here"));
            let place = Place::Text { line, column, span: at..at + 1 };
            return Some(Finding { severity: Severity::Error, problem, place });
        }
    }
    None
}

/// Line and column behind some text, both from 1.
fn line_and_column(before: &str) -> (usize, usize) {
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (before.matches('\n').count() + 1, column)
}

fn place(text: &str, problem: &Problem, overrides: &[Override]) -> Place {
    if let Some(change) = overrides.iter().find(|change| problem.path.starts_with(&change.path)) {
        return Place::Override(change.text.clone());
    }
    match locate(text, &problem.path, problem.at_key) {
        Some(at) => {
            // A layer that does not fit is marked as a whole, one that cannot be read by its first word.
            let whole = matches!(problem.path.last(), Some(Step::Index(_))) && problem.expected.is_none();
            let span = span(text, at.line(), at.column(), whole);
            Place::Text { line: at.line(), column: at.column(), span }
        }
        None => Place::START,
    }
}

/// The bytes of the value that begins at a line and column, as far as they lie in that line: the `whole` rest of the line
/// without a comment, or one word.
fn span(text: &str, line: usize, column: usize, whole: bool) -> Range<usize> {
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

impl Pipeline {
    /// The pipeline as YAML, every default written out.
    ///
    /// # Errors
    /// Never for a pipeline that was read; serialisation is fallible by type only.
    pub fn to_yaml(&self) -> Result<String, serde_yaml::Error> {
        serde_yaml::to_string(self)
    }
}

/// The finding with its path, for those who print no lines.
impl Finding {
    /// The way to the value at fault, as a person writes it: `model.encoder[3]`.
    pub fn path(&self) -> String {
        written(&self.problem.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VAE: &str = "
name: tiny
data: { set: mnist }
model:
  family: vae
  latent: 2
  encoder:
    - conv2d: { filters: 4, kernel: 3, stride: 2 }
    - relu
    - flatten
  decoder:
    - linear: 784
    - leaky_relu: 0.2
    - batch_norm
    - reshape: [1, 28, 28]
";

    fn errors(text: &str) -> Vec<String> {
        let reading = read(text.as_bytes(), &[], Limits::DEFAULT);
        assert!(reading.pipeline.is_none(), "no error in {text}");
        reading.findings.iter().map(ToString::to_string).collect()
    }

    fn error(text: &str) -> String {
        let errors = errors(text);
        assert_eq!(errors.len(), 1, "{errors:?}");
        errors[0].clone()
    }

    #[test]
    fn a_pipeline_written_out_reads_back_the_same() {
        let (pipeline, plan) = read(VAE.as_bytes(), &[], Limits::DEFAULT).pipeline.unwrap();
        let yaml = pipeline.to_yaml().unwrap();
        assert_eq!(read(yaml.as_bytes(), &[], Limits::DEFAULT).pipeline.unwrap(), (pipeline, plan), "{yaml}");
    }

    #[test]
    fn an_unknown_key_is_named_with_its_place_and_the_key_it_resembles() {
        let message = error(&VAE.replace("latent", "latnet"));
        assert!(message.starts_with("6:3: model.latnet: unknown key `latnet` of `model`"), "{message}");
        assert!(message.contains("did you mean `latent`?"), "{message}");
    }

    #[test]
    fn an_unknown_layer_is_named_with_its_place_and_the_layer_it_resembles() {
        let message = error(&VAE.replace("conv2d", "con2d"));
        assert!(message.starts_with("8:7: "), "{message}");
        assert!(message.contains("did you mean `conv2d`?"), "{message}");
    }

    #[test]
    fn a_shape_that_does_not_fit_is_shown_at_its_layer_with_a_fix() {
        let message = error(&VAE.replace("linear: 784", "linear: 700"));
        assert!(message.starts_with("15:7: "), "{message}");
        assert!(message.contains("the `linear` before it must have 784 units"), "{message}");
    }

    #[test]
    fn all_problems_are_told_at_once_and_none_follows_from_another() {
        let text = VAE
            .replace("name: tiny\n", "")
            .replace("latent: 2", "latent: two")
            .replace("filters: 4, kernel: 3", "filter: 4, kernel: -3")
            .replace("- relu", "- {}")
            .replace("linear: 784", "linear: 700");
        let errors = errors(&(text + "train: { batch: 0, epoch: 5 }\n"));
        let starts = ["2:", "5:11: ", "7:17: ", "7:36: ", "8:7: ", "14:7: ", "15:17: ", "15:20: "];
        assert_eq!(errors.len(), starts.len(), "{errors:#?}");
        for (error, start) in errors.iter().zip(starts) {
            assert!(error.starts_with(start), "{start} {error}");
        }
    }

    #[test]
    fn an_override_is_checked_like_the_file() {
        let set = |text: &str| read(VAE.as_bytes(), &[Override::parse(text).unwrap()], Limits::DEFAULT);
        assert_eq!(set("train.epochs=5").pipeline.unwrap().0.train.epochs, 5);
        assert_eq!(set("model.latent=7").pipeline.unwrap().1.latent(), 7);
        let message = set("train.epoch=5").findings[0].to_string();
        assert!(message.starts_with("--set train.epoch=5: "), "{message}");
        assert!(message.contains("did you mean `epochs`?"), "{message}");
        let message = set("model.encoder.0.conv2d.kernel=99").findings[0].to_string();
        assert!(message.contains("99 by 99"), "{message}");
        let message = set("model.encoder.9=relu").findings[0].to_string();
        assert!(message.contains("no entry 9 in a list of 3"), "{message}");
        assert!(Override::parse("epochs").is_err());
    }

    #[test]
    fn hostile_files_are_refused_without_a_panic() {
        let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nname: *c\n";
        let deep = "[".repeat(60_000);
        for text in ["", "\u{0}", "- a", "name: [", "model: {family: vae}", bomb, &deep, "model: !!x y", "a: &a [*a]"] {
            let reading = read(text.as_bytes(), &[], Limits::DEFAULT);
            assert!(reading.pipeline.is_none() && !reading.findings.is_empty(), "{text:.40}");
        }
    }

    #[test]
    fn residuals_deep_within_one_another_take_no_time() {
        let layer = format!("{}relu{}", "{residual: [".repeat(25), "]}".repeat(25));
        let reading = read(VAE.replace("- relu", &format!("- {layer}")).as_bytes(), &[], Limits::DEFAULT);
        assert!(reading.pipeline.is_some(), "{:?}", reading.findings);
    }

    #[test]
    fn warnings_leave_the_pipeline_as_it_is() {
        let reading = read((VAE.to_owned() + "    - sigmoid\n").as_bytes(), &[], Limits::DEFAULT);
        assert!(reading.pipeline.is_some());
        let warning = reading.findings[0].to_string();
        assert!(warning.starts_with("16:7: ") && warning.contains("`bce` takes logits"), "{warning}");
    }
}
