use burn::module::{Module, RunningState};
use burn::tensor::Tensor;

use super::{Initializer, detach};

/// Divides a weight, read as a matrix, by its largest singular value σ.
///
/// σ is estimated by the power method, one iteration per training step: u ← W v / ‖W v‖, v
/// ← Wᵀu / ‖Wᵀu‖, σ = uᵀ W v. No gradient passes through u and v.
///
/// Miyato et al., "Spectral Normalization for Generative Adversarial Networks" (2018); the same as
/// PyTorch's `torch.nn.utils.parametrizations.spectral_norm`.
#[derive(Module, Debug)]
pub struct Spectral {
    /// Estimate of the left singular vector, `[rows]`.
    u: RunningState<Tensor<1>>,
    /// Estimate of the right singular vector, `[columns]`.
    v: RunningState<Tensor<1>>,
}

impl Spectral {
    /// The rows of the matrix are on the first axis. Starts with 15 iterations, as PyTorch does.
    pub fn new<const D: usize>(weight: &Tensor<D>, initializer: &mut Initializer<'_>) -> Self {
        let [rows, columns] = sides(weight);
        let spectral = initializer.within("spectral", |initializer| Self {
            // A constant start draws no random number.
            u: initializer.state("u", [rows], 1.0 / libm::sqrtf(rows as f32)),
            v: initializer.state("v", [columns], 1.0 / libm::sqrtf(columns as f32)),
        });
        if !initializer.is_loaded() {
            (0..15).for_each(|_| spectral.iterate(weight));
        }
        // The last update takes effect now, not after weights that may be loaded next.
        spectral.u.value_sync();
        spectral.v.value_sync();
        spectral
    }

    /// The weight divided by σ; the rows of the matrix are on the first axis.
    pub fn normalize<const D: usize>(&self, weight: Tensor<D>) -> Tensor<D> {
        if weight.device().is_autodiff() {
            self.iterate(&weight);
        }
        let [rows, columns] = sides(&weight);
        let (u, v) = (self.u.value_sync().reshape([1, rows]), self.v.value_sync().reshape([columns, 1]));
        let sigma = u.matmul(weight.clone().reshape([rows, columns])).matmul(v);
        weight / sigma.reshape([1; D])
    }

    /// One iteration of the power method.
    fn iterate<const D: usize>(&self, weight: &Tensor<D>) {
        let [rows, columns] = sides(weight);
        let matrix = detach(weight.clone()).reshape([rows, columns]);
        let u = unit(matrix.clone().matmul(self.v.value_sync().reshape([columns, 1])));
        self.v.update(unit(matrix.transpose().matmul(u.clone())).reshape([columns]));
        self.u.update(u.reshape([rows]));
    }
}

/// Rows and columns of a weight read as a matrix.
fn sides<const D: usize>(weight: &Tensor<D>) -> [usize; 2] {
    let rows = weight.dims()[0];
    [rows, weight.shape().num_elements() / rows]
}

/// A column divided by its length.
fn unit(column: Tensor<2>) -> Tensor<2> {
    let square = column.clone().transpose().matmul(column.clone());
    column / square.sqrt().clamp_min(1e-12)
}
