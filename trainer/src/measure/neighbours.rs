//! Nearest-neighbour scores: the quality of samples, and how much of the real images they cover.

use std::ops::Range;

use super::features::{Comparison, Features};

/// The neighbour that sets the radius for precision and recall.
const PRECISION_NEIGHBOUR: usize = 3;
/// The neighbour that sets the radius for density and coverage.
const DENSITY_NEIGHBOUR: usize = 5;

/// Rows, each with a ball that reaches to one of its neighbours.
#[derive(Debug, Clone)]
pub struct Manifold {
    features: Features,
    /// The nearest other row and its distance.
    nearest: Vec<(usize, f64)>,
    /// The squared distance to the third neighbour; NaN where there are fewer.
    third: Vec<f64>,
    /// The squared distance to the fifth neighbour; NaN where there are fewer.
    fifth: Vec<f64>,
}

impl Manifold {
    /// Finds the neighbours of every row. A row is not its own neighbour; an equal row is, at
    /// distance 0.
    pub fn of(features: Features) -> Self {
        let closest = closest(&features, &features, DENSITY_NEIGHBOUR, true);
        let radii = |neighbour: usize| {
            closest.iter().map(|list| list.get(neighbour - 1).map_or(f64::NAN, |(square, _)| *square)).collect()
        };
        let (third, fifth) = (radii(PRECISION_NEIGHBOUR), radii(DENSITY_NEIGHBOUR));
        Self { nearest: closest.iter().map(|list| first(list)).collect(), third, fifth, features }
    }

    pub fn features(&self) -> &Features {
        &self.features
    }

    /// Drops the balls.
    pub fn into_features(self) -> Features {
        self.features
    }

    pub fn nearest_others(&self) -> &[(usize, f64)] {
        &self.nearest
    }
}

/// Scores of generated rows against real ones; all but the density lie between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NeighbourScores {
    /// The share of generated rows inside the ball of at least one real row.
    pub precision: f64,
    /// The share of real rows inside the ball of at least one generated row.
    pub recall: f64,
    /// How many balls of real rows a generated row lies in, divided by the expected 5; may exceed
    /// 1.
    pub density: f64,
    /// The share of real rows whose ball holds at least one generated row.
    pub coverage: f64,
}

struct Tally {
    precise: Vec<bool>,
    recalled: Vec<bool>,
    covered: Vec<bool>,
    inside: usize,
}

/// Precision and recall: Kynkäänniemi et al., "Improved Precision and Recall Metric for Assessing
/// Generative Models" (2019), with k = 3; as in their code a row at the radius is inside. Density
/// and coverage: Naeem et al., "Reliable Fidelity and Diversity Metrics for Generative Models"
/// (2020), with k = 5; as in their code it is outside. So a real row with five equal ones has an
/// empty ball. NaN where a set has too few rows, for sets of different sizes, and for features that
/// are not finite.
pub fn neighbour_scores(real: &Manifold, generated: &Manifold) -> NeighbourScores {
    let comparison = Comparison::new(&generated.features, &real.features);
    let (count, real_count) = (generated.features.count(), real.features.count());
    let begin = |rows: Range<usize>| Tally {
        precise: vec![false; rows.len()],
        recalled: vec![false; real_count],
        covered: vec![false; real_count],
        inside: 0,
    };
    let tallies = comparison.fold(begin, |tally, strip| {
        let own = generated.third[strip.row];
        for (other, square) in (strip.first..).zip(strip.squares) {
            let radii = [own, real.third[other], real.fifth[other]];
            if square - comparison.tolerance > radii.into_iter().fold(0.0, f64::max) {
                continue;
            }
            let uncertain = radii.iter().any(|radius| (square - radius).abs() <= comparison.tolerance);
            let square = if uncertain { comparison.exact(strip.row, other) } else { *square };
            tally.recalled[other] |= square <= radii[0];
            tally.precise[strip.place] |= square <= radii[1];
            tally.covered[other] |= square < radii[2];
            tally.inside += usize::from(square < radii[2]);
        }
    });

    let valid = |neighbour: usize| comparison.valid() && count.min(real_count) > neighbour;
    let score = |neighbour: usize, value: f64| if valid(neighbour) { value } else { f64::NAN };
    let precise = tallies.iter().flat_map(|tally| &tally.precise).filter(|precise| **precise).count();
    let inside: usize = tallies.iter().map(|tally| tally.inside).sum();
    let any = |flags: fn(&Tally) -> &[bool]| {
        (0..real_count).filter(|row| tallies.iter().any(|tally| flags(tally)[*row])).count() as f64
    };
    NeighbourScores {
        precision: score(PRECISION_NEIGHBOUR, precise as f64 / count as f64),
        recall: score(PRECISION_NEIGHBOUR, any(|tally| &tally.recalled) / real_count as f64),
        density: score(DENSITY_NEIGHBOUR, inside as f64 / (DENSITY_NEIGHBOUR * count) as f64),
        coverage: score(DENSITY_NEIGHBOUR, any(|tally| &tally.covered) / real_count as f64),
    }
}

/// For each row of `of` the nearest row of `among` (the first of several) and the distance |x - y|;
/// (0, ∞) where there is none, and for rows that are not finite.
pub fn nearest(of: &Features, among: &Features) -> Vec<(usize, f64)> {
    closest(of, among, 1, false).iter().map(|list| first(list)).collect()
}

fn first(list: &[(f64, usize)]) -> (usize, f64) {
    list.first().map_or((0, f64::INFINITY), |(square, row)| (*row, square.sqrt()))
}

/// The exact squared distances and numbers of the `count` nearest rows, nearest first, ties in
/// order. With `others`, rows of the same number are skipped.
fn closest(of: &Features, among: &Features, count: usize, others: bool) -> Vec<Vec<(f64, usize)>> {
    let comparison = Comparison::new(of, among);
    let lists = comparison.fold(
        |rows| vec![Vec::with_capacity(count + 1); rows.len()],
        |lists, strip| {
            let list: &mut Vec<(f64, usize)> = &mut lists[strip.place];
            let furthest = |list: &[(f64, usize)]| list.get(count - 1).map_or(f64::INFINITY, |(square, _)| *square);
            let mut bound = furthest(list);
            for (row, square) in (strip.first..).zip(strip.squares) {
                // Nothing is nearer than 0, which saves exact squares for many equal rows.
                if square - comparison.tolerance < bound && bound > 0.0 && !(others && row == strip.row) {
                    let exact = comparison.exact(strip.row, row);
                    if exact < bound {
                        list.insert(list.partition_point(|(square, _)| *square <= exact), (exact, row));
                        list.truncate(count);
                        bound = furthest(list);
                    }
                }
            }
        },
    );
    lists.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::super::features::examples::{bad, broken, changed, cloud, modes, stirred};
    use super::super::features::square;
    use super::*;

    fn scores(real: &Features, generated: &Features) -> NeighbourScores {
        neighbour_scores(&Manifold::of(real.clone()), &Manifold::of(generated.clone()))
    }

    /// The definitions, pair by pair.
    fn slow(real: &Features, generated: &Features) -> NeighbourScores {
        let radii = |set: &Features, k: usize| -> Vec<f64> {
            let radius = |(i, row): (usize, &[f64])| {
                let others = set.rows().enumerate().filter(|(j, _)| *j != i);
                let mut squares: Vec<f64> = others.map(|(_, other)| square(row, other)).collect();
                squares.sort_by(f64::total_cmp);
                squares[k - 1]
            };
            set.rows().enumerate().map(radius).collect()
        };
        let (third, fifth, own) = (radii(real, 3), radii(real, 5), radii(generated, 3));
        let balls = |row: &[f64]| real.rows().zip(&fifth).filter(|(x, r)| square(row, x) < **r).count();
        let precise = |row: &&[f64]| real.rows().zip(&third).any(|(x, r)| square(row, x) <= *r);
        let recalled = |row: &&[f64]| generated.rows().zip(&own).any(|(x, r)| square(row, x) <= *r);
        let covered = |(row, r): &(&[f64], &f64)| generated.rows().any(|x| square(row, x) < **r);
        let (n, m) = (real.count() as f64, generated.count() as f64);
        NeighbourScores {
            precision: generated.rows().filter(precise).count() as f64 / m,
            recall: real.rows().filter(recalled).count() as f64 / n,
            density: generated.rows().map(balls).sum::<usize>() as f64 / (5.0 * m),
            coverage: real.rows().zip(&fifth).filter(covered).count() as f64 / n,
        }
    }

    #[test]
    fn scores_are_those_of_the_definitions() {
        for (size, offset) in [(1, 0.0), (3, 1e5), (20, 30.0)] {
            // Values on a grid, so that rows are equal and distances equal a radius.
            let grid = |v: f64| (v * 4.0).round() / 4.0 + offset;
            let real = changed(&cloud(310, size, 1), |v, _, _| grid(v));
            let generated = changed(&cloud(270, size, 2), |v, _, column| grid(0.7 * v + (column % 2) as f64));
            assert_eq!(scores(&real, &generated), slow(&real, &generated));
            assert_eq!(scores(&generated, &real), slow(&generated, &real));
        }
    }

    #[test]
    fn equal_sets_are_precise_and_covered() {
        for offset in [0.0, 1e6] {
            let set = changed(&cloud(600, 6, 3), |v, _, _| v + offset);
            let found = scores(&set, &stirred(&set));
            assert_eq!([found.precision, found.recall, found.coverage], [1.0; 3]);
            assert_eq!(found.density, slow(&set, &set).density);
        }
    }

    #[test]
    fn equal_rows_have_balls_without_an_inside() {
        let set = cloud(4, 3, 4).select(&(0..24).map(|row| row % 4).collect::<Vec<_>>());
        let found = scores(&set, &set);
        assert_eq!([found.precision, found.recall, found.density, found.coverage], [1.0, 1.0, 0.0, 0.0]);
        let away = changed(&set, |v, _, _| v + 1e-9);
        assert_eq!([scores(&set, &away).precision, scores(&set, &away).recall], [0.0; 2]);
    }

    /// Metric 1 of both papers in one dimension: real rows are 0 to 9.
    #[test]
    fn precision_and_recall_tell_bad_samples_from_missing_ones() {
        let line = |values: &[f64]| Features::new(values.to_vec(), 1);
        let real = line(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
        // Good but of one kind: within 4 ± 0.3, where the balls reach from 4 - 0.6 to 4 + 0.6.
        let narrow = scores(&real, &line(&[3.7, 3.8, 3.9, 4.0, 4.1, 4.2, 4.3]));
        assert_eq!([narrow.precision, narrow.recall], [1.0, 0.1]);
        // All kinds, and as many far away.
        let wide: Vec<f64> = (0..10).flat_map(|i| [f64::from(i) + 0.1, 1e3 + f64::from(i)]).collect();
        let wide = scores(&real, &line(&wide));
        assert_eq!([wide.precision, wide.recall, wide.coverage], [0.5, 1.0, 1.0]);
    }

    #[test]
    fn bad_samples_are_recognised() {
        let (real, fair) = (modes(400, 4, 5), modes(400, 4, 6));
        let found = scores(&real, &fair);
        assert!(found.precision > 0.7 && found.recall > 0.7 && found.coverage > 0.9, "{found:?}");
        assert!((found.density - 1.0).abs() < 0.15, "{found:?}");
        let [shifted, one, few] = bad(&fair).map(|bad| scores(&real, &bad));
        assert!(shifted.precision < 0.05 && shifted.coverage < 0.05 && shifted.density < 0.05, "{shifted:?}");
        assert!(one.precision > 0.7 && one.recall < 0.6 && one.coverage < 0.6, "{one:?}");
        assert!(few.recall < 0.05 && few.coverage < 0.1, "{few:?}");
    }

    fn nearest_others(of: &Features) -> Vec<(usize, f64)> {
        Manifold::of(of.clone()).nearest_others().to_vec()
    }

    #[test]
    fn the_nearest_row_is_found_with_its_exact_distance() {
        let among = changed(&cloud(700, 9, 7), |value, _, _| value + 1e4);
        let of = among.select(&[600, 3, 3, 699]);
        assert_eq!(nearest(&of, &among), [(600, 0.0), (3, 0.0), (3, 0.0), (699, 0.0)]);
        assert_eq!(nearest_others(&of)[1..3], [(2, 0.0), (1, 0.0)]);
        let of = changed(&cloud(300, 9, 8), |value, _, _| value + 1e4);
        for (row, found) in of.rows().zip(nearest(&of, &among)) {
            let least = among.rows().map(|other| square(row, other)).fold(f64::INFINITY, f64::min);
            assert_eq!((found.1, square(row, among.row(found.0))), (least.sqrt(), least));
        }
    }

    #[test]
    fn what_has_no_neighbours_has_no_scores() {
        let fair = cloud(20, 4, 11);
        let broken = broken(&fair);
        for other in [&broken, &fair.first(3), &fair.first(0), &cloud(20, 3, 9)] {
            let found = scores(&fair, other);
            assert!([found.precision, found.recall, found.density, found.coverage].iter().all(|score| score.is_nan()));
        }
        // Four rows have a third neighbour: the balls of 0 and 10 reach across.
        let four = Features::new(vec![0.0, 1.0, 2.0, 10.0], 1);
        let found = scores(&four, &Features::new(vec![5.1, 5.2, 5.3, 5.4, 5.5, 5.6], 1));
        assert!(found.precision == 1.0 && found.recall == 0.0 && found.density.is_nan());
        let nothing = (0, f64::INFINITY);
        assert_eq!(nearest(&broken, &broken)[2..5], [(2, 0.0), nothing, (4, 0.0)]);
        assert_eq!([nearest(&fair.first(1), &fair.first(0)), nearest_others(&fair.first(1))], [[nothing]; 2]);
    }
}
