use super::{Convolve, Function, Kind, Operation};
use crate::kernel::slices::Geometry;

/// Merges constant factors into weights, and functions into the operation before them.
pub(super) fn fold(operations: Vec<Operation>) -> Vec<Operation> {
    let mut folded: Vec<Operation> = Vec::new();
    for mut operation in operations {
        if let Kind::Branches(branches) = &mut operation.kind {
            *branches = std::mem::take(branches).map(fold);
        }
        if !merge(&mut folded, &operation) {
            folded.push(operation);
        }
    }
    alias(&mut folded);
    folded
}

/// Reorders matrices by the memory layout of images, so that a reshape need not move values.
fn alias(operations: &mut [Operation]) {
    // The last operation stays, since its output is read from outside.
    for index in 1..operations.len() {
        let last = index + 1 == operations.len();
        let (before, rest) = operations.split_at_mut(index);
        let [reshape, after @ ..] = rest else { return };
        if reshape.kind != Kind::Reshape {
            continue;
        }
        // Shaders store channels in groups of four.
        let image = |[channels, height, width]: [usize; 3]| channels % 4 == 0 && [height, width] != [1, 1];
        let (from, to) = (reshape.input, reshape.output);
        match (before.last_mut(), after.first_mut()) {
            (Some(Operation { kind: Kind::Convolve(matrix), .. }), _) if image(to) && matrix.is_matrix() && !last => {
                let inputs = matrix.geometry.image[2];
                let order = || channels_last(to);
                matrix.weights = order().flat_map(|row| matrix.weights[row * inputs..][..inputs].to_vec()).collect();
                if !matrix.bias.is_empty() {
                    matrix.bias = order().map(|row| matrix.bias[row]).collect();
                }
                reshape.kind = Kind::Alias;
            }
            (_, Some(Operation { kind: Kind::Convolve(matrix), .. })) if image(from) && matrix.is_matrix() => {
                let inputs = matrix.geometry.image[2];
                let order: Vec<usize> = channels_last(from).collect();
                let turned =
                    matrix.weights.chunks_exact(inputs).flat_map(|row| order.iter().map(|column| row[*column]));
                matrix.weights = turned.collect();
                reshape.kind = Kind::Alias;
            }
            _ => {}
        }
    }
}

/// The indices `[channels, height, width]` of an image's values in the order of their memory.
fn channels_last([channels, height, width]: [usize; 3]) -> impl Iterator<Item = usize> {
    let pixels = height * width;
    (0..pixels).flat_map(move |pixel| (0..channels).map(move |channel| channel * pixels + pixel))
}

/// Tries to merge `operation` into the end of `folded`.
fn merge(folded: &mut [Operation], operation: &Operation) -> bool {
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
        // After a reshape to an image, a channel is a range of the row.
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
    /// Whether it is a matrix: from one pixel to one pixel.
    pub(super) fn is_matrix(&self) -> bool {
        let Geometry { image, grid, kernel, .. } = self.geometry;
        let one = image[..2] == [1, 1] && grid[..2] == [1, 1] && kernel == [1, 1];
        one && self.groups == 1 && !self.transposed
    }

    /// Channels of the output.
    pub(super) fn filters(&self) -> usize {
        let Geometry { image, grid, .. } = self.geometry;
        self.groups * if self.transposed { image[2] } else { grid[2] }
    }

    /// Scales and shifts the output of each filter.
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
