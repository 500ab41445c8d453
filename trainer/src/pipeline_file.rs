//! Pipeline files, and how their problems are shown.

use std::io::{IsTerminal, Read};
use std::ops::Range;
use std::path::Path;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use anyhow::{Context, Result, bail};
use imago_core::diagnostic::{Advice, Problem};
use imago_core::family::Plan;
use imago_core::limits::Limits;
use imago_core::pipeline::Pipeline;
use imago_core::yaml::{self, Finding, Override, Place, Reading, Severity};

/// Longer lines are not shown with a finding.
const MAX_LINE: usize = 8192;
/// Longer expectations appear below a line rather than beside it.
const MAX_LABEL: usize = 60;

pub struct PipelineFile {
    name: String,
    bytes: Vec<u8>,
}

impl PipelineFile {
    /// Reads the file; an oversized one only far enough to say so.
    pub fn open(path: &Path) -> Result<Self> {
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        let most = Limits::LARGE.file as u64 + 1;
        file.take(most).read_to_end(&mut bytes).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self { name: path.display().to_string(), bytes })
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether the file names a pipeline instead of being one.
    pub fn is_sweep(&self) -> bool {
        let content = serde_yaml::from_str::<serde_yaml::Mapping>(&yaml::text(&self.bytes));
        content.is_ok_and(|content| content.contains_key("pipeline") && !content.contains_key("model"))
    }

    /// Parses the file and finds its problems.
    pub fn read(&self, overrides: &[Override], limits: Limits) -> Reading {
        yaml::read(&self.bytes, overrides, limits)
    }

    /// The pipeline of the file; shows its problems.
    ///
    /// # Errors
    /// There is no valid pipeline.
    pub fn pipeline(&self, overrides: &[Override], limits: Limits) -> Result<(Pipeline, Plan)> {
        let reading = self.read(overrides, limits);
        for finding in &reading.findings {
            self.show(finding);
        }
        match reading.pipeline {
            Some(pipeline) => Ok(pipeline),
            None => bail!("{} is not a valid pipeline: {}", self.name, counted(&reading.findings)),
        }
    }

    pub fn show(&self, finding: &Finding) {
        let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        eprintln!("{}\n", self.render(finding, colour));
    }

    fn render(&self, finding: &Finding, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let problem = &with_commands(&finding.problem);
        let level = match finding.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let expected = problem.expected.as_ref().map(|expected| format!("expected {expected}"));
        let (beside, below) = match expected {
            Some(expected) if expected.len() > MAX_LABEL => (None, Some(expected)),
            expected => (expected, None),
        };
        let mark = |span: Range<usize>| AnnotationKind::Primary.span(span).label(beside);
        let title = match finding.place {
            Place::Override(_) => format!("--set: {}", problem.found),
            Place::Text { .. } => problem.found.clone(),
        };
        let group = Group::with_title(level.primary_title(title));
        let mut group = match &finding.place {
            Place::Override(text) => {
                let snippet = Snippet::source(text).line_numbering(false);
                group.element(snippet.annotation(mark(0..text.len())))
            }
            Place::Text { line, column, span } => {
                let text = yaml::text(&self.bytes);
                // Rendering only the line itself keeps this fast.
                let start = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
                let content = text[start..].split('\n').next().unwrap_or("").trim_end();
                if content.len() > MAX_LINE || span.is_empty() && finding.problem.path.is_empty() {
                    group.element(Origin::path(&self.name).line(*line).char_column(*column))
                } else {
                    let end = span.end.min(start + content.len()).max(span.start);
                    let snippet = Snippet::source(content.to_owned()).line_start(*line).path(&self.name);
                    group.element(snippet.annotation(mark(span.start - start..end - start)))
                }
            }
        };
        for note in below.iter().chain(&problem.note) {
            group = group.element(Level::NOTE.message(note));
        }
        if let Some(suggestion) = &problem.suggestion {
            group = group.element(Level::HELP.message(suggestion));
        }
        renderer.render(&[group])
    }
}

/// The problem with the options and commands that help.
pub fn with_commands(problem: &Problem) -> Problem {
    let mut problem = problem.clone();
    let suggestion = problem.suggestion.take().unwrap_or_default();
    problem.suggestion = match problem.advice {
        Some(Advice::LargerLimits) => Some(suggestion + ", or `--allow-large` on the command line"),
        Some(Advice::Template) => Some("`imago init vae` writes a pipeline to start from".into()),
        Some(Advice::FolderClasses) => Some(suggestion + "; `imago data stats FOLDER` prints the line"),
        Some(Advice::LayerNames) | None => (!suggestion.is_empty()).then_some(suggestion),
    };
    if problem.advice == Some(Advice::LayerNames) {
        problem.expected = Some("one of the names that `imago layers` lists".into());
    }
    problem
}

/// "2 errors" or "1 warning".
pub fn counted(findings: &[Finding]) -> String {
    let count = |severity: Severity, word: &str| {
        let count = findings.iter().filter(|finding| finding.severity == severity).count();
        match count {
            0 => None,
            1 => Some(format!("1 {word}")),
            yaml::MAX_PROBLEMS => Some(format!("the first {count} {word}s")),
            count => Some(format!("{count} {word}s")),
        }
    };
    let counts = [count(Severity::Error, "error"), count(Severity::Warning, "warning")];
    counts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
