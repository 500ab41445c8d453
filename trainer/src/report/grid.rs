//! Grids of images.

use std::io::Cursor;

use anyhow::{Context, Result, ensure};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{DynamicImage, ImageFormat, RgbImage, imageops};

const GAP: usize = 2;

/// A PNG of images (`[count, channels, height, width]` from 0 to 1, one or three channels) in
/// `columns` columns, with every pixel enlarged `scale` times.
pub fn png_grid(pixels: &[f32], [channels, height, width]: [usize; 3], columns: usize, scale: u32) -> Result<Vec<u8>> {
    let area = height * width;
    let count = pixels.len() / (channels * area).max(1);
    let columns = columns.clamp(1, count.max(1));
    let rows = count.div_ceil(columns);
    let side = |images: usize, pixels: usize| u32::try_from(images * (pixels + GAP) + GAP);
    let (full_width, full_height) = (side(columns, width)?, side(rows, height)?);
    let mut canvas = RgbImage::from_pixel(full_width, full_height, image::Rgb([24; 3]));
    for (index, image) in pixels.chunks_exact(channels * area).enumerate() {
        let (left, top) = (index % columns * (width + GAP) + GAP, index / columns * (height + GAP) + GAP);
        for at in 0..area {
            let level =
                |channel: usize| (image[channel.min(channels - 1) * area + at].clamp(0.0, 1.0) * 255.0).round() as u8;
            // All positions lie within the sides just converted.
            canvas.put_pixel((left + at % width) as u32, (top + at / width) as u32, image::Rgb([0, 1, 2].map(level)));
        }
    }
    let enlarged = imageops::resize(&canvas, full_width * scale, full_height * scale, imageops::FilterType::Nearest);
    let mut png = Cursor::new(Vec::new());
    let canvas = match channels {
        1 => DynamicImage::ImageLuma8(DynamicImage::ImageRgb8(enlarged).into_luma8()),
        _ => DynamicImage::ImageRgb8(enlarged),
    };
    canvas.write_to(&mut png, ImageFormat::Png).context("cannot encode a PNG")?;
    Ok(png.into_inner())
}

/// A PNG of the first rows of several grids from [`png_grid`], at their original size and without
/// gaps; and the number of images in a row.
pub fn png_rows(grids: &[Vec<u8>], [height, width]: [usize; 2], scale: u32) -> Result<(Vec<u8>, usize)> {
    let mut columns = 0;
    let mut rows = Vec::with_capacity(grids.len());
    let mut grey = true;
    for grid in grids {
        let grid = image::load_from_memory_with_format(grid, ImageFormat::Png).context("a grid is not a PNG")?;
        grey &= matches!(grid, DynamicImage::ImageLuma8(_));
        columns = (grid.width() / scale.max(1)) as usize / (width + GAP);
        let [down, across] = [height, columns * width].map(u32::try_from);
        let gap = |at: u32| at / width as u32 * GAP as u32 + GAP as u32 + at;
        let grid = grid.into_rgb8();
        let pixel = |x: u32, y: u32| grid.get_pixel_checked(gap(x) * scale, (y + GAP as u32) * scale).copied();
        rows.push(RgbImage::from_fn(across?, down?, |x, y| pixel(x, y).unwrap_or(image::Rgb([0; 3]))));
    }
    let first = rows.first().context("there is no grid")?;
    ensure!(rows.iter().all(|row| row.dimensions() == first.dimensions()), "the grids have rows of several lengths");
    let mut canvas = RgbImage::new(first.width(), first.height() * u32::try_from(rows.len())?);
    for (row, top) in rows.iter().zip((0..).step_by(height)) {
        imageops::replace(&mut canvas, row, 0, top);
    }
    let canvas = if grey { DynamicImage::ImageRgb8(canvas).into_luma8().into() } else { canvas.into() };
    let mut png = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut png, CompressionType::Best, FilterType::Adaptive);
    DynamicImage::write_with_encoder(&canvas, encoder).context("cannot encode a PNG")?;
    Ok((png, columns))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_stand_row_by_row_with_a_gap_between() {
        let png = png_grid(&[0.0, 0.5, 1.0], [1, 1, 1], 2, 1).unwrap();
        let canvas = image::load_from_memory(&png).unwrap().into_luma8();
        assert_eq!(canvas.dimensions(), (2 * 3 + 2, 2 * 3 + 2));
        assert_eq!([(2, 2), (5, 2), (2, 5), (5, 5)].map(|(x, y)| canvas.get_pixel(x, y).0[0]), [0, 128, 255, 24]);
    }

    #[test]
    fn the_first_rows_of_grids_stand_below_one_another_as_they_were_drawn() {
        let level = |index: usize| index as f32 / 255.0;
        let grids = [0, 40].map(|first| {
            let pixels: Vec<f32> = (first..first + 4 * 6).map(level).collect();
            png_grid(&pixels, [1, 2, 3], 2, 2).unwrap()
        });
        let (png, columns) = png_rows(&grids, [2, 3], 2).unwrap();
        let canvas = image::load_from_memory(&png).unwrap().into_luma8();
        assert_eq!((columns, canvas.dimensions()), (2, (6, 4)));
        // Two images of 2 by 3 side by side, above those of the second grid.
        let row = |first: u8| [0, 1, 2, 6, 7, 8, 3, 4, 5, 9, 10, 11].map(|pixel| first + pixel);
        assert_eq!(canvas.into_raw(), [row(0), row(40)].concat());
        assert!(png_rows(&[], [2, 3], 2).is_err());
        let other = png_grid(&[0.0; 6], [1, 2, 3], 1, 2).unwrap();
        assert!(png_rows(&[grids[0].clone(), other], [2, 3], 2).is_err());
    }
}
