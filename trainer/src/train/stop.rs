//! Stopping a training from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Signals that follow the first so soon are the same wish: a batch system asks every process of a job to end, and a sweep passes on
/// what it was asked itself.
const TOGETHER: Duration = Duration::from_secs(1);

/// Set by the first Ctrl-C or SIGTERM, upon which training finishes its step and saves. One that comes a second later or more ends
/// the program at once.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Begins to listen for signals. Only once in a process.
    pub fn listen() -> Result<Self> {
        let stop = Self::default();
        let requested = stop.0.clone();
        let mut first: Option<Instant> = None;
        ctrlc::set_handler(move || {
            requested.store(true, Ordering::Relaxed);
            if first.get_or_insert_with(Instant::now).elapsed() >= TOGETHER {
                std::process::exit(130);
            }
        })
        .context("cannot listen for Ctrl-C")?;
        Ok(stop)
    }

    /// Whether training should stop.
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
