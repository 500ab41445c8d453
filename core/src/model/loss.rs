//! What models minimise.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::activation::relu;

use crate::nn::{Sequential, Value};
use crate::noise::Noise;
use crate::spec::Reconstruction;

/// The losses of one batch.
#[derive(Debug)]
pub struct Loss {
    /// What the gradient is taken of: `[1]`.
    pub total: Tensor<1>,
    /// The parts by themselves in the order of [`Objective::PARTS`]: `[1]` each.
    pub parts: Vec<Tensor<1>>,
}

/// A model that can be trained by one gradient a step.
pub trait Objective: Module {
    /// The names of the parts of the loss.
    const PARTS: &'static [&'static str];

    /// The losses of a batch of `images`, `[batch, channels, height, width]` in the range of the data. Randomness comes from
    /// `noise`.
    fn loss(&self, images: Tensor<4>, noise: &mut Noise) -> Loss;

    /// The code of every image, `[batch, latent]`; for a VAE the mean of its posterior.
    fn encode(&self, images: Tensor<4>) -> Tensor<2>;

    /// From latent values to image, to be shipped by itself.
    fn decoder(&self) -> &Sequential;

    /// What the decoder gives for a batch of codes, before [`super::Output`].
    fn decode(&self, codes: Tensor<2>) -> Tensor<4> {
        self.decoder().forward(Value::Flat(codes)).image()
    }

    /// Whether codes follow N(0, I) because training makes them so; otherwise a prior has to be fitted to them.
    const NORMAL_PRIOR: bool;
}

/// Binary cross-entropy of `logits` against pixels in 0 to 1, summed over each image and averaged over the batch: `[1]`.
///
/// −t log σ(l) − (1 − t) log(1 − σ(l)), computed as max(l, 0) − l t + log(1 + exp(−|l|)), which is finite for every finite l.
///
/// ```text
/// torch.nn.functional.binary_cross_entropy_with_logits(
///     torch.tensor([[-2., 0.5], [3., 100.]]), torch.tensor([[0., 1.], [0.25, 1.]]), reduction="sum") / 2
/// # 1.4497
/// ```
pub fn bce_with_logits(logits: Tensor<4>, pixels: Tensor<4>) -> Tensor<1> {
    let batch = logits.dims()[0] as f32;
    let softplus = logits.clone().abs().neg().exp().log1p();
    (relu(logits.clone()) - logits * pixels + softplus).sum() / batch
}

/// Squared error (x − t)², summed over each image and averaged over the batch: `[1]`.
pub fn squared_error(output: Tensor<4>, pixels: Tensor<4>) -> Tensor<1> {
    let batch = output.dims()[0] as f32;
    (output - pixels).powf_scalar(2.0).sum() / batch
}

/// Kullback–Leibler divergence from N(0, I) of normal distributions with `means` and logarithms of the variance, `[batch, latent]`
/// each; summed over the latent values and averaged over the batch: `[1]`.
///
/// −½ Σ (1 + log σ² − μ² − σ²). Kingma and Welling (2013), appendix B.
pub fn gaussian_kl(means: Tensor<2>, log_variances: Tensor<2>) -> Tensor<1> {
    let batch = means.dims()[0] as f32;
    let terms = log_variances.clone() + 1.0 - means.powf_scalar(2.0) - log_variances.exp();
    terms.sum() * (-0.5 / batch)
}

impl Reconstruction {
    /// The distance between what a decoder gives and the images, `[1]`.
    pub(crate) fn loss(self, output: Tensor<4>, pixels: Tensor<4>) -> Tensor<1> {
        match self {
            Self::Bce => bce_with_logits(output, pixels),
            Self::Mse => squared_error(output, pixels),
        }
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::tensor::Device;

    use super::*;

    fn image(values: [[f32; 2]; 2]) -> Tensor<4> {
        Tensor::<2>::from_data(values, &Device::flex()).reshape([2, 1, 1, 2])
    }

    #[test]
    fn cross_entropy_agrees_with_pytorch_and_stays_finite() {
        let loss = bce_with_logits(image([[-2.0, 0.5], [3.0, 100.0]]), image([[0.0, 1.0], [0.25, 1.0]]));
        assert!((loss.into_scalar::<f32>() - 1.449_795).abs() < 1e-5);
        let extreme = bce_with_logits(image([[-1e4, 1e4], [0.0, 0.0]]), image([[0.0, 1.0], [0.5, 0.5]]));
        assert!(extreme.into_scalar::<f32>().is_finite());
    }

    /// `torch.distributions.kl_divergence(Normal(m, exp(v / 2)), Normal(0, 1)).sum(1).mean()`
    /// with m = [[1, -1], [0, 2]] and v = [[0, 1], [-1, 0]].
    #[test]
    fn the_divergence_agrees_with_pytorch() {
        let device = Device::flex();
        let means = Tensor::<2>::from_data([[1.0, -1.0], [0.0, 2.0]], &device);
        let log_variances = Tensor::<2>::from_data([[0.0, 1.0], [-1.0, 0.0]], &device);
        let kl = gaussian_kl(means, log_variances).into_scalar::<f32>();
        assert!((kl - 1.771_540_3).abs() < 1e-5, "{kl}");
    }
}
