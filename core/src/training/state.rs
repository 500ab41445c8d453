//! Where a training stands.

use serde::{Deserialize, Serialize};

use super::Sum;
use crate::family::Saved;
use crate::latent::Prior;

/// Where a training stands; written with every checkpoint.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct State {
    /// Steps done.
    pub steps: u64,
    /// Epochs begun: the number of the last whole or broken-off one, from 1.
    pub epoch: usize,
    /// Whether the epoch was broken off.
    pub partial: bool,
    /// Time spent training, in seconds.
    pub seconds: f64,
    /// What all learning rates are multiplied by: halved with every rollback.
    pub rate: f64,
    /// How often training went back.
    pub rollbacks: u32,
    /// The parts of the loss, averaged over the last epoch.
    pub losses: Vec<(String, f64)>,
    /// What those of an epoch that was broken off are averaged from.
    pub sums: Vec<(String, Sum)>,
    /// The same on the images that were kept out of training, if there are any.
    pub validation: Vec<(String, f64)>,
    /// The same on the test samples, where they mean something there.
    pub test: Vec<(String, f64)>,
    /// The best evaluation so far: the figure and its step.
    pub best: Option<(f64, u64)>,
    /// Evaluations since then.
    pub stale: usize,
    /// What latents are drawn from.
    pub prior: Prior,
    /// SHA-256 of the weights beside it.
    pub weights_sha256: String,
    /// SHA-256 of the states of the optimisers beside it.
    pub optimizers_sha256: Vec<String>,
}

impl State {
    /// Before the first step.
    pub fn new() -> Self {
        Self { rate: 1.0, ..Self::default() }
    }

    /// Epochs that are whole.
    pub fn epochs(&self) -> usize {
        self.epoch - usize::from(self.partial)
    }
}

/// A training at some moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Where it stands.
    pub state: State,
    /// The weights and the states of the optimisers.
    pub saved: Saved,
}
