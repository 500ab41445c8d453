//! The rows of every table of scores, and the notes that go with them.

use imago_core::format::thousands;

use super::statements::beyond_chance;
use super::units::{UNKNOWN, listed, percent};
use super::{Comparison, Entry};
use crate::measure::{Better, Evaluation, Metric, Score};

const NAMED: usize = 3;
pub const REFERENCE_COLUMNS: [&str; 2] = ["training images", "test images"];
pub const BEST: &str = "better than every other model by more than twice the spread of both together";

pub struct ScoreRow<'a> {
    pub measure: Metric,
    /// One for each model, where it was measured.
    pub scores: Vec<Option<&'a Score>>,
    /// The best model, if the difference is significant.
    pub best: Option<usize>,
    /// The value for training images in place of samples.
    pub training: Option<f64>,
    pub test: Option<f64>,
}

/// A row for each metric that any model has.
pub fn scores(comparison: &Comparison) -> Vec<ScoreRow<'_>> {
    let all = || comparison.entries.iter().flat_map(|entry| &entry.evaluation.scores);
    let mut measures: Vec<Metric> = all().map(|score| score.measure).collect();
    measures.sort_by_key(|measure| *measure as u8);
    measures.dedup();
    let row = |measure| {
        let scores: Vec<_> = comparison.entries.iter().map(|entry| entry.evaluation.score(measure)).collect();
        // All models share the same real images.
        let reference = |value: fn(&Score) -> Option<f64>| scores.iter().flatten().find_map(|score| value(score));
        let (training, test) = (reference(|score| score.training), reference(|score| score.test));
        ScoreRow { measure, best: best(&scores, test), scores, training, test }
    };
    measures.into_iter().map(row).collect()
}

/// The model that beats every other by more than chance explains.
fn best(scores: &[Option<&Score>], test: Option<f64>) -> Option<usize> {
    let measured = scores.iter().enumerate().filter_map(|(index, score)| score.map(|score| (index, score)));
    let ranked: Vec<(usize, f64, &Score)> = (measured.filter(|(_, score)| score.mean().is_finite()))
        .map(|(index, score)| Some((index, rank(score, test)?, score)))
        .collect::<Option<_>>()?;
    let beats_all = |(index, rank, score): &(usize, f64, &Score)| {
        ranked.iter().all(|(other, its, its_score)| index == other || beyond_chance(its - rank, score, its_score))
    };
    ranked.iter().filter(|_| ranked.len() > 1).find(|one| beats_all(one)).map(|(index, ..)| *index)
}

/// Lower is better.
fn rank(score: &Score, test: Option<f64>) -> Option<f64> {
    match score.measure.better() {
        Better::Lower => Some(score.mean()),
        Better::Higher => Some(-score.mean()),
        Better::Real => test.map(|test| (score.mean() - test).abs()),
        Better::Neither => None,
    }
}

impl ScoreRow<'_> {
    pub fn reference_cells(&self) -> [String; 2] {
        [self.training, self.test].map(|value| value.map_or(UNKNOWN.to_owned(), |value| self.measure.show(value)))
    }

    /// The cells of the models; `mark` formats the best.
    pub fn cells(&self, mark: impl Fn(String) -> String) -> Vec<String> {
        let cell = |(index, score): (usize, &Option<&Score>)| match score.map(Score::show) {
            Some(text) if self.best == Some(index) => mark(text),
            text => text.unwrap_or_else(|| UNKNOWN.to_owned()),
        };
        self.scores.iter().enumerate().map(cell).collect()
    }
}

/// What is compared: `mnist-gan and mnist-vae on mnist`.
pub fn headline(comparison: &Comparison) -> String {
    let names: Vec<&str> = names(comparison).collect();
    match names.len() {
        ..=NAMED => format!("{} on {}", listed(&names), comparison.set),
        count => format!("{count} models on {}", comparison.set),
    }
}

/// When a value of a score is good.
pub fn direction(measure: Metric) -> &'static str {
    match measure.better() {
        Better::Lower => "lower is better",
        Better::Higher => "higher is better",
        Better::Real => "nearer to test images is better",
        Better::Neither => "informative only",
    }
}

/// Each warning with the models it concerns; no names if it concerns all of several.
pub fn warnings(comparison: &Comparison) -> Vec<(Vec<&str>, &str)> {
    let all = || comparison.entries.iter().flat_map(|entry| entry.evaluation.warnings.iter().map(String::as_str));
    let mut seen: Vec<(Vec<&str>, &str)> = Vec::new();
    for text in all() {
        if seen.iter().all(|(_, known)| *known != text) {
            let has = |entry: &&Entry| entry.evaluation.warnings.iter().any(|warning| warning == text);
            let about: Vec<&str> = comparison.entries.iter().filter(has).map(|entry| entry.name.as_str()).collect();
            let everyone = about.len() > 1 && about.len() == comparison.entries.len();
            seen.push((if everyone { Vec::new() } else { about }, text));
        }
    }
    seen
}

/// How the scores were measured, the same way for all models, and what `±` means.
pub fn method(comparison: &Comparison) -> String {
    let Some(Entry { evaluation, .. }) = comparison.entries.first() else { return String::new() };
    let seeds: Vec<String> = evaluation.seeds.iter().map(u64::to_string).collect();
    let samples = match seeds.as_slice() {
        [only] => format!("of seed {only}"),
        seeds => format!("of each of the seeds {}", listed(seeds)),
    };
    let (count, test_images) = (thousands(evaluation.count as u64), thousands(evaluation.test_images as u64));
    let mut text = format!("{count} samples {samples} against {test_images} test images");
    let all = || comparison.entries.iter().flat_map(|entry| &entry.evaluation.scores);
    let has = |is: fn(&Score) -> bool| all().any(is);
    if has(|score| score.std().is_some()) {
        text += ", mean ± standard deviation over the seeds";
    }
    if has(|score| score.std().is_none() && score.error.is_some()) {
        text += ", ± standard error where there is one value";
    }
    text
}

pub fn evaluator(evaluation: &Evaluation) -> String {
    let facts = &evaluation.evaluator;
    match facts.accuracy {
        Some(share) => format!("{}, which classifies {} of the test images correctly", facts.name, percent(share, 2)),
        None => facts.name.clone(),
    }
}

pub fn names(comparison: &Comparison) -> impl Iterator<Item = &str> {
    comparison.entries.iter().map(|entry| entry.name.as_str())
}

pub fn alarms(comparison: &Comparison) -> impl Iterator<Item = String> {
    comparison.entries.iter().filter(|entry| !entry.evaluation.alarm.is_empty()).map(|entry| {
        let reasons: Vec<String> = entry.evaluation.alarm.iter().map(ToString::to_string).collect();
        format!("ALARM: {} seems to have collapsed: {}", entry.name, reasons.join("; "))
    })
}

pub fn read_with_care(comparison: &Comparison) -> impl Iterator<Item = String> {
    warnings(comparison).into_iter().map(|(about, warning)| match about.as_slice() {
        [] => format!("Read with care: {warning}"),
        about => format!("Read with care, {}: {warning}", listed(about)),
    })
}

#[cfg(test)]
mod tests {
    use super::super::example::{example, score};
    use super::*;

    /// The best of scores of one metric, with a test value of 1.
    fn best_of(scores: &[Score]) -> Option<usize> {
        best(&scores.iter().map(Some).collect::<Vec<_>>(), Some(1.0))
    }

    #[test]
    fn the_best_is_marked_only_beyond_the_spreads_of_both() {
        let fid = |mean, spread| score(Metric::Fid, mean, spread);
        assert_eq!(best_of(&[fid(14.0, 3.0), fid(4.1, 4.0)]), None);
        assert_eq!(best_of(&[fid(14.2, 3.0), fid(4.1, 4.0)]), Some(1));
        assert_eq!(best_of(&[fid(14.2, 3.0), fid(4.1, 4.0), fid(5.0, 0.1)]), None, "it must beat every other");
        assert_eq!(best_of(&[fid(4.0, 0.1)]), None, "there is no other");
        assert_eq!(best_of(&[fid(4.0, 0.0), fid(4.0, 0.0)]), None);
        let alone = |value| Score { values: vec![value], ..fid(0.0, 0.0) };
        assert_eq!(best_of(&[fid(9.0, 0.1), alone(8.7)]), None, "its spread is not known");
        assert_eq!(best_of(&[fid(9.0, 0.1), alone(1.0)]), Some(1), "that is too much for any spread");
        assert_eq!(best_of(&[fid(9.0, 0.1), fid(f64::NAN, 0.1), fid(4.0, 0.1)]), Some(2));
    }

    #[test]
    fn the_best_is_the_highest_or_the_nearest_to_test_images_as_the_measure_has_it() {
        let of = |measure, means: [f64; 2]| best_of(&means.map(|mean| score(measure, mean, 0.01)));
        assert_eq!(of(Metric::Coverage, [0.5, 0.8]), Some(1));
        assert_eq!(of(Metric::Sharpness, [1.1, 1.4]), Some(0));
        assert_eq!(of(Metric::Sharpness, [0.95, 1.06]), None);
        assert_eq!(of(Metric::ActiveUnits, [2.0, 8.0]), None);
    }

    #[test]
    fn a_warning_names_whom_it_is_about_unless_it_is_about_all() {
        let mut comparison = example();
        comparison.entries[1].evaluation.warnings.push("it has no encoder".into());
        let expected = [(vec![], "there are few samples"), (vec!["vae"], "it has no encoder")];
        assert_eq!(warnings(&comparison), expected);
    }

    #[test]
    fn a_headline_names_three_models_at_most() {
        let mut comparison = example();
        comparison.entries.extend(example().entries);
        assert_eq!(headline(&comparison), "4 models on MNIST");
        comparison.entries.truncate(1);
        assert_eq!(headline(&comparison), "gan on MNIST");
    }
}
