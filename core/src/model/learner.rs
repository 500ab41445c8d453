//! A model in training: its networks with their optimisers, one step at a time.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::{Bytes, Tensor};

use super::gan::detached;
use super::{Batch, Losses, Moment, Objective};
use crate::artifact::{ArtifactError, Pack, Unpack, sorted};
use crate::spec;

/// A model with its optimisers, on an autodiff device.
pub trait Learner: Sized {
    /// One step on a batch. Nothing is read back from the device.
    #[must_use = "the step returns the trained learner"]
    fn step(self, batch: Batch, moment: &mut Moment) -> (Self, Losses);

    /// All that has to be kept to go on later.
    ///
    /// # Errors
    /// A tensor cannot be read from the device.
    fn save(&self) -> Result<Saved, LearnerError>;

    /// Puts back what [`Self::save`] gave.
    ///
    /// # Errors
    /// It was saved by another model, or is damaged.
    fn restore(self, saved: &Saved) -> Result<Self, LearnerError>;

    /// What measures a batch with the weights of now without learning from it, if the model's losses mean something on samples that
    /// it never learned from. Its batches live on the device without gradients.
    fn exam(&self) -> Option<Exam<'_>> {
        None
    }

    /// Whether a last batch that is smaller than the others is left out, since the two sides of a game should see the same number.
    const WHOLE_BATCHES: bool;
}

/// Measures a batch.
pub type Exam<'a> = Box<dyn Fn(Batch, &mut Moment) -> Losses + 'a>;

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
    pub fn is_finite(&self) -> Result<bool, LearnerError> {
        Ok(Unpack::read(&self.weights)?.is_finite()?)
    }
}

/// The state of a training could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum LearnerError {
    /// The weights are those of another model, or cannot be read.
    #[error(transparent)]
    Weights(#[from] ArtifactError),
    /// The state of an optimiser could not be written or read.
    #[error("the state of the optimiser: {0}")]
    Optimizer(String),
}

/// Adam, with its learning rate.
pub(super) struct Optimizer {
    adam: ModuleOptimizer,
    rate: f64,
    /// The length to which gradients are shortened.
    clip_norm: Option<f64>,
}

impl Optimizer {
    pub(super) fn new(spec: &spec::Optimizer) -> Self {
        let adam = AdamConfig::new()
            .with_beta_1(spec.adam.beta_1 as f32)
            .with_beta_2(spec.adam.beta_2 as f32)
            .with_epsilon(spec.adam.epsilon as f32);
        Self { adam: adam.init(), rate: spec.adam.lr, clip_norm: spec.adam.clip_norm }
    }

    /// Moves the weights of `module`, and of no other, against the gradient of `loss`, at `factor` times the learning rate.
    pub(super) fn step<M: Module>(&mut self, factor: f64, module: M, loss: Tensor<1>) -> M {
        let gradients = gradients(&module, loss);
        self.follow(factor, module, gradients)
    }

    /// Moves the weights of `module` against `gradients`.
    pub(super) fn follow<M: Module>(&mut self, factor: f64, module: M, gradients: GradientsParams) -> M {
        let gradients = match self.clip_norm {
            Some(bound) => shortened(&module, gradients, bound),
            None => gradients,
        };
        self.adam.step(self.rate * factor, module, gradients)
    }

    pub(super) fn save(&self) -> Result<Vec<u8>, LearnerError> {
        let bytes = self.adam.into_bytes().map_err(|error| LearnerError::Optimizer(error.to_string()))?;
        Ok(sorted(bytes)?)
    }

    /// Takes state number `which` of what was saved.
    pub(super) fn restore(mut self, saved: &Saved, which: usize) -> Result<Self, LearnerError> {
        let Some(state) = saved.optimizers.get(which) else {
            return Err(LearnerError::Optimizer(format!("number {} is missing", which + 1)));
        };
        let restored = self.adam.from_bytes(Bytes::from_bytes_vec(state.clone()));
        self.adam = restored.map_err(|error| LearnerError::Optimizer(error.to_string()))?;
        Ok(self)
    }
}

/// The gradient of `loss` in the weights of `module` and of no other.
pub(super) fn gradients<M: Module>(module: &M, loss: Tensor<1>) -> GradientsParams {
    GradientsParams::from_grads(loss.backward(), module)
}

/// Gradients whose length, that of all of them as one vector, is at most `bound`.
///
/// Each is multiplied by min(1, bound / (‖g‖ + 10⁻⁶)), as PyTorch's `clip_grad_norm_` does; nothing is read from the device.
fn shortened<M: Module>(module: &M, gradients: GradientsParams, bound: f64) -> GradientsParams {
    let mut squares = Squares { gradients: &gradients, sum: None };
    module.visit(&mut squares);
    let Some(sum) = squares.sum else { return gradients };
    let factor = ((sum.sqrt() + 1e-6).recip() * bound).clamp_max(1.0);
    let mut scale = Scale { gradients, factor };
    module.visit(&mut scale);
    scale.gradients
}

/// The sum of the squares of all gradients, `[1]`.
struct Squares<'a> {
    gradients: &'a GradientsParams,
    sum: Option<Tensor<1>>,
}

impl ModuleVisitor for Squares<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            let square = gradient.square().sum();
            self.sum = Some(match self.sum.take() {
                Some(sum) => sum + square,
                None => square,
            });
        }
    }
}

/// Multiplies all gradients by a number, `[1]`.
struct Scale {
    gradients: GradientsParams,
    factor: Tensor<1>,
}

impl ModuleVisitor for Scale {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            self.gradients.register(param.id, gradient * self.factor.clone().reshape([1; D]));
        }
    }
}

/// A model whose networks all follow one loss, with its optimiser.
pub struct Solo<M> {
    model: M,
    optimizer: Optimizer,
}

impl<M: Objective> Solo<M> {
    /// Trains `model`, whose weights live on an autodiff device.
    pub fn new(model: M, train: &spec::Train) -> Self {
        Self { model, optimizer: Optimizer::new(&train.optimizer) }
    }
}

impl<M: Objective> Learner for Solo<M> {
    /// ```text
    /// take the gradient of the loss of the batch, and let all weights follow it
    /// ```
    fn step(mut self, batch: Batch, moment: &mut Moment) -> (Self, Losses) {
        let (total, losses) = self.model.loss(batch, moment);
        self.model = self.optimizer.step(moment.rate, self.model, total);
        (self, detached(losses))
    }

    fn exam(&self) -> Option<Exam<'_>> {
        let model = self.model.valid();
        Some(Box::new(move |batch, moment| model.loss(batch, moment).1))
    }

    fn save(&self) -> Result<Saved, LearnerError> {
        let mut weights = Pack::default();
        weights.add("", &self.model);
        Ok(Saved { weights: weights.bytes()?, optimizers: vec![self.optimizer.save()?] })
    }

    fn restore(mut self, saved: &Saved) -> Result<Self, LearnerError> {
        let mut weights = Unpack::read(&saved.weights)?;
        self.model = weights.fill("", self.model)?;
        weights.finish()?;
        self.optimizer = self.optimizer.restore(saved, 0)?;
        Ok(self)
    }

    const WHOLE_BATCHES: bool = false;
}
