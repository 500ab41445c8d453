//! Whole runs of a small model.

use burn::tensor::{Device, read_sync};

use super::{Run, Sets};
use crate::data::{Images, Split};
use crate::limits::Limits;
use crate::testing::device_randomness;
use crate::weights::Precision;
use crate::yaml::read;

const VAE: &str = "
name: tiny
data: { set: synthetic-digits, limit: 40 }
model:
  family: vae
  latent: 2
  encoder: [flatten, { linear: 8 }, relu]
  decoder: [{ linear: 784 }, { reshape: [1, 28, 28] }]
train: { epochs: 2, batch: 16 }
";

fn run() -> Run {
    let (pipeline, plan) = read(VAE.as_bytes(), &[], Limits::DEFAULT).pipeline.unwrap();
    let open = |split| Images::synthetic(&pipeline.data, split, |_, _, _| Vec::new()).unwrap().unwrap();
    let sets = Sets { training: open(Split::Training), validation: None, test: open(Split::Test) };
    read_sync(Run::new(pipeline, plan, sets, None, &Device::flex(), false)).unwrap()
}

#[test]
fn a_run_put_back_goes_on_bit_for_bit() {
    let _alone = device_randomness();
    let (mut whole, mut half) = (run(), run());
    (0..5).for_each(|_| drop(whole.step()));
    (0..2).for_each(|_| drop(half.step()));
    let snapshot = read_sync(half.snapshot(0.0)).unwrap();
    assert!(snapshot.state.partial);
    // These steps leave no trace.
    (0..2).for_each(|_| drop(half.step()));
    half.restore(&snapshot).unwrap();
    (0..3).for_each(|_| drop(half.step()));
    let (whole, half) = (read_sync(whole.snapshot(0.0)).unwrap(), read_sync(half.snapshot(0.0)).unwrap());
    assert_eq!(whole.state, half.state);
    assert!(whole.saved == half.saved);
}

#[test]
fn a_run_ends_and_gives_an_artifact_with_the_same_samples() {
    let _alone = device_randomness();
    let mut run = run();
    assert_eq!((run.steps_per_epoch(), run.steps(), run.epochs()), (3, 6, 2));
    while run.end().is_none() {
        run.step();
    }
    assert!(read_sync(run.evaluate()).unwrap(), "the first evaluation is the best so far");
    let samples = read_sync(run.sample(vec![0.5, -0.5], &[0])).unwrap();
    assert!(read_sync(run.sample(vec![0.5; 3], &[])).is_err(), "half a latent");
    let options = super::Export { precision: Precision::F32, encoder: false, device: "cpu" };
    let artifact = read_sync(run.artifact(options)).unwrap();
    let sampler = artifact.sampler(&Device::flex()).unwrap();
    let latents = burn::tensor::Tensor::from_data([[0.5, -0.5]], &Device::flex());
    let drawn: Vec<f32> = sampler.decode(latents, &[0]).into_data().iter().collect();
    assert_eq!(samples, drawn);
}

#[test]
fn a_last_small_batch_counts_but_where_two_networks_compete() {
    assert_eq!(super::run::steps_per_epoch(100, 32, false), 4);
    assert_eq!(super::run::steps_per_epoch(100, 32, true), 3);
    assert_eq!(super::run::steps_per_epoch(20, 32, true), 1);
}
