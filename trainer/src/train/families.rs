//! From a pipeline to the learner of its family.

use burn::tensor::Device;
use imago_core::model::{Autoencoder, Classifier, Duel, Learner, Plan, Solo, Vae, VaeGan};
use imago_core::nn::Start;
use imago_core::spec::{Model, Pipeline};

/// What is done with a learner, whatever its family.
pub trait Work {
    /// What comes of it.
    type Output;

    fn on<L: Learner>(self, learner: L) -> Self::Output;
}

/// Makes the learner that `pipeline` describes, at its beginning, on an autodiff device.
pub fn with_learner<W: Work>(pipeline: &Pipeline, plan: &Plan, device: &Device, work: W) -> W::Output {
    let settings = &pipeline.train;
    let starts = [0, 1, 2].map(|network| Start::seeded(settings.seed, network, device));
    match &pipeline.model {
        Model::Classifier(spec) => {
            let [start, ..] = starts;
            work.on(Solo::new(Classifier::new(spec, plan, start), settings))
        }
        Model::Autoencoder(spec) => {
            let [encoder, decoder, _] = starts;
            work.on(Solo::new(Autoencoder::new(spec, plan, [encoder, decoder]), settings))
        }
        Model::Vae(spec) => work.on(Solo::new(Vae::new(spec, plan, starts), settings)),
        Model::LatentVae(spec) => work.on(Solo::new(Vae::second_stage(spec, plan, starts), settings)),
        Model::Gan(spec) => work.on(Duel::new(spec, plan, settings, starts)),
        Model::LatentGan(spec) => work.on(Duel::latent(spec, plan, settings, starts)),
        Model::VaeGan(spec) => work.on(VaeGan::new(spec, plan, settings, starts)),
    }
}
