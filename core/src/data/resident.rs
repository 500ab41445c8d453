//! Training images that stay on a GPU, so that a step sends only their indices.

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::data::Images;

/// The largest binding in bytes that every driver supports; larger sets are sent batch by batch.
const MOST: usize = 128 << 20;
const PACKED: usize = 4;

/// All images of a set on a device, one byte per pixel.
pub struct Resident {
    /// Four pixels each, the first in the lowest byte: `[count, words]`.
    words: Tensor<2, Int>,
    shape: [usize; 3],
    range: [f32; 2],
}

impl Resident {
    /// Whether this program may keep images on a device; a page that trains on the CPU need not
    /// contain what that takes.
    pub const SUPPORTED: bool = !cfg!(all(target_arch = "wasm32", feature = "flex"));

    /// Sends all images to `device`, if they are used as stored and not too many.
    pub fn new(images: &Images, device: &Device) -> Option<Self> {
        let shape = images.shape();
        let width = shape.iter().product::<usize>();
        let words = width.div_ceil(PACKED);
        let bytes = images.as_stored().filter(|_| images.count() * words * PACKED <= MOST)?;
        let pack = |pixels: &[u8]| {
            let mut word = [0; PACKED];
            word[..pixels.len()].copy_from_slice(pixels);
            i32::from_le_bytes(word)
        };
        let packed: Vec<i32> = bytes.chunks_exact(width).flat_map(|image| image.chunks(PACKED).map(pack)).collect();
        let words = Tensor::from_data(TensorData::new(packed, [images.count(), words]), device);
        Some(Self { words, shape, range: <[f64; 2]>::from(images.range()).map(|end| end as f32) })
    }

    /// Images in the range of the data: `[batch, channels, height, width]`.
    pub fn gather(&self, indices: &[usize], device: &Device) -> Tensor<4> {
        let numbers: Vec<i32> = indices.iter().map(|index| *index as i32).collect();
        let numbers = Tensor::<1, Int>::from_data(TensorData::new(numbers, [indices.len()]), device);
        let words = self.words.clone().select(0, numbers);
        let bytes: Vec<Tensor<3, Int>> = (0..PACKED as i32)
            .map(|byte| words.clone().bitwise_right_shift_scalar(8 * byte).bitwise_and_scalar(255).unsqueeze_dim(2))
            .collect();
        let [channels, height, width] = self.shape;
        let [batch, row] = [indices.len(), channels * height * width];
        let pixels = Tensor::cat(bytes, 2).reshape([batch as i32, -1]).narrow(1, 0, row).float();
        let [low, high] = self.range;
        (pixels / 255.0 * (high - low) + low).reshape([batch, channels, height, width])
    }
}

#[cfg(test)]
mod tests {
    use crate::spec::{Data, PixelRange, Set};

    use super::*;
    use crate::data::Split;

    #[test]
    fn images_from_the_device_are_those_of_the_host() {
        for range in [PixelRange::Unit, PixelRange::Signed] {
            let data = Data { limit: 7, range, ..Data::new(Set::SyntheticDigits) };
            let images = Images::synthetic(&data, Split::Training, |_, _, _| Vec::new()).unwrap().unwrap();
            let device = Device::flex();
            let resident = Resident::new(&images, &device).unwrap();
            let found = resident.gather(&[3, 0, 3, 6], &device).into_data();
            assert_eq!(found.shape().to_vec(), [4, 1, 28, 28]);
            for (found, expected) in found.iter::<f32>().zip(images.plain(&[3, 0, 3, 6])) {
                assert!((found - expected).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn images_that_are_scaled_or_changed_at_random_stay_with_the_host() {
        let data = Data { limit: 3, ..Data::new(Set::SyntheticDigits) };
        let open = |data: &Data| Images::synthetic(data, Split::Training, |_, _, _| Vec::new()).unwrap().unwrap();
        let augment = crate::spec::Augment { shift: 2.0, ..Default::default() };
        for data in [Data { size: 32, ..data.clone() }, Data { augment, ..data }] {
            assert!(Resident::new(&open(&data), &Device::flex()).is_none());
        }
    }
}
