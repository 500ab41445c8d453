//! A comparison as a self-contained page that loads nothing and runs no script.

mod bars;
mod tables;

use bars::bars;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use tables::{classes, cost_table, score_table};

use super::score_table::{evaluator, headline, method, scores, warnings};
use super::units::{duration, listed};
use super::{Comparison, Entry, ModelImages};

const STYLE: &str = include_str!("report.css");
/// What a browser may load: embedded images and styles.
const POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

const ICON: &str = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'><rect width='16' height='16' rx='4' \
    fill='#101112'/><path fill='#f4f1ea' d='M3 3h4v4H3zM9 9h4v4H9z'/><path fill='#f4f1ea' opacity='.5' \
    d='M9 3h4v4H9zM3 9h4v4H3z'/></svg>";

const COLOURS: usize = 8;

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

/// Conclusions and warnings.
fn answer(comparison: &Comparison) -> Markup {
    html! {
        @if !comparison.statements.is_empty() {
            ul.statements { @for statement in &comparison.statements { li { (statement) } } }
        }
        @for entry in comparison.entries.iter().filter(|entry| !entry.evaluation.alarm.is_empty()) {
            div.note.alarm role="note" {
                p { strong { "Alarm:" } " " b { (entry.name) } " seems to have collapsed to few kinds of samples." }
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

/// An image with its caption.
struct Figure {
    caption: Markup,
    alt: String,
    source: String,
}

/// Images side by side; nothing without images.
fn gallery(id: &str, heading: &str, sentence: &str, shown: &[Figure]) -> Markup {
    html! {
        @if !shown.is_empty() {
            section id=(id) {
                h2 { (heading) }
                p.lead { (sentence) }
                div.gallery {
                    @for image in shown {
                        // Wide curves scroll within themselves, also by keyboard.
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
        "Samples of every model from seed {}, not hand-picked, beside test images of {}.",
        comparison.seed, comparison.set
    );
    gallery("samples", "Samples", &sentence, &real.into_iter().chain(generated).collect::<Vec<_>>())
}

const BETWEEN: &str = "Each row walks through the latent space in equal steps: if every image along it could be a \
    sample, the model has learned more than single images.";

const NEAREST: &str = "The samples nearest to a training image, with those images below each row: identical pairs would \
    be copies.";

const RECONSTRUCTIONS: &str = "Test images, with their reconstructions below each row: what is lost here, no sample can \
    show.";

const TRAINING: &str = "The losses, epoch by epoch. Those of adversarial networks need not fall.";

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
    let without = if without.is_empty() { String::new() } else { format!(" There are none for {}.", listed(&without)) };
    html! {
        (gallery("between", "From sample to sample", BETWEEN, &between))
        (gallery("nearest", "Nearest training images", NEAREST, &nearest))
        (gallery("reconstructions", "Reconstructions", &(RECONSTRUCTIONS.to_owned() + &without), &back))
        (gallery("training", "Training", TRAINING, &curves))
    }
}

/// The image of each model that has one. `alt` precedes its name.
fn of_models(comparison: &Comparison, alt: &str, source: impl Fn(&ModelImages) -> Option<String>) -> Vec<Figure> {
    let shown = |(index, entry): (usize, &Entry)| {
        let alt = format!("{alt} {}", entry.name);
        Some(Figure { caption: name(index, entry), alt, source: source(&entry.images)? })
    };
    comparison.entries.iter().enumerate().filter_map(shown).collect()
}

fn name(index: usize, entry: &Entry) -> Markup {
    html! { span.model.{ "model-" (index % COLOURS) } { (entry.name) } }
}

fn png(bytes: &[u8]) -> Option<String> {
    (!bytes.is_empty()).then(|| data("image/png", bytes))
}

fn data(kind: &str, bytes: &[u8]) -> String {
    format!("data:{kind};base64,{}", STANDARD.encode(bytes))
}

fn footer(comparison: &Comparison) -> Markup {
    html! { footer {
        h2 { "To reproduce this" }
        pre { code { (comparison.command) } }
        dl {
            @if let Some(Entry { evaluation, .. }) = comparison.entries.first() {
                (fact("Evaluator", &evaluator(evaluation), Some(&evaluation.evaluator.sha256)))
                @if let Some(sha256) = &evaluation.inception_sha256 {
                    (fact("Inception v3", "the weights used in publications", Some(sha256)))
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
    use super::super::example::example;
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
        assert!(page.contains("There are none for gan."));
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
}
