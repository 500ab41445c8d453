//! One training step of every family and loss against PyTorch: the losses and all resulting
//! weights. The test computes the inputs of a step; from them `parity/models.py` computes the
//! results, with exact second derivatives where a penalty needs them. `IMAGO_BLESS=1` rewrites
//! `parity/models.inputs.json`, after which the script has to run again.

use std::collections::BTreeMap;
use std::path::PathBuf;

use burn::tensor::{Device, Tensor, TensorData, read_sync};
use imago_core::data::Batch;
use imago_core::family::{Family, Losses, Model, Penalty, Plan, Saved, StepContext, TrainerSetup};
use imago_core::inference::one_hot;
use imago_core::layer::Value;
use imago_core::limits::Limits;
use imago_core::noise::{Noise, Purpose};
use imago_core::pipeline::Pipeline;
use imago_core::spec::{Adam, Train};
use imago_core::weights::tensors;
use imago_core::yaml::read;
use imago_tests::{bless, workspace};
use serde::{Deserialize, Serialize};

const BATCH: usize = 6;
/// How far a loss or a weight may be from PyTorch's.
const CLOSE: f32 = 1e-5;
/// Tolerance of a whole step relative to its length, where a gradient norm is a central difference.
const PENALTY: f32 = 1e-3;

#[derive(Serialize, Deserialize, Clone)]
struct Values {
    shape: Vec<usize>,
    values: Vec<f32>,
}

impl Values {
    fn of(data: &TensorData) -> Self {
        Self { shape: data.shape().to_vec(), values: data.iter().collect() }
    }
}

#[derive(Serialize)]
struct Input {
    name: String,
    model: serde_json::Value,
    adam: Adam,
    discriminator_adam: Option<Adam>,
    step: u64,
    weights: BTreeMap<String, Values>,
    samples: Values,
    classes: Option<Values>,
    noise: Vec<Values>,
}

#[derive(Deserialize)]
struct Expected {
    cases: Vec<ExpectedCase>,
}

#[derive(Deserialize)]
struct ExpectedCase {
    name: String,
    losses: BTreeMap<String, f32>,
    weights: BTreeMap<String, Values>,
}

/// A pipeline, and the number of the step to take.
struct Case {
    name: &'static str,
    yaml: String,
    step: u64,
}

const ENCODER: &str = "[flatten, { linear: 8 }, tanh]";
const DECODER: &str = "[{ linear: 8 }, tanh, { linear: 16 }, { reshape: [1, 4, 4] }]";
const GENERATOR: &str = "[{ linear: 8 }, tanh, { linear: 16 }, tanh, { reshape: [1, 4, 4] }]";
const DISCRIMINATOR: &str = "[flatten, { linear: 8 }, tanh, { linear: 5 }, { leaky_relu: 0.2 }, { linear: 1 }]";
/// With a large epsilon, Adam's first step depends on the size of a gradient, not only on its sign.
const ADAM: &str = "{ adam: { lr: 0.5, epsilon: 1.0 } }";

fn cases() -> Vec<Case> {
    let case = |name: &'static str, step: u64, range: &str, optimizer: &str, model: String| Case {
        name,
        step,
        yaml: format!(
            "name: x\ndata: {{ set: mnist, size: 4, range: {range} }}\nmodel: {{ {model} }}\ntrain: {{ batch: {BATCH}, optimizer: {optimizer} }}\n"
        ),
    };
    let unit = |name, step, model| case(name, step, "[0, 1]", ADAM, model);
    let plain_vae = format!("family: vae, latent: 3, encoder: {ENCODER}, decoder: {DECODER}");
    let vae = |name, step, rest: &str| unit(name, step, format!("{plain_vae}, {rest}"));
    let gan = |name, step, rest: &str| {
        let networks = format!("generator: {GENERATOR}, discriminator: {DISCRIMINATOR}");
        case(name, step, "[-1, 1]", ADAM, format!("family: gan, latent: 3, {networks}, {rest}"))
    };
    let vae_gan = |name, step, rest: &str| {
        let networks = format!("encoder: {ENCODER}, decoder: {GENERATOR}, discriminator: {DISCRIMINATOR}");
        case(name, step, "[-1, 1]", ADAM, format!("family: vae-gan, latent: 3, {networks}, {rest}"))
    };
    let code = "[{ linear: 8 }, tanh, { linear: 4 }]";
    let critic = "[{ linear: 8 }, tanh, { linear: 1 }]";
    vec![
        unit(
            "classifier",
            0,
            "family: classifier, layers: [flatten, { linear: 8 }, tanh, { linear: 10 }], loss: { label_smoothing: 0.1 }"
                .into(),
        ),
        unit(
            "autoencoder-mse",
            0,
            format!("family: autoencoder, encoder: {ENCODER}, decoder: {DECODER}, loss: {{ reconstruction: mse }}"),
        ),
        vae("vae-bce", 0, "loss: { reconstruction: bce, kl: 1.0 }"),
        vae("vae-mse-beta", 0, "loss: { reconstruction: mse, kl: 4.0 }"),
        vae("vae-l1", 0, "loss: { reconstruction: l1 }"),
        vae("vae-gaussian", 0, "loss: { reconstruction: gaussian }"),
        vae("vae-warm-up-free-bits", 2, "loss: { kl: { weight: 2.0, warm_up: 10, free_bits: 0.05 } }"),
        vae("vae-conditional", 0, "condition: class"),
        case("vae-clip-norm", 0, "[0, 1]", "{ adam: { lr: 0.5, epsilon: 1.0, clip_norm: 0.5 } }", plain_vae.clone()),
        case("vae-adam-as-usual", 0, "[0, 1]", "{ adam: { lr: 0.001 } }", plain_vae.clone()),
        gan("gan-non-saturating", 0, "loss: non-saturating"),
        gan("gan-minimax", 0, "loss: minimax"),
        gan("gan-least-squares", 0, "loss: least-squares"),
        gan("gan-hinge", 0, "loss: hinge"),
        gan("gan-wasserstein-clip", 0, "loss: wasserstein, game: { clip: 0.2 }"),
        gan("gan-label-smoothing", 0, "game: { label_smoothing: 0.1 }"),
        gan("gan-least-squares-label-smoothing", 0, "loss: least-squares, game: { label_smoothing: 0.2 }"),
        gan("gan-conditional", 0, "condition: class"),
        gan("gan-projection", 0, "condition: projection, loss: hinge"),
        gan("gan-packing", 0, "game: { packing: 2 }"),
        gan("gan-conditional-packing", 0, "condition: class, game: { packing: 3 }"),
        gan("gan-ema", 0, "game: { ema: 0.75 }"),
        gan("gan-critic-only", 0, "game: { discriminator_steps: 2, ema: 0.5 }"),
        gan("gan-critic-and-generator", 1, "game: { discriminator_steps: 2 }"),
        gan("gan-r1", 0, "game: { penalty: { r1: 10 } }"),
        gan("gan-r1-projection", 0, "condition: projection, game: { penalty: { r1: 4 } }"),
        gan("gan-wgan-gp", 0, "loss: wasserstein, game: { penalty: { gradient: 10 } }"),
        gan("gan-wgan-gp-packing", 0, "loss: wasserstein, game: { penalty: { gradient: 10 }, packing: 2 }"),
        gan("gan-wgan-gp-conditional", 0, "condition: class, loss: wasserstein, game: { penalty: { gradient: 10 } }"),
        vae_gan("vae-gan", 0, "loss: { gamma: 0.5, kl: 2.0 }"),
        vae_gan("vae-gan-hinge", 3, "loss: { adversarial: hinge, features: 3, kl: { warm_up: 8 } }"),
        unit("latent-gan", 0, format!("family: latent-gan, from: x, latent: 3, generator: {code}, discriminator: {critic}")),
        unit("latent-vae", 0, format!("family: latent-vae, from: x, latent: 3, encoder: {critic}, decoder: {code}")),
    ]
}

fn parse(case: &Case) -> (Pipeline, Plan) {
    let reading = read(case.yaml.as_bytes(), &[], Limits::DEFAULT);
    reading.pipeline.unwrap_or_else(|| panic!("{}: {:?}", case.name, reading.findings))
}

const SEED: u64 = 11;

/// The batch of a case. Latents have four values.
fn batch(pipeline: &Pipeline, device: &Device) -> Batch {
    let mut noise = Noise::new(5, 0);
    let [low, high] = <[f64; 2]>::from(pipeline.data.range).map(|end| end as f32);
    let samples = match pipeline.model.family() {
        Family::LatentGan | Family::LatentVae => {
            let codes = noise.normals(BATCH * 4);
            Value::Flat(Tensor::from_data(TensorData::new(codes, [BATCH, 4]), device))
        }
        _ => {
            let pixels: Vec<f32> = (0..BATCH * 16).map(|_| low + (high - low) * noise.uniform()).collect();
            Value::Image(Tensor::from_data(TensorData::new(pixels, [BATCH, 1, 4, 4]), device))
        }
    };
    Batch { samples, classes: one_hot(&[3, 0, 9, 3, 1, 7], 10, device) }
}

/// The saved model before a step, the step's losses, and the saved model after it.
fn step(pipeline: &Pipeline, plan: &Plan, step: u64, device: &Device) -> (Saved, Losses, Saved) {
    let train = Train { seed: 1, ..pipeline.train.clone() };
    let trainer = pipeline.model.trainer(&TrainerSetup { plan, train: &train, device });
    let before = read_sync(trainer.save().read()).unwrap();
    let (trainer, losses) = trainer.step(batch(pipeline, device), &mut StepContext::new(SEED, step, 1.0));
    (before, losses, read_sync(trainer.save().read()).unwrap())
}

fn draws(model: &Model, step: u64) -> Vec<Values> {
    let mut noise = Noise::of(Purpose::Step, SEED, step);
    let mut normals = || Values { shape: vec![BATCH, 3], values: noise.normals(BATCH * 3) };
    match model {
        Model::Classifier(_) | Model::Autoencoder(_) => Vec::new(),
        Model::Vae(_) | Model::LatentVae(_) => vec![normals()],
        Model::VaeGan(_) => vec![normals(), normals()],
        Model::Gan(_) | Model::LatentGan(_) => {
            let game = model.traits().game.unwrap();
            let mut drawn = vec![normals()];
            if let Some(Penalty::Gradient(_)) = game.penalty {
                let packs = BATCH / game.packing;
                drawn.push(Values { shape: vec![packs], values: (0..packs).map(|_| noise.uniform()).collect() });
            }
            if (step + 1).is_multiple_of(game.discriminator_steps as u64) {
                drawn.push(Values { shape: vec![BATCH, 3], values: noise.normals(BATCH * 3) });
            }
            drawn
        }
    }
}

/// All weights by the names that the script uses.
fn weights(saved: &Saved) -> BTreeMap<String, Values> {
    let named = tensors(&saved.weights).unwrap().into_iter();
    named.map(|(name, data)| (name.replace("likeness.", ""), Values::of(&data))).collect()
}

#[test]
fn one_step_of_every_family_agrees_with_pytorch() {
    let device = Device::flex().autodiff();
    let (mut inputs, mut outcomes) = (Vec::new(), Vec::new());
    for case in cases() {
        let (pipeline, plan) = parse(&case);
        let (before, losses, after) = step(&pipeline, &plan, case.step, &device);
        let Batch { samples, classes } = batch(&pipeline, &device);
        let samples = match samples {
            Value::Image(images) => Values::of(&images.into_data()),
            Value::Flat(rows) => Values::of(&rows.into_data()),
        };
        inputs.push(Input {
            name: case.name.into(),
            model: serde_json::to_value(&pipeline.model).unwrap(),
            adam: pipeline.train.optimizer.adam.clone(),
            discriminator_adam: None,
            step: case.step,
            weights: weights(&before),
            samples,
            classes: Some(Values::of(&classes.into_data())),
            noise: draws(&pipeline.model, case.step),
        });
        outcomes.push((case.name, pipeline, weights(&before), losses, weights(&after)));
    }
    let folder: PathBuf = workspace().join("tests/parity");
    let lines: Vec<String> = inputs.iter().map(|input| serde_json::to_string(input).unwrap()).collect();
    bless(&folder.join("models.inputs.json"), &format!("{{\"cases\": [\n{}\n]}}\n", lines.join(",\n")));
    if std::env::var_os("IMAGO_BLESS").is_some() {
        return;
    }
    let text = std::fs::read_to_string(folder.join("models.expected.json")).unwrap();
    let expected: Expected = serde_json::from_str(&text).unwrap();
    assert_eq!(expected.cases.len(), outcomes.len(), "run parity/models.py");
    let mut faults = Vec::new();
    for (expected, (name, pipeline, before, losses, after)) in expected.cases.into_iter().zip(outcomes) {
        assert_eq!(expected.name, name, "run parity/models.py");
        let difference = pipeline.model.traits().game.is_some_and(|game| game.penalty.is_some());
        let close = if difference { PENALTY } else { CLOSE };
        for (part, loss) in losses {
            let found = loss.into_scalar::<f32>();
            // Accuracy is no loss.
            let Some(wanted) = expected.losses.get(part) else {
                assert_eq!(part, "accuracy", "{name}");
                continue;
            };
            if (found - wanted).abs() > close * wanted.abs().max(1.0) {
                faults.push(format!("{name}: {part} is {found}, PyTorch has {wanted}"));
            }
        }
        assert_eq!(after.keys().collect::<Vec<_>>(), expected.weights.keys().collect::<Vec<_>>(), "{name}");
        let (mut apart, mut length, mut worst) = (0.0, 0.0, 0.0_f32);
        for (key, wanted) in &expected.weights {
            for ((found, wanted), before) in after[key].values.iter().zip(&wanted.values).zip(&before[key].values) {
                apart += (found - wanted) * (found - wanted);
                length += (wanted - before) * (wanted - before);
                worst = worst.max((found - wanted).abs());
            }
        }
        let share = (apart / length).sqrt();
        if (difference && share > PENALTY) || (!difference && worst > CLOSE) {
            faults.push(format!("{name}: a weight is off by {worst}, the step by {share} of its length"));
        }
        assert!(length > 0.0, "{name}: PyTorch moved no weight");
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
