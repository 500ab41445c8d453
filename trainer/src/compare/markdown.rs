//! A comparison as Markdown for documents.

use std::fmt::Write;

use super::score_table::{
    BEST, REFERENCE_COLUMNS, alarms, direction, evaluator, headline, method, names, read_with_care, scores,
};
use super::units::costs;
use super::{Comparison, Entry};

pub fn markdown(comparison: &Comparison) -> String {
    let mut text = format!("# {}\n\n", escaped(&headline(comparison)));
    for statement in &comparison.statements {
        let _ = writeln!(text, "- {}", escaped(statement));
    }
    for line in alarms(comparison).chain(read_with_care(comparison)) {
        let _ = writeln!(text, "\n> {}", escaped(&line));
    }
    text.push_str("\n## Scores\n\n");
    let models: Vec<&str> = names(comparison).collect();
    table(
        &mut text,
        "score",
        &[&models[..], &REFERENCE_COLUMNS].concat(),
        scores(comparison).iter().map(|row| {
            let title = format!("{} ({})", row.measure.title(), direction(row.measure));
            let cells = row.cells(|best| format!("**{best}**"));
            (title, [cells, row.reference_cells().into()].concat())
        }),
    );
    let _ = writeln!(text, "\nBold: {BEST}.");
    text.push_str("\n## Size and cost\n\n");
    table(
        &mut text,
        "cost",
        &models,
        costs(comparison)
            .into_iter()
            .map(|row| (row.title.to_owned(), row.cells.iter().map(|cell| escaped(cell)).collect())),
    );
    if let Some(Entry { evaluation, .. }) = comparison.entries.first() {
        let _ = writeln!(text, "\n{}.", method(comparison));
        let _ = writeln!(
            text,
            "Evaluator: {} (SHA-256 `{}`). Imago {}.",
            escaped(&evaluator(evaluation)),
            evaluation.evaluator.sha256,
            evaluation.version
        );
    }
    let _ = writeln!(text, "\n```sh\n{}\n```", comparison.command);
    text
}

fn table(text: &mut String, corner: &str, heads: &[&str], rows: impl Iterator<Item = (String, Vec<String>)>) {
    let heads: Vec<String> = heads.iter().map(|head| escaped(head)).collect();
    let _ = writeln!(text, "| {corner} | {} |\n| --- |{}", heads.join(" | "), " ---: |".repeat(heads.len()));
    for (title, cells) in rows {
        let _ = writeln!(text, "| {title} | {} |", cells.join(" | "));
    }
}

/// Escapes Markdown, also within a table.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if matches!(letter, '|' | '\\' | '<' | '*' | '`' | '[') {
            escaped.push('\\');
        }
        escaped.push(if letter.is_control() { ' ' } else { letter });
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::example::example;
    use super::*;

    #[test]
    fn the_document_has_the_statements_the_scores_and_the_costs() {
        let expected = "\
# gan and vae on MNIST

- gan is nearer

> Read with care: there are few samples

## Scores

| score | gan | vae | training images | test images |
| --- | ---: | ---: | ---: | ---: |
| FID (lower is better) | **6.40 ± 0.50** | 27.6 ± 0.50 | 0.37 | 0.00 |
| precision (higher is better) | 0.900 ± 0.010 | 0.910 ± 0.010 | – | – |
| ELBO (nats) (higher is better) | – | -148.20 ± 0.31 | – | – |

Bold: better than every other model by more than twice the spread of both together.

## Size and cost

| cost | gan | vae |
| --- | ---: | ---: |
| parameters of all networks | 1.49 million | 1.49 million |
| parameters for sampling | 426,274 | 426,274 |
| their size in half precision | 858 KB | 858 KB |
| multiply-accumulates per sample | 4.21 million | 4.21 million |
| time per sample | 0.091 ms | 0.091 ms |
| training time | 12 min 5 s | 12 min 5 s |
| epochs | 15 | 15 |
| time per epoch | 48 s | 48 s |
| trained on | CPU | CPU |

10,000 samples of each of the seeds 1, 2 and 3 against 10,000 test images, mean ± standard deviation over the seeds, ± standard error where there is one value.
Evaluator: classifier, which classifies 99.48 % of the test images correctly (SHA-256 `0123456789`). Imago 0.1.0.

```sh
imago compare runs/gan runs/vae
```
";
        let text = markdown(&example());
        assert_eq!(text, expected, "\n{text}");
    }

    #[test]
    fn what_markdown_would_read_as_its_own_is_escaped() {
        let mut comparison = example();
        comparison.entries[0].name = "a|b <i>*\n".into();
        let text = markdown(&comparison);
        assert!(text.starts_with("# a\\|b \\<i>\\*  and vae on MNIST\n"), "{text}");
        assert!(text.contains("| cost | a\\|b \\<i>\\*  | vae |\n"), "{text}");
    }
}
