//! A mixture of normal distributions over codes.

use serde::{Deserialize, Serialize};

use super::packed;
use crate::noise::Noise;

/// The most components that a mixture may have.
const MOST_COMPONENTS: usize = 1024;

/// A mixture of normal distributions with full covariances: p(z) = Σ πₖ N(z; μₖ, Lₖ Lₖᵀ).
///
/// Fitted to the codes of the training images after training: Ghosh et al., "From Variational to Deterministic
/// Autoencoders" (2020), section 4, calls this ex-post density estimation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mixture {
    /// The share πₖ of every component: `[components]`, with the sum 1.
    #[serde(with = "packed")]
    pub weights: Vec<f32>,
    /// The mean μₖ of every component: `[components, latent]`.
    #[serde(with = "packed")]
    pub means: Vec<f32>,
    /// The lower triangle Lₖ of every component, row by row: `[components, latent · (latent + 1) / 2]`. It is the
    /// Cholesky factor of the covariance.
    #[serde(with = "packed")]
    pub factors: Vec<f32>,
}

impl Mixture {
    /// Whether this is a mixture over `latent` values with 1 to 1024 components, finite numbers and shares that are
    /// not negative and not all 0.
    pub fn fits(&self, latent: usize) -> bool {
        let components = self.weights.len();
        let finite = |values: &[f32]| values.iter().all(|v| v.is_finite());
        let total = self.weights.iter().sum::<f32>();
        (1..=MOST_COMPONENTS).contains(&components)
            // No vector is as long as a saturated product.
            && self.means.len() == components.saturating_mul(latent)
            && self.factors.len() == components.saturating_mul(triangle(latent))
            && self.weights.iter().all(|w| *w >= 0.0)
            && total > 0.0
            && total.is_finite()
            && finite(&self.means)
            && finite(&self.factors)
    }

    /// One sample, `[latent]`: μₖ + T Lₖ ε, where a uniform number picks k, `latent` normal ones are ε, and T is the temperature.
    ///
    /// The mixture has to [fit](Self::fits).
    pub fn draw(&self, noise: &mut Noise, latent: usize, temperature: f32) -> Vec<f32> {
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

    /// Fits a mixture of at most `components` to `codes`, rows of `latent` values.
    ///
    /// There are fewer components than asked for when there are fewer different codes, and when a component loses its
    /// codes. Without any code it is N(0, I). Latents that are not finite give a mixture that does not [fit](Self::fits).
    #[cfg(feature = "train")]
    pub fn fit(codes: &[f32], latent: usize, components: usize, noise: &mut Noise) -> Self {
        let components = components.clamp(1, MOST_COMPONENTS);
        match em::Latents::new(codes, latent) {
            Some(codes) => em::fit(codes, components, noise).narrow(),
            None => em::Estimate::standard(latent).narrow(),
        }
    }

    /// The mixture with its deviations multiplied by `factor`.
    #[cfg(feature = "train")]
    pub fn scaled(self, factor: f32) -> Self {
        let factors = self.factors.iter().map(|value| packed::rounded(f64::from(value * factor))).collect();
        Self { factors, ..self }
    }

    /// The mean of log p(z) over `codes`, rows of `latent` values, in nats; 0 without any code.
    ///
    /// The mixture has to [fit](Self::fits), and the diagonals of its factors must not hold a 0.
    #[cfg(feature = "train")]
    pub fn log_likelihood(&self, codes: &[f32], latent: usize) -> f64 {
        match em::Latents::new(codes, latent) {
            Some(codes) => em::Estimate::widen(self, latent).expect(codes, &mut Vec::new()),
            None => 0.0,
        }
    }
}

/// How many values the lower triangle of a square with `size` rows has; where row number `size` begins in a larger one.
fn triangle(size: usize) -> usize {
    size.saturating_mul(size.saturating_add(1)) / 2
}

/// Expectation–maximisation: Dempster, Laird and Rubin, "Maximum Likelihood from Incomplete Data via the EM Algorithm"
/// (1977). All of it is in double precision.
///
/// What a component has to do with each code is its share in that code: `[components, codes]`, 0 to 1.
#[cfg(feature = "train")]
mod em {
    use super::{Mixture, packed, triangle};
    use crate::noise::Noise;

    /// How often the centres of the clusters are moved before the first estimate.
    const LLOYD_STEPS: usize = 10;
    /// The most steps of expectation–maximisation.
    const EM_STEPS: usize = 100;
    /// A step that improves the mean log-likelihood by less ends the fit, in nats.
    const TOLERANCE: f64 = 1e-4;
    /// What is added to the diagonal of every covariance: this share of the mean variance of all codes ...
    const RELATIVE_RIDGE: f64 = 1e-6;
    /// ... and this.
    const ABSOLUTE_RIDGE: f64 = 1e-12;
    /// A component whose shares have a smaller sum is dropped, in codes.
    const LEAST_MASS: f64 = 1e-6;
    /// Smaller shares do not count in a covariance, which saves most of the work.
    const LEAST_SHARE: f64 = 1e-12;
    /// How many codes the step E takes side by side, so that the processor can work on several at once.
    const LANES: usize = 8;

    /// Rows of `latent` values, at least one of each.
    #[derive(Clone, Copy)]
    pub struct Latents<'a> {
        values: &'a [f32],
        latent: usize,
    }

    impl<'a> Latents<'a> {
        pub fn new(values: &'a [f32], latent: usize) -> Option<Self> {
            (latent > 0 && values.len() >= latent)
                .then(|| Self { values: &values[..values.len() / latent * latent], latent })
        }

        fn count(self) -> usize {
            self.values.len() / self.latent
        }

        fn rows(self) -> std::slice::ChunksExact<'a, f32> {
            self.values.chunks_exact(self.latent)
        }

        /// Moves `mean` to the mean of the codes weighted by `shares`, whose sum it gives. With next to no shares the
        /// mean stays where it is.
        fn mean(self, shares: &[f64], mean: &mut [f64]) -> f64 {
            let mass = shares.iter().sum::<f64>();
            if mass >= LEAST_MASS {
                mean.fill(0.0);
                for (code, share) in self.rows().zip(shares).filter(|(_, share)| **share != 0.0) {
                    for (mean, value) in mean.iter_mut().zip(code) {
                        *mean += share / mass * f64::from(*value);
                    }
                }
            }
            mass
        }
    }

    /// A mixture in double precision.
    pub struct Estimate {
        latent: usize,
        weights: Vec<f64>,
        means: Vec<f64>,
        factors: Vec<f64>,
    }

    /// Fits a mixture of at most `components`.
    pub fn fit(codes: Latents<'_>, components: usize, noise: &mut Noise) -> Estimate {
        let ridge = RELATIVE_RIDGE * variance(codes) + ABSOLUTE_RIDGE;
        let mut shares = clusters(codes, components, noise);
        let mut estimate = Estimate::maximise(codes, &shares, ridge);
        let mut before = f64::NEG_INFINITY;
        for _ in 0..EM_STEPS {
            let now = estimate.expect(codes, &mut shares);
            if now - before < TOLERANCE {
                break;
            }
            before = now;
            estimate = Estimate::maximise(codes, &shares, ridge);
        }
        estimate
    }

    impl Estimate {
        /// N(0, I).
        pub fn standard(latent: usize) -> Self {
            let factors = (0..latent).flat_map(|row| (0..=row).map(move |column| f64::from(row == column))).collect();
            Self { latent, weights: vec![1.0], means: vec![0.0; latent], factors }
        }

        pub fn widen(mixture: &Mixture, latent: usize) -> Self {
            let wide = |values: &[f32]| values.iter().map(|v| f64::from(*v)).collect();
            Self {
                latent,
                weights: wide(&mixture.weights),
                means: wide(&mixture.means),
                factors: wide(&mixture.factors),
            }
        }

        /// In half precision, as artifacts have it.
        pub fn narrow(&self) -> Mixture {
            let narrow = |values: &[f64]| values.iter().map(|value| packed::rounded(*value)).collect();
            Mixture { weights: narrow(&self.weights), means: narrow(&self.means), factors: narrow(&self.factors) }
        }

        /// The step M: the likeliest mixture when every component has its `shares` in the codes.
        fn maximise(codes: Latents<'_>, shares: &[f64], ridge: f64) -> Self {
            let latent = codes.latent;
            let mut estimate = Self { latent, weights: Vec::new(), means: Vec::new(), factors: Vec::new() };
            let mut mean = vec![0.0; latent];
            let mut factor = vec![0.0; triangle(latent)];
            let mut difference = vec![0.0; latent];
            for shares in shares.chunks_exact(codes.count()) {
                let mass = codes.mean(shares, &mut mean);
                if mass < LEAST_MASS {
                    continue;
                }
                factor.fill(0.0);
                for (code, share) in codes.rows().zip(shares).filter(|(_, share)| **share > LEAST_SHARE) {
                    for ((difference, value), mean) in difference.iter_mut().zip(code).zip(&mean) {
                        *difference = f64::from(*value) - mean;
                    }
                    for (index, value) in difference.iter().enumerate() {
                        let scale = share / mass * value;
                        for (sum, other) in factor[triangle(index)..][..=index].iter_mut().zip(&difference) {
                            *sum += scale * other;
                        }
                    }
                }
                cholesky(&mut factor, latent, ridge);
                estimate.weights.push(mass);
                estimate.means.extend(&mean);
                estimate.factors.extend(&factor);
            }
            let total = estimate.weights.iter().sum::<f64>();
            estimate.weights.iter_mut().for_each(|weight| *weight /= total);
            estimate
        }

        /// The step E: puts the share πₖ N(z; k) / p(z) of every component in every code into `shares` and gives the
        /// mean of log p(z).
        pub fn expect(&self, codes: Latents<'_>, shares: &mut Vec<f64>) -> f64 {
            let (latent, count) = (self.latent, codes.count());
            shares.resize(self.weights.len() * count, 0.0);
            let mut block = vec![[0.0; LANES]; latent];
            for (component, logs) in shares.chunks_exact_mut(count).enumerate() {
                let mean = &self.means[component * latent..][..latent];
                let factor = &self.factors[component * triangle(latent)..][..triangle(latent)];
                let diagonal = (0..latent).map(|index| factor[triangle(index) + index]);
                let constant = libm::log(self.weights[component])
                    - 0.5 * latent as f64 * libm::log(std::f64::consts::TAU)
                    - diagonal.map(libm::log).sum::<f64>();
                for (codes, logs) in codes.values.chunks(LANES * latent).zip(logs.chunks_mut(LANES)) {
                    for (lane, code) in codes.chunks_exact(latent).enumerate() {
                        for ((values, value), mean) in block.iter_mut().zip(code).zip(mean) {
                            values[lane] = f64::from(*value) - mean;
                        }
                    }
                    for (log, square) in logs.iter_mut().zip(solved_squares(factor, &mut block)) {
                        *log = constant - 0.5 * square;
                    }
                }
            }

            let mut sum = 0.0;
            for code in 0..count {
                let logs = || (code..self.weights.len() * count).step_by(count);
                let most = logs().map(|i| shares[i]).fold(f64::NEG_INFINITY, f64::max);
                let mut total = 0.0;
                for index in logs() {
                    shares[index] = libm::exp(shares[index] - most);
                    total += shares[index];
                }
                for index in logs() {
                    shares[index] /= total;
                }
                sum += most + libm::log(total);
            }
            sum / count as f64
        }
    }

    /// Shares 0 and 1 from at most `components` clusters of the codes.
    ///
    /// The first centres are codes far from each other: Arthur and Vassilvitskii, "k-means++: The Advantages of Careful
    /// Seeding" (2007). Then each moves to the mean of the codes that are nearest to it: Lloyd, "Least Squares
    /// Quantization in PCM" (1982).
    fn clusters(codes: Latents<'_>, components: usize, noise: &mut Noise) -> Vec<f64> {
        let (latent, count) = (codes.latent, codes.count());
        let mut centres: Vec<f64> = Vec::new();
        let mut distances = vec![f64::INFINITY; count];
        let mut chosen = noise.below(u32::try_from(count).unwrap_or(u32::MAX)) as usize;
        loop {
            let start = centres.len();
            centres.extend(codes.values[chosen * latent..][..latent].iter().map(|v| f64::from(*v)));
            for (code, distance) in codes.rows().zip(&mut distances) {
                *distance = distance.min(squared_distance(code, &centres[start..]));
            }
            // Every code is a centre when the total is 0.
            let total = distances.iter().sum::<f64>();
            if centres.len() == components * latent || total == 0.0 {
                break;
            }
            let target = f64::from(noise.uniform()) * total;
            let mut sum = 0.0;
            let above = |distance: &f64| {
                sum += distance;
                sum > target
            };
            chosen = distances.iter().position(above).unwrap_or(0);
        }

        let mut shares = assign(codes, &centres);
        for _ in 0..LLOYD_STEPS {
            for (centre, shares) in centres.chunks_exact_mut(latent).zip(shares.chunks_exact(count)) {
                codes.mean(shares, centre);
            }
            shares = assign(codes, &centres);
        }
        shares
    }

    /// The share 1 in every code for the centre that is nearest to it, 0 for the others.
    fn assign(codes: Latents<'_>, centres: &[f64]) -> Vec<f64> {
        let count = codes.count();
        let mut shares = vec![0.0; centres.len() / codes.latent * count];
        for (row, code) in codes.rows().enumerate() {
            let (mut nearest, mut least) = (0, f64::INFINITY);
            for (index, centre) in centres.chunks_exact(codes.latent).enumerate() {
                let distance = squared_distance(code, centre);
                if distance < least {
                    (nearest, least) = (index, distance);
                }
            }
            shares[nearest * count + row] = 1.0;
        }
        shares
    }

    /// The mean over the latent values of the variance of the codes.
    fn variance(codes: Latents<'_>) -> f64 {
        let mut mean = vec![0.0; codes.latent];
        codes.mean(&vec![1.0; codes.count()], &mut mean);
        codes.rows().map(|code| squared_distance(code, &mean)).sum::<f64>() / (codes.count() * codes.latent) as f64
    }

    /// Turns a covariance into its Cholesky factor after adding `ridge` to the diagonal. Both are lower triangles.
    fn cholesky(values: &mut [f64], latent: usize, ridge: f64) {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        for index in 0..latent {
            let (above, rest) = values.split_at_mut(triangle(index));
            let row = &mut rest[..=index];
            for column in 0..index {
                let other = &above[triangle(column)..][..=column];
                row[column] = (row[column] - dot(&row[..column], &other[..column])) / other[column];
            }
            // What is left of a variance is never negative but for rounding.
            let left = row[index] - dot(&row[..index], &row[..index]);
            row[index] = libm::sqrt(left.max(0.0) + ridge);
        }
    }

    /// |L⁻¹ d|² for a factor L and the differences d in the lanes of `block`, `[latent][LANES]`, which are overwritten.
    fn solved_squares(factor: &[f64], block: &mut [[f64; LANES]]) -> [f64; LANES] {
        let mut squares = [0.0; LANES];
        for index in 0..block.len() {
            let row = &factor[triangle(index)..][..=index];
            let mut values = block[index];
            for (l, solved) in row[..index].iter().zip(&*block) {
                for (value, solved) in values.iter_mut().zip(solved) {
                    *value -= l * solved;
                }
            }
            for (value, square) in values.iter_mut().zip(&mut squares) {
                *value /= row[index];
                *square += *value * *value;
            }
            block[index] = values;
        }
        squares
    }

    fn squared_distance(code: &[f32], centre: &[f64]) -> f64 {
        code.iter().zip(centre).map(|(v, c)| (f64::from(*v) - c) * (f64::from(*v) - c)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A quarter round a point, three quarters round another, both with correlated values.
    fn two_clouds() -> Mixture {
        Mixture {
            weights: vec![0.25, 0.75],
            means: vec![0.0, 1.0, 3.0, -2.0],
            factors: vec![1.0, 0.5, 0.25, 2.0, -1.0, 0.5],
        }
    }

    fn drawn(mixture: &Mixture, latent: usize, count: usize, seed: u64) -> Vec<f32> {
        let mut noise = Noise::new(seed, 0);
        (0..count).flat_map(|_| mixture.draw(&mut noise, latent, 1.0)).collect()
    }

    /// The mean of `[x, y, x², x y, y²]` of pairs.
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

        fn fitted(codes: &[f32], latent: usize, components: usize) -> Mixture {
            Mixture::fit(codes, latent, components, &mut Noise::new(1, 0))
        }

        /// ```text
        /// double = functools.partial(torch.tensor, dtype=torch.float64)
        /// torch.distributions.MixtureSameFamily(
        ///     torch.distributions.Categorical(double([0.25, 0.75])),
        ///     torch.distributions.MultivariateNormal(
        ///         double([[0, 1], [3, -2]]), scale_tril=double([[[1, 0], [0.5, 0.25]], [[2, 0], [-1, 0.5]]])),
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
            let codes = drawn(&truth, 2, 10_000, 5);
            let mut found = fitted(&codes, 2, 2);
            assert!(found.fits(2));
            if found.weights[0] > found.weights[1] {
                found.weights.rotate_left(1);
                found.means.rotate_left(2);
                found.factors.rotate_left(3);
            }
            close(&found.weights, &truth.weights, 0.02);
            close(&found.means, &truth.means, 0.1);
            close(&found.factors, &truth.factors, 0.05);
            assert!(found.log_likelihood(&codes, 2) >= truth.log_likelihood(&codes, 2));
        }

        /// The likeliest normal distribution has the mean log-likelihood −½ (latent log 2π + log |Σ| + latent).
        #[test]
        fn one_component_is_the_likeliest_normal_distribution() {
            let codes = drawn(&two_clouds(), 2, 1000, 5);
            let found = fitted(&codes, 2, 1);
            let [x, y, xx, xy, yy] = moments(&codes);
            let (a, b, c) = (found.factors[0], found.factors[1], found.factors[2]);
            close(&found.weights, &[1.0], 0.0);
            // Each number is kept in half precision.
            close(&found.means, &[x, y], 2e-3);
            close(&[a * a, a * b, b * b + c * c], &[xx - x * x, xy - x * y, yy - y * y], 1e-2);
            let expected = -f64::from(core::f32::consts::TAU.ln() + (a * c).ln() + 1.0);
            let likelihood = found.log_likelihood(&codes, 2);
            assert!((likelihood - expected).abs() < 2e-3, "{likelihood} is not {expected}");
        }

        #[test]
        fn more_components_are_never_less_likely_than_one() {
            let codes = drawn(&two_clouds(), 2, 300, 9);
            let one = fitted(&codes, 2, 1).log_likelihood(&codes, 2);
            for components in [2, 3, 7] {
                let more = fitted(&codes, 2, components).log_likelihood(&codes, 2);
                assert!(more > one, "{components} components: {more}, one: {one}");
            }
        }

        #[test]
        fn the_same_noise_gives_the_same_fit() {
            let codes = drawn(&two_clouds(), 2, 200, 9);
            assert_eq!(fitted(&codes, 2, 5), fitted(&codes, 2, 5));
        }

        #[test]
        fn a_fit_to_few_or_equal_codes_gives_finite_draws() {
            // Latents, their latent values, components asked for and components found.
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
            for (codes, latent, components, expected) in cases {
                let found = fitted(codes, latent, components);
                assert!(found.fits(latent), "{codes:?}: {found:?}");
                assert_eq!(found.weights.len(), expected, "{codes:?}: {found:?}");
                assert!(found.log_likelihood(codes, latent).is_finite());
                assert!(drawn(&found, latent, 100, 1).iter().all(|v| v.is_finite()));
            }
            let equal = fitted(&[7.0; 50], 1, 3);
            assert!(drawn(&equal, 1, 100, 1).iter().all(|v| (v - 7.0).abs() < 1e-4));
        }

        #[test]
        fn codes_that_are_not_finite_give_no_fit() {
            for bad in [f32::NAN, f32::INFINITY] {
                assert!(!fitted(&[1.0, 2.0, bad, 3.0, 5.0], 1, 2).fits(1));
                assert!(!fitted(&[1.0, 2.0, bad, 3.0, 5.0, 6.0], 2, 2).fits(2));
            }
        }
    }
}
