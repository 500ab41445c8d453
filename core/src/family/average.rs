//! What changes all weights of a module at once.

use std::collections::VecDeque;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::Tensor;

use crate::network::Sequential;
use crate::weights::Unpack;
use crate::weights::WeightsError;

/// The moving average of a network that is trained, moving values of its layers included.
///
/// average ← k × average + (1 − k) × weights after step t, from 0, with k = min(keep, (1 + t) / (10 + t)). Yazıcı et al. (2019);
/// the ramp, which forgets the first weights soon, is that of TensorFlow's `ExponentialMovingAverage`.
#[derive(Debug)]
pub(crate) struct Average {
    /// On the device itself, without gradients.
    network: Sequential,
    keep: f64,
}

impl Average {
    /// Begins with the weights that `network` has now. None if nothing is kept.
    pub(crate) fn new(network: &Sequential, keep: f64) -> Option<Self> {
        (keep > 0.0).then(|| Self { network: network.valid(), keep })
    }

    /// Comes closer to `network`, which took `steps` steps before its last.
    pub(crate) fn follow(self, network: &Sequential, steps: u64) -> Self {
        let mut weights = Weights::default();
        network.valid().visit(&mut weights);
        let keep = share(self.keep, steps);
        Self { network: self.network.map(&mut Blend { weights, keep }), keep: self.keep }
    }

    pub(crate) fn network(&self) -> &Sequential {
        &self.network
    }

    /// Takes the weights that were saved under `average`.
    pub(crate) fn restore(self, weights: &mut Unpack) -> Result<Self, WeightsError> {
        Ok(Self { network: weights.fill("average", self.network)?, keep: self.keep })
    }
}

/// How much of an average stays when `steps` were averaged before.
fn share(keep: f64, steps: u64) -> f64 {
    keep.min((1.0 + steps as f64) / (10.0 + steps as f64))
}

/// All weights of a module in order, each in a row.
#[derive(Default)]
struct Weights(VecDeque<Tensor<1>>);

impl ModuleVisitor for Weights {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let values = tensor.shape().num_elements();
        self.0.push_back(tensor.reshape([values]));
    }
}

/// Mixes other weights into those of a module.
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

/// Keeps every trained weight of `module` within ± `bound`.
pub(crate) fn clip<M: Module>(module: M, bound: f64) -> M {
    module.map(&mut Clip(bound))
}

struct Clip(f64);

impl ModuleMapper for Clip {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, mapper) = param.consume();
        // Moving values are no weights.
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
    fn an_average_forgets_its_first_weights_soon_and_keeps_its_share_later() {
        assert_eq!(share(0.999, 0), 0.1);
        assert_eq!(share(0.999, 80), 0.9);
        assert_eq!(share(0.999, 8990), 0.999);
        assert_eq!(share(0.05, 0), 0.05);
        let first: f64 = (0..100).map(|step| share(0.999, step)).product();
        assert!(first < 1e-6, "{first}");
    }
}
