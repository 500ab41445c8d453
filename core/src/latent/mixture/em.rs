//! Expectation–maximisation: Dempster, Laird and Rubin, "Maximum Likelihood from Incomplete Data
//! via the EM Algorithm" (1977), in double precision.
//!
//! A share is the responsibility of a component for a latent, 0 to 1: `[components, latents]`.

use super::{Mixture, packed, triangle};
use crate::noise::Noise;

/// Steps of Lloyd's algorithm before the first estimate.
const LLOYD_STEPS: usize = 10;
const EM_STEPS: usize = 100;
/// The fit ends when a step improves the mean log-likelihood by less, in nats.
const TOLERANCE: f64 = 1e-4;
/// Added to the diagonal of every covariance, as a share of the mean variance of all latents.
const RELATIVE_RIDGE: f64 = 1e-6;
const ABSOLUTE_RIDGE: f64 = 1e-12;
/// Components with a smaller sum of shares are dropped.
const LEAST_MASS: f64 = 1e-6;
/// Smaller shares are left out of a covariance, which saves most of the work.
const LEAST_SHARE: f64 = 1e-12;
/// Latents per block of the E step, for SIMD.
const LANES: usize = 8;

/// At least one row of at least one value.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    values: &'a [f32],
    latent: usize,
}

impl<'a> Rows<'a> {
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

    /// Sets `mean` to the weighted mean and returns the sum of `shares`, if that is not near 0.
    fn mean(self, shares: &[f64], mean: &mut [f64]) -> f64 {
        let mass = shares.iter().sum::<f64>();
        if mass >= LEAST_MASS {
            mean.fill(0.0);
            for (row, share) in self.rows().zip(shares).filter(|(_, share)| **share != 0.0) {
                for (mean, value) in mean.iter_mut().zip(row) {
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

pub fn fit(latents: Rows<'_>, components: usize, noise: &mut Noise) -> Estimate {
    let ridge = RELATIVE_RIDGE * variance(latents) + ABSOLUTE_RIDGE;
    let mut shares = clusters(latents, components, noise);
    let mut estimate = Estimate::maximise(latents, &shares, ridge);
    let mut before = f64::NEG_INFINITY;
    for _ in 0..EM_STEPS {
        let now = estimate.expect(latents, &mut shares);
        if now - before < TOLERANCE {
            break;
        }
        before = now;
        estimate = Estimate::maximise(latents, &shares, ridge);
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
        Self { latent, weights: wide(&mixture.weights), means: wide(&mixture.means), factors: wide(&mixture.factors) }
    }

    /// Rounds to half precision, as artifacts store it.
    pub fn narrow(&self) -> Mixture {
        let narrow = |values: &[f64]| values.iter().map(|value| packed::rounded(*value)).collect();
        Mixture { weights: narrow(&self.weights), means: narrow(&self.means), factors: narrow(&self.factors) }
    }

    fn maximise(latents: Rows<'_>, shares: &[f64], ridge: f64) -> Self {
        let latent = latents.latent;
        let mut estimate = Self { latent, weights: Vec::new(), means: Vec::new(), factors: Vec::new() };
        let mut mean = vec![0.0; latent];
        let mut factor = vec![0.0; triangle(latent)];
        let mut difference = vec![0.0; latent];
        for shares in shares.chunks_exact(latents.count()) {
            let mass = latents.mean(shares, &mut mean);
            if mass < LEAST_MASS {
                continue;
            }
            factor.fill(0.0);
            for (row, share) in latents.rows().zip(shares).filter(|(_, share)| **share > LEAST_SHARE) {
                for ((difference, value), mean) in difference.iter_mut().zip(row).zip(&mean) {
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

    /// The E step: sets `shares` to πₖ N(z; k) / p(z) and returns the mean of log p(z).
    pub fn expect(&self, latents: Rows<'_>, shares: &mut Vec<f64>) -> f64 {
        let (latent, count) = (self.latent, latents.count());
        shares.resize(self.weights.len() * count, 0.0);
        let mut block = vec![[0.0; LANES]; latent];
        for (component, logs) in shares.chunks_exact_mut(count).enumerate() {
            let mean = &self.means[component * latent..][..latent];
            let factor = &self.factors[component * triangle(latent)..][..triangle(latent)];
            let diagonal = (0..latent).map(|index| factor[triangle(index) + index]);
            let constant = libm::log(self.weights[component])
                - 0.5 * latent as f64 * libm::log(std::f64::consts::TAU)
                - diagonal.map(libm::log).sum::<f64>();
            for (latents, logs) in latents.values.chunks(LANES * latent).zip(logs.chunks_mut(LANES)) {
                for (lane, row) in latents.chunks_exact(latent).enumerate() {
                    for ((values, value), mean) in block.iter_mut().zip(row).zip(mean) {
                        values[lane] = f64::from(*value) - mean;
                    }
                }
                for (log, square) in logs.iter_mut().zip(solved_squares(factor, &mut block)) {
                    *log = constant - 0.5 * square;
                }
            }
        }

        let mut sum = 0.0;
        for row in 0..count {
            let logs = || (row..self.weights.len() * count).step_by(count);
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

/// Shares of 0 and 1 from at most `components` clusters.
///
/// Centres start far apart (Arthur and Vassilvitskii, "k-means++: The Advantages of Careful
/// Seeding", 2007) and move to the means of their clusters (Lloyd, "Least Squares Quantization in
/// PCM", 1982).
fn clusters(latents: Rows<'_>, components: usize, noise: &mut Noise) -> Vec<f64> {
    let (latent, count) = (latents.latent, latents.count());
    let mut centres: Vec<f64> = Vec::new();
    let mut distances = vec![f64::INFINITY; count];
    let mut chosen = noise.below(u32::try_from(count).unwrap_or(u32::MAX)) as usize;
    loop {
        let start = centres.len();
        centres.extend(latents.values[chosen * latent..][..latent].iter().map(|v| f64::from(*v)));
        for (row, distance) in latents.rows().zip(&mut distances) {
            *distance = distance.min(squared_distance(row, &centres[start..]));
        }
        // The total is 0 when every latent is a centre.
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

    let mut shares = assign(latents, &centres);
    for _ in 0..LLOYD_STEPS {
        for (centre, shares) in centres.chunks_exact_mut(latent).zip(shares.chunks_exact(count)) {
            latents.mean(shares, centre);
        }
        shares = assign(latents, &centres);
    }
    shares
}

/// A share of 1 for the nearest centre of each row, 0 for the others.
fn assign(latents: Rows<'_>, centres: &[f64]) -> Vec<f64> {
    let count = latents.count();
    let mut shares = vec![0.0; centres.len() / latents.latent * count];
    for (at, row) in latents.rows().enumerate() {
        let (mut nearest, mut least) = (0, f64::INFINITY);
        for (index, centre) in centres.chunks_exact(latents.latent).enumerate() {
            let distance = squared_distance(row, centre);
            if distance < least {
                (nearest, least) = (index, distance);
            }
        }
        shares[nearest * count + at] = 1.0;
    }
    shares
}

fn variance(latents: Rows<'_>) -> f64 {
    let mut mean = vec![0.0; latents.latent];
    latents.mean(&vec![1.0; latents.count()], &mut mean);
    latents.rows().map(|row| squared_distance(row, &mean)).sum::<f64>() / (latents.count() * latents.latent) as f64
}

/// Replaces a covariance plus `ridge` on its diagonal by its Cholesky factor, both lower triangles.
fn cholesky(values: &mut [f64], latent: usize, ridge: f64) {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    for index in 0..latent {
        let (above, rest) = values.split_at_mut(triangle(index));
        let row = &mut rest[..=index];
        for column in 0..index {
            let other = &above[triangle(column)..][..=column];
            row[column] = (row[column] - dot(&row[..column], &other[..column])) / other[column];
        }
        // Negative only by rounding.
        let left = row[index] - dot(&row[..index], &row[..index]);
        row[index] = libm::sqrt(left.max(0.0) + ridge);
    }
}

/// |L⁻¹ d|² for the factor L and the differences d, `[latent][LANES]`, overwritten.
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

fn squared_distance(row: &[f32], centre: &[f64]) -> f64 {
    row.iter().zip(centre).map(|(v, c)| (f64::from(*v) - c) * (f64::from(*v) - c)).sum()
}
