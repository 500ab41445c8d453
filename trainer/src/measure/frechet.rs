//! The Fréchet distance between two sets of feature vectors.

use nalgebra::{DMatrix, SVD};
use rayon::prelude::*;

use super::features::{Features, square};

/// The fewest rows of a triangle; larger rows use four times their size.
const FEWEST_ROWS: usize = 256;
/// Limit of iterations per singular value; two or three are usual.
const STEPS: usize = 100;

/// Mean and covariance of feature vectors.
///
/// The covariance C = Σ (x - m)(x - m)ᵀ / (n - 1) is kept as a root: C = Sᵀ S, where S is the
/// triangle of a QR decomposition of the centred rows. Constant or dependent features make C
/// singular but do S no harm, and no squares halve the precision.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    count: usize,
    mean: Vec<f64>,
    /// Sᵀ, with at most as many columns as rows: `[size, columns]`.
    root: DMatrix<f64>,
}

impl Moments {
    /// The moments of `features`. A covariance needs at least two rows.
    pub fn of(features: &Features) -> Self {
        let (count, size) = (features.count(), features.size());
        let mut mean = vec![0.0; size];
        for row in features.rows() {
            mean.iter_mut().zip(row).for_each(|(mean, value)| *mean += value);
        }
        mean.iter_mut().for_each(|mean| *mean /= count as f64);

        let scale = 1.0 / (count as f64 - 1.0).sqrt();
        let mut rows: Vec<f64> =
            features.rows().flat_map(|row| row.iter().zip(&mean).map(|(value, mean)| scale * (value - mean))).collect();
        while rows.len() > size * size {
            let chunk = FEWEST_ROWS.max(4 * size) * size;
            rows = rows.par_chunks(chunk).map(|rows| triangle(rows, size)).collect::<Vec<_>>().concat();
        }
        let columns = rows.len().checked_div(size).unwrap_or(0);
        Self { count, mean, root: DMatrix::from_vec(size, columns, rows) }
    }
}

/// R of a QR decomposition, row by row and with at most `size` rows: Rᵀ R = Xᵀ X.
fn triangle(rows: &[f64], size: usize) -> Vec<f64> {
    let rows = DMatrix::from_row_slice(rows.len() / size, size, rows);
    rows.qr().unpack_r().transpose().as_slice().to_vec()
}

/// The Fréchet distance between normal distributions with the moments of two sets, known as FID
/// for Inception features: |m₁ - m₂|² + tr C₁ + tr C₂ - 2 tr (C₁ C₂)^½. With Cᵢ = Sᵢᵀ Sᵢ the
/// last trace is the sum of the singular values of S₁ S₂ᵀ.
///
/// Dowson and Landau, "The Fréchet Distance between Multivariate Normal Distributions" (1982);
/// Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
/// Equilibrium" (2017). NaN for sets of different sizes, fewer than two rows, and features that are
/// not finite.
pub fn frechet_distance(some: &Moments, others: &Moments) -> f64 {
    let sets = [some, others];
    if some.mean.len() != others.mean.len()
        || sets.iter().any(|set| set.count < 2 || !set.root.iter().all(|value| value.is_finite()))
    {
        return f64::NAN;
    }
    let means = square(&some.mean, &others.mean);
    let product = some.root.transpose() * &others.root;
    let steps = STEPS * product.nrows().max(product.ncols());
    let Some(decomposed) = SVD::try_new_unordered(product, false, false, 5.0 * f64::EPSILON, steps) else {
        return f64::NAN;
    };
    let distance =
        means + some.root.norm_squared() + others.root.norm_squared() - 2.0 * decomposed.singular_values.sum();
    // Rounding can make equal sets negative. `max` would turn NaN into 0.
    if distance < 0.0 { 0.0 } else { distance }
}

#[cfg(test)]
mod tests {
    use super::super::features::examples::{bad, broken, changed, close, cloud, modes, stirred};
    use super::*;

    fn distance(some: &Features, others: &Features) -> f64 {
        frechet_distance(&Moments::of(some), &Moments::of(others))
    }

    /// Two rows with this mean and standard deviation in every column.
    fn pair(mean: f64, std: f64, size: usize) -> Features {
        let half = std / 2.0_f64.sqrt();
        Features::new([vec![mean - half; size], vec![mean + half; size]].concat(), size)
    }

    /// (m₁ - m₂)² + (s₁ - s₂)²
    #[test]
    fn one_feature_has_a_closed_form() {
        for (mean, std) in [(0.0, 1.0), (3.0, 1.0), (0.0, 5.0), (-2.0, 0.5), (1.0, 0.0)] {
            let expected = mean * mean + (std - 1.0) * (std - 1.0);
            close(distance(&pair(0.0, 1.0, 1), &pair(mean, std, 1)), expected);
            close(distance(&pair(0.0, 1.0, 9), &pair(mean, std, 9)), 9.0 * expected);
        }
    }

    /// tr (C₁ C₂)^½ = √(tr C₁ C₂ + 2 √(det C₁ det C₂)) for two features.
    #[test]
    fn two_correlated_features_have_a_closed_form() {
        let some = changed(&cloud(900, 2, 1), |value, _, column| value * (1.0 + column as f64));
        let others = cloud(700, 2, 2).rows().flat_map(|row| [row[0] + 2.0, row[1] - 0.8 * row[0]]).collect();
        let others = Features::new(others, 2);
        let moments = |set: &Features| {
            let count = set.count() as f64;
            let mean = [0, 1].map(|column| set.rows().map(|row| row[column]).sum::<f64>() / count);
            let covariance = |[a, b]: [usize; 2]| {
                set.rows().map(|row| (row[a] - mean[a]) * (row[b] - mean[b])).sum::<f64>() / (count - 1.0)
            };
            (mean, [[0, 0], [0, 1], [1, 1]].map(covariance))
        };
        let ((m, [a, b, c]), (n, [d, e, f])) = (moments(&some), moments(&others));
        let root = (a * d + 2.0 * b * e + c * f + 2.0 * ((a * c - b * b) * (d * f - e * e)).sqrt()).sqrt();
        let expected = square(&m, &n) + a + c + d + f - 2.0 * root;
        close(distance(&some, &others), expected);
    }

    #[test]
    fn equal_sets_in_another_order_have_no_distance() {
        // Large features, some constant, some sums of others; and fewer rows than features.
        for (count, size) in [(2000, 64), (40, 64), (64, 64), (2, 8), (300, 1)] {
            let cloud = cloud(count, size, 3);
            let set = changed(&cloud, |value, row, column| match column % 4 {
                1 => 0.0,
                2 => 100.3,
                3 => 100.0 * (cloud.row(row)[column - 3] + cloud.row(row)[column - 1]),
                _ => 100.0 * (1.0 + value),
            });
            let found = distance(&set, &stirred(&set));
            assert!((0.0..1e-6).contains(&found), "{count} rows of {size}: {found}");
        }
    }

    #[test]
    fn features_that_are_dead_in_one_set_count_with_the_variance_of_the_other() {
        let some = changed(&cloud(500, 6, 4), |value, _, column| if column < 3 { 100.0 * value } else { 7.3 });
        for others in [changed(&some, |_, _, _| 7.3), changed(&some, |_, row, column| some.row(row)[5 - column])] {
            let [m, n] = [&some, &others].map(Moments::of);
            let expected = square(&m.mean, &n.mean) + m.root.norm_squared() + n.root.norm_squared();
            close(frechet_distance(&m, &n), expected);
        }
    }

    #[test]
    fn fewer_rows_than_features_have_a_distance() {
        assert!(frechet_distance(&Moments::of(&cloud(8, 8, 5)), &Moments::of(&cloud(3, 8, 6))) > 0.0);
    }

    #[test]
    fn bad_samples_are_far_away() {
        let (real, fair) = (modes(600, 8, 7), modes(600, 8, 8));
        for bad in bad(&fair) {
            assert!(distance(&real, &bad) > 20.0 * distance(&real, &fair));
        }
    }

    #[test]
    fn what_has_no_moments_has_no_distance() {
        let fair = cloud(20, 4, 9);
        for other in [broken(&fair), fair.first(1), fair.first(0), cloud(20, 3, 9), cloud(0, 0, 9)] {
            assert!(distance(&fair, &other).is_nan() && distance(&other, &fair).is_nan());
        }
        for huge in [f64::INFINITY, 1e200, 1e160] {
            assert!(!distance(&fair, &changed(&fair, |value, _, _| value * huge)).is_finite());
        }
    }
}
