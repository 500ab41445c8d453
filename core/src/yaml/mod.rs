//! From the text of a file to a pipeline, with every problem at its line and column.

mod names;
mod node;
mod overrides;
mod position;
mod repair;
mod schema;
mod syntax;
mod typed;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use crate::diagnostic::{Advice, KeyPath, PathStep, Problem, Problems, format_path};
use crate::family::{Family, FamilyVisitor, Model, Plan};
use crate::format::readable;
use crate::limits::Limits;
use crate::network::PlanBuilder;
use crate::pipeline::Pipeline;
use crate::pipeline::warnings;
use crate::spec::{Data, Train};
pub use names::nearest;
use node::Node;
pub use overrides::{Override, OverrideError};
use position::place;
pub use repair::MAX_PROBLEMS;
use repair::Repaired;
pub use schema::schema;
use syntax::{brackets, control_character, not_utf8, nothing, syntax};

/// How severe a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The pipeline cannot be trained.
    Error,
    /// Valid, but surely wrong.
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
        /// The bytes of the text that are wrong.
        span: Range<usize>,
    },
    /// In an [`Override`].
    Override(String),
}

impl Place {
    /// The start of the text, for problems of the whole file.
    pub const START: Self = Self::Text { line: 1, column: 1, span: 0..0 };
}

/// Something wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The severity.
    pub severity: Severity,
    /// The problem.
    pub problem: Problem,
    /// The place.
    pub place: Place,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Text { line, column, .. } => write!(f, "{line}:{column}: {}", self.problem),
            Place::Override(text) => write!(f, "{text}: {}", self.problem),
        }
    }
}

/// The result of reading a file.
#[derive(Debug)]
pub struct Reading {
    /// The pipeline and its plan, unless there are errors.
    pub pipeline: Option<(Pipeline, Plan)>,
    /// Either the errors or the warnings, in the order of the file.
    pub findings: Vec<Finding>,
}

/// The text of a file without its byte order mark; invalid UTF-8 is replaced.
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
}

/// Reads and resolves a pipeline file, with `overrides` in place of its values.
///
/// Reading continues after a mistake as if it were repaired, so that all mistakes are found at
/// once. Places refer to [`text`].
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
            let problem = Problem::new(change.path.clone(), found.to_string());
            let place = Place::Override(change.text.clone());
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
    let mut tree = tree.map_err(|error| Problems(vec![Problem::new(KeyPath::new(), error.to_string())]))?;
    let Repaired { value, problems, .. } = repair::read(&mut tree);
    value.filter(|_| problems.is_empty()).ok_or(Problems(problems))
}

fn too_long(bytes: u64, limits: Limits) -> Finding {
    let (found, most) = (readable(bytes), readable(limits.file as u64));
    let mut problem = Problem::new(KeyPath::new(), format!("the file has {found}, more than {most}"));
    if limits.file < Limits::LARGE.file {
        problem = problem.suggest(Some("a smaller file".into())).advise(Advice::LargerLimits);
    }
    Finding { severity: Severity::Error, problem, place: Place::START }
}

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

/// A pipeline with stand-ins for what is wrong, the problems, and the stand-ins' paths.
fn parse(tree: &mut Node) -> (Option<Pipeline>, Vec<Problem>, Vec<KeyPath>) {
    // The family decides which other keys there are, so a mistake in its name is repaired first.
    let family = [PathStep::key("model"), PathStep::key("family")];
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

struct ReadAs<'a>(&'a mut Node);

impl FamilyVisitor for ReadAs<'_> {
    type Output = (Option<Pipeline>, Vec<Problem>, Vec<KeyPath>);

    fn visit<M: DeserializeOwned + Into<Model>>(self) -> Self::Output {
        let Repaired { value, problems, unread } = repair::read::<File<M>>(self.0);
        let pipeline =
            value.map(|File { name, data, model, train }| Pipeline { name, data, model: model.into(), train });
        (pipeline, problems, unread)
    }
}

impl Pipeline {
    /// The pipeline as YAML with all defaults. Only the type of serialisation is fallible.
    pub fn to_yaml(&self) -> Result<String, serde_yaml::Error> {
        serde_yaml::to_string(self)
    }
}

impl Finding {
    /// The path to the value that is wrong: `model.encoder[3]`.
    pub fn path(&self) -> String {
        format_path(&self.problem.path)
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
    fn all_problems_are_reported_at_once_and_none_follows_from_another() {
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
        assert!(message.starts_with("train.epoch=5: "), "{message}");
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
