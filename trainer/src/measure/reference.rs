//! Scores against an independent program, `tests/measures/reference.py`, on the same features.

use serde_json::Value;

use super::Features;
use super::classes::{covered, divergence};
use super::frechet::{Moments, frechet_distance};
use super::image_statistics::{diversity, sharpness};
use super::inception_score::inception_score;
use super::kernel::kernel_distance;
use super::neighbours::{Manifold, nearest, neighbour_scores};

const RELATIVE: f64 = 1e-6;

fn reference() -> Value {
    serde_json::from_str(include_str!("../../../tests/measures/scores.json")).unwrap()
}

fn cases(kind: &str) -> Vec<Value> {
    let cases = reference()[kind].as_array().unwrap().clone();
    assert!(cases.len() > 4, "{kind}");
    cases
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn features(rows: &Value) -> Features {
    let rows: Vec<Vec<f64>> = rows.as_array().unwrap().iter().map(numbers).collect();
    Features::new(rows.concat(), rows[0].len())
}

fn check(case: &Value, name: &str, found: f64, absolute: f64) {
    let what = format!("{} of {}: found {found}", name, case["name"]);
    match case["expected"][name].as_f64() {
        Some(expected) => {
            let far = (found - expected).abs();
            assert!(far <= absolute + RELATIVE * expected.abs(), "{what}, expected {expected}");
        }
        None => assert!(!found.is_finite(), "{what}, expected none"),
    }
}

#[test]
fn distances_between_features_are_those_of_scipy_and_of_prdc() {
    for case in cases("features") {
        let [real, generated] = ["real", "generated"].map(|set| features(&case[set]));
        // The root of a singular covariance is ill-conditioned.
        check(&case, "fid", frechet_distance(&Moments::of(&generated), &Moments::of(&real)), 1e-6);
        let kid = kernel_distance(&real, &generated, case["block"].as_u64().unwrap() as usize);
        check(&case, "kid", kid.mean, 1e-12);
        check(&case, "kid_error", kid.standard_error, 1e-12);
        check(&case, "kid_blocks", kid.blocks as f64, 0.0);
        let mean =
            |found: Vec<(usize, f64)>| found.iter().map(|(_, distance)| distance).sum::<f64>() / found.len() as f64;
        check(&case, "nearest_real", mean(nearest(&generated, &real)), 1e-12);
        check(&case, "nearest_generated", mean(nearest(&real, &generated)), 1e-12);
        check(&case, "pairwise_real", diversity(&real), 1e-12);
        check(&case, "pairwise_generated", diversity(&generated), 1e-12);
        let near = neighbour_scores(&Manifold::of(real), &Manifold::of(generated));
        check(&case, "precision", near.precision, 1e-12);
        check(&case, "recall", near.recall, 1e-12);
        check(&case, "density", near.density, 1e-12);
        check(&case, "coverage", near.coverage, 1e-12);
    }
}

#[test]
fn inception_scores_are_those_of_the_original_formula() {
    for case in cases("inception") {
        let score = inception_score(&features(&case["probabilities"]), case["splits"].as_u64().unwrap() as usize);
        check(&case, "mean", score.mean, 1e-12);
        check(&case, "deviation", score.std, 1e-12);
    }
}

#[test]
fn histograms_differ_as_scipy_says() {
    for case in cases("histograms") {
        let [real, generated] = ["real", "generated"].map(|set| {
            let counts = numbers(&case[set]);
            let sum: f64 = counts.iter().sum();
            counts.iter().map(|count| count / sum).collect::<Vec<f64>>()
        });
        check(&case, "kl", divergence(&generated, &real), 1e-10);
        check(&case, "covered", covered(&generated, &real) as f64, 0.0);
    }
}

#[test]
fn edges_are_as_sharp_as_scipy_says() {
    for case in cases("sharpness") {
        let images = case["pictures"].as_array().unwrap();
        let (height, width) = (images[0].as_array().unwrap().len(), numbers(&images[0][0]).len());
        let pixels: Vec<f32> = images
            .iter()
            .flat_map(|image| image.as_array().unwrap().iter().flat_map(numbers))
            .map(|pixel| pixel as f32)
            .collect();
        let found = sharpness(&pixels, [1, height, width]);
        for (found, expected) in found.iter().zip(numbers(&case["expected"]["each"])) {
            assert!((found - expected).abs() < 1e-6 * expected.abs() + 1e-9, "{}: {found}, {expected}", case["name"]);
        }
    }
}
