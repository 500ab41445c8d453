//! A model in training: its networks with their optimisers, one step at a time.

use burn::module::Module;
use burn::tensor::Tensor;

use super::Start;
use super::optimizer::Optimizer;
use crate::data::Batch;
use crate::noise::{Noise, Purpose};
use crate::weights::{Pack, Unpack, WeightsError};

/// Where a training stands when a step is taken, and the randomness of the step.
#[derive(Debug)]
pub struct StepContext {
    /// Steps taken before this one.
    pub step: u64,
    /// What learning rates are multiplied by: see [`Train::rate`](crate::spec::Train::rate).
    pub rate: f64,
    /// The randomness of this step and of no other.
    pub noise: Noise,
}

impl StepContext {
    /// Step number `step`, from 0, of a training with `seed`.
    pub fn new(seed: u64, step: u64, rate: f64) -> Self {
        Self { step, rate, noise: Noise::of(Purpose::Step, seed, step) }
    }
}

/// What a step measured, by name: `[1]` each, still on the device. The same names come in the same order at every step, but one
/// that a step does not measure is left out.
pub type Losses = Vec<(&'static str, Tensor<1>)>;

/// A model with its optimisers, on an autodiff device. Nothing that it does reads from the device.
pub trait Trainer {
    /// One step on a batch.
    #[must_use = "the step returns the trained model"]
    fn step(self: Box<Self>, batch: Batch, context: &mut StepContext) -> (Box<dyn Trainer>, Losses);

    /// All that has to be kept to go on later, still on the device.
    fn save(&self) -> Unsaved;

    /// Puts back what [`Self::save`] gave.
    ///
    /// # Errors
    /// It was saved by another model, or is damaged.
    fn restore(self: Box<Self>, saved: &Saved) -> Result<Box<dyn Trainer>, TrainerError>;

    /// What measures a batch with the weights of now without learning from it, if the model's losses mean something on samples
    /// that it never learned from. Its batches live on the device without gradients.
    fn evaluator(&self) -> Option<Evaluator<'_>>;

    /// Whether a last batch that is smaller than the others is left out, since two networks that compete should see the same number.
    fn drops_last(&self) -> bool;
}

/// Measures a batch.
pub type Evaluator<'a> = Box<dyn Fn(Batch, &mut StepContext) -> Losses + 'a>;

/// The weights of all networks, and the states of all optimisers, on their device.
pub struct Unsaved {
    /// The weights.
    pub weights: Pack,
    /// One for each optimiser.
    pub optimizers: Vec<Pack>,
}

impl Unsaved {
    /// Reads all of it.
    ///
    /// # Errors
    /// A tensor cannot be read from the device.
    pub async fn read(self) -> Result<Saved, WeightsError> {
        let mut saved = Saved { weights: self.weights.read().await?, optimizers: Vec::new() };
        for optimizer in self.optimizers {
            saved.optimizers.push(optimizer.read().await?);
        }
        Ok(saved)
    }
}

/// The weights of all networks, and the states of all optimisers, as bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Saved {
    /// Packed: see [`Pack`].
    pub weights: Vec<u8>,
    /// One for each optimiser.
    pub optimizers: Vec<Vec<u8>>,
}

impl Saved {
    /// Whether all weights are finite numbers: a last step may have spoiled them before any loss shows it.
    ///
    /// # Errors
    /// The weights cannot be read.
    pub fn is_finite(&self) -> Result<bool, WeightsError> {
        Unpack::read(&self.weights)?.is_finite()
    }

    /// The state of optimiser number `which`, from 0.
    pub(crate) fn optimizer(&self, which: usize) -> Result<&[u8], TrainerError> {
        let missing = || TrainerError::Optimizer(format!("number {} is missing", which + 1));
        self.optimizers.get(which).map(Vec::as_slice).ok_or_else(missing)
    }
}

/// The state of a training could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum TrainerError {
    /// The weights are those of another model, or cannot be read.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The state of an optimiser could not be written or read.
    #[error("the state of the optimiser: {0}")]
    Optimizer(String),
}

/// A model whose networks all follow the gradient of one loss.
pub trait Objective: Module {
    /// The loss of a batch, `[1]`, and its parts. Nothing is read back from the device.
    fn loss(&self, batch: Batch, context: &mut StepContext) -> (Tensor<1>, Losses);
}

/// A model with one loss, and its optimiser.
pub struct ObjectiveTrainer<M> {
    model: M,
    optimizer: Optimizer,
}

impl<M: Objective + 'static> ObjectiveTrainer<M> {
    /// Trains `model`, whose weights live on an autodiff device.
    pub fn boxed(model: M, start: &Start<'_>) -> Box<dyn Trainer> {
        Box::new(Self { model, optimizer: Optimizer::new(&start.train.optimizer) })
    }
}

impl<M: Objective + 'static> Trainer for ObjectiveTrainer<M> {
    /// ```text
    /// take the gradient of the loss of the batch, and let all weights follow it
    /// ```
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
        self.optimizer.restore(saved.optimizer(0)?)?;
        Ok(self)
    }

    fn drops_last(&self) -> bool {
        false
    }
}

/// Takes the losses out of the graph, so that it can be freed.
pub(super) fn detached(losses: Losses) -> Losses {
    losses.into_iter().map(|(name, loss)| (name, loss.detach())).collect()
}
