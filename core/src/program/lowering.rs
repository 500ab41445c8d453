//! From layers to operations.

use super::{Array, Arrays, Kind, Operation, Program, WeightMismatch};
use crate::shape::Shape;

/// The operations of a network while its layers are written down one after another, and the weights that they take.
#[derive(Debug)]
pub struct Lowering {
    operations: Vec<Operation>,
    /// Weights that no layer has taken yet.
    weights: Arrays,
    /// What was missing or had another shape.
    faults: Vec<String>,
    /// The way to the layer that is being written down: `layers.3.`.
    scope: String,
}

impl Lowering {
    pub(crate) fn new(weights: Arrays) -> Self {
        Self { operations: Vec::new(), weights, faults: Vec::new(), scope: String::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.operations.len()
    }

    /// Adds an operation that gives samples of another shape.
    pub(crate) fn push(&mut self, kind: Kind, input: Shape, output: Shape) {
        self.operations.push(Operation { kind, input: input.sides(), output: output.sides() });
    }

    /// Adds an operation that leaves the shape as it is.
    pub(crate) fn keep(&mut self, kind: Kind, shape: Shape) {
        self.push(kind, shape, shape);
    }

    /// What `write` writes down, for an operation that is made of others.
    pub(crate) fn apart(&mut self, write: impl FnOnce(&mut Self)) -> Vec<Operation> {
        let before = std::mem::take(&mut self.operations);
        write(self);
        std::mem::replace(&mut self.operations, before)
    }

    /// Writes down a part whose weights are called `name.…`.
    pub(crate) fn within<T>(&mut self, name: &str, write: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.scope.len();
        self.scope.push_str(name);
        self.scope.push('.');
        let written = write(self);
        self.scope.truncate(outer);
        written
    }

    /// Takes a weight; if there is none of that name and shape a fault is noted.
    pub(crate) fn weight<const D: usize>(&mut self, name: &str, shape: [usize; D]) -> Vec<f32> {
        let name = format!("{}{name}", self.scope);
        match self.weights.remove(&name) {
            Some(Array { shape: found, values }) if found == shape => return values,
            Some(Array { shape: found, .. }) => {
                self.faults.push(format!("`{name}` has the shape {found:?}, expected {shape:?}"));
            }
            None => self.faults.push(format!("`{name}` is missing")),
        }
        Vec::new()
    }

    /// Takes a bias, if the layer has one.
    pub(crate) fn bias(&mut self, shape: Option<[usize; 1]>) -> Vec<f32> {
        shape.map(|shape| self.weight("bias", shape)).unwrap_or_default()
    }

    /// Notes that a program cannot compute a layer.
    pub(crate) fn refuse(&mut self, layer: &str) {
        self.faults.push(format!("`{layer}` exists only in training: no program computes it"));
    }

    /// Divides `weights`, a matrix of `rows` after `arrange`, by its largest singular value uᵀ W v, if `wanted`: what
    /// [`Spectral`](crate::layer::Spectral) does.
    ///
    /// `place` tells where number `column` of `row` is.
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

    /// The program of the operations, if all weights fitted and were used. `ends` are the operations up to the end of each layer.
    pub(crate) fn finish(mut self, input: Shape, ends: Vec<usize>) -> Result<Program, WeightMismatch> {
        self.faults.extend(self.weights.into_keys().map(|name| format!("`{name}` is no weight of this network")));
        match self.faults.is_empty() {
            true => Ok(Program { operations: self.operations, input: input.sides(), ends }),
            false => Err(WeightMismatch(self.faults)),
        }
    }
}
