//! Losses, each with its equation and source.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::activation::{log_softmax, relu};

use super::{Kl, Reconstruction};
use crate::layer::{Distribution, Initializer};

/// Binary cross-entropy of `logits` against `targets` in 0 to 1, `[batch, values]` each; summed
/// over each sample and averaged over the batch: `[1]`.
///
/// −t log σ(l) − (1 − t) log(1 − σ(l)), computed as max(l, 0) − l t + log(1 +
/// exp(−|l|)), which is finite for every finite l.
///
/// ```text
/// l, t = torch.tensor([[-2., 0.5], [3., 100.]]), torch.tensor([[0., 1.], [0.25, 1.]])
/// torch.nn.functional.binary_cross_entropy_with_logits(l, t, reduction="sum") / 2  # 1.4497
/// ```
pub fn bce_with_logits(logits: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
    let batch = logits.dims()[0] as f32;
    let softplus = logits.clone().abs().neg().exp().log1p();
    (relu(logits.clone()) - logits * targets + softplus).sum() / batch
}

/// Squared error (x − t)², `[batch, values]` each; summed and averaged likewise: `[1]`.
pub fn squared_error(output: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
    let batch = output.dims()[0] as f32;
    (output - targets).square().sum() / batch
}

/// Absolute error |x − t|, `[batch, values]` each; summed and averaged likewise: `[1]`.
pub fn absolute_error(output: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
    let batch = output.dims()[0] as f32;
    (output - targets).abs().sum() / batch
}

/// Negative log-likelihood of `targets` under normal distributions around `means`,
/// `[batch, values]` each, with the scale σ = exp(`log_scale`), `[1]`; summed and averaged
/// likewise: `[1]`.
///
/// (x − μ)² / 2σ² + log σ + ½ log 2π for each value. Rybkin et al. (2021), equation 3; Dai
/// and Wipf (2019), equation 1.
pub fn gaussian_nll(means: Tensor<2>, targets: Tensor<2>, log_scale: Tensor<1>) -> Tensor<1> {
    let values = means.dims()[1] as f32;
    let half_log_two_pi = 0.918_938_5;
    let precision = (log_scale.clone() * -2.0).exp();
    squared_error(means, targets) * precision * 0.5 + (log_scale + half_log_two_pi) * values
}

/// Cross-entropy −Σ t log softmax(l) of `logits` against the distributions `targets`,
/// `[batch, classes]` each; averaged over the batch: `[1]`.
///
/// `smoothing` spreads that share of every target over all classes (Szegedy et al. 2016).
pub fn cross_entropy(logits: Tensor<2>, targets: Tensor<2>, smoothing: f64) -> Tensor<1> {
    let [batch, classes] = logits.dims();
    let targets = targets * (1.0 - smoothing) + smoothing / classes as f64;
    (log_softmax(logits, 1) * targets).sum() / -(batch as f32)
}

/// Kullback–Leibler divergence from N(0, 1) of normal distributions, `[batch, latent]` each, for
/// every latent value averaged over the batch: `[latent]`.
///
/// −½ (1 + log σ² − μ² − σ²). Kingma and Welling (2013), appendix B.
pub fn gaussian_kl(means: Tensor<2>, log_variances: Tensor<2>) -> Tensor<1> {
    let terms = log_variances.clone() + 1.0 - means.square() - log_variances.exp();
    terms.mean_dim(0).flatten(0, 1) * -0.5
}

impl Kl {
    /// The divergence term of a loss, from the divergence of every latent value, `[latent]`.
    pub(crate) fn weighted(&self, divergences: Tensor<1>, step: u64) -> Tensor<1> {
        let counted = match self.free_bits > 0.0 {
            true => divergences.clamp_min(self.free_bits),
            false => divergences,
        };
        let grown = if self.warm_up > 0 { ((step + 1) as f64 / self.warm_up as f64).min(1.0) } else { 1.0 };
        counted.sum() * (self.weight * grown)
    }
}

/// A reconstruction loss, with the learned scale of `gaussian`.
#[derive(Module, Debug)]
pub(crate) struct ReconstructionLoss {
    #[module(skip)]
    kind: Reconstruction,
    /// log σ, `[1]`.
    log_scale: Option<Param<Tensor<1>>>,
}

impl ReconstructionLoss {
    /// A learned scale starts at 1.
    pub(crate) fn new(kind: Reconstruction, initializer: &mut Initializer<'_>) -> Self {
        let learned = kind == Reconstruction::Gaussian;
        Self { kind, log_scale: learned.then(|| initializer.parameter("log_scale", [1], Distribution::Constant(0.0))) }
    }

    /// The loss of a decoder's output, `[batch, values]` like the targets: `[1]`.
    pub(crate) fn loss(&self, output: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        match (self.kind, &self.log_scale) {
            (Reconstruction::Bce, _) => bce_with_logits(output, targets),
            (Reconstruction::L1, _) => absolute_error(output, targets),
            (Reconstruction::Gaussian, Some(log_scale)) => gaussian_nll(output, targets, log_scale.val()),
            (Reconstruction::Mse | Reconstruction::Gaussian, _) => squared_error(output, targets),
        }
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::tensor::Device;

    use super::*;

    fn rows(values: [[f32; 2]; 2]) -> Tensor<2> {
        Tensor::from_data(values, &Device::flex())
    }

    fn close(found: Tensor<1>, expected: f32) {
        let found = found.into_scalar::<f32>();
        assert!((found - expected).abs() < 1e-5 * expected.abs().max(1.0), "{found}, expected {expected}");
    }

    #[test]
    fn cross_entropy_of_pixels_agrees_with_pytorch_and_stays_finite() {
        close(bce_with_logits(rows([[-2.0, 0.5], [3.0, 100.0]]), rows([[0.0, 1.0], [0.25, 1.0]])), 1.449_795);
        let extreme = bce_with_logits(rows([[-1e4, 1e4], [0.0, 0.0]]), rows([[0.0, 1.0], [0.5, 0.5]]));
        assert!(extreme.into_scalar::<f32>().is_finite());
    }

    /// ```text
    /// x, t = torch.tensor([[1., 2.], [0., -1.]]), torch.tensor([[0., 2.], [3., 1.]])
    /// -torch.distributions.Normal(x, math.exp(0.5)).log_prob(t).sum(1).mean()  # 4.125455
    /// (x - t).abs().sum(1).mean(), ((x - t)**2).sum(1).mean()  # 3, 7
    /// ```
    #[test]
    fn distances_agree_with_pytorch() {
        let (x, t) = (rows([[1.0, 2.0], [0.0, -1.0]]), rows([[0.0, 2.0], [3.0, 1.0]]));
        let log_scale = Tensor::from_data([0.5], &Device::flex());
        close(gaussian_nll(x.clone(), t.clone(), log_scale), 4.125_455);
        close(absolute_error(x.clone(), t.clone()), 3.0);
        close(squared_error(x, t), 7.0);
    }

    /// ```text
    /// l, t = torch.tensor([[1., 2.], [0., -1.]]), torch.tensor([[1., 0.], [1., 0.]])
    /// torch.nn.functional.cross_entropy(l, t)  # 0.813262
    /// torch.nn.functional.cross_entropy(l, t, label_smoothing=0.2)  # 0.813262
    /// torch.nn.functional.cross_entropy(l[:1], t[:1], label_smoothing=0.2)  # 1.213262
    /// ```
    #[test]
    fn cross_entropy_of_classes_agrees_with_pytorch() {
        let (l, t) = (rows([[1.0, 2.0], [0.0, -1.0]]), rows([[1.0, 0.0], [1.0, 0.0]]));
        close(cross_entropy(l.clone(), t.clone(), 0.0), 0.813_262);
        close(cross_entropy(l.clone(), t.clone(), 0.2), 0.813_262);
        close(cross_entropy(l.narrow(0, 0, 1), t.narrow(0, 0, 1), 0.2), 1.213_262);
    }

    /// `torch.distributions.kl_divergence(Normal(m, exp(v / 2)), Normal(0, 1)).mean(0)`
    /// with m = [[1, -1], [0, 2]] and v = [[0, 1], [-1, 0]]; the sum is 1.771540.
    #[test]
    fn the_divergence_agrees_with_pytorch() {
        let kl = gaussian_kl(rows([[1.0, -1.0], [0.0, 2.0]]), rows([[0.0, 1.0], [-1.0, 0.0]]));
        assert_eq!(kl.dims(), [2]);
        close(kl.sum(), 1.771_540_3);
    }

    #[test]
    fn the_weight_of_the_divergence_grows_and_free_bits_cost_nothing() {
        let device = Device::flex();
        let divergences = || Tensor::from_data([0.1, 2.0], &device);
        let kl = Kl { weight: 4.0, warm_up: 10, free_bits: 0.5 };
        close(kl.weighted(divergences(), 0), 4.0 * 0.1 * 2.5);
        close(kl.weighted(divergences(), 9), 4.0 * 2.5);
        close(kl.weighted(divergences(), 1_000), 4.0 * 2.5);
        close(Kl::default().weighted(divergences(), 0), 2.1);
    }
}
