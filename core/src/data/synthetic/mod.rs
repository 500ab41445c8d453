//! Data sets that the trainer draws itself: `synthetic-digits` and `synthetic-clothing`.
//!
//! They have the size, the ten classes and the look of MNIST and Fashion-MNIST, but need no
//! download: an image is drawn from its seed and its number whenever it is needed. Only exactly
//! rounded arithmetic and `libm` take part, so every platform draws the same bytes.

mod clothing;
mod digits;
mod path;
mod raster;

use crate::noise::Noise;

/// Width and height of every drawn image, in pixels.
pub(crate) const SIDE: usize = super::SIDE;

const CLASSES: u64 = 10;

/// Which set an image belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawing {
    /// Handwritten digits; the label is the digit.
    Digits,
    /// Garments, shoes and bags; the labels are those of Fashion-MNIST.
    Clothing,
}

/// Draws image number `index` of `set` and returns its label and its pixels, row by row.
///
/// The label is `index % 10`; pixels are 0 for the background to 255 for full ink. The image
/// depends on `seed` and `index` alone.
pub fn draw(set: Drawing, seed: u64, index: u64) -> (u8, [u8; SIDE * SIDE]) {
    // The two sets draw from opposite halves of the streams, so one seed never couples them.
    let stream = match set {
        Drawing::Digits => index,
        Drawing::Clothing => !index,
    };
    let mut noise = Noise::new(seed, stream);
    let class = (index % CLASSES) as u8;
    let canvas = match set {
        Drawing::Digits => digits::draw(class, &mut noise),
        Drawing::Clothing => clothing::draw(class, &mut noise),
    };
    (class, canvas.bytes())
}

/// Draws images `first..first + count`: their pixels, one image after another, and their labels.
pub fn draw_many(set: Drawing, seed: u64, first: u64, count: usize) -> (Vec<u8>, Vec<u8>) {
    let mut pixels = Vec::with_capacity(count * SIDE * SIDE);
    let mut labels = Vec::with_capacity(count);
    for index in (first..).take(count) {
        let (label, image) = draw(set, seed, index);
        pixels.extend_from_slice(&image);
        labels.push(label);
    }
    (pixels, labels)
}

fn between(noise: &mut Noise, low: f32, high: f32) -> f32 {
    low + (high - low) * noise.uniform()
}

fn chance(noise: &mut Noise, probability: f32) -> bool {
    noise.uniform() < probability
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETS: [Drawing; 2] = [Drawing::Digits, Drawing::Clothing];

    #[test]
    fn the_same_seed_and_index_draw_the_same_bytes() {
        for set in SETS {
            assert_eq!(draw(set, 3, 14), draw(set, 3, 14));
        }
    }

    #[test]
    fn another_index_or_seed_draws_another_image() {
        for set in SETS {
            let (_, image) = draw(set, 3, 14);
            assert_ne!(image, draw(set, 3, 24).1);
            assert_ne!(image, draw(set, 4, 14).1);
        }
    }

    #[test]
    fn labels_cycle_through_the_ten_classes() {
        for set in SETS {
            let (_, labels) = draw_many(set, 0, 7, 13);
            assert_eq!(labels, [7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        }
    }

    #[test]
    fn many_images_are_the_single_images_in_order() {
        for set in SETS {
            let (pixels, _) = draw_many(set, 5, 2, 3);
            let singly: Vec<u8> = (2..5).flat_map(|index| draw(set, 5, index).1).collect();
            assert_eq!(pixels, singly);
        }
    }

    #[test]
    fn every_image_has_ink_and_none_is_cut_off_at_the_border() {
        for set in SETS {
            for index in 0..300 {
                let (label, image) = draw(set, 1, index);
                let ink: u32 = image.iter().map(|&pixel| u32::from(pixel)).sum();
                assert!(ink > 12 * 255, "image {index} of class {label} is nearly empty");
                let border = (0..SIDE)
                    .flat_map(|i| [(0, i), (SIDE - 1, i), (i, 0), (i, SIDE - 1)])
                    .map(|(row, column)| image[row * SIDE + column])
                    .max();
                assert!(border < Some(128), "image {index} of class {label} is cut off");
            }
        }
    }

    #[test]
    fn classes_are_distinct_but_not_trivially_so() {
        const TRAIN: usize = 500;
        const TEST: usize = 200;
        for set in SETS {
            let (pixels, labels) = draw_many(set, 2, 0, TRAIN + TEST);
            let images: Vec<&[u8]> = pixels.chunks_exact(SIDE * SIDE).collect();

            let mut means = [[0.0f32; SIDE * SIDE]; CLASSES as usize];
            for (image, &label) in images.iter().zip(&labels).take(TRAIN) {
                for (mean, &pixel) in means[usize::from(label)].iter_mut().zip(*image) {
                    *mean += f32::from(pixel) * CLASSES as f32 / TRAIN as f32;
                }
            }

            let distance = |mean: &[f32], image: &[u8]| -> f32 {
                let squares = mean.iter().zip(image).map(|(m, &p)| (m - f32::from(p)) * (m - f32::from(p)));
                squares.sum()
            };
            let right = (TRAIN..TRAIN + TEST)
                .filter(|&i| {
                    let to = |class: usize| distance(&means[class], images[i]);
                    let nearest = (0..means.len()).min_by(|&a, &b| to(a).total_cmp(&to(b)));
                    nearest == Some(usize::from(labels[i]))
                })
                .count();
            assert!((TEST / 2..TEST * 19 / 20).contains(&right), "{set:?}: {right} of {TEST}");
        }
    }
}
