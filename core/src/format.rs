//! Numbers for people.

/// Writes a number in groups of three: `28,036`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Writes a number of bytes: `12.3 KiB`.
pub fn readable(bytes: u64) -> String {
    let mut size = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB", "TiB"] {
        if size < 1024.0 {
            let decimals = usize::from(unit != "B" && size < 100.0);
            return format!("{size:.decimals$} {unit}");
        }
        size /= 1024.0;
    }
    format!("{size:.0} PiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_are_grouped_by_three() {
        let grouped: Vec<String> = [0, 999, 1000, 61_953, 1_234_567].map(thousands).into();
        assert_eq!(grouped, ["0", "999", "1,000", "61,953", "1,234,567"]);
        let sizes: Vec<String> = [12, 2048, 300 << 20].map(readable).into();
        assert_eq!(sizes, ["12 B", "2.0 KiB", "300 MiB"]);
    }
}
