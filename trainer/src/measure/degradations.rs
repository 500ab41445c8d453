//! Scores against controlled degradations: digits shifted, blurred, noisy, repeated, or incomplete.

use burn::tensor::Device;
use imago_core::noise::Noise;
use imago_core::spec::{Data, Set};

use super::EvaluationProgress;
use super::classes::{CollapseStatistics, Reason, alarm, covered, divergence, histogram};
use super::evaluator::{Evaluator, Pixels, Predictions};
use super::frechet::{Moments, frechet_distance};
use super::image_statistics::{diversity, sharpness};
use super::neighbours::{Manifold, NeighbourScores, neighbour_scores};
use crate::data::Search;

const COUNT: usize = 400;
const SIDE: usize = 28;

struct Scorer {
    evaluator: Evaluator,
    real: Manifold,
    shares: Vec<f64>,
}

struct Scores {
    fid: f64,
    near: NeighbourScores,
    shares: Vec<f64>,
    alarm: Vec<Reason>,
}

impl Scorer {
    fn new(real: &Pixels) -> Self {
        let evaluator = Evaluator::open(None, &Data::new(Set::Mnist), &Device::flex()).unwrap();
        let predictions = evaluator.predict(real, &EvaluationProgress::new(false));
        let shares = histogram(&predictions.classes(), 10);
        Self { real: Manifold::of(predictions.features), shares, evaluator }
    }

    fn score(&self, pixels: &Pixels) -> Scores {
        let predictions: Predictions = self.evaluator.predict(pixels, &EvaluationProgress::new(false));
        let shares = histogram(&predictions.classes(), 10);
        let real = self.real.features();
        let fid = frechet_distance(&Moments::of(&predictions.features), &Moments::of(real));
        let manifold = Manifold::of(predictions.features);
        let near = neighbour_scores(&self.real, &manifold);
        let others = self.real.nearest_others();
        let statistics = CollapseStatistics {
            names: &[],
            shares: &shares,
            real_shares: &self.shares,
            diversity: diversity(manifold.features()),
            real_diversity: diversity(real),
            nearest_others: manifold.nearest_others(),
            real_nearest_other: others.iter().map(|other| other.1).sum::<f64>() / others.len() as f64,
            coverage: near.coverage,
        };
        Scores { fid, near, alarm: alarm(&statistics), shares }
    }
}

fn digits(first: usize) -> (Pixels, Vec<u8>) {
    let images = crate::data::test(&Data::new(Set::SyntheticDigits), &Search::default()).unwrap();
    let indices: Vec<usize> = (first..first + COUNT).collect();
    (Pixels::of(&images, &indices), images.labels()[first..first + COUNT].to_vec())
}

fn changed(pixels: &Pixels, change: impl Fn(&[u8], usize, usize) -> u8) -> Pixels {
    let image = |image: &[u8]| -> Vec<u8> { (0..SIDE * SIDE).map(|at| change(image, at / SIDE, at % SIDE)).collect() };
    Pixels { bytes: pixels.bytes.chunks_exact(SIDE * SIDE).flat_map(image).collect(), shape: pixels.shape }
}

/// The pixel at a place, black outside.
fn at(image: &[u8], row: usize, column: usize) -> u8 {
    if row < SIDE && column < SIDE { image[row * SIDE + column] } else { 0 }
}

fn shifted(pixels: &Pixels, by: usize) -> Pixels {
    changed(pixels, |image, row, column| at(image, row, column + by))
}

fn blurred(pixels: &Pixels, reach: usize) -> Pixels {
    changed(pixels, |image, row, column| {
        let around = |middle: usize| (middle + SIDE - reach)..=(middle + SIDE + reach);
        let inside = |place: usize| place.checked_sub(SIDE).unwrap_or(SIDE);
        let sum: usize = around(row)
            .flat_map(|row| around(column).map(move |column| (row, column)))
            .map(|(row, column)| usize::from(at(image, inside(row), inside(column))))
            .sum();
        (sum / (2 * reach + 1).pow(2)) as u8
    })
}

fn noisy(pixels: &Pixels, std: f32) -> Pixels {
    let mut noise = Noise::new(1, 0);
    let bytes = pixels.bytes.iter();
    let bytes = bytes.map(|byte| (f32::from(*byte) + 255.0 * std * noise.normal()).clamp(0.0, 255.0) as u8);
    Pixels { bytes: bytes.collect(), shape: pixels.shape }
}

fn repeated(pixels: &Pixels, of: &[usize]) -> Pixels {
    let bytes = (0..COUNT).flat_map(|index| pixels.image(of[index % of.len()]).to_vec());
    Pixels { bytes: bytes.collect(), shape: pixels.shape }
}

#[test]
fn scores_agree_with_the_eye() {
    let (real, labels) = digits(0);
    let (fresh, _) = digits(COUNT);
    let scorer = Scorer::new(&real);
    let same = scorer.score(&real);
    assert!(same.fid < 1e-6 && same.alarm.is_empty(), "{}", same.fid);
    assert_eq!((same.near.precision, same.near.recall, same.near.coverage), (1.0, 1.0, 1.0));
    let floor = scorer.score(&fresh);
    assert!(floor.alarm.is_empty(), "{:?}", floor.alarm);

    let noise = scorer.score(&noisy(&fresh, 0.06));
    let blur = scorer.score(&blurred(&fresh, 1));
    let heavy = scorer.score(&blurred(&fresh, 2));
    let clothing = crate::data::test(&Data::new(Set::SyntheticClothing), &Search::default()).unwrap();
    let other = scorer.score(&Pixels::of(&clothing, &(0..COUNT).collect::<Vec<_>>()));
    let order = [same.fid, floor.fid, noise.fid, blur.fid, heavy.fid, other.fid];
    assert!(order.windows(2).all(|pair| pair[0] < pair[1]), "{order:?}");
    assert!(heavy.near.precision < 0.9 * floor.near.precision.min(blur.near.precision), "{:?}", heavy.near);
    let sharp = |pixels: &Pixels| sharpness(&pixels.numbers(0..COUNT), pixels.shape).iter().sum::<f64>();
    assert!(sharp(&blurred(&real, 1)) < 0.5 * sharp(&real) && sharp(&noisy(&real, 0.1)) > sharp(&real));

    let (near, far) = (scorer.score(&shifted(&real, 2)), scorer.score(&shifted(&real, 6)));
    assert!(floor.fid < far.fid && near.fid < far.fid && far.near.precision < near.near.precision);

    let few: Vec<usize> = (0..COUNT).filter(|index| labels[*index] < 5).collect();
    let dropped = scorer.score(&repeated(&real, &few[..few.len() / 2]));
    assert!(dropped.fid > floor.fid && dropped.near.recall < 0.8 && dropped.near.coverage < 0.7);
    assert!(dropped.near.precision > 0.99, "what is left is real");
    assert!(covered(&dropped.shares, &scorer.shares) < 10 && divergence(&dropped.shares, &scorer.shares) > 0.3);
    assert!(dropped.alarm.iter().any(|reason| matches!(reason, Reason::MissingClasses(_))), "{:?}", dropped.alarm);

    let collapsed = scorer.score(&repeated(&real, &[3, 17]));
    assert!(collapsed.fid > dropped.fid && collapsed.near.coverage < 0.1);
    assert!(collapsed.alarm.iter().any(|reason| matches!(reason, Reason::Repeated { .. })), "{:?}", collapsed.alarm);
    assert!(collapsed.alarm.iter().any(|reason| matches!(reason, Reason::Uncovered { .. })));
}
