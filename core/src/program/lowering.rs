use super::{Array, Arrays, Kind, Operation, Program, WeightMismatch};
use crate::shape::Shape;

/// Turns the layers of a network into operations, one after another.
#[derive(Debug)]
pub struct Lowering {
    operations: Vec<Operation>,
    /// Weights that no layer has taken yet.
    weights: Arrays,
    errors: Vec<String>,
    /// Prefix of the current layer: `layers.3.`.
    scope: String,
}

impl Lowering {
    pub(crate) fn new(weights: Arrays) -> Self {
        Self { operations: Vec::new(), weights, errors: Vec::new(), scope: String::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.operations.len()
    }

    /// Adds an operation.
    pub(crate) fn push(&mut self, kind: Kind, input: Shape, output: Shape) {
        self.operations.push(Operation { kind, input: input.sides(), output: output.sides() });
    }

    /// Adds an operation that keeps the shape.
    pub(crate) fn keep(&mut self, kind: Kind, shape: Shape) {
        self.push(kind, shape, shape);
    }

    /// The operations that `write` adds, for an operation that consists of others.
    pub(crate) fn branch(&mut self, write: impl FnOnce(&mut Self)) -> Vec<Operation> {
        let before = std::mem::take(&mut self.operations);
        write(self);
        std::mem::replace(&mut self.operations, before)
    }

    /// Lowers a part with weights called `name.…`.
    pub(crate) fn within<T>(&mut self, name: &str, write: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.scope.len();
        self.scope.push_str(name);
        self.scope.push('.');
        let written = write(self);
        self.scope.truncate(outer);
        written
    }

    /// Takes a weight; if none has that name and shape, notes an error.
    pub(crate) fn weight<const D: usize>(&mut self, name: &str, shape: [usize; D]) -> Vec<f32> {
        let name = format!("{}{name}", self.scope);
        match self.weights.remove(&name) {
            Some(Array { shape: found, values }) if found == shape => return values,
            Some(Array { shape: found, .. }) => {
                self.errors.push(format!("`{name}` has the shape {found:?}, expected {shape:?}"));
            }
            None => self.errors.push(format!("`{name}` is missing")),
        }
        Vec::new()
    }

    /// Takes a bias, if the layer has one.
    pub(crate) fn bias(&mut self, shape: Option<[usize; 1]>) -> Vec<f32> {
        shape.map(|shape| self.weight("bias", shape)).unwrap_or_default()
    }

    /// Notes that a program cannot compute a layer.
    pub(crate) fn refuse(&mut self, layer: &str) {
        self.errors.push(format!("`{layer}` exists only in training: no program computes it"));
    }

    /// If `wanted`, divides a matrix by its largest singular value uᵀ W v. `place` maps row and
    /// column to an index of `weights`.
    pub(crate) fn spectral(
        &mut self,
        wanted: bool,
        weights: &mut [f32],
        [rows, columns]: [usize; 2],
        place: impl Fn(usize, usize) -> usize,
    ) {
        if !wanted {
            return;
        }
        let (u, v) =
            self.within("spectral", |lowering| (lowering.weight("u", [rows]), lowering.weight("v", [columns])));
        if weights.len() != rows * columns {
            return;
        }
        let row = |(row, u): (usize, &f32)| {
            u * v.iter().enumerate().map(|(column, v)| weights[place(row, column)] * v).sum::<f32>()
        };
        let sigma: f32 = u.iter().enumerate().map(row).sum();
        weights.iter_mut().for_each(|weight| *weight /= sigma);
    }

    /// The program, if all weights fit and were used; `ends` are the last operations of the layers.
    pub(crate) fn finish(mut self, input: Shape, ends: Vec<usize>) -> Result<Program, WeightMismatch> {
        self.errors.extend(self.weights.into_keys().map(|name| format!("`{name}` is no weight of this network")));
        match self.errors.is_empty() {
            true => Ok(Program { operations: self.operations, input: input.sides(), ends }),
            false => Err(WeightMismatch(self.errors)),
        }
    }
}
