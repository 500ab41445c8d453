//! The classes of generated images, and the alarm for mode collapse.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A class whose share is below this fraction of its real share is missing.
pub const MISSING: f64 = 0.1;
/// Samples are alike if their diversity is below this fraction of the real diversity.
pub const ALIKE: f64 = 0.5;
/// A sample is repeated if another is nearer than this fraction of the mean distance between a real
/// image and its nearest real neighbour.
pub const REPEATED_DISTANCE: f64 = 1e-3;
/// The alarm threshold for the share of repeated samples.
pub const REPEATED: f64 = 0.01;
/// The alarm threshold for coverage, relative to that of as many training images.
pub const UNCOVERED: f64 = 0.1;

/// The share of each class in `predicted`: `[classes]`. All are 0 without predictions.
pub fn histogram(predicted: &[usize], classes: usize) -> Vec<f64> {
    let mut counts = vec![0_usize; classes];
    for class in predicted {
        if let Some(count) = counts.get_mut(*class) {
            *count += 1;
        }
    }
    counts.iter().map(|count| *count as f64 / predicted.len().max(1) as f64).collect()
}

/// KL(generated ‖ real) = Σ g log(g / r) of two histograms, in nats; infinite if a generated
/// class is not among the real ones.
pub fn divergence(generated: &[f64], real: &[f64]) -> f64 {
    // 0 · log 0 is 0.
    let term = |(g, r): (&f64, &f64)| if *g == 0.0 { 0.0 } else { g * (libm::log(*g) - libm::log(*r)) };
    generated.iter().zip(real).map(term).sum()
}

/// How many real classes are not missing: they have at least a tenth of their real share.
pub fn covered(generated: &[f64], real: &[f64]) -> usize {
    generated.iter().zip(real).filter(|(g, r)| **r > 0.0 && !is_missing(**g, **r)).count()
}

/// Whether a share is below a tenth of the real one, by more than rounding.
fn is_missing(generated: f64, real: f64) -> bool {
    generated < MISSING * real * (1.0 - 1e-9)
}

/// The classes with less than a tenth of their real share.
fn missing(generated: &[f64], real: &[f64]) -> Vec<usize> {
    let pairs = generated.iter().zip(real).enumerate();
    pairs.filter(|(_, (g, r))| is_missing(**g, **r)).map(|(class, _)| class).collect()
}

/// The input of [`alarm`]. NaN and empty lists mean unknown and raise no alarm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CollapseStatistics<'a> {
    pub names: &'a [String],
    pub shares: &'a [f64],
    pub real_shares: &'a [f64],
    pub diversity: f64,
    pub real_diversity: f64,
    /// The nearest other sample of each, and its distance: `[samples]`.
    pub nearest_others: &'a [(usize, f64)],
    pub real_nearest_other: f64,
    /// The coverage relative to that of as many training images.
    pub coverage: f64,
}

/// Why a model seems to have collapsed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    MissingClasses(Vec<String>),
    Alike { share: f64 },
    Repeated { share: f64 },
    Uncovered { coverage: f64 },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: &f64| format!("{:.1} %", 100.0 * share);
        match self {
            Self::MissingClasses(classes) => {
                let noun = if classes.len() == 1 { "class" } else { "classes" };
                write!(f, "samples of the {noun} {} are missing or rare", classes.join(", "))
            }
            Self::Alike { share } => {
                write!(f, "samples are alike: their mean distance is {} of that of real images", percent(share))
            }
            Self::Repeated { share } => write!(f, "{} of the samples repeat another sample", percent(share)),
            Self::Uncovered { coverage } => {
                write!(f, "samples cover only {} of the images that training images cover", percent(coverage))
            }
        }
    }
}

/// The reasons to suspect mode collapse, by the thresholds of this module.
pub fn alarm(statistics: &CollapseStatistics<'_>) -> Vec<Reason> {
    let missing = missing(statistics.shares, statistics.real_shares);
    let alike = statistics.diversity / statistics.real_diversity;
    let least = REPEATED_DISTANCE * statistics.real_nearest_other;
    let repeated = statistics.nearest_others.iter().filter(|(_, distance)| *distance < least).count();
    let repeated = repeated as f64 / statistics.nearest_others.len().max(1) as f64;

    let mut reasons = Vec::new();
    if !missing.is_empty() {
        let name = |class: &usize| statistics.names.get(*class).cloned().unwrap_or_else(|| class.to_string());
        reasons.push(Reason::MissingClasses(missing.iter().map(name).collect()));
    }
    if alike < ALIKE {
        reasons.push(Reason::Alike { share: alike });
    }
    if repeated > REPEATED {
        reasons.push(Reason::Repeated { share: repeated });
    }
    if statistics.coverage < UNCOVERED {
        reasons.push(Reason::Uncovered { coverage: statistics.coverage });
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::super::features::Features;
    use super::super::features::examples::{bad, close, modes};
    use super::super::image_statistics::diversity;
    use super::super::neighbours::{Manifold, neighbour_scores};
    use super::*;

    #[test]
    fn a_histogram_has_the_shares() {
        assert_eq!(histogram(&[0, 2, 2, 2], 4), [0.25, 0.0, 0.75, 0.0]);
        assert_eq!((histogram(&[], 2), histogram(&[5, 0], 1)), (vec![0.0, 0.0], vec![0.5]));
    }

    #[test]
    fn the_divergence_is_0_for_equal_shares_and_infinite_for_a_new_class() {
        assert_eq!(divergence(&[0.3, 0.7, 0.0], &[0.3, 0.7, 0.0]), 0.0);
        assert_eq!(divergence(&[0.5, 0.5], &[1.0, 0.0]), f64::INFINITY);
        close(divergence(&[1.0, 0.0], &[0.5, 0.5]), std::f64::consts::LN_2);
        close(divergence(&[0.25, 0.75], &[0.5, 0.5]), 0.25 * libm::log(0.5) + 0.75 * libm::log(1.5));
    }

    #[test]
    fn a_class_is_covered_from_a_tenth_of_its_real_share() {
        assert_eq!(covered(&[0.5, 0.049, 0.05], &[0.25, 0.5, 0.5]), 2);
    }

    /// The alarm for two modes, which are the classes.
    fn reasons(real: &Features, generated: &Features) -> Vec<Reason> {
        let [shares, real_shares] = [generated, real]
            .map(|set| histogram(&set.rows().map(|row| usize::from(row[0] > 10.0)).collect::<Vec<_>>(), 2));
        let [manifold, real_manifold] = [generated, real].map(|set| Manifold::of(set.clone()));
        let real_nearest = real_manifold.nearest_others();
        alarm(&CollapseStatistics {
            names: &["low".to_owned(), "high".to_owned()],
            shares: &shares,
            real_shares: &real_shares,
            diversity: diversity(generated),
            real_diversity: diversity(real),
            nearest_others: manifold.nearest_others(),
            real_nearest_other: real_nearest.iter().map(|other| other.1).sum::<f64>() / real_nearest.len() as f64,
            coverage: neighbour_scores(&real_manifold, &manifold).coverage,
        })
    }

    #[test]
    fn the_alarm_is_silent_for_fair_samples() {
        assert_eq!(reasons(&modes(600, 8, 1), &modes(600, 8, 2)), []);
        assert_eq!(reasons(&modes(600, 8, 1), &modes(600, 8, 1)), []);
    }

    #[test]
    fn the_alarm_names_every_reason_of_a_collapse() {
        let (real, [_, one, _]) = (modes(600, 8, 1), bad(&modes(600, 8, 2)));
        let few = one.select(&(0..600).map(|row| row % 4).collect::<Vec<_>>());
        let said: Vec<String> = reasons(&real, &few).iter().map(ToString::to_string).collect();
        assert_eq!(said[0], "samples of the class high are missing or rare");
        assert!(said[1].starts_with("samples are alike: "));
        assert_eq!(said[2], "100.0 % of the samples repeat another sample");
        assert!(said[3].starts_with("samples cover only ") && said.len() == 4, "{said:?}");
    }

    #[test]
    fn what_is_not_known_gives_no_alarm() {
        let statistics = CollapseStatistics {
            names: &[],
            shares: &[],
            real_shares: &[],
            diversity: f64::NAN,
            real_diversity: f64::NAN,
            nearest_others: &[],
            real_nearest_other: f64::NAN,
            coverage: f64::NAN,
        };
        assert_eq!(alarm(&statistics), []);
        assert_eq!(alarm(&CollapseStatistics { coverage: 0.05, ..statistics }), [Reason::Uncovered { coverage: 0.05 }]);
    }
}
