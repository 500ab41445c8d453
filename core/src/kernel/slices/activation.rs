use pulp::Simd;

use crate::activation::Activation;

impl Activation {
    /// The activation of a vector, if it is cheap; otherwise left to [`Self::finish`].
    #[inline(always)]
    pub(crate) fn of<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        match self {
            Self::Rectify { slope } => {
                let zero = simd.splat_f32s(0.0);
                let below = simd.mul_f32s(x, simd.splat_f32s(slope));
                simd.select_f32s(simd.greater_than_f32s(x, zero), x, below)
            }
            Self::Identity | Self::Tanh | Self::Sigmoid => x,
        }
    }

    /// [`Self::of`] for a single value.
    #[inline(always)]
    pub(crate) fn piecewise(self, x: f32) -> f32 {
        match self {
            Self::Rectify { slope } if x <= 0.0 => x * slope,
            _ => x,
        }
    }

    /// Applies the activations that [`Self::of`] does not.
    pub(crate) fn finish(self, values: &mut [f32]) {
        match self {
            Self::Identity | Self::Rectify { .. } => {}
            Self::Tanh => values.iter_mut().for_each(|x| *x = x.tanh()),
            Self::Sigmoid => values.iter_mut().for_each(|x| *x = 1.0 / (1.0 + (-*x).exp())),
        }
    }

    /// The activation of each value.
    #[inline(always)]
    pub(crate) fn apply<S: Simd>(self, simd: S, input: &[f32], output: &mut [f32]) {
        let (input, input_end) = S::as_simd_f32s(input);
        let (whole, end) = S::as_mut_simd_f32s(output);
        for (y, x) in whole.iter_mut().zip(input) {
            *y = self.of(simd, *x);
        }
        simd.partial_store_f32s(end, self.of(simd, simd.partial_load_f32s(input_end)));
        self.finish(output);
    }

    /// The slope where the activation is `y`.
    #[inline(always)]
    pub(crate) fn slope<S: Simd>(self, simd: S, y: S::f32s) -> S::f32s {
        let one = simd.splat_f32s(1.0);
        match self {
            Self::Identity => one,
            Self::Rectify { slope } => {
                simd.select_f32s(simd.greater_than_f32s(y, simd.splat_f32s(0.0)), one, simd.splat_f32s(slope))
            }
            Self::Tanh => simd.sub_f32s(one, simd.mul_f32s(y, y)),
            Self::Sigmoid => simd.mul_f32s(y, simd.sub_f32s(one, y)),
        }
    }

    /// The gradients of the input, from those of the output and the output itself.
    #[inline(always)]
    pub(crate) fn undo<S: Simd>(self, simd: S, grad_output: &[f32], output: &[f32], grad_input: &mut [f32]) {
        let (grad_output, grad_output_end) = S::as_simd_f32s(grad_output);
        let (output, output_end) = S::as_simd_f32s(output);
        let (grad_input, grad_input_end) = S::as_mut_simd_f32s(grad_input);
        for ((grad_input, grad_output), y) in grad_input.iter_mut().zip(grad_output).zip(output) {
            *grad_input = simd.mul_f32s(*grad_output, self.slope(simd, *y));
        }
        let y = simd.partial_load_f32s(output_end);
        let end = simd.mul_f32s(simd.partial_load_f32s(grad_output_end), self.slope(simd, y));
        simd.partial_store_f32s(grad_input_end, end);
    }
}

/// Adds rows, which are as long as `sums`, to `sums`.
#[inline(always)]
pub(crate) fn add_rows<S: Simd>(simd: S, rows: &[f32], sums: &mut [f32]) {
    let width = sums.len();
    if width == 1 {
        let (vectors, end) = S::as_simd_f32s(rows);
        let total = vectors.iter().fold(simd.splat_f32s(0.0), |total, row| simd.add_f32s(total, *row));
        sums[0] += simd.reduce_sum_f32s(simd.add_f32s(total, simd.partial_load_f32s(end)));
        return;
    }
    let (sums, sums_end) = S::as_mut_simd_f32s(sums);
    for row in rows.chunks_exact(width) {
        let (row, row_end) = S::as_simd_f32s(row);
        for (sum, row) in sums.iter_mut().zip(row) {
            *sum = simd.add_f32s(*sum, *row);
        }
        for (sum, row) in sums_end.iter_mut().zip(row_end) {
            *sum += row;
        }
    }
}
