//! Weights as bytes, in Burn's pack format.

#[cfg(feature = "train")]
mod pack;

#[cfg(feature = "train")]
use std::collections::BTreeMap;

#[cfg(feature = "train")]
use burn::tensor::TensorData;
use burn_pack::{Bytes, DType, Reader, Tensor};
use half::f16;
#[cfg(feature = "train")]
pub use pack::{Pack, Unpack};
use serde::{Deserialize, Serialize};

use crate::program::{Array, Arrays};

/// Weights cannot be packed, or do not fit a network.
#[derive(Debug, thiserror::Error)]
#[error("weights.bpk does not fit the network: {0}")]
pub struct WeightsError(pub String);

/// Width of stored numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Precision {
    /// 16-bit floats; moving statistics stay at 32 bits, as small variances would vanish.
    F16,
    /// 32-bit floats, as trained.
    F32,
}

/// Reads packed weights as 32-bit floats, by name.
///
/// # Errors
/// The bytes are not a pack of 16- or 32-bit floats.
#[cfg(feature = "train")]
pub fn tensors(bytes: &[u8]) -> Result<BTreeMap<String, TensorData>, WeightsError> {
    let tensor = |(name, Array { shape, values })| (name, TensorData::new(values, shape));
    Ok(arrays(bytes)?.into_iter().map(tensor).collect())
}

/// Like [`tensors`], as plain numbers.
pub(crate) fn arrays(bytes: &[u8]) -> Result<Arrays, WeightsError> {
    let reader = Reader::from_bytes(Bytes::from_bytes_vec(bytes.to_vec()));
    let tensors = reader.and_then(Reader::into_tensors);
    tensors.map_err(|error| WeightsError(error.to_string()))?.into_iter().map(floats).collect()
}

fn floats(tensor: Tensor) -> Result<(String, Array), WeightsError> {
    let parts = tensor.into_parts();
    let (name, dtype, shape, _, bytes) = parts.map_err(|error| WeightsError(error.to_string()))?;
    let values: Vec<f32> = match dtype {
        DType::F32 => bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        DType::F16 => bytes.as_chunks().0.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect(),
        other => return Err(WeightsError(format!("`{name}` holds {other:?}, expected F16 or F32"))),
    };
    match shape.num_elements() == values.len() {
        true => Ok((name, Array { shape: shape.to_vec(), values })),
        false => Err(WeightsError(format!("`{name}` holds {} numbers for {shape:?}", values.len()))),
    }
}
