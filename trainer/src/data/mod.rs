//! The images that models learn from.

mod download;
mod idx;
mod published;
mod synthetic;

use std::path::Path;

use anyhow::{Context, Result, bail};
use imago_core::noise::Noise;
use imago_core::spec::{self, Set};
use published::Published;
use synthetic::Drawing;

/// Images to train on, all in memory.
pub struct Images {
    /// One byte a pixel, `[count, channels, height, width]`.
    pixels: Vec<u8>,
    shape: [usize; 3],
}

/// The seed of the drawn sets. They are data like any other, so it is not the run's.
const DRAWING_SEED: u64 = 20_230_613;
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
        let mut images = Self { pixels, shape: data.set.image() };
        if data.limit > 0 {
            images.pixels.truncate(data.limit.saturating_mul(images.area()));
        }
        if images.count() == 0 {
            bail!("the set {} holds no image", data.set.name());
        }
        Ok(images)
    }

    /// Number of images.
    pub fn count(&self) -> usize {
        self.pixels.len() / self.area()
    }

    /// Channels, height and width.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Those images as pixels in 0 to 1, one after another.
    pub fn gather(&self, indices: &[usize]) -> Vec<f32> {
        let area = self.area();
        let images = indices.iter().flat_map(|index| &self.pixels[index * area..(index + 1) * area]);
        images.map(|byte| f32::from(*byte) / 255.0).collect()
    }

    /// All indices in a random order.
    pub fn shuffled(&self, noise: &mut Noise) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.count()).collect();
        noise.shuffle(&mut order);
        order
    }

    fn area(&self) -> usize {
        self.shape.iter().product()
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
