//! Packing the weights of a module, and putting them back into it.

use burn::module::Module;
use burn::store::{FloatCastAdapter, ModuleAdapter, ModuleContext, ModuleSnapshot};
use burn::tensor::{Bytes, DType};
use burn_pack::{Reader, Tensor as PackTensor, Writer};

use super::{ArtifactError, Precision};

/// Packs all parameters of `module`, under names such as `layers.0.weight`.
///
/// # Errors
/// A tensor cannot be read from its device.
pub fn pack<M: Module>(module: &M, precision: Precision) -> Result<Vec<u8>, ArtifactError> {
    let adapter: Option<Box<dyn ModuleAdapter>> = match precision {
        Precision::F16 => Some(Box::new(Halve)),
        Precision::F32 => None,
    };
    let tensors = module.collect(None, adapter, true);
    let bytes = Writer::new(tensors).into_bytes();
    bytes.map(|bytes| bytes.to_vec()).map_err(|error| ArtifactError::Weights(error.to_string()))
}

/// Makes 16-bit floats of all weights but those that moving values belong to: small variances would vanish.
#[derive(Clone)]
struct Halve;

impl ModuleAdapter for Halve {
    fn adapt(&self, tensor: PackTensor, context: ModuleContext<'_>) -> PackTensor {
        match context.module_type() {
            Some("Struct:BatchNorm" | "Struct:Spectral") => tensor,
            _ => FloatCastAdapter::to(DType::F16).adapt(tensor, context),
        }
    }

    fn clone_box(&self) -> Box<dyn ModuleAdapter> {
        Box::new(self.clone())
    }
}

/// Puts packed weights into `module` as 32-bit floats, and gives its parameters the identities that they were packed with,
/// by which an optimiser knows them.
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
