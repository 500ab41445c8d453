//! The progress of an evaluation.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

pub struct EvaluationProgress(ProgressBar);

impl EvaluationProgress {
    /// A bar that is shown if `wanted` and on a terminal.
    pub fn new(wanted: bool) -> Self {
        let live = wanted && std::io::stderr().is_terminal();
        let bar = if live { ProgressBar::new(1) } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{wide_bar:.cyan/dim} {percent:>3} %  {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self(bar)
    }

    /// Starts `what`, which has this many parts.
    pub fn begin(&self, what: String, parts: usize) {
        self.0.set_length(parts as u64);
        self.0.set_position(0);
        self.0.set_message(what);
        self.0.tick();
    }

    pub fn done(&self, parts: usize) {
        self.0.inc(parts as u64);
    }
}

impl Drop for EvaluationProgress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
