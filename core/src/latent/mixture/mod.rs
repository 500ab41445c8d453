//! A mixture of normal distributions.

#[cfg(feature = "train")]
mod em;

use serde::{Deserialize, Serialize};

use super::packed;
use crate::noise::Noise;

const MOST_COMPONENTS: usize = 1024;

/// A mixture of normal distributions: p(z) = Σ πₖ N(z; μₖ, Lₖ Lₖᵀ).
///
/// Fitted to the latents of the training images after training, the ex-post density estimation of
/// Ghosh et al., "From Variational to Deterministic Autoencoders" (2020), section 4.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mixture {
    /// The weight πₖ of every component: `[components]`, with the sum 1.
    #[serde(with = "packed")]
    pub weights: Vec<f32>,
    /// The mean μₖ of every component: `[components, latent]`.
    #[serde(with = "packed")]
    pub means: Vec<f32>,
    /// The Cholesky factor Lₖ of every covariance, a lower triangle row by row:
    /// `[components, latent · (latent + 1) / 2]`.
    #[serde(with = "packed")]
    pub factors: Vec<f32>,
}

impl Mixture {
    /// Whether this is a valid mixture of 1 to 1024 components over `latent` values.
    pub fn fits(&self, latent: usize) -> bool {
        let components = self.weights.len();
        let finite = |values: &[f32]| values.iter().all(|v| v.is_finite());
        let total = self.weights.iter().sum::<f32>();
        (1..=MOST_COMPONENTS).contains(&components)
            // A saturated product equals no length.
            && self.means.len() == components.saturating_mul(latent)
            && self.factors.len() == components.saturating_mul(triangle(latent))
            && self.weights.iter().all(|w| *w >= 0.0)
            && total > 0.0
            && total.is_finite()
            && finite(&self.means)
            && finite(&self.factors)
    }

    /// One sample, `[latent]`: μₖ + T Lₖ ε, with k from a uniform number, ε from `latent`
    /// normal ones and the temperature T. The mixture must [fit](Self::fits).
    pub fn sample(&self, noise: &mut Noise, latent: usize, temperature: f32) -> Vec<f32> {
        let target = noise.uniform() * self.weights.iter().sum::<f32>();
        let mut sum = 0.0;
        let above = |weight: &f32| {
            sum += weight;
            sum > target
        };
        let chosen = self.weights.iter().position(above).unwrap_or(0);

        let normals = noise.normals(latent);
        let mean = &self.means[chosen * latent..][..latent];
        let factor = &self.factors[chosen * triangle(latent)..];
        let value = |(index, mean): (usize, &f32)| {
            let row = &factor[triangle(index)..][..=index];
            mean + temperature * row.iter().zip(&normals).map(|(l, e)| l * e).sum::<f32>()
        };
        mean.iter().enumerate().map(value).collect()
    }

    /// Fits a mixture of at most `components` to `latents`, rows of `latent` values.
    ///
    /// Duplicate latents and components that lose all of theirs make it fewer. Without any latent
    /// it is N(0, I); from latents that are not finite it does not [fit](Self::fits).
    #[cfg(feature = "train")]
    pub fn fit(latents: &[f32], latent: usize, components: usize, noise: &mut Noise) -> Self {
        let components = components.clamp(1, MOST_COMPONENTS);
        match em::Rows::new(latents, latent) {
            Some(latents) => em::fit(latents, components, noise).narrow(),
            None => em::Estimate::standard(latent).narrow(),
        }
    }

    /// The mixture with its standard deviations multiplied by `factor`.
    #[cfg(feature = "train")]
    pub fn scaled(self, factor: f32) -> Self {
        let factors = self.factors.iter().map(|value| packed::rounded(f64::from(value * factor))).collect();
        Self { factors, ..self }
    }

    /// The mean of log p(z) over `latents`, rows of `latent` values, in nats; 0 without any latent.
    ///
    /// The mixture must [fit](Self::fits), and the diagonals of its factors must not contain 0.
    #[cfg(feature = "train")]
    pub fn log_likelihood(&self, latents: &[f32], latent: usize) -> f64 {
        match em::Rows::new(latents, latent) {
            Some(latents) => em::Estimate::widen(self, latent).expect(latents, &mut Vec::new()),
            None => 0.0,
        }
    }
}

/// Values of a lower triangle with `size` rows, and so the start of row `size` in a larger one.
fn triangle(size: usize) -> usize {
    size.saturating_mul(size.saturating_add(1)) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A quarter around one point, three quarters around another, both with correlated values.
    fn two_clouds() -> Mixture {
        Mixture {
            weights: vec![0.25, 0.75],
            means: vec![0.0, 1.0, 3.0, -2.0],
            factors: vec![1.0, 0.5, 0.25, 2.0, -1.0, 0.5],
        }
    }

    fn drawn(mixture: &Mixture, latent: usize, count: usize, seed: u64) -> Vec<f32> {
        let mut noise = Noise::new(seed, 0);
        (0..count).flat_map(|_| mixture.sample(&mut noise, latent, 1.0)).collect()
    }

    fn moments(pairs: &[f32]) -> [f32; 5] {
        let mut sums = [0.0; 5];
        for pair in pairs.chunks_exact(2) {
            let (x, y) = (f64::from(pair[0]), f64::from(pair[1]));
            for (sum, value) in sums.iter_mut().zip([x, y, x * x, x * y, y * y]) {
                *sum += value;
            }
        }
        sums.map(|sum| (sum / (pairs.len() / 2) as f64) as f32)
    }

    fn close(found: &[f32], expected: &[f32], tolerance: f32) {
        assert_eq!(found.len(), expected.len());
        let near = found.iter().zip(expected).all(|(a, b)| (a - b).abs() <= tolerance);
        assert!(near, "{found:?} is not {expected:?}");
    }

    /// Means Σ πₖ μₖ, second moments Σ πₖ (μₖ μₖᵀ + Lₖ Lₖᵀ).
    ///
    /// ```text
    /// w = np.array([0.25, 0.75]); m = np.array([[0, 1], [3, -2]])
    /// l = np.array([[[1, 0], [0.5, 0.25]], [[2, 0], [-1, 0.5]]])
    /// w @ m                                                                  # [2.25, -1.25]
    /// np.einsum("k,kij->ij", w, np.einsum("ki,kj->kij", m, m) + l @ l.transpose(0, 2, 1))
    /// # [[10., -5.875], [-5.875, 4.265625]]
    /// ```
    #[test]
    fn draws_have_the_mean_and_covariance_of_the_mixture() {
        let found = moments(&drawn(&two_clouds(), 2, 10_000, 3));
        close(&found, &[2.25, -1.25, 10.0, -5.875, 4.265_625], 0.2);
    }

    #[test]
    fn a_component_without_weight_is_never_drawn() {
        let mixture = Mixture { weights: vec![0.0, 3.0, 0.0], means: vec![1.0, 2.0, 3.0], factors: vec![0.0; 3] };
        assert!(mixture.fits(1));
        assert_eq!(drawn(&mixture, 1, 1000, 1), vec![2.0; 1000]);
    }

    #[test]
    fn only_a_whole_and_finite_mixture_fits() {
        let good = two_clouds();
        assert!(good.fits(2));
        assert!(!good.fits(1) && !good.fits(3) && !good.fits(0) && !good.fits(usize::MAX));
        let bad = |change: fn(&mut Mixture)| {
            let mut mixture = two_clouds();
            change(&mut mixture);
            !mixture.fits(2)
        };
        assert!(bad(|m| *m = Mixture { weights: vec![], means: vec![], factors: vec![] }));
        assert!(bad(|m| m.weights.push(0.5)));
        assert!(bad(|m| m.means.truncate(3)));
        assert!(bad(|m| m.factors.push(0.0)));
        assert!(bad(|m| m.weights[0] = -0.25));
        assert!(bad(|m| m.weights = vec![0.0, 0.0]));
        assert!(bad(|m| m.weights = vec![f32::MAX, f32::MAX]));
        assert!(bad(|m| m.weights[1] = f32::NAN));
        assert!(bad(|m| m.means[3] = f32::NAN));
        assert!(bad(|m| m.factors[5] = f32::INFINITY));
        let sized = |components| Mixture {
            weights: vec![1.0; components],
            means: vec![0.0; components],
            factors: vec![1.0; components],
        };
        assert!(sized(1024).fits(1) && !sized(1025).fits(1));
    }

    #[cfg(feature = "train")]
    mod fitting {
        use super::*;

        fn fitted(latents: &[f32], latent: usize, components: usize) -> Mixture {
            Mixture::fit(latents, latent, components, &mut Noise::new(1, 0))
        }

        /// ```text
        /// double = functools.partial(torch.tensor, dtype=torch.float64)
        /// torch.distributions.MixtureSameFamily(
        ///     torch.distributions.Categorical(double([0.25, 0.75])),
        ///     torch.distributions.MultivariateNormal(
        ///         double([[0, 1], [3, -2]]),
        ///         scale_tril=double([[[1, 0], [0.5, 0.25]], [[2, 0], [-1, 0.5]]])),
        /// ).log_prob(double([[0, 1], [2, -1], [10, -10]])).mean()  # -17.778764691
        /// ```
        #[test]
        fn the_likelihood_agrees_with_pytorch() {
            let found = two_clouds().log_likelihood(&[0.0, 1.0, 2.0, -1.0, 10.0, -10.0], 2);
            assert!((found + 17.778_764_691).abs() < 1e-9, "{found}");
        }

        #[test]
        fn a_fit_recovers_two_clouds_that_lie_apart() {
            let mut truth = two_clouds();
            truth.means = vec![0.0, 10.0, 30.0, -20.0];
            let latents = drawn(&truth, 2, 10_000, 5);
            let mut found = fitted(&latents, 2, 2);
            assert!(found.fits(2));
            if found.weights[0] > found.weights[1] {
                found.weights.rotate_left(1);
                found.means.rotate_left(2);
                found.factors.rotate_left(3);
            }
            close(&found.weights, &truth.weights, 0.02);
            close(&found.means, &truth.means, 0.1);
            close(&found.factors, &truth.factors, 0.05);
            assert!(found.log_likelihood(&latents, 2) >= truth.log_likelihood(&latents, 2));
        }

        /// The largest mean log-likelihood is −½ (latent log 2π + log |Σ| + latent).
        #[test]
        fn one_component_is_the_likeliest_normal_distribution() {
            let latents = drawn(&two_clouds(), 2, 1000, 5);
            let found = fitted(&latents, 2, 1);
            let [x, y, xx, xy, yy] = moments(&latents);
            let (a, b, c) = (found.factors[0], found.factors[1], found.factors[2]);
            close(&found.weights, &[1.0], 0.0);
            // Numbers are stored in half precision.
            close(&found.means, &[x, y], 2e-3);
            close(&[a * a, a * b, b * b + c * c], &[xx - x * x, xy - x * y, yy - y * y], 1e-2);
            let expected = -f64::from(core::f32::consts::TAU.ln() + (a * c).ln() + 1.0);
            let likelihood = found.log_likelihood(&latents, 2);
            assert!((likelihood - expected).abs() < 2e-3, "{likelihood} is not {expected}");
        }

        #[test]
        fn more_components_are_never_less_likely_than_one() {
            let latents = drawn(&two_clouds(), 2, 300, 9);
            let one = fitted(&latents, 2, 1).log_likelihood(&latents, 2);
            for components in [2, 3, 7] {
                let more = fitted(&latents, 2, components).log_likelihood(&latents, 2);
                assert!(more > one, "{components} components: {more}, one: {one}");
            }
        }

        #[test]
        fn the_same_noise_gives_the_same_fit() {
            let latents = drawn(&two_clouds(), 2, 200, 9);
            assert_eq!(fitted(&latents, 2, 5), fitted(&latents, 2, 5));
        }

        #[test]
        fn a_fit_to_few_or_equal_latents_gives_finite_samples() {
            // Latents, their width, components requested and components found.
            let cases: [(&[f32], usize, usize, usize); 9] = [
                (&[], 3, 4, 1),
                (&[], 0, 1, 1),
                (&[1.0, 2.0, 3.0], 3, 4, 1),
                (&[1.0, 2.0, 1.0, 2.0, 1.0, 2.0], 2, 3, 1),
                (&[1.0, 2.0, 1.0, 2.0, 1.0, 2.5], 2, 3, 2),
                (&[1.0, 2.0, 4.0], 1, 10, 3),
                (&[1.0, 2.0, 4.0], 1, 0, 1),
                (&[1e30, -1e30, 1e30, 1e30], 2, 1, 1),
                (&[1e-40, 2e-40, 1e-40, 0.0], 2, 2, 2),
            ];
            for (latents, latent, components, expected) in cases {
                let found = fitted(latents, latent, components);
                assert!(found.fits(latent), "{latents:?}: {found:?}");
                assert_eq!(found.weights.len(), expected, "{latents:?}: {found:?}");
                assert!(found.log_likelihood(latents, latent).is_finite());
                assert!(drawn(&found, latent, 100, 1).iter().all(|v| v.is_finite()));
            }
            let equal = fitted(&[7.0; 50], 1, 3);
            assert!(drawn(&equal, 1, 100, 1).iter().all(|v| (v - 7.0).abs() < 1e-4));
        }

        #[test]
        fn latents_that_are_not_finite_give_no_fit() {
            for bad in [f32::NAN, f32::INFINITY] {
                assert!(!fitted(&[1.0, 2.0, bad, 3.0, 5.0], 1, 2).fits(1));
                assert!(!fitted(&[1.0, 2.0, bad, 3.0, 5.0, 6.0], 2, 2).fits(2));
            }
        }
    }
}
