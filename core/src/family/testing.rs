//! Shared by the tests of the families.

use std::sync::{Mutex, PoisonError};

use burn::tensor::{Device, Tensor, TensorData, read_sync};

use super::{Losses, Plan, Saved, StepContext, Trainer, TrainerSetup};
use crate::data::Batch;
use crate::inference::one_hot;
use crate::layer::Value;
use crate::limits::Limits;
use crate::noise::Noise;
use crate::pipeline::Pipeline;
use crate::weights::tensors;
use crate::yaml::read;

pub(crate) const BATCH: usize = 20;

/// A pipeline of a model in YAML, for images of 4 by 4 pixels in −1 to 1.
pub(crate) fn pipeline(model: &str, optimizer: &str) -> (Pipeline, Plan) {
    let yaml = format!(
        "name: x\ndata: {{ set: mnist, size: 4, range: [-1, 1] }}\nmodel: {{ {model} }}\ntrain: {{ optimizer: {optimizer} }}\n"
    );
    let reading = read(yaml.as_bytes(), &[], Limits::DEFAULT);
    reading.pipeline.unwrap_or_else(|| panic!("{yaml}{:?}", reading.findings))
}

pub(crate) fn trainer(model: &str, optimizer: &str, seed: u64, device: &Device) -> (Box<dyn Trainer>, Plan) {
    let (mut pipeline, plan) = pipeline(model, optimizer);
    pipeline.train.seed = seed;
    (pipeline.model.trainer(&TrainerSetup { plan: &plan, train: &pipeline.train, device }), plan)
}

pub(crate) fn save(trainer: &dyn Trainer) -> Saved {
    read_sync(trainer.save().read()).unwrap()
}

/// The grey of a class, from 0, nearly black, to 9, nearly white.
pub(crate) fn grey(class: usize) -> f32 {
    class as f32 / 4.5 - 1.0
}

/// Images with the grey of their class on the left and its negative on the right.
pub(crate) fn batch(seed: u64, device: &Device) -> Batch {
    let mut noise = Noise::new(seed, 77);
    let classes: Vec<usize> = (0..BATCH).map(|_| noise.below(10) as usize).collect();
    let mut pixels = Vec::new();
    for class in &classes {
        for at in 0..16 {
            let side = if at % 4 < 2 { 1.0 } else { -1.0 };
            pixels.push((side * grey(*class) + 0.05 * noise.normal()).clamp(-1.0, 1.0));
        }
    }
    let images = Tensor::<4>::from_data(TensorData::new(pixels, [BATCH, 1, 4, 4]), device);
    Batch { samples: Value::Image(images), classes: one_hot(&classes, 10, device) }
}

/// All threads share the device's random numbers, so only one test trains at a time.
static TRAINING: Mutex<()> = Mutex::new(());

pub(crate) fn train(
    mut trainer: Box<dyn Trainer>,
    steps: std::ops::Range<u64>,
    device: &Device,
) -> (Box<dyn Trainer>, Vec<Measured>) {
    let _alone = TRAINING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut measured = Vec::new();
    for step in steps {
        let losses: Losses;
        device.seed(step);
        (trainer, losses) = trainer.step(batch(step, device), &mut StepContext::new(3, step, 1.0));
        measured.push(Measured(losses.into_iter().map(|(name, loss)| (name, loss.into_scalar())).collect()));
    }
    (trainer, measured)
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Measured(Vec<(&'static str, f32)>);

impl Measured {
    pub(crate) fn get(&self, name: &str) -> Option<f32> {
        self.0.iter().find(|(found, _)| *found == name).map(|(_, value)| *value)
    }
}

pub(crate) fn mean(measured: &[Measured], name: &str) -> f32 {
    measured.iter().map(|step| step.get(name).unwrap()).sum::<f32>() / measured.len() as f32
}

/// The saved weights with this prefix.
pub(crate) fn weights(saved: &Saved, name: &str) -> Vec<f32> {
    let all = tensors(&saved.weights).unwrap();
    assert!(all.keys().any(|key| key.starts_with(name)), "no weight of {name}");
    all.into_iter()
        .filter(|(key, _)| key.starts_with(name))
        .flat_map(|(_, data)| data.iter().collect::<Vec<f32>>())
        .collect()
}

/// Training stopped after three of six steps and restored continues as if it had not been stopped.
pub(crate) fn resumes(begin: impl Fn(u64) -> Box<dyn Trainer>, device: &Device) {
    let (whole, measured) = train(begin(1), 0..6, device);
    let (half, _) = train(begin(1), 0..3, device);
    let saved = save(&*half);
    // It is restored into a model from another seed.
    let (resumed, rest) = train(begin(2).restore(&saved).unwrap(), 3..6, device);
    assert_eq!(rest, measured[3..]);
    assert!(save(&*resumed) == save(&*whole), "the weights or the optimisers differ");
    let mut broken = saved.clone();
    broken.optimizers[0] = vec![1, 2, 3];
    assert!(begin(2).restore(&broken).is_err());
    broken = saved;
    broken.weights.truncate(100);
    assert!(begin(2).restore(&broken).is_err());
}

pub(crate) const ADAM: &str = "{ adam: { lr: 0.005, beta_1: 0.5 } }";
pub(crate) const GENERATOR: &str = "generator: [{ linear: 16 }, relu, { linear: 16 }, tanh, { reshape: [1, 4, 4] }]";
const DISCRIMINATOR: &str = "discriminator: [flatten, { linear: 32 }, { leaky_relu: 0.2 }, { linear: 1 }]";

/// A small GAN.
pub(crate) fn gan(rest: &str, seed: u64, device: &Device) -> (Box<dyn Trainer>, Plan) {
    trainer(&format!("family: gan, latent: 2, {GENERATOR}, {DISCRIMINATOR}, {rest}"), ADAM, seed, device)
}

/// The same behind some steps.
pub(crate) fn run_gan(rest: &str, steps: u64, device: &Device) -> (Box<dyn Trainer>, Plan, Vec<Measured>) {
    let (trainer, plan) = gan(rest, 1, device);
    let (trainer, measured) = train(trainer, 0..steps, device);
    (trainer, plan, measured)
}
