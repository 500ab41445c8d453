//! What a person sees while a model trains.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

/// How often the losses are read from the device and shown.
const INTERVAL: Duration = Duration::from_millis(500);

/// One bar over all epochs on a terminal, one line an epoch elsewhere.
pub struct Progress {
    bar: ProgressBar,
    live: bool,
    epochs: usize,
    shown: Instant,
}

impl Progress {
    /// Progress over `steps` in `epochs`, of which `done` steps are behind us.
    pub fn new(epochs: usize, steps: u64, done: u64) -> Self {
        let live = std::io::stderr().is_terminal();
        let bar = match live {
            true => ProgressBar::new(steps).with_position(done),
            false => ProgressBar::hidden(),
        };
        let style = ProgressStyle::with_template("{prefix} {bar:30.cyan/dim} {percent:>3}%  {msg}  {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.reset_eta();
        Self { bar, live, epochs, shown: Instant::now() }
    }

    /// Counts a step. True when it is time to [`show`](Self::show) losses.
    pub fn step(&mut self) -> bool {
        self.bar.inc(1);
        self.live && self.shown.elapsed() >= INTERVAL
    }

    /// Shows the losses of the last steps.
    pub fn show(&mut self, epoch: usize, losses: &str, images_per_second: f64) {
        self.shown = Instant::now();
        self.bar.set_prefix(format!("epoch {epoch}/{}", self.epochs));
        self.bar.set_message(format!("{losses}  {images_per_second:.0} images/s"));
    }

    /// Prints the line of a whole epoch.
    pub fn epoch(&self, epoch: usize, losses: &str, images_per_second: f64, left: Duration) {
        let left = match left.is_zero() {
            true => "done".to_owned(),
            false => format!("{} left", HumanDuration(left)),
        };
        let line = format!("epoch {epoch:>3}/{}  {losses}  {images_per_second:.0} images/s  {left}", self.epochs);
        self.bar.suspend(|| say!("{line}"));
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
