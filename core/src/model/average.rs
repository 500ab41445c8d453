//! What changes all weights of a module at once.

use std::collections::VecDeque;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::Tensor;

use crate::artifact::{ArtifactError, Unpack};
use crate::nn::Sequential;

/// The moving average of a network that is trained, moving values of its layers included.
///
/// average ← keep × average + (1 − keep) × weights after every step. Yazıcı et al. (2019).
#[derive(Debug)]
pub(super) struct Average {
    /// On the device itself, without gradients.
    network: Sequential,
    keep: f64,
}

impl Average {
    /// Begins with the weights that `network` has now. None if nothing is kept.
    pub(super) fn new(network: &Sequential, keep: f64) -> Option<Self> {
        (keep > 0.0).then(|| Self { network: network.valid(), keep })
    }

    /// Comes closer to `network`.
    pub(super) fn follow(self, network: &Sequential) -> Self {
        let mut weights = Weights::default();
        network.valid().visit(&mut weights);
        Self { network: self.network.map(&mut Blend { weights, keep: self.keep }), keep: self.keep }
    }

    pub(super) fn network(&self) -> &Sequential {
        &self.network
    }

    /// Takes the weights that were saved under `average`.
    pub(super) fn restore(self, weights: &mut Unpack) -> Result<Self, ArtifactError> {
        Ok(Self { network: weights.fill("average", self.network)?, keep: self.keep })
    }
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
pub(super) fn clip<M: Module>(module: M, bound: f64) -> M {
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
