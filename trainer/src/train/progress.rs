//! The output of a training for people and programs.

use std::fmt::Arguments;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use terminal_size::{Width, terminal_size};

/// How often losses are read from the device and shown.
const INTERVAL: Duration = Duration::from_millis(500);

/// The audience of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// For people: a progress bar on a terminal, and a line for each epoch.
    People,
    /// For programs: a line of JSON for each epoch, and nothing else.
    Json,
    Quiet,
}

pub struct Progress {
    verbosity: Verbosity,
    /// Hidden without a terminal.
    bar: ProgressBar,
    device: String,
    epochs: usize,
    steps: u64,
    shown: Instant,
}

impl Progress {
    pub fn new(verbosity: Verbosity, device: &str) -> Self {
        let live = verbosity == Verbosity::People && std::io::stderr().is_terminal() && std::io::stdout().is_terminal();
        let bar = if live { ProgressBar::new(1) } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{wide_bar:.cyan/dim} {percent:>3} %  {eta} left\n{msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { verbosity, bar, device: device.to_owned(), epochs: 0, steps: 0, shown: Instant::now() }
    }

    pub fn say(&self, text: Arguments<'_>) {
        if self.verbosity == Verbosity::People {
            self.bar.suspend(|| say!("{text}"));
        }
    }

    /// Starts the progress bar at `done` of `steps`.
    pub fn begin(&mut self, epochs: usize, steps: u64, done: u64) {
        (self.epochs, self.steps) = (epochs, steps);
        self.bar.set_length(steps);
        self.bar.set_position(done);
        self.bar.reset_eta();
    }

    /// Counts a step. True when losses are due to be [shown](Self::show).
    pub fn step(&mut self) -> bool {
        self.bar.inc(1);
        !self.bar.is_hidden() && self.shown.elapsed() >= INTERVAL
    }

    pub fn show(&mut self, epoch: usize, step: u64, losses: &str, images_per_second: f64) {
        self.shown = Instant::now();
        let Self { device, epochs, steps, .. } = self;
        self.bar.set_message(format!(
            "epoch {epoch}/{epochs}  step {step}/{steps}  {images_per_second:.0} images/s  {device}\n{losses}"
        ));
    }

    pub fn back(&self, steps: u64, text: Arguments<'_>) {
        self.bar.set_position(steps);
        self.bar.suspend(|| eprintln!("warning: {text}"));
    }

    /// Prints the line of an epoch: `scores` are its losses, then other metrics. On a narrow
    /// terminal each has its own line.
    pub fn epoch(
        &self,
        epoch: usize,
        scores: &[String],
        images_per_second: f64,
        left: Duration,
        json: &serde_json::Value,
    ) {
        match self.verbosity {
            Verbosity::Json => say!("{json}"),
            Verbosity::Quiet => {}
            Verbosity::People => {
                let left = match left.is_zero() {
                    true => "done".to_owned(),
                    false => format!("{} left", HumanDuration(left)),
                };
                let (begin, end) =
                    (format!("epoch {epoch:>3}/{}", self.epochs), format!("{images_per_second:.0} images/s  {left}"));
                let line = format!("{begin}  {}  {end}", scores.join("  "));
                let width = if self.bar.is_hidden() { None } else { terminal_size() };
                match (width, scores) {
                    (Some((Width(width), _)), [losses, rest @ ..]) if line.chars().count() > width.into() => {
                        let rest: String =
                            rest.iter().map(|scores| format!("\n{:>1$}{scores}", "", begin.len() + 2)).collect();
                        self.say(format_args!("{begin}  {losses}  {end}{rest}"));
                    }
                    _ => self.say(format_args!("{line}")),
                }
            }
        }
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
