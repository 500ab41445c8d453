//! Stopping a training by signal.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Signals this soon after the first are the same request: a batch system signals every process of
/// a job, and a sweep passes signals on.
const TOGETHER: Duration = Duration::from_secs(1);

/// Set by the first Ctrl-C or SIGTERM: training finishes its step and saves. A signal a second or
/// more later ends the program at once.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
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

    pub fn requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
