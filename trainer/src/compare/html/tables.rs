//! The tables of the page: scores, classes and costs.

use maud::{Markup, html};

use super::{COLOURS, name};
use crate::compare::score_table::{BEST, REFERENCE_COLUMNS, ScoreRow, direction, method};
use crate::compare::units::{UNKNOWN, costs, percent};
use crate::compare::{Comparison, Entry};
use crate::measure::Metric;

/// A table that scrolls when it is wider than the page.
fn table(id: &str, heading: &str, sentence: Markup, content: Markup) -> Markup {
    html! {
        section id=(id) {
            h2 { (heading) }
            p.lead { (sentence) }
            div.scroll role="region" aria-label=(heading) tabindex="0" { table { (content) } }
        }
    }
}

fn heads(comparison: &Comparison, columns: usize) -> Markup {
    let scope = if columns > 1 { "colgroup" } else { "col" };
    html! { @for (index, entry) in comparison.entries.iter().enumerate() {
        th scope=(scope) colspan=[(columns > 1).then_some(columns)] { (name(index, entry)) small { (entry.evaluation.family.name()) } }
    } }
}

pub fn score_table(comparison: &Comparison, rows: &[ScoreRow<'_>]) -> Markup {
    let sentence = html! {
        (method(comparison)) ". "
        @if rows.iter().any(|row| row.best.is_some()) {
            span.best { "best" } ": " (BEST) "."
        }
    };
    let content = html! {
        thead { tr {
            th scope="col" { "score" }
            (heads(comparison, 1))
            @for reference in REFERENCE_COLUMNS { th.reference scope="col" { (reference) } }
        } }
        @for group in rows.chunk_by(|one, next| theme(one.measure) == theme(next.measure)) {
            tbody {
                @if let Some(first) = group.first() {
                    tr.theme { th scope="rowgroup" colspan=(comparison.entries.len() + 3) { (theme(first.measure)) } }
                }
                @for row in group { (score_row(row)) }
            }
        }
    };
    table("scores", "All scores", sentence, content)
}

fn score_row(row: &ScoreRow<'_>) -> Markup {
    let measure = row.measure;
    html! { tr {
        th scope="row" { (measure.title().replace("− ", "−\u{a0}")) " " span.direction { (direction(measure)) } small { (measure.meaning()) } }
        @for (index, score) in row.scores.iter().enumerate() {
            @let best = row.best == Some(index);
            td.best-value[best] {
                @if let Some(score) = score {
                    @if best { span.best { "best" } " " }
                    (measure.show(score.mean()))
                    @if let Some(spread) = score.spread() { span.spread { " ± " (measure.show(spread)) } }
                } @else { (UNKNOWN) }
            }
        }
        @for value in row.reference_cells() { td.reference { (value) } }
    } }
}

fn theme(measure: Metric) -> &'static str {
    match measure {
        Metric::Fid | Metric::InceptionFid | Metric::Kid | Metric::InceptionScore => "All samples at once",
        Metric::Precision | Metric::Recall | Metric::Density | Metric::Coverage => "Sample by sample",
        Metric::Accuracy | Metric::CrossEntropy => "Classes",
        Metric::ClassesCovered | Metric::ClassDivergence | Metric::ClassAccuracy => "Classes",
        Metric::Modes | Metric::ModeDivergence => "Classes",
        Metric::NearestTraining | Metric::Sharpness | Metric::Diversity => "Looks",
        Metric::ReconstructionFid | Metric::Elbo | Metric::Reconstruction => "Latents",
        Metric::LatentDivergence | Metric::LikelihoodBound | Metric::ActiveUnits => "Latents",
    }
}

pub fn classes(comparison: &Comparison) -> Markup {
    let all = || comparison.entries.iter().flat_map(|entry| &entry.evaluation.classes);
    let mut names: Vec<(&str, f64)> = Vec::new();
    for class in all() {
        if names.iter().all(|(name, _)| *name != class.name) {
            names.push((&class.name, class.test_share));
        }
    }
    if names.is_empty() {
        return html! {};
    }
    let most = all().flat_map(|class| [class.share, class.test_share]).fold(f64::MIN_POSITIVE, f64::max);
    let sentence = html! {
        "The share of each class among the samples; the line is its share among the test images. Diversity within the \
         class is relative to test images: near 0 all samples are alike."
    };
    let content = html! {
        thead {
            tr { th scope="col" rowspan="2" { "class" } (heads(comparison, 2)) th.reference scope="col" rowspan="2" { (REFERENCE_COLUMNS[1]) } }
            tr { @for _ in &comparison.entries { th.share scope="col" { "share" } th scope="col" { "diversity" } } }
        }
        tbody { @for (name, test_share) in names {
            tr {
                th scope="row" { (name) }
                @for (index, entry) in comparison.entries.iter().enumerate() {
                    (class_cells(index, entry, name, most))
                }
                td.reference { (percent(test_share, 1)) }
            }
        } }
    };
    table("classes", "Classes", sentence, content)
}

/// A model's share and diversity in a class. `most` is the share that fills the cell.
fn class_cells(index: usize, entry: &Entry, name: &str, most: f64) -> Markup {
    let found = entry.evaluation.classes.iter().find(|class| class.name == name);
    let part = |share: f64| format!("{:.2}%", 100.0 * (share / most).clamp(0.0, 1.0));
    html! { @if let Some(class) = found {
        td.share.{ "model-" (index % COLOURS) } {
            div {
                span.track style={ "--real: " (part(class.test_share)) } { span style={ "width: " (part(class.share)) } {} }
                span { (percent(class.share, 1)) }
            }
        }
        td { (class.diversity.map_or(UNKNOWN.to_owned(), |diversity| Metric::Diversity.show(diversity))) }
    } @else { td { (UNKNOWN) } td { (UNKNOWN) } } }
}

pub fn cost_table(comparison: &Comparison) -> Markup {
    let sentence = html! { "The size of each model, and the cost of training and sampling." };
    let content = html! {
        thead { tr { th scope="col" { "cost" } (heads(comparison, 1)) } }
        tbody { @for row in costs(comparison) {
            tr { th scope="row" { (row.title) } @for cell in row.cells { td { (cell) } } }
        } }
    };
    table("cost", "Size and cost", sentence, content)
}
