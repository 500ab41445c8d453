//! Costs in readable units.

use imago_core::format::thousands;

use super::{Comparison, Cost};

pub const UNKNOWN: &str = "–";

pub struct CostRow {
    pub title: &'static str,
    pub cells: Vec<String>,
}

/// The cost table without rows that are unknown for all models.
pub fn costs(comparison: &Comparison) -> Vec<CostRow> {
    type Show = fn(&Cost) -> Option<String>;
    const ROWS: [(&str, Show); 11] = [
        ("parameters of all networks", |cost| Some(count(cost.parameters))),
        ("parameters for sampling", |cost| Some(count(cost.drawing_parameters))),
        ("their size in half precision", |cost| Some(bytes(cost.bytes as u64))),
        ("multiply-accumulates per sample", |cost| Some(count(cost.drawing_macs))),
        ("time per sample", |cost| Some(milliseconds(cost.milliseconds_per_sample))),
        ("training time", |cost| Some(duration(cost.seconds))),
        ("epochs", |cost| Some(cost.epochs.to_string())),
        ("time per epoch", |cost| (cost.epochs > 0).then(|| duration(cost.seconds / cost.epochs as f64))),
        ("training images per second", |cost| cost.images_per_second.map(|images| thousands(images.round() as u64))),
        ("peak memory", |cost| cost.peak_memory.map(bytes)),
        ("trained on", |cost| Some(cost.device.clone())),
    ];
    let row = |(title, show): (&'static str, Show)| {
        let cells: Vec<Option<String>> = comparison.entries.iter().map(|entry| show(&entry.cost)).collect();
        let known = cells.iter().any(Option::is_some);
        let text = |cell: Option<String>| cell.unwrap_or_else(|| UNKNOWN.to_owned());
        known.then(|| CostRow { title, cells: cells.into_iter().map(text).collect() })
    };
    ROWS.into_iter().filter_map(row).collect()
}

/// A number, in words from a million: `426,274`, `1.49 million`.
pub fn count(number: u64) -> String {
    let value = number as f64;
    match number {
        0..1_000_000 => thousands(number),
        1_000_000..999_500_000 => format!("{} million", three_digits(value / 1e6)),
        _ => format!("{} billion", three_digits(value / 1e9)),
    }
}

/// Bytes in decimal units: `442 KB`, `2.9 MB`.
pub fn bytes(number: u64) -> String {
    let mut size = number as f64;
    for unit in ["B", "KB", "MB", "GB"] {
        if size < 999.5 {
            let decimals = usize::from(unit != "B" && size < 99.95);
            return format!("{size:.decimals$} {unit}");
        }
        size /= 1000.0;
    }
    format!("{size:.1} TB")
}

/// Seconds: `4.2 s`, `12 min 5 s`, `2 h 14 min`.
pub fn duration(seconds: f64) -> String {
    let (whole, minutes) = (seconds.round() as u64, (seconds / 60.0).round() as u64);
    match whole {
        _ if !seconds.is_finite() => UNKNOWN.to_owned(),
        0..10 => format!("{seconds:.1} s"),
        10..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", minutes / 60, minutes % 60),
    }
}

/// Milliseconds: `0.091 ms`, `1.2 ms`, `15 ms`.
pub fn milliseconds(time: f64) -> String {
    let decimals = match time {
        _ if !time.is_finite() => return UNKNOWN.to_owned(),
        0.0..0.1 => 3,
        0.1..1.0 => 2,
        1.0..10.0 => 1,
        _ => 0,
    };
    format!("{time:.decimals$} ms")
}

pub fn percent(share: f64, decimals: usize) -> String {
    format!("{:.decimals$} %", share * 100.0)
}

/// A list in a sentence: `a, b and c`.
pub fn listed<Item: AsRef<str>>(items: &[Item]) -> String {
    match items {
        [] => String::new(),
        [only] => only.as_ref().to_owned(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", first.join(", "), last.as_ref())
        }
    }
}

fn three_digits(value: f64) -> String {
    let decimals = match value {
        ..9.995 => 2,
        9.995..99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_words_from_a_million_on() {
        let text = [0, 426_274, 999_999, 1_000_000, 1_490_000, 23_456_789, 999_499_999, 999_500_000].map(count);
        let expected =
            ["0", "426,274", "999,999", "1.00 million", "1.49 million", "23.5 million", "999 million", "1.00 billion"];
        assert_eq!(text, expected);
    }

    #[test]
    fn bytes_are_in_the_unit_that_leaves_few_digits() {
        let text = [812, 999, 1000, 99_960, 442_100, 999_600, 2_912_000, 1_011_000_000].map(bytes);
        assert_eq!(text, ["812 B", "999 B", "1.0 KB", "100 KB", "442 KB", "1.0 MB", "2.9 MB", "1.0 GB"]);
    }

    #[test]
    fn times_have_two_units_at_most() {
        let text = [0.04, 4.23, 9.6, 59.4, 59.6, 725.0, 3599.6, 8040.0, 97_200.0, f64::NAN].map(duration);
        let expected =
            ["0.0 s", "4.2 s", "10 s", "59 s", "1 min 0 s", "12 min 5 s", "1 h 0 min", "2 h 14 min", "27 h 0 min", "–"];
        assert_eq!(text, expected);
        assert_eq!([0.0912, 0.5, 1.23, 15.4].map(milliseconds), ["0.091 ms", "0.50 ms", "1.2 ms", "15 ms"]);
    }

    #[test]
    fn a_list_ends_with_and() {
        assert_eq!([listed(&["a"]), listed(&["a", "b"]), listed(&["a", "b", "c"])], ["a", "a and b", "a, b and c"]);
        assert_eq!(listed::<&str>(&[]), "");
    }
}
