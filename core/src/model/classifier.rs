//! The classifier: from image to class.

use burn::module::Module;
use burn::tensor::Tensor;

use super::{Batch, Losses, Moment, Objective, Plan, cross_entropy};
use crate::nn::{Sequential, Start};
use crate::spec;

/// A network from image to one logit a class.
#[derive(Module, Debug)]
pub struct Classifier {
    pub(super) network: Sequential,
    #[module(skip)]
    smoothing: f64,
}

impl Classifier {
    /// Builds the network of `plan` with the weights that `start` gives.
    pub fn new(spec: &spec::Classifier, plan: &Plan, mut start: Start<'_>) -> Self {
        Self { network: Sequential::new(plan.network(0), &mut start), smoothing: spec.loss.label_smoothing }
    }
}

impl Objective for Classifier {
    /// Cross-entropy against the classes, and beside it the share of the batch that is told rightly.
    fn loss(&self, batch: Batch, _moment: &mut Moment) -> (Tensor<1>, Losses) {
        let logits = self.network.forward(batch.samples).flat();
        let right = logits.clone().detach().argmax(1).equal(batch.classes.clone().argmax(1));
        let loss = cross_entropy(logits, batch.classes, self.smoothing);
        (loss.clone(), vec![("cross-entropy", loss), ("accuracy", right.float().mean())])
    }
}

#[cfg(all(test, feature = "flex", feature = "yaml"))]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::model::testing::{mean, pipeline, resumes, spec, starts, train};
    use crate::model::{Learner, Solo};
    use crate::spec::Model;

    fn learner(seed: u64, device: &Device) -> Solo<Classifier> {
        let layers = "[flatten, { linear: 32 }, relu, { dropout: 0.1 }, { linear: 10 }]";
        let (pipeline, plan) = pipeline(&format!("family: classifier, layers: {layers}"), "{ adam: { lr: 0.01 } }");
        let [start, ..] = starts(seed, device);
        Solo::new(Classifier::new(spec!(pipeline, Classifier), &plan, start), &pipeline.train)
    }

    #[test]
    fn classes_are_learned_from_guessing_to_knowing() {
        let device = Device::flex().autodiff();
        let (learner, measured) = train(learner(1, &device), 0..600, &device);
        assert!((mean(&measured[..5], "cross-entropy") - 10.0_f32.ln()).abs() < 0.5);
        assert!(mean(&measured[..5], "accuracy") < 0.4);
        assert!(mean(&measured[590..], "accuracy") > 0.8);
        let exam = learner.exam().unwrap();
        let batch = crate::model::testing::batch(1_000, &Device::flex());
        let losses = exam(batch, &mut Moment::new(0, 0, 1.0));
        assert!(losses[1].1.clone().into_scalar::<f32>() > 0.8);
    }

    #[test]
    fn a_classifier_put_back_goes_on_bit_for_bit() {
        let device = Device::flex().autodiff();
        resumes(|seed| learner(seed, &device), &device);
    }
}
