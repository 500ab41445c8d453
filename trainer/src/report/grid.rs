//! Many small images as one picture.

use std::io::Cursor;

use anyhow::{Context, Result};
use image::{DynamicImage, ImageFormat, RgbImage, imageops};

/// Pixels between two images.
const GAP: usize = 2;

/// A PNG of the images in `pixels` (`[count, channels, height, width]` in 0 to 1, one or three channels), row by row in
/// `columns` columns, every pixel enlarged `scale` times.
pub fn png_grid(pixels: &[f32], [channels, height, width]: [usize; 3], columns: usize, scale: u32) -> Result<Vec<u8>> {
    let area = height * width;
    let count = pixels.len() / (channels * area).max(1);
    let columns = columns.clamp(1, count.max(1));
    let rows = count.div_ceil(columns);
    let side = |images: usize, pixels: usize| u32::try_from(images * (pixels + GAP) + GAP);
    let (full_width, full_height) = (side(columns, width)?, side(rows, height)?);
    let mut picture = RgbImage::from_pixel(full_width, full_height, image::Rgb([24; 3]));
    for (index, image) in pixels.chunks_exact(channels * area).enumerate() {
        let (left, top) = (index % columns * (width + GAP) + GAP, index / columns * (height + GAP) + GAP);
        for at in 0..area {
            let level =
                |channel: usize| (image[channel.min(channels - 1) * area + at].clamp(0.0, 1.0) * 255.0).round() as u8;
            // All positions lie within the sides that were just converted.
            picture.put_pixel((left + at % width) as u32, (top + at / width) as u32, image::Rgb([0, 1, 2].map(level)));
        }
    }
    let enlarged = imageops::resize(&picture, full_width * scale, full_height * scale, imageops::FilterType::Nearest);
    let mut png = Cursor::new(Vec::new());
    let picture = match channels {
        1 => DynamicImage::ImageLuma8(DynamicImage::ImageRgb8(enlarged).into_luma8()),
        _ => DynamicImage::ImageRgb8(enlarged),
    };
    picture.write_to(&mut png, ImageFormat::Png).context("cannot encode a PNG")?;
    Ok(png.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_stand_row_by_row_with_a_gap_between() {
        let png = png_grid(&[0.0, 0.5, 1.0], [1, 1, 1], 2, 1).unwrap();
        let picture = image::load_from_memory(&png).unwrap().into_luma8();
        assert_eq!(picture.dimensions(), (2 * 3 + 2, 2 * 3 + 2));
        assert_eq!([(2, 2), (5, 2), (2, 5), (5, 5)].map(|(x, y)| picture.get_pixel(x, y).0[0]), [0, 128, 255, 24]);
    }
}
