//! The loop of the families that reproduce their input: autoencoder and VAE.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use burn::tensor::{Device, Tensor, TensorData};
use imago_core::artifact::{Precision, pack, unpack};
use imago_core::model::{Learner, Objective, Output, Prior, Sampler};
use imago_core::noise::{Noise, Purpose};
use imago_core::spec;

use super::Stop;
use super::meter::Meter;
use super::progress::Progress;
use crate::data::Images;
use crate::report::png_grid;
use crate::run::{Checkpoint, Outcome, Run, State};

/// Latents of the pictures after every epoch.
const SAMPLE_SEED: u64 = 0;
/// Rows and columns of those pictures.
const SAMPLE_SIDE: usize = 8;
/// How many training images a prior is fitted to.
const PRIOR_IMAGES: usize = 2_000;

/// What a training works with.
pub struct Session<'a> {
    pub train: &'a spec::Train,
    pub latent: usize,
    /// What makes pixels of what the decoder gives.
    pub output: Output,
    pub images: Images,
    pub run: &'a Run,
    pub stop: Stop,
    /// Where the parameters live: an autodiff device.
    pub device: Device,
}

/// Trains `model` from the beginning, or from a checkpoint.
///
/// ```text
/// for each epoch:
///     shuffle the images
///     for each batch:
///         minimise the loss by one step of Adam
///     picture the same latents, save a checkpoint
/// ```
pub fn train<M: Objective>(
    mut model: M,
    session: &Session<'_>,
    checkpoint: Option<Checkpoint>,
    mut report: impl FnMut(Outcome, &State) -> Result<()>,
) -> Result<(Outcome, State)> {
    let Session { train, images, run, stop, device, .. } = session;
    let steps_per_epoch = images.count().div_ceil(train.batch) as u64;
    let (mut learner, mut state) = match checkpoint {
        Some(Checkpoint { state, weights, optimizer }) => {
            unpack(&mut model, &weights)?;
            (Learner::new(model, &train.optimizer.adam).with_optimizer_state(optimizer)?, state)
        }
        None => (Learner::new(model, &train.optimizer.adam), beginning()),
    };
    let mut progress = Progress::new(train.epochs, steps_per_epoch, state.steps);
    let (begun, before) = (Instant::now(), state.seconds);
    let first_step = state.steps;

    for epoch in (state.steps / steps_per_epoch) as usize + 1..=train.epochs {
        let (epoch_begun, epoch_steps) = (Instant::now(), state.steps);
        let order = images.shuffled(&mut Noise::of(Purpose::Shuffle, train.seed, epoch as u64));
        let mut meter = Meter::default();
        // A resumed epoch goes on behind the steps that it has done.
        for batch in order.chunks(train.batch).skip((state.steps % steps_per_epoch) as usize) {
            device.seed(train.seed.wrapping_add(state.steps));
            let mut noise = Noise::of(Purpose::Step, train.seed, state.steps);
            let losses;
            (learner, losses) = learner.step(gather(images, batch, device), &mut noise);
            meter.add(losses);
            state.steps += 1;
            if progress.step() {
                let rate = rate((state.steps - epoch_steps) as usize * train.batch, epoch_begun);
                progress.show(epoch, &describe::<M>(&meter.read()), rate);
            }
            if stop.asked() {
                break;
            }
        }
        meter.read();
        state.epoch = epoch;
        state.partial = state.steps < steps_per_epoch * epoch as u64;
        state.seconds = before + begun.elapsed().as_secs_f64();
        state.losses = M::PARTS.iter().map(ToString::to_string).zip(meter.means()).collect();
        if state.losses.iter().any(|(_, mean)| !mean.is_finite()) {
            progress.finish();
            report(Outcome::Diverged, &state)?;
            bail!(
                "the loss is no longer finite in epoch {epoch} ({}); the last checkpoint is kept. A lower learning rate \
                 often helps: --set train.optimizer.adam.lr={}",
                describe::<M>(&meter.means()),
                train.optimizer.adam.lr / 10.0
            );
        }
        let inference = learner.model().clone().valid();
        state.prior = prior(&inference, session);
        run.save(Checkpoint {
            state: state.clone(),
            weights: pack(learner.model(), Precision::F32)?,
            optimizer: learner.optimizer_state()?,
        })?;
        if state.partial {
            progress.finish();
            report(Outcome::Interrupted, &state)?;
            return Ok((Outcome::Interrupted, state));
        }
        run.write_samples(epoch, &picture(&inference, session, &state.prior)?)?;
        let images_per_second =
            rate(((state.steps - epoch_steps) as usize * train.batch).min(images.count()), epoch_begun);
        run.append_metrics(&line(&state, images_per_second))?;
        let done = (state.steps - first_step) as f64;
        let left = (train.epochs as u64 * steps_per_epoch).saturating_sub(state.steps) as f64;
        let left = Duration::from_secs_f64(begun.elapsed().as_secs_f64() / done * left);
        progress.epoch(epoch, &describe::<M>(&meter.means()), images_per_second, left);
        let outcome = if epoch == train.epochs { Outcome::Finished } else { Outcome::Running };
        report(outcome, &state)?;
        if stop.asked() && outcome == Outcome::Running {
            progress.finish();
            report(Outcome::Interrupted, &state)?;
            return Ok((Outcome::Interrupted, state));
        }
    }
    progress.finish();
    Ok((Outcome::Finished, state))
}

fn beginning() -> State {
    State {
        steps: 0,
        epoch: 0,
        partial: false,
        seconds: 0.0,
        losses: Vec::new(),
        prior: Prior::Normal,
        weights_sha256: String::new(),
        optimizer_sha256: String::new(),
    }
}

/// Those images on the device: `[batch, channels, height, width]`.
fn gather(images: &Images, indices: &[usize], device: &Device) -> Tensor<4> {
    let [channels, height, width] = images.shape();
    let data = TensorData::new(images.gather(indices), [indices.len(), channels, height, width]);
    Tensor::from_data(data, device)
}

/// What latents are drawn from: N(0, I) where training brings the codes there, otherwise a fit to codes.
fn prior<M: Objective>(model: &M, session: &Session<'_>) -> Prior {
    if M::NORMAL_PRIOR {
        return Prior::Normal;
    }
    let device = session.device.clone().inner();
    let all: Vec<usize> = (0..session.images.count().min(PRIOR_IMAGES)).collect();
    let codes = all.chunks(200).flat_map(|indices| {
        let codes = model.encode(gather(&session.images, indices, &device)).into_data();
        codes.iter::<f32>().collect::<Vec<_>>()
    });
    Prior::fit(&codes.collect::<Vec<_>>(), session.latent)
}

/// The pictures of the same latents as after every other epoch.
fn picture<M: Objective>(model: &M, session: &Session<'_>, prior: &Prior) -> Result<Vec<u8>> {
    let device = session.device.clone().inner();
    let decoder = model.decoder().clone();
    let sampler = Sampler::new(decoder, session.latent, prior.clone(), session.output, device);
    let samples = sampler.sample(SAMPLE_SEED, 0, SAMPLE_SIDE * SAMPLE_SIDE).into_data();
    let pixels: Vec<f32> = samples.iter().collect();
    png_grid(&pixels, session.images.shape(), SAMPLE_SIDE, 2).context("the picture of the samples")
}

/// `reconstruction 148.70  kl 3.61`
fn describe<M: Objective>(parts: &[f64]) -> String {
    let named: Vec<String> = M::PARTS.iter().zip(parts).map(|(name, value)| format!("{name} {value:.2}")).collect();
    named.join("  ")
}

fn rate(images: usize, since: Instant) -> f64 {
    images as f64 / since.elapsed().as_secs_f64().max(1e-9)
}

fn line(state: &State, images_per_second: f64) -> serde_json::Value {
    let mut line = serde_json::json!({
        "epoch": state.epoch,
        "step": state.steps,
        "seconds": state.seconds,
        "images_per_second": images_per_second,
    });
    for (name, mean) in &state.losses {
        line[format!("loss/{name}")] = serde_json::json!(mean);
    }
    line
}
