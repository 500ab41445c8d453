//! Results side by side: in columns for people, as `sweep.tsv` for programs.

use super::label::Names;
use super::spec::{SEED, Setting};
use crate::measure::{Evaluation, Metric};
use crate::report;
use crate::run::{Outcome, Record};

pub struct Row<'a> {
    pub index: usize,
    pub changed: &'a [Setting],
    pub folder: String,
    pub record: Option<Record>,
    pub evaluation: Option<Evaluation>,
    /// Whether it failed just now, which `run.ron` may not say.
    pub failed: bool,
}

impl Row<'_> {
    fn outcome(&self) -> &'static str {
        match self.record.as_ref().map(|record| record.outcome) {
            Some(Outcome::Finished) => "finished",
            Some(Outcome::StoppedEarly) => "stopped early",
            Some(Outcome::Diverged) => "diverged",
            _ if self.failed => "failed",
            Some(Outcome::Interrupted) => "interrupted",
            // Training now, or killed.
            Some(Outcome::Running) => "unfinished",
            None => "not begun",
        }
    }

    fn is_finished(&self) -> bool {
        let outcome = self.record.as_ref().map(|record| record.outcome);
        matches!(outcome, Some(Outcome::Finished | Outcome::StoppedEarly))
    }

    fn value(&self, path: &str) -> Option<&str> {
        self.changed.iter().find(|setting| setting.path == path).map(|setting| setting.value.as_str())
    }

    /// What `show` says of the record, if there is one.
    fn fact(&self, show: fn(&Record) -> String) -> String {
        self.record.as_ref().map(show).unwrap_or_default()
    }

    fn metrics(&self) -> Vec<(Column, f64)> {
        let lists = |record: &Record| [&record.losses, &record.validation, &record.test].map(Vec::clone);
        let lists = self.record.as_ref().map(lists).unwrap_or_default();
        let score =
            |measure: Metric| Some((measure.title().to_owned(), self.evaluation.as_ref()?.score(measure)?.mean()));
        let scores = SCORES.into_iter().filter_map(score).collect();
        let kinds = KINDS.into_iter().zip(lists.into_iter().chain([scores]));
        kinds
            .flat_map(|(kind, list)| list.into_iter().map(move |(name, value)| (Column { kind, name }, value)))
            .collect()
    }

    fn metric(&self, metric: &Column) -> Option<f64> {
        self.metrics().into_iter().find(|(column, _)| column == metric).map(|(_, value)| value)
    }
}

const SCORES: [Metric; 6] = [
    Metric::Fid,
    Metric::Precision,
    Metric::Recall,
    Metric::Coverage,
    Metric::ClassAccuracy,
    Metric::ReconstructionFid,
];

/// The data that metrics are measured on, in the order of the columns.
const KINDS: [&str; 4] = ["loss", "validation", "test", "score"];

#[derive(Clone, PartialEq)]
struct Column {
    kind: &'static str,
    name: String,
}

impl Column {
    /// The name in `sweep.tsv`, which never changes.
    fn name_in_files(&self) -> &str {
        if self.name == Metric::ClassAccuracy.title() { "asked class made" } else { &self.name }
    }
}

/// The metrics of all runs, losses first.
fn metrics(rows: &[Row<'_>]) -> Vec<Column> {
    let mut metrics: Vec<Column> = Vec::new();
    for kind in KINDS {
        for (metric, _) in rows.iter().flat_map(Row::metrics).filter(|(metric, _)| metric.kind == kind) {
            if !metrics.contains(&metric) {
                metrics.push(metric);
            }
        }
    }
    metrics
}

/// A line for each run: its number, the changed values, `facts`, and the metrics as `show` writes
/// them.
fn lines(
    rows: &[Row<'_>],
    names: &Names,
    metrics: &[Column],
    facts: impl Fn(&Row<'_>) -> Vec<String>,
    show: impl Fn(f64) -> String,
) -> Vec<Vec<String>> {
    let line = |row: &Row<'_>| {
        let changed = names.paths().iter().map(|path| row.value(path).unwrap_or_default().to_owned());
        let measured = metrics.iter().map(|metric| row.metric(metric).map(&show).unwrap_or_default());
        [row.index.to_string()].into_iter().chain(changed).chain(facts(row)).chain(measured).collect()
    };
    rows.iter().map(line).collect()
}

pub fn runs(rows: &[Row<'_>], names: &Names) -> String {
    let metrics = metrics(rows);
    let mut head = vec!["run".to_owned()];
    head.extend(names.paths().iter().map(|path| names.short(path).to_owned()));
    head.extend(["outcome", "epochs", "seconds"].map(str::to_owned));
    head.extend(metrics.iter().map(heading));
    let facts = |row: &Row<'_>| {
        let epochs = row.fact(|record| record.epochs.to_string());
        vec![row.outcome().to_owned(), epochs, row.fact(|record| format!("{:.1}", record.seconds))]
    };
    let lines = lines(rows, names, &metrics, facts, |value| short(value, value));
    columns(&[vec![head], lines].concat())
}

/// Mean and standard deviation over finished runs that differ only in their seed; None if no two
/// do, or none has finished.
pub fn means(rows: &[Row<'_>], names: &Names) -> Option<String> {
    let metrics = metrics(rows);
    let mut groups: Vec<(Vec<&Setting>, Vec<&Row<'_>>)> = Vec::new();
    for row in rows.iter().filter(|row| row.value(SEED).is_some()) {
        let but_seed: Vec<&Setting> = row.changed.iter().filter(|setting| setting.path != SEED).collect();
        match groups.iter_mut().find(|(settings, _)| *settings == but_seed) {
            Some((_, members)) => members.push(row),
            None => groups.push((but_seed, vec![row])),
        }
    }
    let repeated = groups.iter().any(|(_, members)| members.len() > 1);
    if !repeated || !rows.iter().any(Row::is_finished) {
        return None;
    }
    let paths: Vec<&String> = names.paths().iter().filter(|path| *path != SEED).collect();
    let mut head: Vec<String> = paths.iter().map(|path| names.short(path).to_owned()).collect();
    head.push("seeds".to_owned());
    head.extend(metrics.iter().map(heading));
    let mut lines = vec![head];
    for (_, members) in &groups {
        let mut line: Vec<String> = paths.iter().map(|path| members[0].value(path).unwrap_or("").to_owned()).collect();
        let finished: Vec<&&Row<'_>> = members.iter().filter(|row| row.is_finished()).collect();
        line.push(match (finished.len(), members.len()) {
            (done, all) if done == all => all.to_string(),
            (done, all) => format!("{done} of {all}"),
        });
        for metric in &metrics {
            let values: Vec<f64> = finished.iter().filter_map(|row| row.metric(metric)).collect();
            line.push(spread(&values));
        }
        lines.push(line);
    }
    Some(columns(&lines))
}

/// `148.70 ± 0.31`: mean and sample standard deviation.
fn spread(values: &[f64]) -> String {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    match values.len() {
        0 => String::new(),
        1 => short(mean, mean),
        _ => format!("{} ± {}", short(mean, mean), short((squares / (count - 1.0)).sqrt(), mean)),
    }
}

/// All runs as tab-separated values with a header: full paths first, then what `run.ron` says.
pub fn tsv(rows: &[Row<'_>], names: &Names) -> String {
    let metrics = metrics(rows);
    let mut head = vec!["run".to_owned()];
    head.extend_from_slice(names.paths());
    head.extend(["folder", "outcome", "epochs", "steps", "seconds"].map(str::to_owned));
    head.extend(metrics.iter().map(|column| format!("{}/{}", column.kind, column.name_in_files())));
    let facts = |row: &Row<'_>| {
        let (epochs, steps) =
            (row.fact(|record| record.epochs.to_string()), row.fact(|record| record.steps.to_string()));
        let seconds = row.fact(|record| format!("{:.3}", record.seconds));
        vec![row.folder.clone(), row.outcome().to_owned(), epochs, steps, seconds]
    };
    let lines = lines(rows, names, &metrics, facts, |value| value.to_string());
    [vec![head], lines].concat().iter().map(|cells| cells.join("\t") + "\n").collect()
}

fn heading(metric: &Column) -> String {
    match metric.kind {
        "loss" | "score" => metric.name.clone(),
        kind => format!("{kind} {}", metric.name),
    }
}

/// Enough digits for a value of the size of `like`.
fn short(value: f64, like: f64) -> String {
    match like.abs() {
        0.0 => format!("{value:.4}"),
        size if size < 0.001 => format!("{value:.2e}"),
        size if size < 10.0 => format!("{value:.4}"),
        _ => format!("{value:.2}"),
    }
}

const MAX_CELL: usize = 32;

/// Aligned columns two spaces apart, numbers to the right.
fn columns(lines: &[Vec<String>]) -> String {
    let cut = |cell: &String| match cell.char_indices().nth(MAX_CELL) {
        Some((end, _)) => format!("{}…", &cell[..end]),
        None => cell.clone(),
    };
    let lines: Vec<Vec<String>> = lines.iter().map(|line| line.iter().map(cut).collect()).collect();
    let number = |cell: &String| cell.is_empty() || cell.starts_with(|c: char| c.is_ascii_digit() || c == '-');
    report::columns(&lines, |column| lines.iter().skip(1).filter_map(|line| line.get(column)).all(number))
}

#[cfg(test)]
mod tests {
    use super::super::spec::Variant;
    use super::*;

    fn record(outcome: Outcome, loss: f64, accuracy: Option<f64>) -> Record {
        Record {
            outcome,
            epochs: 2,
            steps: 40,
            seconds: 1.25,
            losses: vec![("cross-entropy".into(), loss)],
            test: accuracy.map(|value| ("accuracy".into(), value)).into_iter().collect(),
            ..Record::default()
        }
    }

    /// Two learning rates with three seeds each; the last run failed, the one before never started.
    fn rows(variants: &[Variant]) -> Vec<Row<'_>> {
        let records = [
            Some(record(Outcome::Finished, 0.5, Some(0.9))),
            Some(record(Outcome::Finished, 0.7, Some(0.8))),
            Some(record(Outcome::Finished, 0.6, Some(0.7))),
            Some(record(Outcome::Finished, 120.0, Some(0.1))),
            None,
            Some(record(Outcome::Running, 0.3, None)),
        ];
        let row = |(at, (variant, record))| {
            let variant: &Variant = variant;
            Row {
                index: at + 1,
                changed: &variant.changed,
                folder: format!("f{at}"),
                record,
                evaluation: None,
                failed: at == 5,
            }
        };
        variants.iter().zip(records).enumerate().map(row).collect()
    }

    fn variants() -> Vec<Variant> {
        let variant = |lr: &str, seed: usize| {
            let changed = [("train.optimizer.adam.lr", lr.to_owned()), (SEED, seed.to_string())];
            let changed = changed.map(|(path, value)| Setting { path: path.into(), value }).to_vec();
            Variant { common: Vec::new(), changed }
        };
        ["0.001", "0.1"].iter().flat_map(|lr| (1..=3).map(|seed| variant(lr, seed)).collect::<Vec<_>>()).collect()
    }

    #[test]
    fn every_run_is_a_line_with_what_was_changed_and_what_came_of_it() {
        let variants = variants();
        let names = Names::new(&variants);
        let text = runs(&rows(&variants), &names);
        let expected = "\
run     lr  seed  outcome    epochs  seconds  cross-entropy  test accuracy
  1  0.001     1  finished        2      1.2         0.5000         0.9000
  2  0.001     2  finished        2      1.2         0.7000         0.8000
  3  0.001     3  finished        2      1.2         0.6000         0.7000
  4    0.1     1  finished        2      1.2         120.00         0.1000
  5    0.1     2  not begun
  6    0.1     3  failed          2      1.2         0.3000
";
        assert_eq!(text, expected, "\n{text}");
    }

    #[test]
    fn runs_that_differ_only_in_their_seed_are_told_by_mean_and_standard_deviation() {
        let variants = variants();
        let names = Names::new(&variants);
        let text = means(&rows(&variants), &names).unwrap();
        let expected = [
            "   lr   seeds    cross-entropy    test accuracy",
            "0.001       3  0.6000 ± 0.1000  0.8000 ± 0.1000",
            "  0.1  1 of 3           120.00           0.1000",
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), expected, "\n{text}");
        assert!(means(&rows(&variants)[..1], &names).is_none(), "one run has no deviation");
    }

    #[test]
    fn the_table_for_programs_has_all_digits_and_a_cell_for_every_name() {
        let variants = variants();
        let text = tsv(&rows(&variants), &Names::new(&variants));
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
        assert_eq!(lines.len(), 7);
        assert_eq!(
            lines[0].join(" "),
            "run train.optimizer.adam.lr train.seed folder outcome epochs steps seconds loss/cross-entropy test/accuracy"
        );
        assert_eq!(lines[1], ["1", "0.001", "1", "f0", "finished", "2", "40", "1.250", "0.5", "0.9"]);
        assert_eq!(lines[5], ["5", "0.1", "2", "f4", "not begun", "", "", "", "", ""]);
        assert!(lines.iter().all(|line| line.len() == lines[0].len()));
    }

    #[test]
    fn long_cells_are_cut_and_small_figures_keep_their_digits() {
        let lines = vec![vec!["a".to_owned(), "b".to_owned()], vec!["x".repeat(50), "1".to_owned()]];
        assert_eq!(columns(&lines).lines().last(), Some(format!("{}…  1", "x".repeat(32)).as_str()));
        assert_eq!((short(0.00012, 0.00012), short(0.0, 0.0)), ("1.20e-4".into(), "0.0000".into()));
    }
}
