//! Confusion matrices as images.

use std::io::Cursor;

use anyhow::{Context, Result, ensure};
use image::{ImageFormat, Rgb, RgbImage};

const CLASSES: std::ops::RangeInclusive<usize> = 2..=100;
/// The size of a cell in pixels including its guide line, for few classes.
const CELL: u32 = 44;
/// As [`CELL`], for many classes: five of the smallest digits still fit.
const SMALL_CELL: u32 = 24;
/// Cells shrink when they need more than this many pixels together.
const SIDE: u32 = 1056;
const PADDING: u32 = 2;
/// Pixels around the class numbers and at the right and lower edge.
const MARGIN: u32 = 10;
const WHITE: Rgb<u8> = Rgb([255; 3]);
const LINE: Rgb<u8> = Rgb([190; 3]);
const INK: Rgb<u8> = Rgb([32; 3]);
/// The colours for shares of 0, of the middle of the scale, and of 1.
const SHADES: [[u8; 3]; 3] = [[255; 3], [86, 156, 208], [8, 40, 98]];

/// A PNG of the confusion matrix `counts` (`[classes, classes]`): a row for each true class, a
/// column for each predicted class, numbered on the left and at the top. Cells are shaded by the
/// square root of their share of the row, from white to dark blue, so that rare errors show: 1 %
/// has a tenth of the full shade. Counts other than 0 are printed. Fails unless `counts` has
/// `classes`² entries, and for fewer than 2 or more than 100 classes.
pub fn confusion_png(counts: &[u32], classes: usize) -> Result<Vec<u8>> {
    ensure!(CLASSES.contains(&classes), "a confusion matrix can show 2 to 100 classes, not {classes}");
    ensure!(
        counts.len() == classes * classes,
        "a confusion matrix of {classes} classes has {} counts, not {}",
        classes * classes,
        counts.len()
    );
    let longest = counts.iter().copied().max().unwrap_or(0).to_string();
    let last_class = (classes - 1).to_string();
    let total = u32::try_from(classes)?;
    // A count of more than five digits gets a larger cell.
    let least = SMALL_FONT.width(&longest) + 2 * PADDING + 1;
    let cell = (SIDE / total).clamp(SMALL_CELL, CELL).max(least);
    let count_font = Font::that_fits(&longest, cell - 1 - 2 * PADDING);
    // Neighbouring class numbers must not run together.
    let class_font = Font::that_fits(&last_class, cell - 1 - 4 * PADDING);

    let (left, top) = (class_font.width(&last_class) + 2 * MARGIN, class_font.height() + 2 * MARGIN);
    let side = total * cell + 1;
    let mut canvas = RgbImage::from_pixel(left + side + MARGIN, top + side + MARGIN, WHITE);
    for start in (0..side).step_by(cell as usize) {
        fill(&mut canvas, [left + start, top], [1, side], LINE);
        fill(&mut canvas, [left, top + start], [side, 1], LINE);
    }
    for (row, (row_counts, y)) in counts.chunks_exact(classes).zip((top..).step_by(cell as usize)).enumerate() {
        let class = row.to_string();
        // Right-aligned.
        let x = left - MARGIN - class_font.width(&class);
        class_font.write(&mut canvas, &class, [x, y + 1 + (cell - 1 - class_font.height()) / 2], INK);
        let sum: u64 = row_counts.iter().copied().map(u64::from).sum();
        for (&count, x) in row_counts.iter().zip((left..).step_by(cell as usize)) {
            if count > 0 {
                let shade = shade(f64::from(count) / sum as f64);
                let ink = if is_dark(shade) { WHITE } else { INK };
                fill(&mut canvas, [x + 1, y + 1], [cell - 1; 2], shade);
                count_font.write_centred(&mut canvas, &count.to_string(), [x + 1, y + 1], [cell - 1; 2], ink);
            }
        }
    }
    for (column, x) in (left..).step_by(cell as usize).take(classes).enumerate() {
        class_font.write_centred(&mut canvas, &column.to_string(), [x + 1, 0], [cell - 1, top], INK);
    }

    let mut png = Cursor::new(Vec::new());
    canvas.write_to(&mut png, ImageFormat::Png).context("cannot encode a PNG")?;
    Ok(png.into_inner())
}

/// The colour of a cell with this share of its row, on a square-root scale.
fn shade(share: f64) -> Rgb<u8> {
    let [none, half, full] = SHADES;
    let level = share.clamp(0.0, 1.0).sqrt() * 2.0;
    let (from, to, part) = if level < 1.0 { (none, half, level) } else { (half, full, level - 1.0) };
    Rgb([0, 1, 2].map(|channel| {
        let (from, to) = (f64::from(from[channel]), f64::from(to[channel]));
        (from + (to - from) * part).round() as u8
    }))
}

/// Whether white text is easier to read on `colour` than dark text.
fn is_dark(Rgb([red, green, blue]): Rgb<u8>) -> bool {
    0.299 * f64::from(red) + 0.587 * f64::from(green) + 0.114 * f64::from(blue) < 125.0
}

/// Fills a rectangle, clipped to the image.
fn fill(canvas: &mut RgbImage, [left, top]: [u32; 2], [width, height]: [u32; 2], colour: Rgb<u8>) {
    for y in top..top + height {
        for x in left..left + width {
            if let Some(pixel) = canvas.get_pixel_mut_checked(x, y) {
                *pixel = colour;
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Font {
    /// The rows of each digit from the top; the lowest bit is the rightmost dot.
    digits: &'static [&'static [u8]; 10],
    /// Width and height of a digit in dots.
    dots: [u32; 2],
    /// Pixels per dot.
    scale: u32,
}

const LARGE_FONT: Font = Font { digits: &DIGITS_4X7, dots: [4, 7], scale: 2 };
const SMALL_FONT: Font = Font { digits: &DIGITS_3X5, dots: [3, 5], scale: 1 };

impl Font {
    /// The largest font in which `text` takes at most `width` pixels, or else the smallest one.
    fn that_fits(text: &str, width: u32) -> Self {
        let fonts = [LARGE_FONT, Self { scale: 2, ..SMALL_FONT }, Self { scale: 1, ..LARGE_FONT }];
        fonts.into_iter().find(|font| font.width(text) <= width).unwrap_or(SMALL_FONT)
    }

    fn width(self, text: &str) -> u32 {
        let dots: u32 = text.bytes().map(|_| self.dots[0] + 1).sum();
        dots.saturating_sub(1) * self.scale
    }

    fn height(self) -> u32 {
        self.dots[1] * self.scale
    }

    /// Writes the digits of `text` with the upper left corner `at`; other characters leave a gap.
    fn write(self, canvas: &mut RgbImage, text: &str, at: [u32; 2], ink: Rgb<u8>) {
        let [mut left, top] = at;
        for byte in text.bytes() {
            let rows = self.digits.get(usize::from(byte.wrapping_sub(b'0'))).copied().unwrap_or_default();
            for (row, y) in rows.iter().zip((top..).step_by(self.scale as usize)) {
                for dot in (0..self.dots[0]).filter(|dot| row >> (self.dots[0] - 1 - dot) & 1 == 1) {
                    fill(canvas, [left + dot * self.scale, y], [self.scale; 2], ink);
                }
            }
            left += (self.dots[0] + 1) * self.scale;
        }
    }

    fn write_centred(self, canvas: &mut RgbImage, text: &str, at: [u32; 2], [width, height]: [u32; 2], ink: Rgb<u8>) {
        let x = at[0] + width.saturating_sub(self.width(text)) / 2;
        let y = at[1] + height.saturating_sub(self.height()) / 2;
        self.write(canvas, text, [x, y], ink);
    }
}

#[rustfmt::skip]
const DIGITS_4X7: [&[u8]; 10] = [
    &[0b0110, 0b1001, 0b1001, 0b1001, 0b1001, 0b1001, 0b0110],
    &[0b0010, 0b0110, 0b0010, 0b0010, 0b0010, 0b0010, 0b0111],
    &[0b0110, 0b1001, 0b0001, 0b0010, 0b0100, 0b1000, 0b1111],
    &[0b1110, 0b0001, 0b0001, 0b0110, 0b0001, 0b0001, 0b1110],
    &[0b0010, 0b0110, 0b1010, 0b1010, 0b1111, 0b0010, 0b0010],
    &[0b1111, 0b1000, 0b1110, 0b0001, 0b0001, 0b1001, 0b0110],
    &[0b0110, 0b1000, 0b1000, 0b1110, 0b1001, 0b1001, 0b0110],
    &[0b1111, 0b0001, 0b0001, 0b0010, 0b0010, 0b0100, 0b0100],
    &[0b0110, 0b1001, 0b1001, 0b0110, 0b1001, 0b1001, 0b0110],
    &[0b0110, 0b1001, 0b1001, 0b0111, 0b0001, 0b0001, 0b0110],
];

#[rustfmt::skip]
const DIGITS_3X5: [&[u8]; 10] = [
    &[0b111, 0b101, 0b101, 0b101, 0b111],
    &[0b010, 0b110, 0b010, 0b010, 0b111],
    &[0b111, 0b001, 0b111, 0b100, 0b111],
    &[0b111, 0b001, 0b111, 0b001, 0b111],
    &[0b101, 0b101, 0b111, 0b001, 0b001],
    &[0b111, 0b100, 0b111, 0b001, 0b111],
    &[0b111, 0b100, 0b111, 0b101, 0b111],
    &[0b111, 0b001, 0b001, 0b010, 0b010],
    &[0b111, 0b101, 0b111, 0b101, 0b111],
    &[0b111, 0b101, 0b111, 0b001, 0b111],
];

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(counts: &[u32], classes: usize) -> RgbImage {
        image::load_from_memory(&confusion_png(counts, classes).unwrap()).unwrap().into_rgb8()
    }

    /// The upper left corner of the guide lines, for one-digit class numbers.
    const CORNER: [u32; 2] = [8 + 2 * MARGIN, 14 + 2 * MARGIN];

    #[test]
    fn cells_are_large_for_few_classes_and_small_for_many() {
        let (width, height) = rendered(&[1; 9], 3).dimensions();
        assert_eq!([width, height], CORNER.map(|margin| margin + 3 * CELL + 1 + MARGIN));
        // Two digits of 3x5 dots at twice the size on the left; five of the smallest in each cell.
        let mut counts = vec![0; 10_000];
        counts[0] = 99_999;
        let (width, height) = rendered(&counts, 100).dimensions();
        assert_eq!([width, height], [14, 10].map(|label| label + 3 * MARGIN + 100 * SMALL_CELL + 1));
    }

    #[test]
    fn the_diagonal_is_darkest_where_all_is_right() {
        let canvas = rendered(&[7, 0, 0, 0, 90, 0, 0, 0, 12_345], 3);
        for (row, column) in (0..9).map(|cell| (cell / 3, cell % 3)) {
            // Next to the guide lines, away from digits.
            let colour = *canvas.get_pixel(CORNER[0] + column * CELL + 1, CORNER[1] + row * CELL + 1);
            assert_eq!(colour.0, SHADES[if row == column { 2 } else { 0 }], "row {row}, column {column}");
        }
    }

    #[test]
    fn a_cell_has_the_shade_of_its_share_of_the_row_and_an_empty_row_is_white() {
        let canvas = rendered(&[3, 1, 0, 0], 2);
        let colour = |row, column| *canvas.get_pixel(CORNER[0] + column * CELL + 1, CORNER[1] + row * CELL + 1);
        assert_eq!([colour(0, 0), colour(0, 1)], [shade(0.75), Rgb(SHADES[1])]);
        assert_eq!([colour(1, 0), colour(1, 1)], [WHITE; 2]);
    }

    #[test]
    fn zero_is_left_out_and_text_stands_inside_its_cell_in_a_colour_that_shows() {
        for count in [1, 88, 888, 8_888, 88_888, u32::MAX] {
            let canvas = rendered(&[count, 0, 0, count], 2);
            let cell = (canvas.width() - CORNER[0] - MARGIN - 1) / 2;
            // The dots of this colour in a cell of the upper row, at least `edge` pixels from its
            // border.
            let dots = |column: u32, edge: u32, ink: Rgb<u8>| {
                let (left, top) = (CORNER[0] + column * cell + 1, CORNER[1] + 1);
                let positions = (edge..cell - 1 - edge).flat_map(|y| (edge..cell - 1 - edge).map(move |x| (x, y)));
                positions.filter(|(x, y)| *canvas.get_pixel(left + x, top + y) == ink).count()
            };
            assert!(dots(0, 0, WHITE) > 0, "{count} is not written");
            assert_eq!(dots(0, 0, WHITE), dots(0, PADDING, WHITE), "{count} leaves its cell");
            assert_eq!(dots(1, 0, INK), 0, "zero is written beside {count}");
        }
    }

    #[test]
    fn wrong_lengths_and_numbers_of_classes_are_errors() {
        assert!(confusion_png(&[1; 8], 3).is_err());
        assert!(confusion_png(&[1; 10], 3).is_err());
        assert!(confusion_png(&[], 2).is_err());
        assert!(confusion_png(&[], 0).is_err());
        assert!(confusion_png(&[1], 1).is_err());
        assert!(confusion_png(&[1; 101 * 101], 101).is_err());
        assert!(confusion_png(&[], usize::MAX).is_err());
    }
}
