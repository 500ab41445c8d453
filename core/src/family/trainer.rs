//! A model in training: its networks with their optimisers.

use burn::module::Module;
use burn::tensor::Tensor;

use super::TrainerSetup;
use super::optimizer::Optimizer;
use crate::data::Batch;
use crate::noise::{Noise, Purpose};
use crate::weights::{Pack, Unpack, WeightsError};

/// The number, learning rate factor and randomness of a step.
#[derive(Debug)]
pub struct StepContext {
    /// Steps before this one.
    pub step: u64,
    /// The factor of the learning rates: see [`Train::rate`](crate::spec::Train::rate).
    pub rate: f64,
    /// The randomness of this step.
    pub noise: Noise,
}

impl StepContext {
    /// Step `step`, from 0, of a run with `seed`.
    pub fn new(seed: u64, step: u64, rate: f64) -> Self {
        Self { step, rate, noise: Noise::of(Purpose::Step, seed, step) }
    }
}

/// Named losses, `[1]` each, still on the device, always in the same order; some may be left out.
pub type Losses = Vec<(&'static str, Tensor<1>)>;

/// A model with its optimisers, on an autodiff device. No method reads from the device.
pub trait Trainer {
    /// One step on a batch.
    #[must_use = "the step returns the trained model"]
    fn step(self: Box<Self>, batch: Batch, context: &mut StepContext) -> (Box<dyn Trainer>, Losses);

    /// The state for a checkpoint, still on the device.
    fn save(&self) -> Unsaved;

    /// Restores the state from [`Self::save`].
    ///
    /// # Errors
    /// It is of another model, or damaged.
    fn restore(self: Box<Self>, saved: &Saved) -> Result<Box<dyn Trainer>, TrainerError>;

    /// Computes losses with the current weights, if those mean something on held-out samples. Its
    /// batches are on the device without gradients.
    fn evaluator(&self) -> Option<Evaluator<'_>>;

    /// Whether an incomplete last batch is dropped.
    fn drops_last(&self) -> bool;
}

/// Computes the losses of a batch.
pub type Evaluator<'a> = Box<dyn Fn(Batch, &mut StepContext) -> Losses + 'a>;

/// All weights and optimiser states, on their device.
pub struct Unsaved {
    /// The weights.
    pub weights: Pack,
    /// One for each optimiser.
    pub optimizers: Vec<Pack>,
}

impl Unsaved {
    /// Reads everything from the device.
    ///
    /// # Errors
    /// The device cannot be read.
    pub async fn read(self) -> Result<Saved, WeightsError> {
        let mut saved = Saved { weights: self.weights.read().await?, optimizers: Vec::new() };
        for optimizer in self.optimizers {
            saved.optimizers.push(optimizer.read().await?);
        }
        Ok(saved)
    }
}

/// All weights and optimiser states, as bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Saved {
    /// Packed: see [`Pack`].
    pub weights: Vec<u8>,
    /// One for each optimiser.
    pub optimizers: Vec<Vec<u8>>,
}

impl Saved {
    /// Whether all weights are finite: a last step may break them before any loss shows it.
    ///
    /// # Errors
    /// The weights cannot be read.
    pub fn is_finite(&self) -> Result<bool, WeightsError> {
        Unpack::read(&self.weights)?.is_finite()
    }

    /// The state of optimiser `which`, from 0.
    pub(crate) fn optimizer(&self, which: usize) -> Result<&[u8], TrainerError> {
        let missing = || TrainerError::Optimizer(format!("number {} is missing", which + 1));
        self.optimizers.get(which).map(Vec::as_slice).ok_or_else(missing)
    }
}

/// A saved state cannot be restored.
#[derive(Debug, thiserror::Error)]
pub enum TrainerError {
    /// The weights are of another model, or damaged.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The state of an optimiser is of another model, or damaged.
    #[error("the state of the optimiser: {0}")]
    Optimizer(String),
}

/// A model with a single loss.
pub trait Objective: Module {
    /// The loss of a batch, `[1]`, and its parts.
    fn loss(&self, batch: Batch, context: &mut StepContext) -> (Tensor<1>, Losses);
}

/// A model with a single loss, and its optimiser.
pub struct ObjectiveTrainer<M> {
    model: M,
    optimizer: Optimizer,
}

impl<M: Objective + 'static> ObjectiveTrainer<M> {
    /// A trainer of `model`, which is on an autodiff device.
    pub fn boxed(model: M, setup: &TrainerSetup<'_>) -> Box<dyn Trainer> {
        Box::new(Self { model, optimizer: Optimizer::new(&setup.train.optimizer) })
    }
}

impl<M: Objective + 'static> Trainer for ObjectiveTrainer<M> {
    fn step(mut self: Box<Self>, batch: Batch, context: &mut StepContext) -> (Box<dyn Trainer>, Losses) {
        let (total, losses) = self.model.loss(batch, context);
        self.model = self.optimizer.step(context.rate, self.model, total);
        (self, detached(losses))
    }

    fn evaluator(&self) -> Option<Evaluator<'_>> {
        let model = self.model.valid();
        Some(Box::new(move |batch, context| model.loss(batch, context).1))
    }

    fn save(&self) -> Unsaved {
        let mut weights = Pack::default();
        weights.add("", &self.model);
        Unsaved { weights, optimizers: vec![self.optimizer.pack()] }
    }

    fn restore(mut self: Box<Self>, saved: &Saved) -> Result<Box<dyn Trainer>, TrainerError> {
        let mut weights = Unpack::read(&saved.weights)?;
        self.model = weights.fill("", self.model)?;
        weights.finish()?;
        self.optimizer.restore(saved.optimizer(0)?, &self.model)?;
        Ok(self)
    }

    fn drops_last(&self) -> bool {
        false
    }
}

/// Detaches the losses, so that the graph can be freed.
pub(super) fn detached(losses: Losses) -> Losses {
    losses.into_iter().map(|(name, loss)| (name, loss.detach())).collect()
}
