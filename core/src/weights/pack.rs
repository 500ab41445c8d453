//! Packing and unpacking the weights of networks.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param};
use burn::store::ModuleSnapshot;
use burn::tensor::{Bytes, DType, Tensor, TensorData};
use burn_pack::{Reader, Scalar, Tensor as PackTensor, Writer};
use half::f16;

use super::{Precision, WeightsError};

/// The weights of several networks for one file, under names such as `encoder.layers.0.weight`.
/// They stay on their device until [`Pack::read`].
#[derive(Default)]
pub struct Pack {
    tensors: Vec<Packed>,
    metadata: BTreeMap<String, String>,
    scalars: BTreeMap<String, Scalar>,
    halve: bool,
}

struct Packed {
    name: String,
    dtype: DType,
    shape: Vec<usize>,
    id: u64,
    values: Values,
}

enum Values {
    Device(Box<Tensor<1>>),
    Host(TensorData),
}

impl Pack {
    /// An empty pack.
    pub fn new(precision: Precision) -> Self {
        Self { halve: precision == Precision::F16, ..Self::default() }
    }

    /// Adds all weights of `module`, prefixed with `name` and a dot unless `name` is empty.
    pub fn add<M: Module>(&mut self, name: &str, module: &M) {
        let prefix = prefix(name);
        // `valid` brings moving statistics up to date.
        module.valid().visit(&mut Collect { pack: self, prefix, path: Vec::new(), modules: Vec::new() });
    }

    pub(crate) fn tensor<const D: usize>(&mut self, name: String, id: u64, dtype: DType, tensor: Tensor<D>) {
        let shape = tensor.dims().to_vec();
        self.tensors.push(Packed { name, dtype, id, values: Values::Device(Box::new(tensor.reshape([-1]))), shape });
    }

    pub(crate) fn data(&mut self, name: String, id: u64, data: TensorData) {
        let shape = data.shape().to_vec();
        self.tensors.push(Packed { name, dtype: data.dtype(), id, values: Values::Host(data), shape });
    }

    pub(crate) fn note(&mut self, metadata: (String, String), scalars: [(String, u64); 2]) {
        self.metadata.extend([metadata]);
        self.scalars.extend(scalars.map(|(name, value)| (name, Scalar::UInt(value))));
    }

    /// The bytes of the file.
    ///
    /// # Errors
    /// A tensor cannot be read from its device.
    pub async fn read(self) -> Result<Vec<u8>, WeightsError> {
        let mut tensors = Vec::with_capacity(self.tensors.len());
        for Packed { name, dtype, shape, id, values } in self.tensors {
            let data = match values {
                Values::Device(tensor) => tensor.into_data_async().await,
                Values::Host(data) => Ok(data),
            };
            let data = data.map_err(|error| WeightsError(error.to_string()))?;
            let (bytes, _, _) = data.into_parts();
            let bytes = match dtype {
                DType::F16 => Bytes::from_bytes_vec(halves(&bytes)),
                _ => bytes,
            };
            tensors.push(PackTensor::new(name, dtype, shape, Some(id), bytes));
        }
        let mut writer = Writer::new(tensors);
        for (key, value) in &self.scalars {
            writer = writer.with_scalar(key, *value);
        }
        for (key, value) in &self.metadata {
            writer = writer.with_metadata(key, value);
        }
        writer.into_bytes().map(|bytes| bytes.to_vec()).map_err(|error| WeightsError(error.to_string()))
    }

    /// Sorts the tensors by name, so that equal content becomes equal bytes.
    pub(crate) fn sorted(mut self) -> Self {
        self.tensors.sort_by(|a, b| a.name.cmp(&b.name));
        self
    }
}

/// 32-bit floats as 16-bit ones.
fn halves(bytes: &[u8]) -> Vec<u8> {
    bytes.as_chunks().0.iter().flat_map(|bytes| f16::from_f32(f32::from_ne_bytes(*bytes)).to_ne_bytes()).collect()
}

fn prefix(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!("{name}.") }
}

struct Collect<'a> {
    pack: &'a mut Pack,
    prefix: String,
    path: Vec<String>,
    modules: Vec<String>,
}

impl ModuleVisitor for Collect<'_> {
    fn enter_module(&mut self, name: &str, module: &str) {
        self.modules.push(module.to_owned());
        if !module.starts_with("Enum:") {
            self.path.push(name.to_owned());
        }
    }

    fn exit_module(&mut self, _: &str, module: &str) {
        self.modules.pop();
        if !module.starts_with("Enum:") {
            self.path.pop();
        }
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let module = self.modules.iter().rfind(|module| module.starts_with("Struct:") || module.starts_with("Enum:"));
        // Small variances would vanish at 16 bits.
        let exact = module.is_some_and(|module| ["Struct:BatchNorm", "Struct:Spectral"].contains(&module.as_str()));
        let dtype = if self.pack.halve && !exact { DType::F16 } else { DType::F32 };
        let name = format!("{}{}", self.prefix, self.path.join("."));
        self.pack.tensor(name, param.id.val(), dtype, param.val());
    }
}

/// The weights of several networks from one file.
pub struct Unpack(Vec<PackTensor>);

impl Unpack {
    /// Reads the bytes from [`Pack::read`].
    ///
    /// # Errors
    /// The bytes are not a pack of 32-bit floats.
    pub fn read(bytes: &[u8]) -> Result<Self, WeightsError> {
        let reader = Reader::from_bytes(Bytes::from_bytes_vec(bytes.to_vec()));
        let tensors = reader.and_then(Reader::into_tensors).map_err(|error| WeightsError(error.to_string()))?;
        match tensors.iter().find(|tensor| tensor.dtype != DType::F32) {
            None => Ok(Self(tensors)),
            Some(tensor) => Err(WeightsError(format!("`{}` holds {:?}, expected F32", tensor.name, tensor.dtype))),
        }
    }

    /// Loads the weights that were added as `name`, or all remaining ones if it is empty, into
    /// `module`, with the parameter ids that optimisers refer to.
    ///
    /// # Errors
    /// A name or shape differs from those of the module.
    pub fn fill<M: Module>(&mut self, name: &str, mut module: M) -> Result<M, WeightsError> {
        let prefix = prefix(name);
        let (mut ours, others) =
            std::mem::take(&mut self.0).into_iter().partition::<Vec<_>, _>(|tensor| tensor.name.starts_with(&prefix));
        self.0 = others;
        for tensor in &mut ours {
            tensor.name.drain(..prefix.len());
        }
        let result = module.apply(ours, None, None, true);
        let mut faults: Vec<String> = result.errors.iter().map(ToString::to_string).collect();
        faults.extend(result.missing.iter().map(|(name, _)| format!("`{prefix}{name}` is missing")));
        faults.extend(result.unused.iter().map(|name| format!("`{prefix}{name}` is not a weight of this network")));
        match faults.is_empty() {
            true => Ok(module),
            false => Err(WeightsError(faults.join("; "))),
        }
    }

    /// Whether all remaining weights are finite.
    ///
    /// # Errors
    /// A weight cannot be read.
    pub fn is_finite(&self) -> Result<bool, WeightsError> {
        for tensor in &self.0 {
            let bytes = tensor.to_bytes().map_err(|error| WeightsError(error.to_string()))?;
            let (numbers, _) = bytes.as_chunks::<4>();
            if tensor.dtype == DType::F32 && !numbers.iter().all(|number| f32::from_le_bytes(*number).is_finite()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Checks that no weights remain.
    ///
    /// # Errors
    /// Some do.
    pub fn finish(self) -> Result<(), WeightsError> {
        let left: Vec<String> =
            self.0.iter().map(|tensor| format!("`{}` is not a weight of this model", tensor.name)).collect();
        if left.is_empty() { Ok(()) } else { Err(WeightsError(left.join("; "))) }
    }
}
