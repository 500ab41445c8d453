//! Statistics of a set.

use super::Images;

/// Counts and means of images with pixels in 0 to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics {
    /// Number of images of each class.
    pub counts: Vec<usize>,
    /// The mean image of each class; black without images.
    pub means: Vec<Vec<f32>>,
    /// Mean of all pixels.
    pub mean: f64,
    /// Standard deviation of all pixels.
    pub std: f64,
    /// The share of pixels that are 0.
    pub black: f64,
}

impl Statistics {
    /// The statistics of `images` with the range 0 to 1.
    pub fn of(images: &Images) -> Self {
        let area: usize = images.shape().iter().product();
        let mut counts = vec![0; images.classes().len()];
        let mut sums = vec![vec![0.0_f64; area]; images.classes().len()];
        let (mut sum, mut squares, mut black) = (0.0, 0.0, 0_usize);
        for index in 0..images.count() {
            let class = usize::from(images.labels()[index]);
            counts[class] += 1;
            for (place, pixel) in sums[class].iter_mut().zip(images.plain(&[index])) {
                let pixel = f64::from(pixel);
                *place += pixel;
                sum += pixel;
                squares += pixel * pixel;
                black += usize::from(pixel == 0.0);
            }
        }
        let pixels = (images.count() * area).max(1) as f64;
        let mean = sum / pixels;
        let means = sums.into_iter().zip(&counts);
        let means =
            means.map(|(sum, count)| sum.into_iter().map(|place| (place / (*count).max(1) as f64) as f32).collect());
        Self {
            means: means.collect(),
            counts,
            mean,
            std: (squares / pixels - mean * mean).max(0.0).sqrt(),
            black: black as f64 / pixels,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::spec::{Data, Set};

    use super::*;
    use crate::data::{SIDE, Split};

    #[test]
    fn counts_and_means_are_those_of_the_pixels() {
        let area = SIDE * SIDE;
        let pixels = [vec![255; area], vec![0; area], vec![51; area]].concat();
        let images =
            Images::new(&Data::new(Set::Mnist), Split::Training, SIDE, pixels, vec![3, 3, 7], |_, _, _| Vec::new())
                .unwrap();
        let statistics = Statistics::of(&images);
        assert_eq!(statistics.counts, [0, 0, 0, 2, 0, 0, 0, 1, 0, 0]);
        assert_eq!(statistics.means[3], vec![0.5; area]);
        assert_eq!(statistics.means[0], vec![0.0; area]);
        assert!((statistics.mean - 0.4).abs() < 1e-7);
        // √((1 + 0.04) / 3 − 0.16)
        assert!((statistics.std - 0.432_049).abs() < 1e-6);
        assert!((statistics.black - 1.0 / 3.0).abs() < 1e-12);
    }
}
