//! Packing the weights of networks, and putting them back.

use burn::module::Module;
use burn::store::{FloatCastAdapter, ModuleAdapter, ModuleContext, ModuleSnapshot};
use burn::tensor::{Bytes, DType};
use burn_pack::{Reader, Tensor as PackTensor, Writer};

use super::{ArtifactError, Precision};

/// The weights of several networks on their way into one file, under names such as `encoder.layers.0.weight`.
#[derive(Default)]
pub struct Pack {
    tensors: Vec<PackTensor>,
    halve: bool,
}

impl Pack {
    /// For numbers of the given width.
    pub fn new(precision: Precision) -> Self {
        Self { tensors: Vec::new(), halve: precision == Precision::F16 }
    }

    /// Adds all weights of `module`, with `name` and a dot before the name of each; nothing if `name` is empty.
    pub fn add<M: Module>(&mut self, name: &str, module: &M) {
        let adapter = self.halve.then(|| Box::new(Halve) as Box<dyn ModuleAdapter>);
        let first = self.tensors.len();
        // Moving values are brought up to date where the module leaves training.
        self.tensors.extend(module.valid().collect(None, adapter, true));
        for tensor in &mut self.tensors[first..] {
            tensor.name = format!("{}{}", prefix(name), tensor.name);
        }
    }

    /// The bytes of the file.
    ///
    /// # Errors
    /// A tensor cannot be read from its device.
    pub fn bytes(self) -> Result<Vec<u8>, ArtifactError> {
        let bytes = Writer::new(self.tensors).into_bytes();
        bytes.map(|bytes| bytes.to_vec()).map_err(|error| ArtifactError::Weights(error.to_string()))
    }
}

/// What stands before the names of a network called `name`.
pub(super) fn prefix(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!("{name}.") }
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

/// The same pack with its tensors in the order of their names, so that the same content always gives the same bytes.
///
/// # Errors
/// The bytes are no pack.
pub(crate) fn sorted(bytes: Bytes) -> Result<Vec<u8>, ArtifactError> {
    let failed = |error: burn_pack::Error| ArtifactError::Weights(error.to_string());
    let reader = Reader::from_bytes(bytes).map_err(failed)?;
    let (metadata, scalars) = (reader.metadata().clone(), reader.scalars().clone());
    let mut tensors = reader.into_tensors().map_err(failed)?;
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    let writer = metadata.iter().fold(Writer::new(tensors), |writer, (key, value)| writer.with_metadata(key, value));
    let writer = scalars.into_iter().fold(writer, |writer, (key, value)| writer.with_scalar(&key, value));
    writer.into_bytes().map(|bytes| bytes.to_vec()).map_err(failed)
}

/// The weights of several networks on their way out of a file.
pub struct Unpack(Vec<PackTensor>);

impl Unpack {
    /// Reads what [`Pack::bytes`] gave.
    ///
    /// # Errors
    /// The bytes are no pack.
    pub fn read(bytes: &[u8]) -> Result<Self, ArtifactError> {
        let reader = Reader::from_bytes(Bytes::from_bytes_vec(bytes.to_vec()));
        let tensors = reader.and_then(Reader::into_tensors);
        tensors.map(Self).map_err(|error| ArtifactError::Weights(error.to_string()))
    }

    /// Puts the weights that were added as `name` into `module` as 32-bit floats, and gives its parameters the identities that they
    /// were packed with, by which an optimiser knows them. With an empty name, all that are left.
    ///
    /// # Errors
    /// A name or shape differs from those of the module.
    pub fn fill<M: Module>(&mut self, name: &str, mut module: M) -> Result<M, ArtifactError> {
        let prefix = prefix(name);
        let (mut ours, others) =
            std::mem::take(&mut self.0).into_iter().partition::<Vec<_>, _>(|tensor| tensor.name.starts_with(&prefix));
        self.0 = others;
        for tensor in &mut ours {
            tensor.name.drain(..prefix.len());
        }
        let adapter = Box::new(FloatCastAdapter::to(DType::F32));
        let result = module.apply(ours, None, Some(adapter), true);
        let mut faults: Vec<String> = result.errors.iter().map(ToString::to_string).collect();
        faults.extend(result.missing.iter().map(|(name, _)| format!("`{prefix}{name}` is missing")));
        faults.extend(result.unused.iter().map(|name| format!("`{prefix}{name}` is no weight of this network")));
        match faults.is_empty() {
            true => Ok(module),
            false => Err(ArtifactError::Weights(faults.join("; "))),
        }
    }

    /// Whether all weights that are left are finite numbers.
    ///
    /// # Errors
    /// A weight cannot be read.
    pub fn is_finite(&self) -> Result<bool, ArtifactError> {
        for tensor in &self.0 {
            let bytes = tensor.to_bytes().map_err(|error| ArtifactError::Weights(error.to_string()))?;
            let (numbers, _) = bytes.as_chunks::<4>();
            if tensor.dtype == DType::F32 && !numbers.iter().all(|number| f32::from_le_bytes(*number).is_finite()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Checks that all weights have been taken.
    ///
    /// # Errors
    /// Some belong to no network.
    pub fn finish(self) -> Result<(), ArtifactError> {
        let left: Vec<String> =
            self.0.iter().map(|tensor| format!("`{}` is no weight of this model", tensor.name)).collect();
        if left.is_empty() { Ok(()) } else { Err(ArtifactError::Weights(left.join("; "))) }
    }
}
