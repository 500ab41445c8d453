//! Tables, and the machine they were measured on.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::iter;

use serde_json::{Value, json};

use super::contestants::{Contestant, Network, Program};
use super::environment::version;
use super::{Bench, Task};
use crate::web::grouped;

/// Images in an epoch of MNIST.
const EPOCH: f64 = 60_000.0;

pub struct Entry<'a> {
    pub contestant: &'a Contestant,
    pub runs: Vec<Run>,
    pub failure: Option<String>,
}

pub struct Run {
    pub round: usize,
    pub value: Value,
}

impl<'a> Entry<'a> {
    pub fn new(contestant: &'a Contestant) -> Self {
        Self { contestant, runs: Vec::new(), failure: None }
    }

    /// A value of every run that has it, with its round.
    fn figures(&self, figure: impl Fn(&Value) -> Option<f64>) -> Vec<(usize, f64)> {
        self.runs.iter().filter_map(|run| Some((run.round, figure(&run.value)?))).collect()
    }

    pub fn median(&self, figure: impl Fn(&Value) -> Option<f64>) -> Option<f64> {
        middle(self.figures(figure).into_iter().map(|(_, value)| value).collect())
    }

    /// The median over the rounds of another's speed relative to this one; within a round both met
    /// the same load.
    fn ratio(&self, other: Option<&Self>, speed: impl Fn(&Value) -> Option<f64>) -> Option<f64> {
        let (own, others) = (self.figures(&speed), other?.figures(&speed));
        let pairs = own.iter().filter_map(|(round, mine)| {
            let (_, theirs) = others.iter().find(|(other, _)| other == round)?;
            Some(theirs / mine)
        });
        middle(pairs.collect())
    }
}
/// The report on a network.
pub fn tables(task: &Task<'_>, entries: &[Entry<'_>]) -> String {
    let values = || entries.iter().flat_map(|entry| &entry.runs).map(|run| &run.value);
    let sizes: BTreeSet<u64> = values().filter_map(|value| value["parameters"].as_u64()).collect();
    let parameters = sizes.iter().map(|&size| figure(size as f64)).collect::<Vec<_>>().join(" or ");
    let mut text = format!("## {}, batch {}", task.network.name(), task.batch);
    if !sizes.is_empty() {
        let _ = write!(text, ", {parameters} parameters");
    }
    text.push_str("\n\n");
    if sizes.len() > 1 {
        text.push_str("The contestants do not have the same network: their parameters differ.\n\n");
    }
    let imago = entries.iter().find(|entry| entry.contestant.program == Program::Imago);
    let _ = write!(text, "{}", training(entries, imago));
    if let Some(table) = sampling(entries, imago) {
        let _ = write!(text, "\n{table}");
    }
    if task.network == Network::ReportsVae {
        let _ = write!(text, "\n{}", whole_runs(task, entries));
    }
    for entry in entries {
        if let Some(failure) = &entry.failure {
            let _ = write!(text, "\n{} failed:\n\n```text\n{failure}\n```\n", entry.contestant.name);
        }
    }
    text
}

fn training(entries: &[Entry<'_>], imago: Option<&Entry<'_>>) -> Table {
    let mut table = Table::new(&[
        "training",
        "steps/s",
        "slowest–fastest",
        "Imago / it",
        "images/s",
        "first step, s",
        "memory, MB",
        "others, cores",
    ]);
    for entry in entries {
        let speed = |value: &Value| value["steps_per_s"].as_f64();
        let speeds = || entry.figures(speed).into_iter().map(|(_, value)| value);
        let range = (!entry.runs.is_empty())
            .then(|| format!("{}–{}", figure(speeds().fold(f64::MAX, f64::min)), figure(speeds().fold(0.0, f64::max))));
        table.row(&[
            entry.contestant.name.clone(),
            cell(entry.median(speed)),
            range.unwrap_or_else(|| cell(None)),
            cell(entry.ratio(imago, speed)),
            cell(entry.median(|value| value["images_per_s"].as_f64())),
            cell(entry.median(|value| value["first_step_s"].as_f64())),
            cell(entry.median(|value| Some(value["peak_memory_bytes"].as_f64()? / 1e6))),
            cell(entry.median(|value| value["others"].as_f64())),
        ]);
    }
    table
}

fn sampling(entries: &[Entry<'_>], imago: Option<&Entry<'_>>) -> Option<Table> {
    let values = entries.iter().flat_map(|entry| &entry.runs);
    let drawn = values.filter_map(|run| run.value["sample"].as_array()).flatten();
    let counts: BTreeSet<u64> = drawn.filter_map(|sample| sample["images"].as_u64()).collect();
    if counts.is_empty() {
        return None;
    }
    let columns = counts.iter().flat_map(|&count| {
        let images = if count == 1 { "1 image".to_owned() } else { format!("{} images", figure(count as f64)) };
        [format!("{images}, ms"), "images/s".to_owned(), "Imago / it".to_owned()]
    });
    let columns: Vec<String> = iter::once("sampling".to_owned()).chain(columns).collect();
    let mut table = Table::new(&columns);
    for entry in entries {
        let cells = counts.iter().flat_map(|&count| {
            let speed = move |value: &Value| {
                let sample = value["sample"].as_array()?.iter().find(|sample| sample["images"] == count)?;
                Some(count as f64 / sample["seconds"].as_f64()?)
            };
            let images = entry.median(speed);
            [cell(images.map(|images| 1e3 * count as f64 / images)), cell(images), cell(entry.ratio(imago, speed))]
        });
        let cells: Vec<String> = iter::once(entry.contestant.name.clone()).chain(cells).collect();
        table.row(&cells);
    }
    Some(table)
}

/// The time of an epoch, and of the pipeline's 30.
fn whole_runs(task: &Task<'_>, entries: &[Entry<'_>]) -> Table {
    let mut table = Table::new(&["whole runs", "an epoch, measured", "30 epochs, from steps/s"]);
    for entry in entries {
        let epoch = entry.median(|value| value["epoch_s"].as_f64());
        let steps = 30.0 * (EPOCH / task.batch as f64).ceil();
        let all = entry.median(|value| Some(steps / value["steps_per_s"].as_f64()?));
        table.row(&[
            entry.contestant.name.clone(),
            epoch.map_or_else(|| cell(None), |seconds| format!("{} s", figure(seconds))),
            all.map_or_else(|| cell(None), minutes),
        ]);
    }
    table
}
pub struct Machine {
    date: String,
    cpu: String,
    cores: usize,
    /// In bytes, if known.
    memory: Option<f64>,
    /// The load average of the last minute, if known.
    load: Option<f64>,
}

impl Machine {
    pub fn look() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let kibibytes = field(&read("/proc/meminfo"), "MemTotal")
            .and_then(|memory| memory.trim_end_matches(" kB").parse::<f64>().ok());
        Self {
            date: jiff::Timestamp::now().to_string().chars().take(10).collect(),
            cpu: field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory: kibibytes.map(|kibibytes| kibibytes * 1024.0),
            load: read("/proc/loadavg").split(' ').next().and_then(|load| load.parse().ok()),
        }
    }

    pub fn json(&self) -> Value {
        json!({
            "date": self.date,
            "cpu": self.cpu,
            "cores": self.cores,
            "memory_bytes": self.memory,
            "load": self.load,
        })
    }

    pub fn report(&self, bench: &Bench<'_>) -> String {
        let memory = self.memory.map(|bytes| format!(", {:.0} GB", bytes / 1e9)).unwrap_or_default();
        let load = self.load.map(|load| format!(" A load of {load:.2} when it began.")).unwrap_or_default();
        let rounds = match bench.rounds {
            1 => "One round".to_owned(),
            rounds => format!("Medians of {rounds} rounds"),
        };
        let what = match bench.args.linear {
            true => ".".to_owned(),
            false => format!(" of {} steps after {}; ratios above 1 favour Imago.", bench.steps, bench.warm_up),
        };
        format!(
            "# Imago {}, {}\n\n{}, {} cores{memory}; on the {}, {} threads.{load}\n{rounds}{what}\n",
            bench.imago.values().next().map(|imago| version(imago)).unwrap_or_default(),
            self.date,
            self.cpu,
            self.cores,
            if bench.args.gpu { "GPU" } else { "CPU" },
            bench.threads,
        )
    }
}
/// The median, if there is anything.
fn middle(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[half]),
        _ => Some((values[half - 1] + values[half]) / 2.0),
    }
}

/// Two digits or more, with commas from a thousand.
pub fn figure(value: f64) -> String {
    if value < 1000.0 {
        let decimals = match value {
            _ if value.fract() == 0.0 => 0,
            _ if value >= 100.0 => 0,
            _ if value >= 10.0 => 1,
            _ if value >= 0.1 => 2,
            _ => 3,
        };
        return format!("{value:.decimals$}");
    }
    grouped(value.round_ties_even() as u64)
}

pub fn cell(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), figure)
}

/// `12 min 05 s`.
fn minutes(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    format!("{} min {:02} s", seconds / 60, seconds % 60)
}

/// A Markdown table with aligned columns.
pub struct Table(Vec<Vec<String>>);

impl Table {
    pub fn new<S: ToString>(columns: &[S]) -> Self {
        Self(vec![columns.iter().map(ToString::to_string).collect()])
    }

    pub fn row(&mut self, cells: &[String]) {
        self.0.push(cells.to_vec());
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let columns = self.0.first().map_or(0, Vec::len);
        let width =
            |column: usize| self.0.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0).max(3)).collect();
        for (index, row) in self.0.iter().enumerate() {
            // Names on the left, numbers on the right.
            for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
                match column {
                    0 => write!(f, "| {cell:<width$} |")?,
                    _ => write!(f, " {cell:>width$} |")?,
                }
            }
            writeln!(f)?;
            if index == 0 {
                for (column, width) in widths.iter().enumerate() {
                    match column {
                        0 => write!(f, "| {} |", "-".repeat(*width))?,
                        _ => write!(f, " {}: |", "-".repeat(width - 1))?,
                    }
                }
                writeln!(f)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_pair_the_runs_of_a_round() {
        let contestants: Vec<Contestant> = ["imago", "keras"].map(|name| name.parse().unwrap()).into();
        let run = |round, speed: f64| Run { round, value: json!({ "steps_per_s": speed }) };
        let entry = |index: usize, runs| Entry { contestant: &contestants[index], runs, failure: None };
        // The machine was busy in the second round, and the other's third run failed.
        let imago = entry(0, vec![run(0, 12.0), run(1, 3.0), run(2, 12.0)]);
        let keras = entry(1, vec![run(0, 10.0), run(1, 2.0)]);
        let speed = |value: &Value| value["steps_per_s"].as_f64();
        assert_eq!(keras.ratio(Some(&imago), speed), Some(1.35));
        assert_eq!(keras.ratio(None, speed), None);
        assert_eq!(imago.ratio(Some(&imago), speed), Some(1.0));
    }

    #[test]
    fn tables_line_up_and_tell_of_failures() {
        let contestants: Vec<Contestant> = ["imago", "keras-tuned"].map(|name| name.parse().unwrap()).into();
        let value = json!({
            "parameters": 97_735, "steps_per_s": 12.345, "images_per_s": 1580.2, "first_step_s": 0.5,
            "peak_memory_bytes": 512e6, "others": 0.1, "sample": [{ "images": 64, "seconds": 0.016 }],
        });
        let mut entries: Vec<Entry<'_>> = contestants.iter().map(Entry::new).collect();
        entries[0].runs.push(Run { round: 0, value });
        entries[1].failure = Some("exit status: 1\nNo module named 'keras'".into());
        let text = tables(&Task { network: Network::ReportsDcgan, ..Task::alone() }, &entries);
        let expected = "\
## reports-dcgan, batch 128, 97,735 parameters

| training    | steps/s | slowest–fastest | Imago / it | images/s | first step, s | memory, MB | others, cores |
| ----------- | ------: | --------------: | ---------: | -------: | ------------: | ---------: | ------------: |
| imago       |    12.3 |       12.3–12.3 |          1 |    1,580 |          0.50 |        512 |          0.10 |
| keras-tuned |       - |               - |          - |        - |             - |          - |             - |

| sampling    | 64 images, ms | images/s | Imago / it |
| ----------- | ------------: | -------: | ---------: |
| imago       |            16 |    4,000 |          1 |
| keras-tuned |             - |        - |          - |

keras-tuned failed:

```text
exit status: 1
No module named 'keras'
```
";
        assert_eq!(text, expected);
    }

    #[test]
    fn figures_read_well() {
        let read = [0.0174, 0.1234, 1.0, 1.234, 12.34, 123.4, 999.9, 1_234.5, 1_234_567.0].map(figure);
        assert_eq!(read, ["0.017", "0.12", "1", "1.23", "12.3", "123", "1000", "1,234", "1,234,567"]);
        assert_eq!(minutes(725.4), "12 min 05 s");
        assert_eq!(middle(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(middle(vec![4.0, 1.0]), Some(2.5));
        assert_eq!(middle(Vec::new()), None);
    }
}
