//! Adam.

use std::any::Any;
use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::{Adam, AdamConfig, AdamState, AdaptiveMomentumState, GradientsParams, Optimizer as BurnOptimizer};
use burn::tensor::{Bytes, DType, Tensor, TensorData};
use burn_pack::{Reader, Scalar};

use super::TrainerError;
use crate::spec;
use crate::weights::Pack;

/// Adam, with its learning rate and the state of every parameter.
///
/// Burn's `ModuleOptimizer` reads its state synchronously, which a browser's GPU cannot do.
pub(crate) struct Optimizer {
    adam: Adam,
    rate: f64,
    clip_norm: Option<f64>,
    states: BTreeMap<u64, State>,
}

/// The state of a parameter: its path in its module, and its moments.
struct State {
    path: String,
    rank: usize,
    moments: Moments,
}

enum Moments {
    /// On the device of the parameter.
    Running(Box<dyn Running>),
    /// Restored; moved to the device by the next step.
    Restored { time: usize, moments: [TensorData; 2] },
}

/// An [`AdamState`] of any rank.
trait Running: Any + Send {
    /// Steps taken.
    fn time(&self) -> usize;
    fn pack(&self, prefix: &str, id: u64, pack: &mut Pack);
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

impl<const D: usize> Running for AdamState<D> {
    fn time(&self) -> usize {
        self.momentum.time
    }

    fn pack(&self, prefix: &str, id: u64, pack: &mut Pack) {
        let AdaptiveMomentumState { moment_1, moment_2, .. } = &self.momentum;
        pack.tensor(format!("{prefix}.{FIRST}"), id, DType::F32, moment_1.clone());
        pack.tensor(format!("{prefix}.{SECOND}"), id, DType::F32, moment_2.clone());
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

// The names in Burn's own records, so that both are interchangeable.
const FIRST: &str = "momentum.moment_1";
const SECOND: &str = "momentum.moment_2";
const TIME: &str = "momentum.time";
const RANK: &str = "__rank";

impl Optimizer {
    pub(crate) fn new(spec: &spec::Optimizer) -> Self {
        let adam = AdamConfig::new()
            .with_beta_1(spec.adam.beta_1 as f32)
            .with_beta_2(spec.adam.beta_2 as f32)
            .with_epsilon(spec.adam.epsilon as f32);
        Self { adam: adam.build(), rate: spec.adam.lr, clip_norm: spec.adam.clip_norm, states: BTreeMap::new() }
    }

    /// Updates only `module` by the gradient of `loss` at `factor` times the learning rate.
    pub(crate) fn step<M: Module>(&mut self, factor: f64, module: M, loss: Tensor<1>) -> M {
        let gradients = gradients(&module, loss);
        self.apply(factor, module, gradients)
    }

    /// Updates the weights of `module` by `gradients`.
    pub(crate) fn apply<M: Module>(&mut self, factor: f64, module: M, gradients: GradientsParams) -> M {
        let gradients = match self.clip_norm {
            Some(bound) => clipped(&module, gradients, bound),
            None => gradients,
        };
        let rate = self.rate * factor;
        module.map(&mut Update { optimizer: self, gradients, rate, path: Vec::new() })
    }

    /// The state for a checkpoint, still on the device.
    pub(crate) fn pack(&self) -> Pack {
        let mut pack = Pack::default();
        for (id, State { path, rank, moments }) in &self.states {
            let time = match moments {
                Moments::Running(running) => {
                    running.pack(&id.to_string(), *id, &mut pack);
                    running.time()
                }
                Moments::Restored { time, moments: [first, second] } => {
                    for (name, data) in [(FIRST, first), (SECOND, second)] {
                        pack.data(format!("{id}.{name}"), *id, data.clone());
                    }
                    *time
                }
            };
            let numbers = [(format!("{id}.{TIME}"), time as u64), (format!("{id}.{RANK}"), *rank as u64)];
            pack.note((id.to_string(), path.clone()), numbers);
        }
        pack.sorted()
    }

    /// Restores the state from [`Self::pack`] for the parameters of `module`.
    pub(crate) fn restore<M: Module>(&mut self, bytes: &[u8], module: &M) -> Result<(), TrainerError> {
        let failed = |error: burn_pack::Error| TrainerError::Optimizer(error.to_string());
        let reader = Reader::from_bytes(Bytes::from_bytes_vec(bytes.to_vec())).map_err(failed)?;
        let (paths, scalars) = (reader.metadata().clone(), reader.scalars().clone());
        let mut tensors = BTreeMap::new();
        for tensor in reader.into_tensors().map_err(failed)? {
            let (name, dtype, shape, _, bytes) = tensor.into_parts().map_err(failed)?;
            tensors.insert(name, TensorData::from_bytes(bytes, shape, dtype));
        }
        let missing = |name: String| TrainerError::Optimizer(format!("`{name}` is missing"));
        let number = |name: String| match scalars.get(&name) {
            Some(Scalar::UInt(value)) => Ok(*value as usize),
            _ => Err(missing(name)),
        };
        let mut states = BTreeMap::new();
        for (key, path) in &paths {
            let Ok(id) = key.parse::<u64>() else { continue };
            let mut moment = |name: &str| {
                let name = format!("{id}.{name}");
                tensors.remove(&name).ok_or_else(|| missing(name))
            };
            let moments = [moment(FIRST)?, moment(SECOND)?];
            let (time, rank) = (number(format!("{id}.{TIME}"))?, number(format!("{id}.{RANK}"))?);
            let moments = Moments::Restored { time, moments };
            states.insert(id, State { path: path.clone(), rank, moments });
        }
        let mut fit = Fit { states: &states, fault: None };
        module.visit(&mut fit);
        match fit.fault {
            Some(fault) => Err(TrainerError::Optimizer(fault)),
            None => {
                self.states = states;
                Ok(())
            }
        }
    }
}

/// Finds moments that do not have the shape of their parameter.
struct Fit<'a> {
    states: &'a BTreeMap<u64, State>,
    fault: Option<String>,
}

impl ModuleVisitor for Fit<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(State { path, moments: Moments::Restored { moments, .. }, .. }) = self.states.get(&param.id.val())
        else {
            return;
        };
        let shape = param.dims();
        if let Some(data) = moments.iter().find(|data| data.shape().as_slice() != shape) {
            self.fault = Some(format!("`{path}` has moments of shape {:?}, expected {shape:?}", data.shape().to_vec()));
        }
    }
}

struct Update<'a> {
    optimizer: &'a mut Optimizer,
    gradients: GradientsParams,
    rate: f64,
    path: Vec<String>,
}

impl ModuleMapper for Update<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, mapper) = param.consume();
        let Some(gradient) = self.gradients.remove::<D>(id) else {
            return Param::from_mapped_value(id, tensor, mapper);
        };
        let tensor = tensor.inner();
        let state = self.optimizer.states.remove(&id.val()).and_then(|state| match state.moments {
            Moments::Running(running) => running.into_any().downcast::<AdamState<D>>().ok().map(|state| *state),
            Moments::Restored { time, moments } => {
                let [first, second] = moments.map(|data| Tensor::from_data(data, &tensor.device()));
                Some(AdamState::new(AdaptiveMomentumState::new(time, first, second)))
            }
        });
        let (tensor, state) = self.optimizer.adam.step(self.rate, tensor, gradient, state);
        if let Some(state) = state {
            let moments = Moments::Running(Box::new(state));
            self.optimizer.states.insert(id.val(), State { path: self.path.join("."), rank: D, moments });
        }
        Param::from_mapped_value(id, Tensor::from_inner(tensor).require_grad(), mapper)
    }
}

/// The gradient of `loss` in the weights of `module` only.
pub(crate) fn gradients<M: Module>(module: &M, loss: Tensor<1>) -> GradientsParams {
    GradientsParams::from_grads(loss.backward(), module)
}

/// Scales gradients to a global norm of at most `bound`: by min(1, bound / (‖g‖ + 10⁻⁶)),
/// as PyTorch's `clip_grad_norm_`.
fn clipped<M: Module>(module: &M, gradients: GradientsParams, bound: f64) -> GradientsParams {
    let mut squares = Squares { gradients: &gradients, sum: None };
    module.visit(&mut squares);
    let Some(sum) = squares.sum else { return gradients };
    let factor = ((sum.sqrt() + 1e-6).recip() * bound).clamp_max(1.0);
    let mut scale = Scale { gradients, factor };
    module.visit(&mut scale);
    scale.gradients
}

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

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::module::ParamId;
    use burn::tensor::{Device, read_sync};

    use super::*;
    use crate::spec::Train;

    #[test]
    fn moments_are_restored_unless_they_have_another_shape() {
        let device = Device::flex().autodiff();
        let weights = |count| Param::initialized(ParamId::from(7), Tensor::<1>::ones([count], &device).require_grad());
        let mut optimizer = Optimizer::new(&Train::default().optimizer);
        let three = weights(3);
        let _ = optimizer.step(1.0, three.clone(), three.val().sum());
        let bytes = read_sync(optimizer.pack().read()).unwrap();
        optimizer.restore(&bytes, &weights(3)).unwrap();
        let error = optimizer.restore(&bytes, &weights(4)).unwrap_err().to_string();
        assert!(error.contains("[3]") && error.contains("[4]"), "{error}");
    }
}
