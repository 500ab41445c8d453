//! IDX, the format of MNIST and its relatives: <http://yann.lecun.com/exdb/mnist/>.
//!
//! Numbers are big-endian `u32`. A file of images has 2051, the count, the rows, the columns and
//! one byte per pixel, row by row, 0 for the background. A file of labels has 2049, the count and
//! one byte per label.

use thiserror::Error;

const IMAGES_MAGIC: u32 = 2051;
const LABELS_MAGIC: u32 = 2049;

/// Greyscale images, all of one size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// Number of images.
    pub count: usize,
    /// Height of each image in pixels.
    pub rows: usize,
    /// Width of each image in pixels.
    pub cols: usize,
    /// `[count, rows, cols]` without gaps, 0 (background) to 255 (full ink).
    pub pixels: Vec<u8>,
}

/// Why bytes are not an IDX file of the expected kind.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
pub enum IdxError {
    /// The bytes end inside the header.
    #[error("the IDX header takes {expected} bytes, but there are only {found}")]
    ShortHeader {
        /// Length of the file, in bytes.
        found: usize,
        /// Length of the header, in bytes.
        expected: usize,
    },
    /// Another kind of file, or not an IDX file at all.
    #[error("an IDX file of {kind} starts with the number {expected}, but this one starts with {found}")]
    Magic {
        /// `images` or `labels`.
        kind: &'static str,
        /// The first number.
        found: u32,
        /// The first number of that kind.
        expected: u32,
    },
    /// Images without a pixel.
    #[error("the IDX header declares images of {rows} x {cols} pixels; both sides must be at least 1")]
    NoPixels {
        /// Declared height in pixels.
        rows: u32,
        /// Declared width in pixels.
        cols: u32,
    },
    /// More data declared than any machine can hold.
    #[error("the IDX header declares {count} images of {rows} x {cols} pixels, too many to hold")]
    TooLarge {
        /// Declared number of images.
        count: u32,
        /// Declared height in pixels.
        rows: u32,
        /// Declared width in pixels.
        cols: u32,
    },
    /// The data are shorter or longer than the header says.
    #[error("the IDX header declares {expected} bytes of {kind}, but {found} follow it")]
    Length {
        /// `images` or `labels`.
        kind: &'static str,
        /// Bytes after the header.
        found: usize,
        /// Bytes that the header declares.
        expected: usize,
    },
}

/// Reads a decompressed file of images.
///
/// # Errors
/// `bytes` is not exactly one IDX file of images with at least one pixel each.
pub fn images(bytes: &[u8]) -> Result<Images, IdxError> {
    const KIND: &str = "images";
    let ([count, rows, cols], data) = header(bytes, KIND, IMAGES_MAGIC)?;
    if rows == 0 || cols == 0 {
        return Err(IdxError::NoPixels { rows, cols });
    }
    let [n, height, width] = [count, rows, cols].map(|side| usize::try_from(side).ok());
    let (Some(n), Some(height), Some(width)) = (n, height, width) else {
        return Err(IdxError::TooLarge { count, rows, cols });
    };
    let expected = n.checked_mul(height).and_then(|lines| lines.checked_mul(width)).ok_or(IdxError::TooLarge {
        count,
        rows,
        cols,
    })?;
    Ok(Images { count: n, rows: height, cols: width, pixels: exactly(data, KIND, expected)? })
}

/// Reads a decompressed file of labels: one class index per image.
///
/// # Errors
/// `bytes` is not exactly one IDX file of labels.
pub fn labels(bytes: &[u8]) -> Result<Vec<u8>, IdxError> {
    const KIND: &str = "labels";
    let ([count], data) = header(bytes, KIND, LABELS_MAGIC)?;
    // No length equals a count that does not fit a `usize`.
    exactly(data, KIND, usize::try_from(count).unwrap_or(usize::MAX))
}

fn header<'a, const SIDES: usize>(
    bytes: &'a [u8],
    kind: &'static str,
    magic: u32,
) -> Result<([u32; SIDES], &'a [u8]), IdxError> {
    let (numbers, _) = bytes.as_chunks::<4>();
    let short = || IdxError::ShortHeader { found: bytes.len(), expected: 4 * (1 + SIDES) };
    let (first, numbers) = numbers.split_first().ok_or_else(short)?;
    let found = u32::from_be_bytes(*first);
    if found != magic {
        return Err(IdxError::Magic { kind, found, expected: magic });
    }
    let sides = numbers.first_chunk::<SIDES>().ok_or_else(short)?;
    Ok((sides.map(u32::from_be_bytes), &bytes[4 * (1 + SIDES)..]))
}

fn exactly(data: &[u8], kind: &'static str, expected: usize) -> Result<Vec<u8>, IdxError> {
    if data.len() == expected { Ok(data.to_vec()) } else { Err(IdxError::Length { kind, found: data.len(), expected }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(numbers: &[u32], data: &[u8]) -> Vec<u8> {
        let mut bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_be_bytes()).collect();
        bytes.extend_from_slice(data);
        bytes
    }

    #[test]
    fn images_keep_their_order_and_shape() {
        let read = images(&file(&[2051, 2, 1, 3], &[1, 2, 3, 4, 5, 6])).unwrap();
        assert_eq!(read, Images { count: 2, rows: 1, cols: 3, pixels: vec![1, 2, 3, 4, 5, 6] });
    }

    #[test]
    fn labels_keep_their_order() {
        assert_eq!(labels(&file(&[2049, 3], &[7, 0, 9])).unwrap(), [7, 0, 9]);
        assert_eq!(labels(&file(&[2049, 0], &[])).unwrap(), [0u8; 0]);
    }

    #[test]
    fn the_two_kinds_are_not_confused() {
        assert_eq!(
            images(&file(&[2049, 0, 1, 1], &[])),
            Err(IdxError::Magic { kind: "images", found: 2049, expected: 2051 })
        );
        assert_eq!(
            labels(&file(&[2051, 0], &[])),
            Err(IdxError::Magic { kind: "labels", found: 2051, expected: 2049 })
        );
    }

    #[test]
    fn every_proper_prefix_and_any_excess_is_refused() {
        let whole = file(&[2051, 2, 2, 2], &[9; 8]);
        for end in 0..whole.len() {
            assert!(images(&whole[..end]).is_err(), "{end} bytes");
            assert!(labels(&whole[..end]).is_err(), "{end} bytes");
        }
        assert_eq!(images(&whole[..15]), Err(IdxError::ShortHeader { found: 15, expected: 16 }));
        let long = [whole.as_slice(), &[0]].concat();
        assert_eq!(images(&long), Err(IdxError::Length { kind: "images", found: 9, expected: 8 }));
        assert_eq!(labels(&file(&[2049, 3], &[1, 2])), Err(IdxError::Length { kind: "labels", found: 2, expected: 3 }));
    }

    #[test]
    fn a_size_that_overflows_is_an_error() {
        let max = u32::MAX;
        assert_eq!(
            images(&file(&[2051, max, max, max], &[])),
            Err(IdxError::TooLarge { count: max, rows: max, cols: max })
        );
        assert!(labels(&file(&[2049, max], &[])).is_err());
    }

    #[test]
    fn an_image_has_at_least_one_pixel() {
        assert_eq!(images(&file(&[2051, 5, 0, 28], &[])), Err(IdxError::NoPixels { rows: 0, cols: 28 }));
    }
}
