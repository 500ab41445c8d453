//! Statistics of images that need no reference.

use rayon::prelude::*;

use super::features::{Features, square};

/// All pairs of at most this many rows are compared.
const ROWS: usize = 2000;
/// All pairs of at most this many rows of one class are compared.
const CLASS_ROWS: usize = 1000;

/// The sharpness of each image of shape `[channels, height, width]`: the variance of its Laplacian
/// (0 1 0; 1 -4 1; 0 1 0) without padding, averaged over the channels. Pech-Pacheco et al., "Diatom
/// Autofocusing in Brightfield Microscopy: A Comparative Study" (2000). NaN for images smaller than
/// 3 × 3.
pub fn sharpness(pixels: &[f32], [channels, height, width]: [usize; 3]) -> Vec<f64> {
    let (plane, channel_count) = (height * width, channels as f64);
    pixels
        .par_chunks_exact((channels * plane).max(1))
        .map(|image| {
            image.chunks_exact(plane.max(1)).map(|plane| laplacian_variance(plane, width)).sum::<f64>() / channel_count
        })
        .collect()
}

/// The variance of the Laplacian of one channel, `[height, width]`.
fn laplacian_variance(plane: &[f32], width: usize) -> f64 {
    let rows: Vec<&[f32]> = plane.chunks_exact(width.max(1)).collect();
    let laplacian = |rows: &[&[f32]], column: usize| {
        let at = |row: usize, column: usize| f64::from(rows[row][column]);
        at(0, column) + at(2, column) + at(1, column - 1) + at(1, column + 1) - 4.0 * at(1, column)
    };
    let values: Vec<f64> =
        rows.windows(3).flat_map(|rows| (1..width.saturating_sub(1)).map(move |x| laplacian(rows, x))).collect();
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count
}

/// The mean of |x - y| over all pairs of the first 2,000 rows. NaN for fewer than two.
pub fn diversity(features: &Features) -> f64 {
    let count = features.count().min(ROWS);
    let from = |i: usize| (i + 1..count).map(|j| square(features.row(i), features.row(j)).sqrt()).sum::<f64>();
    let sums: Vec<f64> = (0..count).into_par_iter().map(from).collect();
    sums.iter().sum::<f64>() / (count * count.saturating_sub(1) / 2) as f64
}

/// The [`diversity`] of the first 1,000 rows of each class; None for fewer than two. `predicted`
/// has the class of each row.
pub fn diversity_by_class(features: &Features, predicted: &[usize], classes: usize) -> Vec<Option<f64>> {
    let of_class = |class: usize| {
        let all = predicted.iter().take(features.count()).enumerate();
        let rows: Vec<usize> = all.filter(|(_, other)| **other == class).map(|(row, _)| row).take(CLASS_ROWS).collect();
        (rows.len() > 1).then(|| diversity(&features.select(&rows)))
    };
    (0..classes).map(of_class).collect()
}

#[cfg(test)]
mod tests {
    use super::super::features::examples::{changed, close, cloud};
    use super::*;

    #[test]
    fn a_flat_image_and_a_ramp_are_not_sharp() {
        let ramp: Vec<f32> = (0..20).map(|at| (at % 5) as f32).collect();
        assert_eq!(sharpness(&[vec![0.7; 20], ramp].concat(), [1, 4, 5]), [0.0, 0.0]);
    }

    /// The Laplacians are 0, 1, 0, 1, -4, 1, 0, 1, 0: the mean is 0 and the mean square 20 / 9.
    #[test]
    fn a_dot_is_as_sharp_as_by_hand() {
        let mut dot = vec![0.0; 25];
        dot[12] = 1.0;
        close(sharpness(&dot, [1, 5, 5])[0], 20.0 / 9.0);
        // The second channel is flat.
        dot.resize(50, 0.5);
        close(sharpness(&dot, [2, 5, 5])[0], 10.0 / 9.0);
    }

    #[test]
    fn a_blur_makes_images_less_sharp() {
        let image: Vec<f32> = cloud(16, 16, 1).values().iter().map(|v| *v as f32).collect();
        let near = |at: usize| [at, (at + 1) % 256, (at + 16) % 256, (at + 17) % 256];
        let blurred: Vec<f32> = (0..256).map(|at| near(at).iter().map(|i| image[*i]).sum::<f32>() / 4.0).collect();
        let found = sharpness(&[image, blurred].concat(), [1, 16, 16]);
        assert!(found[1] < 0.2 * found[0], "{found:?}");
    }

    #[test]
    fn an_image_without_an_inside_has_no_sharpness() {
        assert!(sharpness(&[1.0; 8], [1, 2, 2]).iter().all(|value| value.is_nan()));
        assert_eq!(sharpness(&[], [3, 8, 8]).len() + sharpness(&[], [0, 0, 0]).len(), 0);
        assert!(sharpness(&[1.0; 6], [1, 6, 1])[0].is_nan());
    }

    /// The sides of a triangle are 3, 4 and 5.
    #[test]
    fn diversity_is_the_mean_distance_of_pairs() {
        let corners = Features::new(vec![0.0, 0.0, 3.0, 0.0, 3.0, 4.0], 2);
        assert_eq!(diversity(&corners), 4.0);
        assert_eq!(diversity(&corners.select(&[1; 9])), 0.0);
        assert!(diversity(&corners.first(1)).is_nan() && diversity(&corners.first(0)).is_nan());
    }

    #[test]
    fn diversity_looks_at_the_first_rows_of_many() {
        let many = changed(&cloud(2001, 1, 2), |value, row, _| if row == 2000 { 1e9 } else { value });
        assert_eq!(diversity(&many), diversity(&many.first(2000)));
        // 2 / √π for a normal distribution.
        assert!((diversity(&many) - std::f64::consts::FRAC_2_SQRT_PI).abs() < 0.05);
    }

    #[test]
    fn each_class_has_its_diversity() {
        let features = Features::new(vec![0.0, 10.0, 2.0, 14.0, 5.0], 1);
        assert_eq!(diversity_by_class(&features, &[0, 1, 0, 1, 3], 4), [Some(2.0), Some(4.0), None, None]);
    }
}
