//! The images that models learn from.

mod download;
mod idx;
mod published;
mod synthetic;

use std::path::Path;

use anyhow::{Context, Result, bail};
use image::{GrayImage, imageops};
use imago_core::noise::Noise;
use imago_core::spec::{self, Range, Set};
use published::Published;
use synthetic::Drawing;

/// Images to train on, all in memory.
pub struct Images {
    /// One byte a pixel, `[count, 28, 28]`.
    pixels: Vec<u8>,
    /// Height and width that the images are scaled to.
    size: usize,
    range: Range,
}

/// The seed of the drawn sets. They are data like any other, so it is not the run's.
const DRAWING_SEED: u64 = 20_230_613;
/// Height and width of the images of all sets.
const SIDE: usize = 28;
/// How many images are drawn for training.
const DRAWN: usize = 10_000;

impl Images {
    /// The training images of a set: read, fetched or drawn.
    pub fn training(data: &spec::Data, data_dir: Option<&Path>) -> Result<Self> {
        let pixels = match data.set {
            Set::Mnist => published(Published::Mnist, data_dir)?,
            Set::FashionMnist => published(Published::FashionMnist, data_dir)?,
            Set::SyntheticDigits => synthetic::draw_many(Drawing::Digits, DRAWING_SEED, 0, DRAWN).0,
            Set::SyntheticClothing => synthetic::draw_many(Drawing::Clothing, DRAWING_SEED, 0, DRAWN).0,
        };
        let mut images = Self { pixels, size: data.size, range: data.range };
        if data.limit > 0 {
            images.pixels.truncate(data.limit.saturating_mul(SIDE * SIDE));
        }
        if images.count() == 0 {
            bail!("the set {} holds no image", data.set.name());
        }
        Ok(images)
    }

    /// Number of images.
    pub fn count(&self) -> usize {
        self.pixels.len() / (SIDE * SIDE)
    }

    /// Channels, height and width.
    pub fn shape(&self) -> [usize; 3] {
        [1, self.size, self.size]
    }

    /// Those images as pixels in the range of the data, one after another.
    pub fn gather(&self, indices: &[usize]) -> Vec<f32> {
        let area = SIDE * SIDE;
        let images = indices.iter().map(|index| &self.pixels[index * area..(index + 1) * area]);
        let images = images.flat_map(|pixels| scaled(pixels, self.size));
        let [low, high] = <[f64; 2]>::from(self.range).map(|end| end as f32);
        images.map(|byte| f32::from(byte) / 255.0 * (high - low) + low).collect()
    }

    /// All indices in a random order.
    pub fn shuffled(&self, noise: &mut Noise) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.count()).collect();
        noise.shuffle(&mut order);
        order
    }
}

/// An image of 28 by 28 pixels scaled to `size` by `size`, with a triangle as filter: bilinear where it becomes larger, a mean of
/// what a pixel covers where it becomes smaller.
fn scaled(pixels: &[u8], size: usize) -> Vec<u8> {
    match GrayImage::from_raw(SIDE as u32, SIDE as u32, pixels.to_vec()) {
        Some(image) if size != SIDE => {
            imageops::resize(&image, size as u32, size as u32, imageops::FilterType::Triangle).into_raw()
        }
        _ => pixels.to_vec(),
    }
}

fn published(set: Published, data_dir: Option<&Path>) -> Result<Vec<u8>> {
    let contents = published::open(set, data_dir)?;
    let images = idx::images(&contents.train_images).with_context(|| format!("the images of {}", set.folder()))?;
    let labels = idx::labels(&contents.train_labels).with_context(|| format!("the labels of {}", set.folder()))?;
    if labels.len() != images.count {
        bail!("{} has {} images and {} labels", set.folder(), images.count, labels.len());
    }
    Ok(images.pixels)
}
