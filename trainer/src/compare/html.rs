//! A comparison as a page in one file: it asks for nothing from anywhere and runs no script.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::markdown::{BEST, REFERENCE_COLUMNS, ScoreRow, direction, evaluator, headline, method, scores, warnings};
use super::units::{UNKNOWN, costs, duration, listed, percent};
use super::{Comparison, Entry, ModelImages};
use crate::measure::{Better, Metric, Score};

const STYLE: &str = include_str!("report.css");

/// What a browser may load for the page: the images and styles within it.
const POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

const ICON: &str = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'><rect width='16' height='16' rx='4' \
    fill='#101112'/><path fill='#f4f1ea' d='M3 3h4v4H3zM9 9h4v4H9z'/><path fill='#f4f1ea' opacity='.5' \
    d='M9 3h4v4H9zM3 9h4v4H3z'/></svg>";

/// The scores that are drawn as bars.
const HEADLINE: [Metric; 5] = [Metric::Fid, Metric::Precision, Metric::Coverage, Metric::Sharpness, Metric::Diversity];

/// How many colours the style has for models.
const COLOURS: usize = 8;

/// The page.
pub fn page(comparison: &Comparison) -> String {
    let title = headline(comparison);
    let rows = scores(comparison);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                title { (title) }
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="icon" href=(data("image/svg+xml", ICON.as_bytes()));
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (title) }
                    (answer(comparison))
                }
                main {
                    (samples(comparison))
                    (bars(comparison, &rows))
                    (score_table(comparison, &rows))
                    (classes(comparison))
                    (galleries(comparison))
                    (cost_table(comparison))
                }
                (footer(comparison))
            }
        }
    };
    page.into_string()
}

/// What the numbers say, and what has to be known beside it.
fn answer(comparison: &Comparison) -> Markup {
    html! {
        @if !comparison.statements.is_empty() {
            ul.statements { @for statement in &comparison.statements { li { (statement) } } }
        }
        @for entry in comparison.entries.iter().filter(|entry| !entry.evaluation.alarm.is_empty()) {
            div.note.alarm role="note" {
                p { strong { "Alarm:" } " " b { (entry.name) } " seems to make few kinds of samples." }
                ul { @for reason in &entry.evaluation.alarm { li { (reason.to_string()) } } }
            }
        }
        @let warnings = warnings(comparison);
        @if !warnings.is_empty() {
            div.note role="note" {
                p { strong { "Read with care" } }
                ul {
                    @for (about, warning) in warnings {
                        li { @if !about.is_empty() { b { (listed(&about)) } ": " } (warning) }
                    }
                }
            }
        }
    }
}

/// An image with what stands below it.
struct Figure {
    caption: Markup,
    alt: String,
    source: String,
}

/// Images side by side; nothing where there are none.
fn gallery(id: &str, heading: &str, sentence: &str, shown: &[Figure]) -> Markup {
    html! {
        @if !shown.is_empty() {
            section id=(id) {
                h2 { (heading) }
                p.lead { (sentence) }
                div.gallery {
                    @for image in shown {
                        // Curves scroll within themselves on a narrow screen, also by keys.
                        figure tabindex=[(id == "training").then_some("0")] {
                            img src=(image.source) alt=(image.alt);
                            figcaption { (image.caption) }
                        }
                    }
                }
            }
        }
    }
}

fn samples(comparison: &Comparison) -> Markup {
    let real = (!comparison.real.is_empty()).then(|| Figure {
        caption: html! { "test images of " (comparison.set) },
        alt: format!("A grid of test images of {}", comparison.set),
        source: data("image/png", &comparison.real),
    });
    let generated = of_models(comparison, "A grid of samples of", |images| png(&images.grid));
    let sentence = format!(
        "What every model draws from seed {}, none of it picked, beside test images of {}.",
        comparison.seed, comparison.set
    );
    gallery("samples", "Samples", &sentence, &real.into_iter().chain(generated).collect::<Vec<_>>())
}

const BETWEEN: &str = "Each row walks through the latent space in equal steps: where every image on the way could be a \
    sample, the model has learned more than single images.";

const NEAREST: &str = "The samples that lie nearest to a training image, and below each row those images: pairs that are \
    alike to the pixel would be copies.";

const RECONSTRUCTIONS: &str = "Test images, and below each row what the model makes of their codes: what is lost here, no \
    sample of it can show.";

const TRAINING: &str = "The losses, epoch by epoch. Those of two networks that play against each other need not fall.";

fn galleries(comparison: &Comparison) -> Markup {
    let all = |alt, source: fn(&ModelImages) -> Option<String>| of_models(comparison, alt, source);
    let between = all("Rows of samples that change into one another, of", |images| png(&images.interpolation));
    let nearest = all("Samples above their nearest training images, of", |images| png(&images.neighbours));
    let back = all("Test images above their reconstructions by", |images| png(images.reconstructions.as_ref()?));
    let curves = all("Curves of the losses of", |images| {
        images.curves.as_ref().map(|curves| data("image/svg+xml", curves.as_bytes()))
    });
    let without = |entry: &&Entry| entry.images.reconstructions.is_none();
    let without: Vec<&str> = comparison.entries.iter().filter(without).map(|entry| entry.name.as_str()).collect();
    let without = if without.is_empty() { String::new() } else { format!(" There are none of {}.", listed(&without)) };
    html! {
        (gallery("between", "From sample to sample", BETWEEN, &between))
        (gallery("nearest", "Nearest training images", NEAREST, &nearest))
        (gallery("reconstructions", "Reconstructions", &(RECONSTRUCTIONS.to_owned() + &without), &back))
        (gallery("training", "Training", TRAINING, &curves))
    }
}

/// The images that `source` finds of each model. `alt` goes before its name.
fn of_models(comparison: &Comparison, alt: &str, source: impl Fn(&ModelImages) -> Option<String>) -> Vec<Figure> {
    let shown = |(index, entry): (usize, &Entry)| {
        let alt = format!("{alt} {}", entry.name);
        Some(Figure { caption: name(index, entry), alt, source: source(&entry.images)? })
    };
    comparison.entries.iter().enumerate().filter_map(shown).collect()
}

/// A model's name behind its colour.
fn name(index: usize, entry: &Entry) -> Markup {
    html! { span.model.{ "model-" (index % COLOURS) } { (entry.name) } }
}

fn png(bytes: &[u8]) -> Option<String> {
    (!bytes.is_empty()).then(|| data("image/png", bytes))
}

/// An address that holds what it points to.
fn data(kind: &str, bytes: &[u8]) -> String {
    format!("data:{kind};base64,{}", STANDARD.encode(bytes))
}

/// Where bars begin and end: at 0 and a number, or at two powers of ten.
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
            // A share ends at 1; what is held against real images may lie on either side of them.
            Better::Real => Self::Linear { high: 1.1 * values.fold(1.0, f64::max) },
            _ => Self::Linear { high: values.fold(1.0, f64::max) },
        }
    }

    /// How much of the whole length a value takes, in percent.
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
            // Of two whole numbers, since negative powers are not rounded rightly.
            Self::Decades { low, high } => {
                (low..=high).map(|power| 10f64.powi(power.max(0)) / 10f64.powi((-power).max(0))).collect()
            }
        }
    }
}

/// What can be read from the last row of a lecture hall.
fn bars(comparison: &Comparison, rows: &[ScoreRow<'_>]) -> Markup {
    let shown: Vec<&ScoreRow<'_>> =
        HEADLINE.iter().filter_map(|measure| rows.iter().find(|row| row.measure == *measure)).collect();
    html! {
        @if !shown.is_empty() {
            section id="glance" {
                h2 { "At a glance" }
                p.lead { "The upright line is what real images reach in the place of samples." }
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
            p.direction { (direction(row.measure)) @if logarithmic { "; each step to the right is ten times as much" } }
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

/// A table that scrolls within itself where it is wider than the page.
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

fn score_table(comparison: &Comparison, rows: &[ScoreRow<'_>]) -> Markup {
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

/// What a group of neighbouring measures tells.
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

/// A class as the evaluations tell of it.
fn classes(comparison: &Comparison) -> Markup {
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
        "The share of each class among the samples; the line is its share among the test images. Diversity is that of the \
         samples within the class, as a share of that of test images: near 0 they are all alike."
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

/// How often a model makes a class, and how diversely. `most` is the share that fills the cell.
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

fn cost_table(comparison: &Comparison) -> Markup {
    let sentence = html! { "What each model weighs, what its training took, and what a sample of it takes." };
    let content = html! {
        thead { tr { th scope="col" { "cost" } (heads(comparison, 1)) } }
        tbody { @for row in costs(comparison) {
            tr { th scope="row" { (row.title) } @for cell in row.cells { td { (cell) } } }
        } }
    };
    table("cost", "Size and cost", sentence, content)
}

/// What has to be known to get the same again.
fn footer(comparison: &Comparison) -> Markup {
    html! { footer {
        h2 { "To make it again" }
        pre { code { (comparison.command) } }
        dl {
            @if let Some(Entry { evaluation, .. }) = comparison.entries.first() {
                (fact("Evaluator", &evaluator(evaluation), Some(&evaluation.evaluator.sha256)))
                @if let Some(sha256) = &evaluation.inception_sha256 {
                    (fact("Inception v3", "the weights of published scores", Some(sha256)))
                }
                (fact("Samples", &method(comparison), None))
                (fact("Images", &format!("samples of seed {}", comparison.seed), None))
                (fact("Program", &format!("Imago {}", evaluation.version), None))
            }
            @for entry in &comparison.entries {
                @let measured = format!("measured on {} in {}", entry.evaluation.device, duration(entry.evaluation.seconds));
                (fact(&entry.name, &measured, Some(&entry.evaluation.weights_sha256)))
            }
        }
    } }
}

fn fact(name: &str, text: &str, sha256: Option<&str>) -> Markup {
    html! { div {
        dt { (name) }
        dd {
            (text)
            @if let Some(sha256) = sha256 {
                ", SHA-256 " code { (sha256.chars().take(8).collect::<String>()) "…" }
                small { code { (sha256) } }
            }
        }
    } }
}

#[cfg(test)]
mod tests {
    use super::super::markdown::tests::{example, score};
    use super::*;

    #[test]
    fn a_name_is_never_read_as_a_tag() {
        let mut comparison = example();
        let evil = "<script>alert(1)</script>\"'";
        comparison.entries[0].name = evil.into();
        comparison.entries[0].evaluation.classes[0].name = evil.into();
        comparison.statements = vec![evil.into()];
        comparison.command = evil.into();
        let page = page(&comparison);
        assert!(!page.contains("<script") && page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;"));
    }

    #[test]
    fn the_page_asks_for_nothing_from_anywhere() {
        let page = page(&example()).replace("http-equiv", "");
        for sign in ["http", "<script", "@import", "url("] {
            assert!(!page.contains(sign), "{sign}");
        }
        let mut sources = ["src=\"", "href=\""].iter().flat_map(|start| page.split(start).skip(1));
        assert!(sources.all(|source| source.starts_with("data:image/")));
    }

    #[test]
    fn every_image_is_in_beside_words_that_say_what_it_is() {
        let page = page(&example());
        for image in ["real images", "<svg>gan</svg>", "<svg>vae</svg>", "reconstructions of vae"] {
            assert!(page.contains(&STANDARD.encode(image)), "{image}");
        }
        for (kind, model) in
            ["grid", "interpolation", "neighbours"].iter().flat_map(|kind| [(kind, "gan"), (kind, "vae")])
        {
            assert!(page.contains(&STANDARD.encode(format!("{kind} of {model}"))), "{kind} of {model}");
        }
        assert_eq!((page.matches("<img ").count(), page.matches("alt=\"").count()), (10, 10));
        assert!(page.contains("There are none of gan."));
    }

    #[test]
    fn the_best_is_a_word_where_the_numbers_tell() {
        let mut comparison = example();
        let marks = |comparison: &Comparison| page(comparison).matches(">best</span>").count();
        assert_eq!(marks(&comparison), 3, "the bar, the cell, and what it means");
        comparison.entries[1].evaluation.scores = comparison.entries[0].evaluation.scores.clone();
        assert_eq!(marks(&comparison), 0);
    }

    #[test]
    fn an_alarm_is_named_as_one() {
        let mut comparison = example();
        assert!(!page(&comparison).contains("Alarm"));
        comparison.entries[0].evaluation.alarm = ron::from_str("[repeated(share: 0.125)]").unwrap();
        assert!(page(&comparison).contains("<strong>Alarm:</strong> <b>gan</b>"));
    }

    #[test]
    fn one_model_and_none_are_a_page_too() {
        let mut comparison = example();
        for _ in 0..2 {
            comparison.entries.pop();
            assert!(page(&comparison).ends_with("</footer></body></html>"));
        }
    }

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
