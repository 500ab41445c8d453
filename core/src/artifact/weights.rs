//! Weights as bytes: Burn's own pack.

use std::collections::BTreeMap;
use std::fmt::Write;

use burn::tensor::{Bytes, DType, TensorData};
use burn_pack::{Reader, Tensor};
use half::f16;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::ArtifactError;

/// Width of stored numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Precision {
    /// 16-bit floats; moving averages stay at 32, since small variances would vanish.
    F16,
    /// 32-bit floats, as trained.
    F32,
}

/// Reads packed weights as 32-bit floats, by name.
///
/// # Errors
/// The bytes are no pack, or hold numbers that are no 16- or 32-bit floats.
pub fn read(bytes: &[u8]) -> Result<BTreeMap<String, TensorData>, ArtifactError> {
    let reader = Reader::from_bytes(Bytes::from_bytes_vec(bytes.to_vec()));
    let tensors = reader.and_then(Reader::into_tensors);
    tensors.map_err(|error| ArtifactError::Weights(error.to_string()))?.into_iter().map(floats).collect()
}

fn floats(tensor: Tensor) -> Result<(String, TensorData), ArtifactError> {
    let parts = tensor.into_parts();
    let (name, dtype, shape, _, bytes) = parts.map_err(|error| ArtifactError::Weights(error.to_string()))?;
    let values: Vec<f32> = match dtype {
        DType::F32 => bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        DType::F16 => bytes.as_chunks().0.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect(),
        other => return Err(ArtifactError::Weights(format!("`{name}` holds {other:?}, expected F16 or F32"))),
    };
    match shape.num_elements() == values.len() {
        true => Ok((name, TensorData::new(values, shape))),
        false => Err(ArtifactError::Weights(format!("`{name}` holds {} numbers for {shape:?}", values.len()))),
    }
}

/// The SHA-256 of `bytes`, in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
