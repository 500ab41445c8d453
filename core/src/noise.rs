//! Seeded randomness that is the same on every machine.
//!
//! Latents, initial weights, shuffles and synthetic data never come from a device, so that a seed
//! means the same image natively and in the browser. The generator is ChaCha8 with 2⁶⁴
//! independent streams; the Gaussian transform uses `libm`, which does not depend on the platform.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A stream of random numbers; the streams of a seed are independent.
///
/// ```
/// use imago_core::noise::Noise;
/// let (mut a, mut b) = (Noise::new(7, 0), Noise::new(7, 0));
/// assert_eq!(a.normal(), b.normal());
/// assert_ne!(Noise::new(7, 0).normal(), Noise::new(7, 1).normal());
/// ```
#[derive(Debug, Clone)]
pub struct Noise {
    generator: ChaCha8Rng,
    /// The second of a pair from the Box–Muller transform.
    spare: Option<f32>,
}

/// What random numbers are for, so that two uses of a seed never see the same ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Initial weights; a stream for each network.
    Weights = 1,
    /// The order of the training set; a stream for each epoch.
    Shuffle = 2,
    /// Noise of a training step, such as the reparameterisation of a VAE; a stream for each step.
    Step = 3,
    /// Preparation of the samples of a step, such as augmentation; a stream for each step.
    Batch = 4,
    /// Noise of an evaluation; a stream for each batch.
    Evaluation = 5,
    /// The fit of a prior.
    Prior = 6,
    /// The choice of held-out images.
    Split = 7,
    /// The metrics of a model.
    Measure = 8,
}

/// The quantile function of N(0, 1), the inverse of Φ(x) = ½ erfc(−x / √2), by bisection.
pub fn normal_quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-40.0, 40.0);
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return middle;
        }
        match 0.5 * libm::erfc(-middle * core::f64::consts::FRAC_1_SQRT_2) < p {
            true => low = middle,
            false => high = middle,
        }
    }
}

impl Noise {
    /// Stream `stream` of `seed` for `purpose`.
    pub fn of(purpose: Purpose, seed: u64, stream: u64) -> Self {
        // 2⁶⁴ divided by the golden ratio keeps neighboring seeds far apart.
        Self::new(seed.wrapping_add((purpose as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)), stream)
    }

    /// Stream `stream` of `seed`.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(stream);
        Self { generator, spare: None }
    }

    /// One of 2²⁴ equally likely numbers in `[0, 1)`.
    pub fn uniform(&mut self) -> f32 {
        (self.generator.next_u32() >> 8) as f32 / (1 << 24) as f32
    }

    /// A whole number in `0..bound`; 0 when `bound` is 0.
    ///
    /// Lemire, "Fast Random Integer Generation in an Interval" (2019), without the rejection step:
    /// the bias is at most `bound / 2³²`.
    pub fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.generator.next_u32()) * u64::from(bound)) >> 32) as u32
    }

    /// A number from the standard normal distribution N(0, 1).
    ///
    /// Box and Muller, "A Note on the Generation of Random Normal Deviates" (1958), in double
    /// precision.
    pub fn normal(&mut self) -> f32 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        // 1 - uniform lies in (0, 1], so the logarithm is finite.
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - f64::from(self.uniform())));
        let angle = core::f64::consts::TAU * f64::from(self.uniform());
        self.spare = Some((radius * libm::sin(angle)) as f32);
        (radius * libm::cos(angle)) as f32
    }

    /// `count` numbers from N(0, 1).
    pub fn normals(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.normal()).collect()
    }

    /// Puts `items` into a random order (Fisher–Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let chosen = self.below(u32::try_from(last + 1).unwrap_or(u32::MAX)) as usize;
            items.swap(last, chosen);
        }
    }
}

/// Standard normal latents of the samples `first .. first + count` of `seed`, one after another:
/// `[count, size]`.
///
/// Each sample has its own stream, so sample `i` does not depend on `first` and `count`.
pub fn latents(seed: u64, first: u64, count: usize, size: usize) -> Vec<f32> {
    (0..count as u64).flat_map(|index| Noise::new(seed, first.wrapping_add(index)).normals(size)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scipy.stats.norm.ppf`
    #[test]
    fn quantiles_are_those_of_scipy() {
        for (p, expected) in [(0.5, 0.0), (0.975, 1.959963984540054), (0.001, -3.090232306167813)] {
            assert!((normal_quantile(p) - expected).abs() < 1e-14, "{}", normal_quantile(p));
        }
        assert!(normal_quantile(0.0) < -37.0 && normal_quantile(1.0) > 8.0);
    }

    /// A seed in a link keeps its meaning: these bits must never change.
    #[test]
    fn a_seed_yields_the_same_bits_on_every_platform() {
        let bits: Vec<u32> = latents(7, 0, 2, 2).iter().map(|z| z.to_bits()).collect();
        assert_eq!(bits, [0x3e99_f36d, 0x3eeb_5218, 0x3fbb_ab25, 0xbd95_008d]);
    }

    #[test]
    fn a_sample_does_not_depend_on_its_neighbours() {
        let many = latents(1, 0, 10, 3);
        assert_eq!(latents(1, 4, 1, 3), many[12..15]);
    }

    #[test]
    fn normals_have_mean_0_and_variance_1() {
        let values = Noise::new(3, 0).normals(100_000);
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f32>() / values.len() as f32;
        assert!(mean.abs() < 0.01, "mean {mean}");
        assert!((variance - 1.0).abs() < 0.02, "variance {variance}");
    }

    #[test]
    fn a_shuffle_keeps_every_item() {
        let mut items: Vec<u32> = (0..100).collect();
        Noise::new(5, 0).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
