//! A comparison as columns for a terminal.

use std::fmt::Write;

use super::score_table::{BEST, alarms, evaluator, headline, method, names, read_with_care, scores};
use super::units::costs;
use super::{Comparison, Entry};
use crate::report;

/// The conclusions come last, where a reader of a terminal looks first.
pub fn terminal(comparison: &Comparison) -> String {
    let mut heads = vec![String::new()];
    heads.extend(names(comparison).map(str::to_owned));
    let cost_lines = costs(comparison).into_iter().map(|row| [vec![row.title.to_owned()], row.cells].concat());
    let cost_lines: Vec<Vec<String>> = [heads.clone()].into_iter().chain(cost_lines).collect();
    heads.extend(["training", "test"].map(str::to_owned));
    let score_lines = scores(comparison).into_iter().map(|row| {
        let title = vec![row.measure.title().to_owned()];
        [title, row.cells(|best| format!("* {best}")), row.reference_cells().into()].concat()
    });
    let score_lines: Vec<Vec<String>> = [heads].into_iter().chain(score_lines).collect();
    let (scores, costs) = (columns(&score_lines), columns(&cost_lines));
    let mut text = format!("{}\n\n{scores}* {BEST}\n\n{costs}\n", plain(&headline(comparison)));
    if let Some(Entry { evaluation, .. }) = comparison.entries.first() {
        let _ = writeln!(
            text,
            "{}{}",
            wrapped(&method(comparison)),
            wrapped(&format!("evaluator: {}", evaluator(evaluation)))
        );
    }
    for line in alarms(comparison).chain(read_with_care(comparison)) {
        let _ = writeln!(text, "{}", wrapped(&line));
    }
    for statement in &comparison.statements {
        text.push_str(&wrapped(&format!("- {statement}")));
    }
    text
}

const MAX_CELL: usize = 30;
const LINE: usize = 100;

/// Aligned columns two spaces apart, all but the first to the right.
fn columns(lines: &[Vec<String>]) -> String {
    let cut = |line: &Vec<String>| -> Vec<String> { line.iter().map(|cell| cut(&plain(cell))).collect() };
    let lines: Vec<Vec<String>> = lines.iter().map(cut).collect();
    report::columns(&lines, |column| column > 0)
}

fn cut(cell: &str) -> String {
    match cell.char_indices().nth(MAX_CELL) {
        Some(_) => cell.chars().take(MAX_CELL - 1).chain(['…']).collect(),
        None => cell.to_owned(),
    }
}

/// Wraps lines at `LINE` characters and indents all but the first by two.
fn wrapped(text: &str) -> String {
    let (mut lines, mut length) = (String::new(), 0);
    for word in plain(text).split_whitespace() {
        let letters = word.chars().count();
        match length {
            0 => length = letters,
            _ if length + 1 + letters > LINE => {
                lines.push_str("\n  ");
                length = 2 + letters;
            }
            _ => {
                lines.push(' ');
                length += 1 + letters;
            }
        }
        lines.push_str(word);
    }
    lines + "\n"
}

/// Removes control characters.
fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::example::example;
    use super::*;

    #[test]
    fn a_terminal_gets_columns_and_the_statements_last() {
        let mut comparison = example();
        comparison.entries[1].evaluation.alarm = ron::from_str("[repeated(share: 0.125)]").unwrap();
        let text = terminal(&comparison);
        let scores = "\
gan and vae on MNIST

                       gan             vae  training  test
FID          * 6.40 ± 0.50     27.6 ± 0.50      0.37  0.00
precision    0.900 ± 0.010   0.910 ± 0.010         –     –
ELBO (nats)              –  -148.20 ± 0.31         –     –
";
        assert!(text.starts_with(scores), "\n{text}");
        assert!(text.contains("\nALARM: vae seems to have collapsed: 12.5 % of the samples repeat"), "{text}");
        assert!(text.ends_with("Read with care: there are few samples\n\n- gan is nearer\n"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }

    #[test]
    fn nothing_gives_a_terminal_orders_long_cells_are_cut_and_long_lines_broken() {
        assert_eq!(plain("a\u{1b}[31m"), "a [31m");
        assert_eq!(columns(&[vec!["a".into(), "x".repeat(40)]]), format!("a  {}…\n", "x".repeat(29)));
        let long = "x".repeat(98);
        assert_eq!(wrapped(&format!("- {long} a\n{long}")), format!("- {long}\n  a\n  {long}\n"));
    }
}
