//! Conclusions that the numbers of a comparison support, and nothing more.

use imago_core::family::Family;

use super::units::{count, duration, listed};
use super::{Cost, Entry};
use crate::measure::{Better, Metric, Score};

/// Two scores differ if they are this many joint standard deviations apart.
const APART: f64 = 2.0;
/// Where the spread is unknown, they differ by at least this share.
const MARGIN: f64 = 0.05;
/// Samples this much sharper than real images are grainy: noise has hard edges too.
const GRAINY: f64 = 1.1;
/// Sizes and times within this factor count as equal.
const RATIO: f64 = 1.1;

/// The sentences that hold for these models; scores count only if they differ by more than twice
/// their spread over the seeds.
pub fn statements(entries: &[Entry]) -> Vec<String> {
    let mut said = Vec::new();
    if entries.len() < 2 {
        return said;
    }
    said.extend(size(entries));
    said.extend(time(entries));
    said.extend(CLAIMS.iter().filter_map(|claim| claim.about(entries)));
    said.push(
        "Each model was trained once: these numbers compare these trained models, and another training of the same \
         pipeline may score differently."
            .to_owned(),
    );
    said
}

struct Claim {
    measure: Metric,
    /// For two models: `… than` the other.
    verb: &'static str,
    /// For more than two.
    superlative: &'static str,
    unit: &'static str,
}

const CLAIMS: [Claim; 8] = [
    Claim {
        measure: Metric::Fid,
        verb: "generates samples closer to real images overall",
        superlative: "The samples closest to real images overall are those of",
        unit: "FID",
    },
    Claim {
        measure: Metric::Sharpness,
        verb: "generates sharper samples",
        superlative: "The sharpest samples are those of",
        unit: "of the test images' sharpness",
    },
    Claim {
        measure: Metric::Precision,
        verb: "generates more samples that look like some real image",
        superlative: "Most samples that look like some real image come from",
        unit: "precision",
    },
    Claim {
        measure: Metric::Coverage,
        verb: "covers more of the test images",
        superlative: "Most of the test images are covered by",
        unit: "coverage",
    },
    Claim {
        measure: Metric::Diversity,
        verb: "generates samples that differ more from one another",
        superlative: "The samples that differ most from one another are those of",
        unit: "of the test images' diversity",
    },
    Claim {
        measure: Metric::ClassDivergence,
        verb: "generates the classes more evenly",
        superlative: "The most even classes come from",
        unit: "KL of the classes",
    },
    Claim {
        measure: Metric::ClassAccuracy,
        verb: "generates the requested class more often",
        superlative: "The requested class is generated most often by",
        unit: "of the samples",
    },
    Claim {
        measure: Metric::LikelihoodBound,
        verb: "assigns test images a higher likelihood",
        superlative: "Test images are most likely under",
        unit: "nats at least",
    },
];

impl Claim {
    /// The sentence, if all models have the score and it tells them apart.
    fn about(&self, entries: &[Entry]) -> Option<String> {
        let mut ranked: Vec<(&str, &Score)> = entries
            .iter()
            .filter_map(|entry| Some((entry.name.as_str(), entry.evaluation.score(self.measure)?)))
            .filter(|(_, score)| score.mean().is_finite())
            .collect();
        ranked.sort_by(|(_, a), (_, b)| a.mean().total_cmp(&b.mean()));
        if self.measure.better() != Better::Lower {
            ranked.reverse();
        }
        let [(best, first), (other, second), rest @ ..] = ranked.as_slice() else { return None };
        if !apart(first, second) {
            return None;
        }
        let show = |score: &Score| self.measure.show(score.mean());
        if self.measure == Metric::Sharpness && first.mean() > GRAINY {
            let others: Vec<String> =
                ranked[1..].iter().map(|(name, score)| format!("{name}'s {} times", show(score))).collect();
            return Some(format!(
                "{best}'s samples have {} times the sharpness of the test images, which is grain rather than edges, and {}.",
                show(first),
                listed(&others)
            ));
        }
        let floor = match (self.measure, first.training) {
            (Metric::Fid, Some(floor)) => format!("; real training images have {}", self.measure.show(floor)),
            _ => String::new(),
        };
        Some(match rest {
            [] => format!(
                "{best} {} than {other}: {} against {} {}{floor}.",
                self.verb,
                show(first),
                show(second),
                self.unit
            ),
            _ => {
                let others: Vec<String> =
                    ranked[1..].iter().map(|(name, score)| format!("{name} ({})", show(score))).collect();
                format!(
                    "{} {best} ({} {}), ahead of {}{floor}.",
                    self.superlative,
                    show(first),
                    self.unit,
                    listed(&others)
                )
            }
        })
    }
}

/// Whether two scores differ by more than chance explains.
fn apart(a: &Score, b: &Score) -> bool {
    beyond_chance((a.mean() - b.mean()).abs(), a, b)
}

/// Whether a difference between two scores, or between their distances from a third, is more than
/// chance explains and shows in the printed digits.
pub fn beyond_chance(difference: f64, a: &Score, b: &Score) -> bool {
    if a.measure.show(a.mean()) == b.measure.show(b.mean()) {
        return false;
    }
    match (a.spread(), b.spread()) {
        (Some(a), Some(b)) => difference > APART * a.hypot(b),
        _ => difference > MARGIN * a.mean().abs().max(b.mean().abs()),
    }
}

fn size(entries: &[Entry]) -> Option<String> {
    let (largest, smallest) = extremes(entries, |cost| cost.parameters as f64)?;
    let (many, few) = (largest.cost.parameters as f64, smallest.cost.parameters as f64);
    Some(format!(
        "{} has {:.1} times the parameters of {}: {} against {}.",
        largest.name,
        many / few,
        smallest.name,
        count(largest.cost.parameters),
        count(smallest.cost.parameters)
    ))
}

/// Which model took longest to train, if all were trained on the same device.
fn time(entries: &[Entry]) -> Option<String> {
    let same = entries.windows(2).all(|pair| pair[0].cost.device == pair[1].cost.device);
    let (slowest, fastest) = extremes(entries, |cost| cost.seconds).filter(|_| same)?;
    let (long, short) = (slowest.cost.seconds, fastest.cost.seconds);
    Some(format!(
        "{} took {:.1} times as long to train as {}: {} against {} on {}.",
        slowest.name,
        long / short,
        fastest.name,
        duration(long),
        duration(short),
        slowest.cost.device
    ))
}

/// The models with the most and the least of something, if the difference is notable. Models of
/// latents are left out, as the cost of their source is not counted.
fn extremes(entries: &[Entry], of: impl Fn(&Cost) -> f64) -> Option<(&Entry, &Entry)> {
    let value = |entry: &Entry| of(&entry.cost);
    let whole =
        || entries.iter().filter(|entry| !matches!(entry.evaluation.family, Family::LatentGan | Family::LatentVae));
    let most = whole().max_by(|a, b| value(a).total_cmp(&value(b)))?;
    let least = whole().min_by(|a, b| value(a).total_cmp(&value(b)))?;
    (value(least) > 0.0 && value(most) > RATIO * value(least)).then_some((most, least))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::example::{self, score};

    fn entry(name: &str, parameters: u64, seconds: f64, scores: &[(Metric, &[f64])]) -> Entry {
        let values = |(measure, values): &(Metric, &[f64])| Score {
            values: values.to_vec(),
            training: Some(1.5),
            ..score(*measure, 0.0, 0.0)
        };
        let entry = example::entry(name, Family::Gan, scores.iter().map(values).collect());
        Entry { cost: Cost { parameters, seconds, ..entry.cost.clone() }, ..entry }
    }

    #[test]
    fn of_two_models_only_what_tells_them_apart_is_said() {
        let gan = entry(
            "gan",
            2_000_000,
            100.0,
            &[
                (Metric::Sharpness, &[0.93, 0.94, 0.92]),
                (Metric::Coverage, &[0.88, 0.87, 0.89]),
                (Metric::Precision, &[0.90, 0.80, 0.85]),
            ],
        );
        let vae = entry(
            "vae",
            100_000,
            105.0,
            &[
                (Metric::Sharpness, &[0.61, 0.60, 0.62]),
                (Metric::Coverage, &[0.97, 0.97, 0.98]),
                (Metric::Precision, &[0.84, 0.88, 0.80]),
            ],
        );
        let said = statements(&[gan, vae]);
        assert_eq!(
            said[1],
            "gan generates sharper samples than vae: 0.930 against 0.610 of the test images' sharpness."
        );
        assert_eq!(said[2], "vae covers more of the test images than gan: 0.973 against 0.880 coverage.");
        assert!(said[0].starts_with("gan has 20.0 times the parameters of vae"), "{said:?}");
        assert_eq!(said.len(), 4, "neither the precision nor the time tells them apart: {said:?}");
        assert!(said[3].contains("trained once"));
    }

    #[test]
    fn of_three_models_the_best_is_named_before_the_others() {
        let model = |name: &str, fid: f64| entry(name, 1, 1.0, &[(Metric::Fid, &[fid, fid + 0.1])]);
        let said = statements(&[model("a", 40.0), model("b", 10.0), model("c", 90.0)]);
        assert_eq!(
            said[0],
            "The samples closest to real images overall are those of b (10.1 FID), ahead of a (40.0) and c (90.0); real training \
             images have 1.50."
        );
        let close = statements(&[model("a", 10.1), model("b", 10.0), model("c", 90.0)]);
        assert_eq!(close.len(), 1, "the best two cannot be told apart: {close:?}");
    }

    #[test]
    fn what_is_sharper_than_real_images_is_called_grainy() {
        let model =
            |name: &str, sharpness: f64| entry(name, 1, 1.0, &[(Metric::Sharpness, &[sharpness, sharpness + 0.01])]);
        let said = statements(&[model("vae", 0.2), model("gan", 1.9)]);
        assert_eq!(
            said[0],
            "gan's samples have 1.905 times the sharpness of the test images, which is grain rather than edges, and vae's \
             0.205 times."
        );
    }

    #[test]
    fn one_model_is_compared_with_nothing() {
        assert!(statements(&[entry("a", 1, 1.0, &[])]).is_empty());
    }

    #[test]
    fn where_the_spread_is_not_known_a_twentieth_is_a_difference() {
        let once = |value: f64| Score { values: vec![value], ..score(Metric::Fid, value, 0.0) };
        assert!(!apart(&once(100.0), &once(104.0)));
        assert!(apart(&once(100.0), &once(106.0)));
    }
}
