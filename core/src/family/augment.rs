//! Differentiable augmentation of real and generated images.

use burn::tensor::{Tensor, TensorData};

use super::Augmentation;
use crate::noise::Noise;

/// Changes each of `images`, `[batch, channels, height, width]`, at random.
///
/// Zhao et al., "Differentiable Augmentation for Data-Efficient GAN Training" (2020), with its
/// sizes. The discriminator cannot memorise the real images, and as gradients pass through the
/// changes, the generator does not reproduce them.
pub(crate) fn apply(changes: &[Augmentation], images: Tensor<4>, noise: &mut Noise) -> Tensor<4> {
    changes.iter().fold(images, |images, change| match change {
        Augmentation::Translate => translate(images, noise),
        Augmentation::Cutout => cutout(images, noise),
        Augmentation::Brightness => {
            let shift = per_image(&images, || noise.uniform() - 0.5);
            images + shift
        }
        Augmentation::Contrast => {
            let factor = per_image(&images, || noise.uniform() + 0.5);
            let [batch, channels, height, width] = images.dims();
            let mean = images.clone().reshape([batch, channels * height * width]).mean_dim(1).reshape([batch, 1, 1, 1]);
            (images - mean.clone()) * factor + mean
        }
    })
}

/// One number for each image, `[batch, 1, 1, 1]`.
fn per_image(images: &Tensor<4>, mut draw: impl FnMut() -> f32) -> Tensor<4> {
    let batch = images.dims()[0];
    let numbers: Vec<f32> = (0..batch).map(|_| draw()).collect();
    Tensor::from_data(TensorData::new(numbers, [batch, 1, 1, 1]), &images.device())
}

fn offset(most: usize, noise: &mut Noise) -> isize {
    noise.below(2 * most as u32 + 1) as isize - most as isize
}

/// Moves every image by whole pixels, up to an eighth of its sides, padded with 0.
///
/// A product with shifted identity matrices, differentiable and fast on every device.
fn translate(images: Tensor<4>, noise: &mut Noise) -> Tensor<4> {
    let [batch, _, height, width] = images.dims();
    let (mut rows, mut columns) = (vec![0.0_f32; batch * height * height], vec![0.0_f32; batch * width * width]);
    for image in 0..batch {
        for (side, matrix) in [(height, &mut rows), (width, &mut columns)] {
            let by = offset(side / 8, noise);
            for to in 0..side {
                if let Some(from) = to.checked_add_signed(-by).filter(|from| *from < side) {
                    matrix[(image * side + to) * side + from] = 1.0;
                }
            }
        }
    }
    let matrix = |values: Vec<f32>, side: usize| {
        Tensor::<4>::from_data(TensorData::new(values, [batch, 1, side, side]), &images.device())
    };
    let (rows, columns) = (matrix(rows, height), matrix(columns, width));
    rows.matmul(images).matmul(columns.swap_dims(2, 3))
}

/// Zeros a rectangle half as high and wide as the image around a random pixel of each.
fn cutout(images: Tensor<4>, noise: &mut Noise) -> Tensor<4> {
    let [batch, _, height, width] = images.dims();
    let mut mask = vec![1.0_f32; batch * height * width];
    for image in 0..batch {
        let [top, left] = [height, width].map(|side| {
            let centre = noise.below(side as u32) as usize;
            (centre.saturating_sub(side / 4), (centre + side.div_ceil(4)).min(side))
        });
        for row in top.0..top.1 {
            let start = (image * height + row) * width;
            mask[start + left.0..start + left.1].fill(0.0);
        }
    }
    let mask = Tensor::from_data(TensorData::new(mask, [batch, 1, height, width]), &images.device());
    images * mask
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::tensor::Device;

    use super::*;

    fn ramp(device: &Device) -> Tensor<4> {
        let values: Vec<f32> = (1..=2 * 64).map(|value| value as f32).collect();
        Tensor::from_data(TensorData::new(values, [2, 1, 8, 8]), device)
    }

    fn values(images: Tensor<4>) -> Vec<f32> {
        images.into_data().iter().collect()
    }

    #[test]
    fn a_translation_moves_whole_images_by_at_most_an_eighth() {
        let device = Device::flex();
        for seed in 0..20 {
            let moved = values(apply(&[Augmentation::Translate], ramp(&device), &mut Noise::new(seed, 0)));
            for (number, image) in moved.chunks(64).enumerate() {
                let fits = |down: isize, right: isize| {
                    (0..64).all(|at: isize| {
                        let (row, column) = (at / 8 - down, at % 8 - right);
                        let inside = (0..8).contains(&row) && (0..8).contains(&column);
                        let expected = if inside { (number * 64) as f32 + (row * 8 + column + 1) as f32 } else { 0.0 };
                        image[at as usize] == expected
                    })
                };
                assert!((-1..=1).any(|down| (-1..=1).any(|right| fits(down, right))), "{image:?}");
            }
        }
    }

    #[test]
    fn a_cutout_is_at_most_half_as_high_and_wide_as_the_image() {
        let device = Device::flex();
        for seed in 0..20 {
            let cut = values(apply(&[Augmentation::Cutout], ramp(&device), &mut Noise::new(seed, 0)));
            for image in cut.chunks(64) {
                let gone = image.iter().filter(|value| **value == 0.0).count();
                assert!((4..=16).contains(&gone), "{gone} of 64 pixels are gone");
            }
        }
    }

    #[test]
    fn brightness_shifts_and_contrast_keeps_the_mean() {
        let device = Device::flex();
        let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
        let before = values(ramp(&device));
        let bright = values(apply(&[Augmentation::Brightness], ramp(&device), &mut Noise::new(1, 0)));
        let shift = bright[0] - before[0];
        assert!(shift.abs() <= 0.5 && shift != 0.0);
        assert!(bright[..64].iter().zip(&before).all(|(after, before)| (after - before - shift).abs() < 1e-5));
        let contrast = values(apply(&[Augmentation::Contrast], ramp(&device), &mut Noise::new(1, 0)));
        assert!((mean(&contrast[..64]) - mean(&before[..64])).abs() < 1e-4);
        assert_ne!(contrast, before);
    }

    #[test]
    fn gradients_pass_every_change() {
        let device = Device::flex().autodiff();
        let gradient = |change: Augmentation| {
            let images = ramp(&device).require_grad();
            let changed = apply(&[change], images.clone(), &mut Noise::new(2, 0));
            let slopes = images.grad(&changed.clone().sum().backward()).unwrap();
            (values(changed), values(slopes))
        };
        // The sum grows with every pixel, whatever its brightness and contrast.
        for change in [Augmentation::Brightness, Augmentation::Contrast] {
            assert!(gradient(change).1.iter().all(|slope| (slope - 1.0).abs() < 1e-4), "{change:?}");
        }
        // It grows with the pixels that can still be seen; no two of the ramp are alike.
        for change in [Augmentation::Translate, Augmentation::Cutout] {
            let (changed, slopes) = gradient(change);
            for (slope, pixel) in slopes.into_iter().zip(values(ramp(&device))) {
                assert_eq!(slope, f32::from(u8::from(changed.contains(&pixel))), "{change:?}: {pixel}");
            }
        }
    }
}
