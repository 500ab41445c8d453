//! The kernel distance between two sets of feature vectors.

use std::ops::Range;

use rayon::prelude::*;

use super::features::{Features, chunks};

/// A kernel distance and its uncertainty.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KernelDistance {
    /// The mean over the blocks. It may be negative, as the estimate is unbiased.
    pub mean: f64,
    pub standard_error: f64,
    pub blocks: usize,
    /// Rows of either set in a block.
    pub block: usize,
}

/// The squared maximum mean discrepancy with the kernel k(x, y) = (x·y / size + 1)³, known as KID
/// for Inception features. Its unbiased estimate for m rows of either set is
/// Σᵢ≠ⱼ (k(xᵢ, xⱼ) + k(yᵢ, yⱼ)) / (m (m - 1)) - 2 Σᵢⱼ k(xᵢ, yⱼ) / m².
///
/// Bińkowski et al., "Demystifying MMD GANs" (2018). The caller has shuffled the rows. Disjoint
/// blocks are independent, so their spread gives a standard error, unlike overlapping random
/// subsets. A remainder is not used; with fewer rows than `block`, all rows of the smaller set are
/// one block. NaN for sets of different sizes and fewer than two rows in a block; not finite for
/// features that are not.
pub fn kernel_distance(real: &Features, generated: &Features, block: usize) -> KernelDistance {
    let count = real.count().min(generated.count());
    let block = block.min(count);
    let blocks = count.checked_div(block).unwrap_or(0);
    if block < 2 || real.size() != generated.size() {
        return KernelDistance { mean: f64::NAN, standard_error: f64::NAN, blocks, block };
    }
    let m = block as f64;
    let distance = |index: usize| {
        let rows = index * block..(index + 1) * block;
        let within = [real, generated].map(|set| sum(set, set, &rows, true));
        (within[0] + within[1]) / (m * (m - 1.0)) - 2.0 * sum(real, generated, &rows, false) / (m * m)
    };
    let distances: Vec<f64> = (0..blocks).map(distance).collect();
    let n = blocks as f64;
    let mean = distances.iter().sum::<f64>() / n;
    let variance = distances.iter().map(|distance| (distance - mean) * (distance - mean)).sum::<f64>() / (n - 1.0);
    KernelDistance { mean, standard_error: (variance / n).sqrt(), blocks, block }
}

/// Σ k(x, y) over all pairs of these rows, or of different rows only.
fn sum(some: &Features, others: &Features, rows: &Range<usize>, another: bool) -> f64 {
    let size = some.size() as f64;
    let part = |some_rows: Range<usize>| {
        let mut total = 0.0;
        for other_rows in chunks(rows.clone()) {
            let products = some.products(some_rows.clone(), others, other_rows.clone());
            for (row, products) in some_rows.clone().zip(products.column_iter()) {
                let pairs = other_rows.clone().zip(products.iter()).filter(|(other, _)| !another || *other != row);
                let kernel = |(_, product): (usize, &f64)| {
                    let base = product / size + 1.0;
                    base * base * base
                };
                total += pairs.map(kernel).sum::<f64>();
            }
        }
        total
    };
    chunks(rows.clone()).into_par_iter().map(part).collect::<Vec<_>>().iter().sum()
}

#[cfg(test)]
mod tests {
    use super::super::features::examples::{bad, broken, changed, cloud, modes, stirred};
    use super::*;

    #[test]
    fn a_tiny_distance_is_that_by_hand() {
        // k(0, 1) = 1, k(1, 2) = 27, and the four cross terms are 1, 1, 8 and 27: 1 + 27 - 37 / 2.
        let (real, generated) = (Features::new(vec![0.0, 1.0], 1), Features::new(vec![1.0, 2.0], 1));
        let found = kernel_distance(&real, &generated, 2);
        assert_eq!((found.mean, found.blocks, found.block), (9.5, 1, 2));
        assert!(found.standard_error.is_nan());
        let real = Features::new(vec![1.0, 0.0, 0.0, 1.0], 2);
        let generated = Features::new(vec![0.0, 0.0, 1.0, 0.0], 2);
        assert_eq!(kernel_distance(&real, &generated, 9).mean, 2.0 - (3.0 + 3.375) / 2.0);
    }

    #[test]
    fn blocks_are_rows_one_after_another_and_their_spread_is_the_error() {
        let real = Features::new(vec![0.0, 1.0, 0.0, 1.0, 5.0], 1);
        let generated = Features::new(vec![1.0, 2.0, 0.0, 1.0, 9.0, 9.0], 1);
        // The second block is equal: 1 + 1 - (1 + 1 + 1 + 8) / 2 = -3.5.
        let found = kernel_distance(&real, &generated, 2);
        assert_eq!(found, KernelDistance { mean: 3.0, standard_error: 6.5, blocks: 2, block: 2 });
    }

    #[test]
    fn fair_samples_are_near_0_and_bad_ones_are_not() {
        let scaled = |set: &Features| changed(set, |value, _, _| value / 10.0);
        let (real, samples) = (scaled(&modes(2000, 8, 1)), modes(2000, 8, 2));
        let found = kernel_distance(&real, &scaled(&samples), 400);
        assert!(found.mean.abs() < 4.0 * found.standard_error && found.blocks == 5, "{found:?}");
        for bad in bad(&samples) {
            let far = kernel_distance(&real, &scaled(&bad), 400);
            assert!(far.mean > 4.0 * (found.mean.abs() + far.standard_error), "{far:?} and {found:?}");
        }
        let again = kernel_distance(&real, &stirred(&real), 2000).mean;
        assert!(again < 0.0, "the unbiased estimate leaves out pairs of a row with itself: {again}");
    }

    #[test]
    fn what_has_no_pairs_has_no_distance() {
        let fair = cloud(20, 4, 9);
        for other in [broken(&fair), fair.first(1), fair.first(0), cloud(20, 3, 9)] {
            assert!(kernel_distance(&fair, &other, 10).mean.is_nan());
        }
        assert!(kernel_distance(&fair, &fair, 0).mean.is_nan());
    }
}
