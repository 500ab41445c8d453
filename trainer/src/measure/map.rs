//! What the page lays over a latent space: the latents of test images, and some of those images to begin from.

use std::iter;

use anyhow::{Context, Result};
use burn::tensor::{Device, read_sync};
use imago_core::inference::Encoder;

use super::Pixels;
use crate::data::Images;
use crate::report::{png_grid, png_rows};
use imago_core::data::encode;

/// The most test images whose latents are kept.
const POINTS: usize = 2_000;
/// What the numbers of a code are kept in.
const UNITS: f32 = 2048.0;
/// Images in a row of the image.
const COLUMNS: usize = 10;
/// The most rows of it.
const ROWS: usize = 6;

/// The class of each of the first test images, a byte, and its code, little-endian 16-bit numbers in units of 1/2048.
pub fn latents(test: &Images, encoder: &Encoder, latent: usize, device: &Device) -> Result<Vec<u8>> {
    let (means, _) = read_sync(encode(test, POINTS, encoder, device))?;
    let record = |(label, code): (&u8, &[f32])| -> Vec<u8> {
        // Saturates.
        let numbers = code.iter().flat_map(|value| ((value * UNITS).round() as i16).to_le_bytes());
        iter::once(*label).chain(numbers).collect()
    };
    Ok(test.labels().iter().zip(means.chunks_exact(latent.max(1))).flat_map(record).collect())
}

/// An image of the first of those images, row by row, image at image without gaps.
///
/// # Errors
/// It cannot be packed.
pub fn image(test: &Images) -> Result<Vec<u8>> {
    let [channels, height, width] = test.shape();
    let rows = (test.count() / COLUMNS).min(ROWS);
    let grid = |row: usize| {
        let indices: Vec<usize> = (row * COLUMNS..(row + 1) * COLUMNS).collect();
        png_grid(&Pixels::of(test, &indices).numbers(0..COLUMNS), [channels, height, width], COLUMNS, 1)
    };
    let grids = (0..rows).map(grid).collect::<Result<Vec<_>>>()?;
    let (image, _) = png_rows(&grids, [height, width], 1).context("the image of test images")?;
    Ok(image)
}
