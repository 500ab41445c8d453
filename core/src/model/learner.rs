//! One step of training for every model that follows one gradient.

use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::{Bytes, Tensor};

use super::Objective;
use crate::noise::Noise;
use crate::spec::Adam;

/// A model with its optimiser.
pub struct Learner<M> {
    model: M,
    optimizer: ModuleOptimizer,
    rate: f64,
}

/// The state of an optimiser could not be written or read.
#[derive(Debug, thiserror::Error)]
#[error("the state of the optimiser: {0}")]
pub struct LearnerError(String);

impl<M: Objective> Learner<M> {
    /// Trains `model`, whose parameters live on an autodiff device.
    pub fn new(model: M, adam: &Adam) -> Self {
        let optimizer = AdamConfig::new()
            .with_beta_1(adam.beta_1 as f32)
            .with_beta_2(adam.beta_2 as f32)
            .with_epsilon(adam.epsilon as f32);
        Self { model, optimizer: optimizer.init(), rate: adam.lr }
    }

    /// One step on a batch of `images`, `[batch, channels, height, width]` with pixels in 0 to 1.
    ///
    /// Gives the learner behind the step and the parts of the loss before it, `[parts]` in the order of
    /// [`Objective::PARTS`]. Nothing is read back from the device.
    #[must_use = "the step returns the trained learner"]
    pub fn step(mut self, images: Tensor<4>, noise: &mut Noise) -> (Self, Tensor<1>) {
        let loss = self.model.loss(images, noise);
        let gradients = GradientsParams::from_grads(loss.total.backward(), &self.model);
        self.model = self.optimizer.step(self.rate, self.model, gradients);
        let parts = loss.parts.into_iter().map(Tensor::detach).collect();
        (self, Tensor::cat(parts, 0))
    }

    /// The model as trained so far.
    pub fn model(&self) -> &M {
        &self.model
    }

    /// The optimiser's state, to go on later.
    ///
    /// # Errors
    /// The state cannot be serialised.
    pub fn optimizer_state(&self) -> Result<Vec<u8>, LearnerError> {
        let bytes = self.optimizer.into_bytes();
        bytes.map(|bytes| bytes.to_vec()).map_err(|error| LearnerError(error.to_string()))
    }

    /// Puts back what [`Self::optimizer_state`] gave. The model must be the one that it was saved with.
    ///
    /// # Errors
    /// The bytes are no such state.
    pub fn with_optimizer_state(mut self, state: Vec<u8>) -> Result<Self, LearnerError> {
        let restored = self.optimizer.from_bytes(Bytes::from_bytes_vec(state));
        self.optimizer = restored.map_err(|error| LearnerError(error.to_string()))?;
        Ok(self)
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;
    use crate::artifact::{Precision, pack, unpack};
    use crate::layer::{Flatten, Linear, Relu, Reshape};
    use crate::model::{Plan, Vae};
    use crate::nn::Start;
    use crate::spec::{self, Data, Model, Set, VaeLoss, family};

    fn vae(seed: u64, device: &Device) -> Vae {
        let spec = spec::Vae {
            family: family::Vae::Name,
            latent: 2,
            encoder: vec![Flatten {}.into(), Linear::new(16).into(), Relu {}.into()],
            decoder: vec![Linear::new(16).into(), Reshape([1, 4, 4]).into()],
            loss: VaeLoss::default(),
        };
        let plan = Plan::new(&Model::Vae(spec.clone()), &Data { size: 4, ..Data::new(Set::Mnist) }).unwrap();
        Vae::new(&spec, &plan, [0, 1].map(|network| Start::seeded(seed, network, device)))
    }

    fn images(device: &Device) -> Tensor<4> {
        let mut noise = Noise::new(9, 0);
        let pixels: Vec<f32> = (0..8 * 16).map(|_| f32::from(noise.uniform() < 0.3)).collect();
        Tensor::from_data(TensorData::new(pixels, [8, 1, 4, 4]), device)
    }

    /// Trains for so many steps; the sum of the parts of the loss at every step.
    fn train(mut learner: Learner<Vae>, steps: std::ops::Range<u64>, device: &Device) -> (Learner<Vae>, Vec<f32>) {
        let mut losses = Vec::new();
        for step in steps {
            let parts;
            (learner, parts) = learner.step(images(device), &mut Noise::new(3, step));
            losses.push(parts.sum().into_scalar());
        }
        (learner, losses)
    }

    #[test]
    fn steps_make_the_loss_smaller_and_repeat_bit_for_bit() {
        let device = Device::flex().autodiff();
        let adam = Adam { lr: 0.01, ..Adam::default() };
        let run = || train(Learner::new(vae(1, &device), &adam), 0..60, &device).1;
        let losses = run();
        assert!(losses[59] < 0.8 * losses[0], "from {} to {}", losses[0], losses[59]);
        assert_eq!(losses, run());
    }

    #[test]
    fn a_learner_put_back_goes_on_bit_for_bit() {
        let device = Device::flex().autodiff();
        let adam = Adam::default();
        let whole = train(Learner::new(vae(1, &device), &adam), 0..6, &device).1;
        let (half, _) = train(Learner::new(vae(1, &device), &adam), 0..3, &device);
        let mut model = vae(2, &device);
        unpack(&mut model, &pack(half.model(), Precision::F32).unwrap()).unwrap();
        let state = half.optimizer_state().unwrap();
        let restored = Learner::new(model, &adam).with_optimizer_state(state).unwrap();
        assert_eq!(train(restored, 3..6, &device).1, whole[3..]);
    }

    #[test]
    fn a_damaged_optimizer_state_is_an_error() {
        let device = Device::flex().autodiff();
        let learner = Learner::new(vae(1, &device), &Adam::default());
        assert!(learner.with_optimizer_state(vec![1, 2, 3]).is_err());
    }
}
