//! The main scores as bars.

use maud::{Markup, html};

use super::COLOURS;
use crate::compare::Comparison;
use crate::compare::score_table::{REFERENCE_COLUMNS, ScoreRow, direction};
use crate::compare::units::UNKNOWN;
use crate::measure::{Better, Metric, Score};

const HEADLINE: [Metric; 5] = [Metric::Fid, Metric::Precision, Metric::Coverage, Metric::Sharpness, Metric::Diversity];

/// The range of the bars: from 0 to a number, or between two powers of ten.
enum Scale {
    Linear { high: f64 },
    Decades { low: i32, high: i32 },
}

impl Scale {
    fn of(row: &ScoreRow<'_>) -> Self {
        let means = row.scores.iter().flatten().map(|score| score.mean());
        let values = means.chain(row.training).filter(|value| value.is_finite());
        match row.measure.better() {
            Better::Lower => {
                let powers = || values.clone().filter(|value| *value > 0.0).map(f64::log10);
                let low = powers().reduce(f64::min).map_or(0, |power| power.floor() as i32);
                let high = powers().reduce(f64::max).map_or(1, |power| power.ceil() as i32);
                Self::Decades { low, high: high.max(low + 1) }
            }
            // Shares end at 1; scores compared with real images may lie on either side of theirs.
            Better::Real => Self::Linear { high: 1.1 * values.fold(1.0, f64::max) },
            _ => Self::Linear { high: values.fold(1.0, f64::max) },
        }
    }

    /// The length of a bar, in percent.
    fn part(&self, value: f64) -> f64 {
        let part = match *self {
            Self::Linear { high } => value / high,
            Self::Decades { low, high } => (value.log10() - f64::from(low)) / f64::from(high - low),
        };
        if part.is_nan() { 0.0 } else { 100.0 * part.clamp(0.0, 1.0) }
    }

    fn ticks(&self) -> Vec<f64> {
        match *self {
            Self::Linear { .. } => vec![0.0, 0.5, 1.0],
            // From whole numbers, as negative powers are not rounded correctly.
            Self::Decades { low, high } => {
                (low..=high).map(|power| 10f64.powi(power.max(0)) / 10f64.powi((-power).max(0))).collect()
            }
        }
    }
}

pub fn bars(comparison: &Comparison, rows: &[ScoreRow<'_>]) -> Markup {
    let shown: Vec<&ScoreRow<'_>> =
        HEADLINE.iter().filter_map(|measure| rows.iter().find(|row| row.measure == *measure)).collect();
    html! {
        @if !shown.is_empty() {
            section id="glance" {
                h2 { "At a glance" }
                p.lead { "The vertical line is what real images reach in place of samples." }
                div.charts { @for row in shown { (chart(comparison, row)) } }
            }
        }
    }
}

fn chart(comparison: &Comparison, row: &ScoreRow<'_>) -> Markup {
    let scale = Scale::of(row);
    let (line, whose) = match row.measure.better() {
        Better::Real => (row.test, REFERENCE_COLUMNS[1]),
        _ => (row.training, REFERENCE_COLUMNS[0]),
    };
    let logarithmic = matches!(scale, Scale::Decades { .. });
    html! {
        div.chart.wide[logarithmic] {
            h3 { (row.measure.title()) }
            p { (row.measure.meaning()) }
            p.direction { (direction(row.measure)) @if logarithmic { "; each step to the right means ten times as much" } }
            ul style=[line.map(|value| format!("--real: {:.2}%", scale.part(value)))] {
                @for (index, (entry, score)) in comparison.entries.iter().zip(&row.scores).enumerate() {
                    @let mean = score.map(Score::mean);
                    li.{ "model-" (index % COLOURS) } {
                        span.name { (entry.name) }
                        span.value {
                            @if row.best == Some(index) { span.best { "best" } " " }
                            (mean.map_or(UNKNOWN.to_owned(), |mean| row.measure.show(mean)))
                        }
                        span.track { span style={ "width: " (format!("{:.2}", mean.map_or(0.0, |mean| scale.part(mean)))) "%" } {} }
                    }
                }
                li.axis aria-hidden="true" {
                    @for tick in scale.ticks() { span style={ "left: " (format!("{:.2}", scale.part(tick))) "%" } { (tick) } }
                }
                @if let Some(value) = line {
                    li.real { span.name { (whose) } span.value { (row.measure.show(value)) } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::example::score;

    #[test]
    fn a_scale_of_decades_holds_all_values_and_others_begin_at_0() {
        let scores = [0.02, 300.0].map(|mean| score(Metric::Fid, mean, 0.0));
        let row = |measure, training| {
            let scores = scores.iter().map(Some).collect();
            ScoreRow { measure, scores, best: None, training, test: Some(1.0) }
        };
        let decades = Scale::of(&row(Metric::Fid, Some(0.5)));
        assert_eq!(decades.ticks(), [0.01, 0.1, 1.0, 10.0, 100.0, 1000.0]);
        assert_eq!(
            [0.0, 0.01, 1000.0, f64::NAN, f64::INFINITY].map(|value| decades.part(value)),
            [0.0, 0.0, 100.0, 0.0, 100.0]
        );
        let linear = Scale::of(&row(Metric::Sharpness, None));
        assert_eq!([0.0, 165.0, 1e9].map(|value| linear.part(value)), [0.0, 50.0, 100.0]);
    }
}
