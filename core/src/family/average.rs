//! The moving average of a network, and clipping of its weights.

use std::collections::VecDeque;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::Tensor;

use crate::network::Sequential;
use crate::weights::Unpack;
use crate::weights::WeightsError;

/// The exponential moving average of a network, including the moving statistics of its layers.
///
/// average ← k × average + (1 − k) × weights after step t, from 0, with k = min(decay, (1 +
/// t) / (10 + t)). Yazıcı et al. (2019); the ramp is that of TensorFlow's
/// `ExponentialMovingAverage`.
#[derive(Debug)]
pub(crate) struct MovingAverage {
    /// Without gradients.
    network: Sequential,
    decay: f64,
}

impl MovingAverage {
    /// Starts from the current weights; `None` without a decay.
    pub(crate) fn new(network: &Sequential, decay: f64) -> Option<Self> {
        (decay > 0.0).then(|| Self { network: network.valid(), decay })
    }

    /// Moves towards `network`, which took `steps` steps before its last.
    pub(crate) fn update(self, network: &Sequential, steps: u64) -> Self {
        let mut weights = Weights::default();
        network.valid().visit(&mut weights);
        let keep = ramped(self.decay, steps);
        Self { network: self.network.map(&mut Blend { weights, keep }), decay: self.decay }
    }

    pub(crate) fn network(&self) -> &Sequential {
        &self.network
    }

    /// Loads the weights that were saved under `average`.
    pub(crate) fn restore(self, weights: &mut Unpack) -> Result<Self, WeightsError> {
        Ok(Self { network: weights.fill("average", self.network)?, decay: self.decay })
    }
}

fn ramped(decay: f64, steps: u64) -> f64 {
    decay.min((1.0 + steps as f64) / (10.0 + steps as f64))
}

#[derive(Default)]
struct Weights(VecDeque<Tensor<1>>);

impl ModuleVisitor for Weights {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let values = tensor.shape().num_elements();
        self.0.push_back(tensor.reshape([values]));
    }
}

struct Blend {
    weights: Weights,
    keep: f64,
}

impl ModuleMapper for Blend {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, old, mapper) = param.consume();
        let new = match self.weights.0.pop_front() {
            Some(new) => old.clone() * self.keep + new.reshape(old.shape()) * (1.0 - self.keep),
            None => old,
        };
        Param::from_mapped_value(id, new, mapper)
    }
}

/// Clips every trained weight of `module` to ± `bound`.
pub(crate) fn clip<M: Module>(module: M, bound: f64) -> M {
    module.map(&mut Clip(bound))
}

struct Clip(f64);

impl ModuleMapper for Clip {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, mapper) = param.consume();
        // Moving statistics are not trained.
        let tensor = match tensor.is_require_grad() {
            true => Tensor::from_inner(tensor.inner().clamp(-self.0, self.0)).require_grad(),
            false => tensor,
        };
        Param::from_mapped_value(id, tensor, mapper)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_average_forgets_its_first_weights_soon() {
        assert_eq!(ramped(0.999, 0), 0.1);
        assert_eq!(ramped(0.999, 80), 0.9);
        assert_eq!(ramped(0.999, 8990), 0.999);
        assert_eq!(ramped(0.05, 0), 0.05);
        let first: f64 = (0..100).map(|step| ramped(0.999, step)).product();
        assert!(first < 1e-6, "{first}");
    }
}
