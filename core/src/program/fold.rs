//! Fewer operations with the same result.

use super::{Convolve, Function, Kind, Operation};
use crate::kernel::slices::Geometry;

/// Takes constant factors into the weights before them, and functions into the operation before them.
pub(super) fn fold(operations: Vec<Operation>) -> Vec<Operation> {
    let mut folded: Vec<Operation> = Vec::new();
    for mut operation in operations {
        if let Kind::Branches(branches) = &mut operation.kind {
            *branches = std::mem::take(branches).map(fold);
        }
        if !takes(&mut folded, &operation) {
            folded.push(operation);
        }
    }
    folded
}

/// Whether the end of `folded` now does what `operation` would do.
fn takes(folded: &mut [Operation], operation: &Operation) -> bool {
    match (&operation.kind, folded) {
        (Kind::Apply(Function::NONE), _) => true,
        (Kind::Apply(function), [.., Operation { kind: Kind::Convolve(convolve), .. }])
            if convolve.function == Function::NONE =>
        {
            convolve.function = *function;
            true
        }
        (Kind::Scale { scale, shift }, [.., Operation { kind: Kind::Convolve(convolve), .. }])
            if convolve.function == Function::NONE =>
        {
            convolve.scale(|filter| scale[filter], |filter| shift[filter]);
            true
        }
        // Behind a row that becomes an image, a channel is a stretch of the row.
        (
            Kind::Scale { scale, shift },
            [
                ..,
                Operation { kind: Kind::Convolve(convolve), output: [_, 1, 1], .. },
                Operation { kind: Kind::Reshape, output: [channels, height, width], .. },
            ],
        ) if convolve.function == Function::NONE && *channels == scale.len() => {
            let pixels = *height * *width;
            convolve.scale(|filter| scale[filter / pixels], |filter| shift[filter / pixels]);
            true
        }
        (
            Kind::Apply(function),
            [.., Operation { kind: Kind::Convolve(convolve), .. }, Operation { kind: Kind::Reshape, .. }],
        ) if convolve.function == Function::NONE => {
            convolve.function = *function;
            true
        }
        _ => false,
    }
}

impl Convolve {
    /// Channels of the result.
    pub(super) fn filters(&self) -> usize {
        let Geometry { image, grid, .. } = self.geometry;
        self.groups * if self.transposed { image[2] } else { grid[2] }
    }

    /// Multiplies what each filter gives, and adds to it.
    fn scale(&mut self, scale: impl Fn(usize) -> f32, shift: impl Fn(usize) -> f32) {
        let filters = self.filters();
        let Geometry { image, grid, kernel: [rows, columns], .. } = self.geometry;
        let (window, transposed) = (rows * columns, self.transposed);
        for (index, weight) in self.weights.iter_mut().enumerate() {
            let (outer, inner) = (index / (window * image[2]), index / window % image[2]);
            *weight *= scale(if transposed { outer / grid[2] * image[2] + inner } else { outer });
        }
        self.bias.resize(filters, 0.0);
        for (filter, bias) in self.bias.iter_mut().enumerate() {
            *bias = *bias * scale(filter) + shift(filter);
        }
    }
}
