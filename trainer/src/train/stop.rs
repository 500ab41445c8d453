//! Stopping a training from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};

/// Set by the first Ctrl-C or SIGTERM, upon which training finishes its step and saves. A second one ends the program at
/// once.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Begins to listen for signals. Only once in a process.
    pub fn listen() -> Result<Self> {
        let stop = Self::default();
        let asked = stop.0.clone();
        ctrlc::set_handler(move || {
            if asked.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
        })
        .context("cannot listen for Ctrl-C")?;
        Ok(stop)
    }

    /// Whether training should stop.
    pub fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
