//! The Inception Score of class probabilities.

use super::features::Features;

/// Between 1 (worst) and the number of classes (best).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InceptionScore {
    pub mean: f64,
    /// The population standard deviation of the splits.
    pub std: f64,
    pub splits: usize,
}

/// exp of the mean over x of KL(p(y | x) ‖ p(y)), where each row is p(y | x) for one image,
/// `[count, classes]`, and p(y) is the mean of the rows.
///
/// Salimans et al., "Improved Techniques for Training GANs" (2016). As in their code, split k has
/// rows ⌊k · count / splits⌋ to ⌊(k + 1) · count / splits⌋. NaN with fewer rows than splits.
pub fn inception_score(probabilities: &Features, splits: usize) -> InceptionScore {
    let size = probabilities.size();
    let begin = |split: usize| split * probabilities.count() / splits * size;
    let scores: Vec<f64> =
        (0..splits).map(|split| score(&probabilities.values()[begin(split)..begin(split + 1)], size)).collect();
    let n = splits as f64;
    let mean = scores.iter().sum::<f64>() / n;
    let variance = scores.iter().map(|score| (score - mean) * (score - mean)).sum::<f64>() / n;
    InceptionScore { mean, std: variance.sqrt(), splits }
}

fn score(values: &[f64], classes: usize) -> f64 {
    let rows = || values.chunks_exact(classes.max(1));
    let count = rows().len() as f64;
    let mut marginal = vec![0.0; classes];
    for row in rows() {
        marginal.iter_mut().zip(row).for_each(|(mean, p)| *mean += p / count);
    }
    // 0 · log 0 is 0. NaN is not 0 and stays.
    let term = |(p, mean): (&f64, &f64)| if *p == 0.0 { 0.0 } else { p * (libm::log(*p) - libm::log(*mean)) };
    libm::exp(rows().map(|row| row.iter().zip(&marginal).map(term).sum::<f64>()).sum::<f64>() / count)
}

#[cfg(test)]
mod tests {
    use super::super::features::examples::close;
    use super::*;

    /// One-hot predictions.
    fn certain(predicted: impl Iterator<Item = usize>, classes: usize) -> Features {
        let row = |class| (0..classes).map(move |column| f64::from(u8::from(column == class)));
        Features::new(predicted.flat_map(row).collect(), classes)
    }

    #[test]
    fn certain_predictions_score_the_number_of_classes() {
        for classes in [1, 5, 10] {
            let found = inception_score(&certain((0..100).map(|row| row % classes), 10), 5);
            close(found.mean, classes as f64);
            close(found.std, 0.0);
        }
    }

    #[test]
    fn predictions_that_are_all_the_same_score_1() {
        close(inception_score(&Features::new([0.2, 0.5, 0.3].repeat(30), 3), 3).mean, 1.0);
    }

    /// p(y) = [0.75, 0.25]: exp((log 4/3 + 0.5 log 2/3 + 0.5 log 2) / 2) = (4/3)^¾.
    #[test]
    fn a_tiny_score_is_that_by_hand() {
        let found = inception_score(&Features::new(vec![1.0, 0.0, 0.5, 0.5], 2), 1);
        close(found.mean, libm::pow(4.0 / 3.0, 0.75));
    }

    #[test]
    fn splits_are_rows_one_after_another_and_the_last_ones_are_the_longer_ones() {
        // The classes 0 and 1, then only 0.
        let found = inception_score(&certain([0, 1, 0, 0, 0].into_iter(), 2), 2);
        close(found.mean, 1.5);
        close(found.std, 0.5);
    }

    #[test]
    fn what_is_not_a_probability_has_no_score() {
        assert!(inception_score(&Features::new(vec![f64::NAN, 0.5, 0.5, 0.5], 2), 1).mean.is_nan());
        assert!([0, 3].iter().all(|splits| inception_score(&certain(0..2, 2), *splits).mean.is_nan()));
    }
}
