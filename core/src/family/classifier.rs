//! The classifier: from image to class.

use serde::{Deserialize, Serialize};

#[cfg(feature = "yaml")]
use super::Lint;
use super::{Definition, Exported, Resolved, Resolver, Role, Traits, name};
use crate::diagnostic::Problem;
use crate::inference::Output;
use crate::latent::PriorKind;
use crate::layer::LayerSpec;
use crate::spec::Metric;

/// A classifier of images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Classifier {
    /// Always `classifier`.
    pub family: name::Classifier,
    /// From image to one logit per class.
    pub layers: Vec<LayerSpec>,
    /// The loss.
    #[serde(default)]
    pub loss: CrossEntropy,
}

/// The loss of a classifier: cross-entropy of the logits.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CrossEntropy {
    /// Share of the target that is spread over all classes. Szegedy et al., "Rethinking the
    /// Inception Architecture for Computer Vision" (2016).
    #[serde(default)]
    pub label_smoothing: f64,
}

impl Definition for Classifier {
    const METRICS: &'static [Metric] = &[Metric::Accuracy, Metric::CrossEntropy];

    fn traits(&self) -> Traits<'_> {
        Traits {
            source: None,
            game: None,
            condition: None,
            learns_classes: true,
            prior: PriorKind::Normal,
            temperature: 1.0,
            exported: Exported { classifier: Some(Role::Classifier), generator: None, encoder: None },
        }
    }

    fn resolve(&self, resolver: &mut Resolver<'_, '_>) -> Resolved {
        let classes = resolver.classes();
        let smoothing = self.loss.label_smoothing;
        if !(0.0..1.0).contains(&smoothing) {
            let found = format!("label_smoothing must be at least 0 and below 1, found {smoothing}");
            resolver.note(Problem::at(&["model", "loss", "label_smoothing"], found));
        }
        let (network, output) = resolver.network(Role::Classifier, resolver.image(0), &self.layers);
        let found = format!("{} has {classes} classes", resolver.data.set.name());
        resolver.check_output(Role::Classifier, classes, &found, output, &self.layers);
        Resolved { latent: Some(0), output: Output::Identity, networks: vec![(Role::Classifier, network)] }
    }

    #[cfg(feature = "yaml")]
    fn lint(&self, lint: &mut Lint<'_>) {
        lint.logits(Role::Classifier, "cross-entropy takes logits and applies softmax itself");
    }

    #[cfg(feature = "train")]
    fn trainer(&self, setup: &super::TrainerSetup<'_>) -> Box<dyn super::Trainer> {
        let network = setup.network(Role::Classifier);
        super::ObjectiveTrainer::boxed(training::Network { network, smoothing: self.loss.label_smoothing }, setup)
    }
}

#[cfg(feature = "train")]
mod training {
    use burn::module::Module;
    use burn::tensor::Tensor;

    use crate::data::Batch;
    use crate::family::{Losses, Objective, StepContext, cross_entropy};
    use crate::network::Sequential;

    #[derive(Module, Debug)]
    pub struct Network {
        pub network: Sequential,
        #[module(skip)]
        pub smoothing: f64,
    }

    impl Objective for Network {
        fn loss(&self, batch: Batch, _context: &mut StepContext) -> (Tensor<1>, Losses) {
            let logits = self.network.forward(batch.samples).flat();
            let right = logits.clone().detach().argmax(1).equal(batch.classes.clone().argmax(1));
            let loss = cross_entropy(logits, batch.classes, self.smoothing);
            (loss.clone(), vec![("cross-entropy", loss), ("accuracy", right.float().mean())])
        }
    }
}

#[cfg(all(test, feature = "flex", feature = "train", feature = "yaml"))]
mod tests {
    use burn::tensor::Device;

    use crate::family::testing::{batch, mean, resumes, train, trainer};
    use crate::family::{StepContext, Trainer};

    fn classifier(seed: u64, device: &Device) -> Box<dyn Trainer> {
        let layers = "[flatten, { linear: 32 }, relu, { dropout: 0.1 }, { linear: 10 }]";
        trainer(&format!("family: classifier, layers: {layers}"), "{ adam: { lr: 0.01 } }", seed, device).0
    }

    #[test]
    fn classes_are_learned_from_guessing_to_knowing() {
        let device = Device::flex().autodiff();
        let (trainer, measured) = train(classifier(1, &device), 0..600, &device);
        assert!((mean(&measured[..5], "cross-entropy") - 10.0_f32.ln()).abs() < 0.5);
        assert!(mean(&measured[..5], "accuracy") < 0.4);
        assert!(mean(&measured[590..], "accuracy") > 0.8);
        let evaluator = trainer.evaluator().unwrap();
        let losses = evaluator(batch(1_000, &Device::flex()), &mut StepContext::new(0, 0, 1.0));
        assert!(losses[1].1.clone().into_scalar::<f32>() > 0.8);
    }

    #[test]
    fn a_classifier_put_back_goes_on_bit_for_bit() {
        let device = Device::flex().autodiff();
        resumes(|seed| classifier(seed, &device), &device);
    }
}
