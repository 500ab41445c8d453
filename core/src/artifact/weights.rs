//! Weights as bytes: Burn's own pack.

use std::fmt::Write;

use burn::module::Module;
use burn::store::burn_pack::{Reader, Writer};
use burn::store::{FloatCastAdapter, HalfPrecisionAdapter, ModuleAdapter, ModuleSnapshot};
use burn::tensor::{Bytes, DType};
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

/// Packs all parameters of `module`, under names such as `layers.0.weight`.
///
/// # Errors
/// A tensor cannot be read from its device.
pub fn pack<M: Module>(module: &M, precision: Precision) -> Result<Vec<u8>, ArtifactError> {
    let adapter: Option<Box<dyn ModuleAdapter>> = match precision {
        Precision::F16 => Some(Box::new(HalfPrecisionAdapter::new())),
        Precision::F32 => None,
    };
    let tensors = module.collect(None, adapter, true);
    let bytes = Writer::new(tensors).into_bytes();
    bytes.map(|bytes| bytes.to_vec()).map_err(|error| ArtifactError::Weights(error.to_string()))
}

/// Puts packed weights into `module` as 32-bit floats.
///
/// # Errors
/// The bytes are no pack, or a name or shape differs from those of the module.
pub fn unpack<M: Module>(module: &mut M, bytes: &[u8]) -> Result<(), ArtifactError> {
    let reader = Reader::from_bytes(Bytes::from_bytes_vec(bytes.to_vec()));
    let tensors = reader.and_then(Reader::into_tensors);
    let tensors = tensors.map_err(|error| ArtifactError::Weights(error.to_string()))?;
    let adapter = Box::new(FloatCastAdapter::to(DType::F32));
    let result = module.apply(tensors, None, Some(adapter), true);
    let mut faults: Vec<String> = result.errors.iter().map(ToString::to_string).collect();
    faults.extend(result.missing.iter().map(|(name, _)| format!("`{name}` is missing")));
    faults.extend(result.unused.iter().map(|name| format!("`{name}` is no weight of this network")));
    match faults.is_empty() {
        true => Ok(()),
        false => Err(ArtifactError::Weights(faults.join("; "))),
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
