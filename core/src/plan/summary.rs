//! The table of a network's layers, shapes and parameters.

use std::fmt;

use super::Network;

/// Printing a network gives a table in the manner of Keras' `summary`.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = 56;
        writeln!(f, "{} (input {})", self.name, self.input)?;
        writeln!(f, "{}", "─".repeat(width))?;
        writeln!(f, "{:<20}{:<20}{:>16}", "layer", "output", "parameters")?;
        writeln!(f, "{}", "─".repeat(width))?;
        for layer in &self.layers {
            let (name, output) = (layer.spec.name(), layer.output.to_string());
            writeln!(f, "{name:<20}{output:<20}{:>16}", thousands(layer.parameters))?;
        }
        writeln!(f, "{}", "─".repeat(width))?;
        writeln!(f, "{:<40}{:>16}", "total", thousands(self.parameters()))
    }
}

/// Writes a number in groups of three: `28,036`.
pub(crate) fn thousands(number: u64) -> String {
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

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn large_numbers_are_grouped_by_three() {
        let grouped: Vec<String> = [0, 999, 1000, 61_953, 1_234_567].map(thousands).into();
        assert_eq!(grouped, ["0", "999", "1,000", "61,953", "1,234,567"]);
    }
}
