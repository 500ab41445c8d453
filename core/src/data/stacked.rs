//! Stacked MNIST: three digits in the channels of one image, with a thousand modes.

use crate::noise::Noise;

use super::{SIDE, Split};

/// As in Srivastava et al., "VEEGAN: Reducing Mode Collapse in GANs using Implicit Variational
/// Learning" (2017), and Lin et al., "PacGAN: The power of two samples in generative adversarial
/// networks" (2018).
const TRAINING: usize = 128_000;
const TEST: usize = 26_000;
const DIGITS: usize = 3;
/// A part of the set, which does not depend on the seed of a run.
const SEED: u64 = 1_000;

/// At most `most` images of three random `digits`, `[images, 3, 28, 28]`, with labels of 0.
pub fn stack(digits: &[u8], split: Split, most: usize) -> (Vec<u8>, Vec<u8>) {
    let area = SIDE * SIDE;
    let (count, stream) = match split {
        Split::Training | Split::Validation => (TRAINING, 0),
        Split::Test => (TEST, 1),
    };
    let count = count.min(most);
    let available = u32::try_from(digits.len() / area).unwrap_or(u32::MAX);
    let mut noise = Noise::new(SEED, stream);
    let mut pixels = Vec::with_capacity(count * DIGITS * area);
    for _ in 0..count * DIGITS {
        let chosen = noise.below(available) as usize;
        pixels.extend_from_slice(&digits[chosen * area..(chosen + 1) * area]);
    }
    (pixels, vec![0; count])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_image_is_three_digits_and_all_combinations_occur() {
        let area = SIDE * SIDE;
        // Ten digits, each of one grey.
        let digits: Vec<u8> = (0..10).flat_map(|digit| vec![digit; area]).collect();
        let (pixels, labels) = stack(&digits, Split::Test, usize::MAX);
        assert_eq!((pixels.len(), labels.len()), (TEST * DIGITS * area, TEST));
        let mut counts = vec![0; 1_000];
        for image in pixels.chunks_exact(DIGITS * area) {
            let [a, b, c] = [0, 1, 2].map(|channel| usize::from(image[channel * area + 17]));
            counts[100 * a + 10 * b + c] += 1;
        }
        let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
        assert!(*least > 5 && *most < 60, "{least}, {most}");
        let few = stack(&digits, Split::Test, 7);
        assert_eq!(few.0, pixels[..7 * DIGITS * area], "the first ones are the same whatever their number is");
        assert_ne!(few.0, stack(&digits, Split::Training, 7).0);
    }
}
