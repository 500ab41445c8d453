//! Lists of seeds.

use std::str::FromStr;

/// More seeds are a typing mistake.
const MAX: u64 = 10_000;

/// Distinct seeds, on the command line as `1..5`, which is 1 to 5, or `1,4,7`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seeds(Vec<u64>);

impl Seeds {
    /// At least one seed, without duplicates.
    pub fn new(seeds: Vec<u64>) -> Result<Self, String> {
        if seeds.is_empty() {
            return Err("there is no seed".into());
        }
        let mut sorted = seeds.clone();
        sorted.sort_unstable();
        match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(format!("the seed {} appears twice", pair[0])),
            None => Ok(Self(seeds)),
        }
    }

    pub fn as_slice(&self) -> &[u64] {
        &self.0
    }
}

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| {
            let fault = || format!("found `{text}`, expected seeds such as 1..5 or 1,4,7");
            text.trim().parse::<u64>().map_err(|_| fault())
        };
        let mut seeds = Vec::new();
        for part in text.split(',') {
            let Some((first, last)) = part.split_once("..") else {
                seeds.push(number(part)?);
                continue;
            };
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return Err(format!("found `{part}`, expected the lower seed first"));
            }
            if last - first >= MAX {
                return Err(format!("`{part}` is more than {MAX} seeds"));
            }
            seeds.extend(first..=last);
        }
        Self::new(seeds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_a_range_with_both_its_ends_or_a_list() {
        let seeds = |text: &str| text.parse::<Seeds>().map(|seeds| seeds.0);
        assert_eq!(seeds("1..5"), Ok(vec![1, 2, 3, 4, 5]));
        assert_eq!(seeds("7, 1,4"), Ok(vec![7, 1, 4]));
        assert_eq!(seeds("1..2,9"), Ok(vec![1, 2, 9]));
        for text in ["", "1..", "5..1", "1,1", "1..3,2", "x", "-1", "0..99999999999"] {
            assert!(seeds(text).is_err(), "{text}");
        }
    }
}
