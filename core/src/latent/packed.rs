//! The numbers of a fitted prior, tens of thousands in a manifest, as short text.
//!
//! Numbers that half precision represents exactly become the Base64 of their little-endian 16 bits,
//! others a list. Both forms are read.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use half::f16;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserializer, Serialize, Serializer};

/// Rounds to half precision unless the number would become 0 or infinite.
#[cfg(feature = "train")]
pub fn rounded(value: f64) -> f32 {
    let half = f16::from_f64(value).to_f32();
    if value != 0.0 && (half == 0.0 || half.is_infinite()) { value as f32 } else { half }
}

pub fn serialize<S: Serializer>(values: &[f32], serializer: S) -> Result<S::Ok, S::Error> {
    let halves: Vec<f16> = values.iter().map(|value| f16::from_f32(*value)).collect();
    let exact = values.iter().zip(&halves).all(|(value, half)| half.to_f32().to_bits() == value.to_bits());
    if !exact || values.is_empty() {
        return values.serialize(serializer);
    }
    let bytes: Vec<u8> = halves.iter().flat_map(|half| half.to_le_bytes()).collect();
    serializer.serialize_str(&STANDARD.encode(bytes))
}

/// Reads what [`serialize`] writes.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f32>, D::Error> {
    deserializer.deserialize_any(Numbers)
}

struct Numbers;

impl<'de> Visitor<'de> for Numbers {
    type Value = Vec<f32>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of numbers, or Base64 of numbers in half precision")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        let bytes = STANDARD.decode(text).map_err(|error| E::custom(format!("not the Base64 of numbers: {error}")))?;
        let (halves, []) = bytes.as_chunks::<2>() else {
            return Err(E::custom(format!("{} bytes are not a whole number of 16-bit floats", bytes.len())));
        };
        Ok(halves.iter().map(|half| f16::from_le_bytes(*half).to_f32()).collect())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Holder {
        #[serde(with = "super")]
        values: Vec<f32>,
    }

    fn written(values: &[f32]) -> String {
        ron::to_string(&Holder { values: values.to_vec() }).unwrap()
    }

    fn read(text: &str) -> ron::error::SpannedResult<Vec<f32>> {
        ron::from_str::<Holder>(text).map(|holder| holder.values)
    }

    /// ```text
    /// base64.b64encode(np.array([1, -0.5, 65504], "<f2").tobytes())  # b'ADwAuP97'
    /// ```
    #[test]
    fn numbers_of_half_precision_are_packed_as_numpy_has_them() {
        let values = [1.0, -0.5, 65504.0];
        assert_eq!(written(&values), "(values:\"ADwAuP97\")");
        assert_eq!(read("(values: \"ADwAuP97\")").unwrap(), values);
    }

    #[test]
    fn other_numbers_stay_as_they_are() {
        for values in [vec![], vec![0.1], vec![1.0, 1e30], vec![1e-12, 0.5]] {
            let text = written(&values);
            assert!(text.contains('['), "{text}");
            assert_eq!(read(&text).unwrap(), values);
        }
    }

    #[test]
    fn damaged_text_is_refused() {
        for text in ["\"AD\"", "\"A\"", "\"ADwA*P97\"", "\"ADwAuA\"", "7", "true", "[1.0, \"x\"]"] {
            assert!(read(&format!("(values: {text})")).is_err(), "{text}");
        }
    }

    #[cfg(feature = "train")]
    #[test]
    fn rounding_keeps_what_half_precision_cannot_hold() {
        let numbers = [0.123_456, -1_234.56, 98_765.0, 1e-9, 0.0, 1e-310];
        assert_eq!(numbers.map(super::rounded), [0.123_474_12, -1_235.0, 98_765.0, 1e-9, 0.0, 0.0]);
        assert!(super::rounded(f64::NAN).is_nan());
    }
}
