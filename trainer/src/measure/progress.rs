//! How far a measurement is, for a person who waits.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

/// A line on the terminal, which is not there elsewhere.
pub struct EvaluationProgress(ProgressBar);

impl EvaluationProgress {
    /// A line that is shown if `wanted`, and if a person may see it.
    pub fn new(wanted: bool) -> Self {
        let live = wanted && std::io::stderr().is_terminal();
        let bar = if live { ProgressBar::new(1) } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{wide_bar:.cyan/dim} {percent:>3} %  {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self(bar)
    }

    /// Begins with `what`, which has so many parts.
    pub fn begin(&self, what: String, parts: usize) {
        self.0.set_length(parts as u64);
        self.0.set_position(0);
        self.0.set_message(what);
        self.0.tick();
    }

    /// So many parts more are done.
    pub fn done(&self, parts: usize) {
        self.0.inc(parts as u64);
    }
}

impl Drop for EvaluationProgress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
