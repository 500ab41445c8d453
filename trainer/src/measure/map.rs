//! The page's latent map: latents of test images, and some of those images to start from.

use std::iter;

use anyhow::{Context, Result};
use burn::tensor::{Device, read_sync};
use imago_core::inference::Encoder;

use super::Pixels;
use crate::data::Images;
use crate::report::{png_grid, png_rows};
use imago_core::data::encode;

const POINTS: usize = 2_000;
/// The fixed-point scale of latent values.
const UNITS: f32 = 2048.0;
const COLUMNS: usize = 10;
const ROWS: usize = 6;

/// For each of the first test images its class, a byte, and its latent, little-endian 16-bit
/// integers in units of 1/2048.
pub fn latents(test: &Images, encoder: &Encoder, latent: usize, device: &Device) -> Result<Vec<u8>> {
    let (means, _) = read_sync(encode(test, POINTS, encoder, device))?;
    let record = |(label, latent): (&u8, &[f32])| -> Vec<u8> {
        // The cast saturates.
        let numbers = latent.iter().flat_map(|value| ((value * UNITS).round() as i16).to_le_bytes());
        iter::once(*label).chain(numbers).collect()
    };
    Ok(test.labels().iter().zip(means.chunks_exact(latent.max(1))).flat_map(record).collect())
}

/// A grid of the first of those images, without gaps.
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
