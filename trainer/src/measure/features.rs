//! Feature vectors and their pairwise distances.

use std::ops::Range;

use nalgebra::{DMatrix, DMatrixView};
use rayon::prelude::*;

/// Rows per chunk, fixed so that results do not depend on the number of threads.
const CHUNK: usize = 256;

/// Feature vectors, one row per image: `[count, size]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    values: Vec<f64>,
    size: usize,
}

impl Features {
    /// Concatenated rows of `size` values; an incomplete last row is dropped.
    pub fn new(mut values: Vec<f64>, size: usize) -> Self {
        values.truncate(values.len().checked_div(size).unwrap_or(0) * size);
        Self { values, size }
    }

    pub fn count(&self) -> usize {
        self.values.len().checked_div(self.size).unwrap_or(0)
    }

    pub fn size(&self) -> usize {
        self.size
    }

    /// The row number `index`, which must be below the count: `[size]`.
    pub fn row(&self, index: usize) -> &[f64] {
        &self.values[index * self.size..][..self.size]
    }

    pub fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.values.chunks_exact(self.size.max(1))
    }

    pub fn select(&self, rows: &[usize]) -> Self {
        Self { values: rows.iter().flat_map(|row| self.row(*row)).copied().collect(), size: self.size }
    }

    pub fn first(&self, count: usize) -> Self {
        Self { values: self.values[..count.min(self.count()) * self.size].to_vec(), size: self.size }
    }

    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// x·y for all pairs of rows of two sets of one size: `[others, rows]`, where column `i`
    /// belongs to row `rows.start + i`.
    pub fn products(&self, rows: Range<usize>, others: &Self, other_rows: Range<usize>) -> DMatrix<f64> {
        let part = |of: &Self, rows: &Range<usize>| rows.start * of.size..rows.end * of.size;
        // A copy: for a transposed view, nalgebra 0.35 may write out of bounds
        // (dimforge/nalgebra#1616).
        let left = DMatrix::from_row_slice(other_rows.len(), others.size, &others.values[part(others, &other_rows)]);
        left * DMatrixView::from_slice(&self.values[part(self, &rows)], self.size, rows.len())
    }
}

/// `rows` in chunks of equal length, except for the last.
pub fn chunks(rows: Range<usize>) -> Vec<Range<usize>> {
    rows.clone().step_by(CHUNK).map(|start| start..(start + CHUNK).min(rows.end)).collect()
}

/// |a - b|², summed in a fixed order: 0 for equal rows, and symmetric.
pub fn square(a: &[f64], b: &[f64]) -> f64 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += (a - b) * (a - b);
        }
    }
    for ((sum, a), b) in sums.iter_mut().zip(a_rest).zip(b_rest) {
        *sum += (a - b) * (a - b);
    }
    sums.iter().sum()
}

/// The squared distances between two sets of rows. |x - y|² = |x|² + |y|² - 2 x·y is one large
/// matrix product, but rounded. Where the [`tolerance`](Self::tolerance) matters, use
/// [`exact`](Self::exact).
pub struct Comparison<'a> {
    some: &'a Features,
    others: &'a Features,
    lengths: [Vec<f64>; 2],
    /// The largest rounding error of the squares in a strip.
    pub tolerance: f64,
}

/// Rounded squared distances between one row of `some` and consecutive rows of `others`.
pub struct Strip<'a> {
    pub row: usize,
    pub place: usize,
    pub first: usize,
    /// The squares, which rounding may make negative: `[rows of others]`.
    pub squares: &'a [f64],
}

impl<'a> Comparison<'a> {
    /// Compares the rows of two sets. Sets of different sizes have no strips.
    pub fn new(some: &'a Features, others: &'a Features) -> Self {
        let length = |row: &[f64]| row.iter().map(|v| v * v).sum();
        let lengths: [Vec<f64>; 2] = [some, others].map(|set| set.rows().map(length).collect());
        let longest = |lengths: &[f64]| lengths.iter().copied().filter(|v| v.is_finite()).fold(0.0, f64::max);
        // A sum of n products is off by at most n ε / 2 times the sum of their magnitudes, in any
        // order (Higham, "Accuracy and Stability of Numerical Algorithms", 2002, section 3.1). This
        // covers both ways to compute a square.
        let sum = longest(&lengths[0]) + longest(&lengths[1]);
        let tolerance = 2.0 * (some.size as f64 + 4.0) * f64::EPSILON * sum;
        Self { some, others, lengths, tolerance }
    }

    /// Whether both sets have one size and only finite values.
    pub fn valid(&self) -> bool {
        self.some.size == self.others.size && self.lengths.iter().flatten().all(|v| v.is_finite())
    }

    /// The squared distance between two rows, from their difference.
    pub fn exact(&self, row: usize, other: usize) -> f64 {
        square(self.some.row(row), self.others.row(other))
    }

    /// Visits all pairs. Each chunk of `some` has a state from `begin`; its strips are visited in
    /// order, and chunks in parallel. Returns the states in the order of the chunks.
    pub fn fold<T: Send>(
        &self,
        begin: impl Fn(Range<usize>) -> T + Sync,
        visit: impl Fn(&mut T, Strip<'_>) + Sync,
    ) -> Vec<T> {
        let others = if self.some.size == self.others.size { self.others.count() } else { 0 };
        let walk = |rows: Range<usize>| {
            let mut state = begin(rows.clone());
            for others in chunks(0..others) {
                let mut squares = self.some.products(rows.clone(), self.others, others.clone());
                let lengths = &self.lengths[1][others.clone()];
                for (place, squares) in squares.as_mut_slice().chunks_exact_mut(others.len()).enumerate() {
                    let row = rows.start + place;
                    for (square, length) in squares.iter_mut().zip(lengths) {
                        *square = self.lengths[0][row] + length - 2.0 * *square;
                    }
                    visit(&mut state, Strip { row, place, first: others.start, squares });
                }
            }
            state
        };
        chunks(0..self.some.count()).into_par_iter().map(walk).collect()
    }
}

#[cfg(test)]
pub mod examples {
    use super::Features;

    /// Rows from N(0, I), by SplitMix64 and the Box-Muller transform.
    pub fn cloud(count: usize, size: usize, mut seed: u64) -> Features {
        let mut uniform = || {
            seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
        };
        let mut normal = || (-2.0 * libm::log(1.0 - uniform())).sqrt() * libm::cos(std::f64::consts::TAU * uniform());
        Features::new((0..count * size).map(|_| normal()).collect(), size)
    }

    /// Every value changed, given its row and column.
    pub fn changed(of: &Features, change: impl Fn(f64, usize, usize) -> f64) -> Features {
        let values = of.values().iter().enumerate();
        Features::new(values.map(|(at, value)| change(*value, at / of.size(), at % of.size())).collect(), of.size())
    }

    /// As many rows, chosen by number.
    pub fn picked(of: &Features, pick: impl Fn(usize) -> usize) -> Features {
        of.select(&(0..of.count()).map(pick).collect::<Vec<_>>())
    }

    /// The rows in another order.
    pub fn stirred(of: &Features) -> Features {
        picked(of, |row| (row * 7919 + 5) % of.count())
    }

    /// Two clouds, from which rows are taken at random.
    pub fn modes(count: usize, size: usize, seed: u64) -> Features {
        let chosen = cloud(count, 1, seed + 1000);
        changed(&cloud(count, size, seed), |value, row, _| value + if chosen.row(row)[0] > 0.0 { 20.0 } else { 0.0 })
    }

    /// Bad samples of [`modes`]: shifted, of one mode only, and a few repeated.
    pub fn bad(of: &Features) -> [Features; 3] {
        let one: Vec<usize> = (0..of.count()).filter(|row| of.row(*row)[0] < 10.0).collect();
        [changed(of, |value, _, _| value + 6.0), picked(of, |row| one[row % one.len()]), picked(of, |row| row % 5)]
    }

    /// A set with a NaN.
    pub fn broken(of: &Features) -> Features {
        changed(of, |value, row, column| if (row, column) == (3, 0) { f64::NAN } else { value })
    }

    /// Asserts equality up to rounding.
    pub fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-12 * expected.abs().max(1.0), "{found} is not {expected}");
    }
}

#[cfg(test)]
mod tests {
    use super::super::frechet::{Moments, frechet_distance};
    use super::super::image_statistics::diversity;
    use super::super::kernel::kernel_distance;
    use super::super::neighbours::{Manifold, nearest, neighbour_scores};
    use super::examples::{changed, cloud};
    use super::*;

    #[test]
    fn rows_are_what_they_were_made_of() {
        let features = Features::new(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], 2);
        assert_eq!((features.count(), features.size(), features.row(1)), (3, 2, &[3.0, 4.0][..]));
        assert_eq!(features.rows().map(|row| row[0]).collect::<Vec<_>>(), [1.0, 3.0, 5.0]);
        assert_eq!(features.select(&[2, 0]).values(), [5.0, 6.0, 1.0, 2.0]);
        assert_eq!((features.first(1).values(), features.first(9)), (&[1.0, 2.0][..], features));
        assert_eq!(Features::new(vec![1.0], 0).count() + Features::new(vec![1.0], 2).count(), 0);
    }

    #[test]
    fn strips_hold_every_pair_once_within_the_tolerance() {
        for (some, others, size) in [(1, 1, 1), (300, 2, 3), (259, 517, 9)] {
            let [some, others] = [(some, 1), (others, 2)]
                .map(|(count, seed)| changed(&cloud(count, size, seed), |value, _, _| value + 1e3));
            let comparison = Comparison::new(&some, &others);
            let visit = |found: &mut Vec<Vec<usize>>, strip: Strip<'_>| {
                for (other, square) in (strip.first..).zip(strip.squares) {
                    assert!((square - comparison.exact(strip.row, other)).abs() <= comparison.tolerance);
                    found[strip.place].push(other);
                }
            };
            let found = comparison.fold(|rows| vec![Vec::new(); rows.len()], visit).concat();
            assert_eq!(found, vec![(0..others.count()).collect::<Vec<_>>(); some.count()]);
        }
    }

    #[test]
    fn no_score_depends_on_the_number_of_threads() {
        let (real, generated) = (cloud(1300, 5, 3), cloud(1200, 5, 4));
        let scores = || {
            let manifolds = [&real, &generated].map(|set| Manifold::of(set.clone()));
            let distance = frechet_distance(&Moments::of(&real), &Moments::of(&generated));
            let kernel = kernel_distance(&real, &generated, 600);
            let near = nearest(&generated, &real);
            (distance, kernel, neighbour_scores(&manifolds[0], &manifolds[1]), near, diversity(&real))
        };
        let [one, three] =
            [1, 3].map(|threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(scores));
        assert_eq!(one, three);
    }
}
