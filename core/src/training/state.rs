//! The state of a run.

use serde::{Deserialize, Serialize};

use super::Sum;
use crate::family::Saved;
use crate::latent::Prior;

/// The state of a run, written with every checkpoint.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct State {
    /// Steps done.
    pub steps: u64,
    /// The current epoch, from 1.
    pub epoch: usize,
    /// Whether that epoch is incomplete.
    pub partial: bool,
    /// Training time in seconds.
    pub seconds: f64,
    /// A factor of all learning rates, halved with every rollback.
    pub rate: f64,
    /// Number of rollbacks.
    pub rollbacks: u32,
    /// The parts of the loss, averaged over the last epoch.
    pub losses: Vec<(String, f64)>,
    /// The sums behind them in an incomplete epoch.
    pub sums: Vec<(String, Sum)>,
    /// The losses on the validation images, if there are any.
    pub validation: Vec<(String, f64)>,
    /// The losses on the test images, if the family has an evaluator.
    pub test: Vec<(String, f64)>,
    /// The best evaluation so far: the metric and its step.
    pub best: Option<(f64, u64)>,
    /// Evaluations since then.
    pub stale: usize,
    /// The prior.
    pub prior: Prior,
    /// SHA-256 of the weights of the checkpoint.
    pub weights_sha256: String,
    /// SHA-256 of its optimiser states.
    pub optimizers_sha256: Vec<String>,
}

impl State {
    /// Before the first step.
    pub fn new() -> Self {
        Self { rate: 1.0, ..Self::default() }
    }

    /// Complete epochs.
    pub fn epochs(&self) -> usize {
        self.epoch - usize::from(self.partial)
    }
}

/// A run between two steps.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The state.
    pub state: State,
    /// The weights and the optimiser states.
    pub saved: Saved,
}
