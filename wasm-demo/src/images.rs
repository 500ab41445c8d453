//! The images that a run learns, as the page gives them.

use image::{GrayImage, RgbaImage, imageops};
use imago_core::data::{IDX_FILES, Images, Split, checksums, split_files};
use imago_core::hash::sha256;
use imago_core::spec::{Data, Set};
use wasm_bindgen::prelude::*;

use crate::refusal;

/// The images of a published set or of the visitor's own files.
#[wasm_bindgen]
pub struct TrainingImages(Content);

enum Content {
    /// Decompressed IDX files.
    Idx([Vec<u8>; 4]),
    /// Images of `size` by `size` pixels with their labels.
    Files { channels: usize, size: usize, pixels: Vec<u8>, labels: Vec<u8> },
}

#[wasm_bindgen]
impl TrainingImages {
    /// The decompressed IDX files of a set: images and labels for training, then for testing.
    pub fn idx(images: Vec<u8>, labels: Vec<u8>, test_images: Vec<u8>, test_labels: Vec<u8>) -> TrainingImages {
        Self(Content::Idx([images, labels, test_images, test_labels]))
    }

    /// No images yet, of `size` by `size` pixels in 1 or 3 channels: see [`TrainingImages::add`].
    pub fn files(channels: usize, size: usize) -> TrainingImages {
        Self(Content::Files { channels, size, pixels: Vec::new(), labels: Vec::new() })
    }

    /// Adds an image from its pixels as red, green, blue and opacity, as `imago train` reads a
    /// file.
    ///
    /// # Errors
    /// A `RangeError` for pixels that are not such an image.
    pub fn add(&mut self, rgba: Vec<u8>, width: u32, height: u32, label: u8) -> Result<(), JsValue> {
        let Content::Files { channels, size, pixels, labels } = &mut self.0 else {
            return Err(refusal("IDX files have all images"));
        };
        let image = RgbaImage::from_raw(width, height, rgba).filter(|image| !image.is_empty());
        let Some(image) = image else { return Err(refusal("these are not the pixels of an image")) };
        let side = width.min(height);
        let image = imageops::crop_imm(&image, (width - side) / 2, (height - side) / 2, side, side).to_image();
        let to = *size as u32;
        let image = if side == to { image } else { imageops::resize(&image, to, to, imageops::FilterType::Triangle) };
        if *channels == 1 {
            pixels.extend(imageops::grayscale(&image).into_raw());
        } else {
            pixels.extend((0..3).flat_map(|channel| image.iter().skip(channel).step_by(4)));
        }
        labels.push(label);
        Ok(())
    }
}

impl TrainingImages {
    /// The images of a split.
    pub fn open(&self, data: &Data, split: Split) -> Result<Images, JsError> {
        match (&self.0, &data.set) {
            (Content::Idx(files), set) => {
                let Some(expected) = checksums(set) else {
                    return Err(JsError::new(&format!("{} has no IDX files", set.name())));
                };
                let pair = if split == Split::Test { 2..4 } else { 0..2 };
                for which in pair.clone() {
                    if sha256(&files[which]) != expected[which] {
                        let (file, set) = (IDX_FILES[which], set.name());
                        return Err(JsError::new(&format!(
                            "{file} is not that of {set}, or was changed: its SHA-256 differs"
                        )));
                    }
                }
                Ok(Images::from_idx(data, split, &files[pair.start], &files[pair.start + 1], resize)?)
            }
            (Content::Files { channels, size, pixels, labels }, Set::Folder(_)) => {
                if (*channels, *size) != (data.channels(), data.size) {
                    return Err(JsError::new("the images were scaled for another `size` or other `channels`"));
                }
                let [training, test] = split_files((0..labels.len()).collect());
                let indices = if split == Split::Test { test } else { training };
                let bytes = channels * size * size;
                let own = indices.iter().flat_map(|index| &pixels[index * bytes..][..bytes]).copied().collect();
                let labels = indices.iter().map(|index| labels[*index]).collect();
                Ok(Images::new(data, split, *size, own, labels, resize)?)
            }
            (Content::Files { .. }, set) => Err(JsError::new(&format!("the images of {} are not chosen", set.name()))),
        }
    }
}

/// Scales a plane with a triangle filter, as the native program does.
pub fn resize(plane: &[u8], from: usize, to: usize) -> Vec<u8> {
    let (from, to) = (from as u32, to as u32);
    match GrayImage::from_raw(from, from, plane.to_vec()) {
        Some(image) => imageops::resize(&image, to, to, imageops::FilterType::Triangle).into_raw(),
        None => plane.to_vec(),
    }
}
