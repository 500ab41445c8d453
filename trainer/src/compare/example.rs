//! A comparison of two models for tests.

use imago_core::family::Family;

use super::{Comparison, Cost, Entry, ModelImages};
use crate::measure::{ClassScore, Evaluation, EvaluatorFacts, Metric, Score};

/// A score of three seeds that are `spread` apart.
pub fn score(measure: Metric, mean: f64, spread: f64) -> Score {
    Score { measure, values: vec![mean - spread, mean, mean + spread], error: None, training: None, test: None }
}

pub fn entry(name: &str, family: Family, scores: Vec<Score>) -> Entry {
    let class = |name: &str, share| ClassScore { name: name.into(), share, test_share: 0.1, diversity: Some(0.9) };
    let evaluation = Evaluation {
        version: "0.1.0".into(),
        name: name.into(),
        family,
        set: "MNIST".into(),
        weights_sha256: "a".repeat(64),
        device: "CPU".into(),
        evaluator: EvaluatorFacts {
            name: "classifier".into(),
            sha256: "0123456789".into(),
            features: 128,
            accuracy: Some(0.9948),
        },
        inception_sha256: None,
        count: 10_000,
        test_images: 10_000,
        seeds: vec![1, 2, 3],
        importance_samples: crate::measure::ImportanceSamples { images: 2, draws: 2 },
        scores,
        classes: vec![class("0", 0.12), class("1", 0.08)],
        alarm: Vec::new(),
        warnings: vec!["there are few samples".into()],
        seconds: 90.0,
    };
    let cost = Cost {
        parameters: 1_490_000,
        drawing_parameters: 426_274,
        drawing_macs: 4_210_000,
        bytes: 858_112,
        epochs: 15,
        seconds: 725.0,
        images_per_second: None,
        peak_memory: None,
        device: "CPU".into(),
        milliseconds_per_sample: 0.091,
    };
    let image = |kind: &str| format!("{kind} of {name}").into_bytes();
    let images = ModelImages {
        grid: image("grid"),
        interpolation: image("interpolation"),
        neighbours: image("neighbours"),
        reconstructions: (family == Family::Vae).then(|| image("reconstructions")),
        curves: Some(format!("<svg>{name}</svg>")),
    };
    Entry { name: name.into(), cost, evaluation, images }
}

/// FID tells the two apart, precision does not, and only one has an ELBO.
pub fn example() -> Comparison {
    let fid = |mean| Score { training: Some(0.37), test: Some(0.0), ..score(Metric::Fid, mean, 0.5) };
    let elbo = Score { values: vec![-148.2], error: Some(0.31), ..score(Metric::Elbo, 0.0, 0.0) };
    let gan = vec![fid(6.4), score(Metric::Precision, 0.9, 0.01)];
    let vae = vec![fid(27.6), score(Metric::Precision, 0.91, 0.01), elbo];
    Comparison {
        set: "MNIST".into(),
        image: [1, 28, 28],
        entries: vec![entry("gan", Family::Gan, gan), entry("vae", Family::Vae, vae)],
        statements: vec!["gan is nearer".into()],
        command: "imago compare runs/gan runs/vae".into(),
        seed: 7,
        real: b"real images".to_vec(),
    }
}
