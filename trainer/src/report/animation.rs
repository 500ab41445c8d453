//! Animations of images.

use anyhow::{Context, Result, ensure};
use gif::{Encoder, Frame, Repeat};
use image::{DynamicImage, ImageFormat};

const FRAMES: usize = 120;
const LAST: u16 = 4;
const SPEED: i32 = 10;

/// A looping GIF of the PNG files `frames`, each shown for `seconds_per_frame` and the last four
/// times as long. Grey frames and those of up to 256 colours are exact; others get a palette of
/// 256. Of more than 120 frames, 120 evenly spaced ones are shown, including the first and the
/// last. A frame is shown for 0.02 seconds, below which browsers slow down, to 163 seconds. Fails
/// without frames, for a time that is not positive, and for frames that are no PNG or differ in
/// size.
pub fn animation(frames: &[Vec<u8>], seconds_per_frame: f64) -> Result<Vec<u8>> {
    ensure!(seconds_per_frame > 0.0, "a frame must be shown for more than {seconds_per_frame} seconds");
    // GIF delays are in hundredths of a second; the last frame's must fit 16 bits too.
    let delay = (seconds_per_frame * 100.0).round().clamp(2.0, 16_300.0) as u16;
    let first = image(frames, 0)?;
    let [width, height] = [first.width(), first.height()];
    let (Ok(across), Ok(down)) = (u16::try_from(width), u16::try_from(height)) else {
        anyhow::bail!("a GIF can be 65535 by 65535 pixels large, not {width} by {height}");
    };
    let greys: Vec<u8> = (0..=255).flat_map(|grey| [grey; 3]).collect();
    let mut encoder = Encoder::new(Vec::new(), across, down, &greys)?;
    encoder.set_repeat(Repeat::Infinite)?;
    for index in places(frames.len()) {
        let image = image(frames, index)?;
        ensure!(
            [image.width(), image.height()] == [width, height],
            "frame {} of the animation is {} by {} pixels large, but the first is {width} by {height}",
            index + 1,
            image.width(),
            image.height()
        );
        let mut frame = match image {
            DynamicImage::ImageLuma8(greys) => Frame::from_indexed_pixels(across, down, greys.into_raw(), None),
            colours => Frame::from_rgb_speed(across, down, &colours.into_rgb8(), SPEED),
        };
        frame.delay = if index + 1 == frames.len() { delay * LAST } else { delay };
        encoder.write_frame(&frame)?;
    }
    encoder.into_inner().context("cannot encode a GIF")
}

fn places(count: usize) -> impl Iterator<Item = usize> {
    let shown = count.min(FRAMES);
    (0..shown).map(move |place| place * (count - 1) / (shown - 1).max(1))
}

fn image(frames: &[Vec<u8>], index: usize) -> Result<DynamicImage> {
    let png = frames.get(index).context("an animation needs a frame")?;
    image::load_from_memory_with_format(png, ImageFormat::Png)
        .with_context(|| format!("frame {} of the animation is not a PNG", index + 1))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use gif::{ColorOutput, DecodeOptions};
    use image::{GrayImage, Luma, Rgb, RgbImage};

    use super::*;

    fn png(image: impl Into<DynamicImage>) -> Vec<u8> {
        let mut png = Cursor::new(Vec::new());
        image.into().write_to(&mut png, ImageFormat::Png).unwrap();
        png.into_inner()
    }

    fn grey(level: u8, side: u32) -> Vec<u8> {
        png(GrayImage::from_pixel(side, side, Luma([level])))
    }

    /// The pixels (RGBA) and the delay in hundredths of a second of each frame.
    fn decode(gif: &[u8]) -> Vec<(Vec<u8>, u16)> {
        let mut options = DecodeOptions::new();
        options.set_color_output(ColorOutput::RGBA);
        let mut decoder = options.read_info(gif).unwrap();
        let mut frames = Vec::new();
        while let Some(frame) = decoder.read_next_frame().unwrap() {
            frames.push((frame.buffer.to_vec(), frame.delay));
        }
        assert_eq!(decoder.repeat(), Repeat::Infinite);
        frames
    }

    #[test]
    fn all_256_greys_are_kept_and_the_last_frame_stays() {
        let image = GrayImage::from_fn(16, 16, |x, y| Luma([u8::try_from(y * 16 + x).unwrap()]));
        let gif = animation(&[grey(9, 16), png(image)], 0.25).unwrap();
        let all: Vec<u8> = (0..=255).flat_map(|level| [level, level, level, 255]).collect();
        assert_eq!(decode(&gif), [([9, 9, 9, 255].repeat(256), 25), (all, 100)]);
    }

    #[test]
    fn few_colours_are_kept_and_many_nearly() {
        let few = RgbImage::from_fn(16, 16, |x, y| Rgb([u8::try_from(x * 16 + y).unwrap(), 200, 7]));
        let many =
            RgbImage::from_fn(64, 64, |x, y| Rgb([x, y, (x + y) / 2].map(|level| u8::try_from(level * 4).unwrap())));
        for (image, most) in [(few, 0.0), (many, 10.0)] {
            let gif = animation(&[png(image.clone())], 1.0).unwrap();
            let pixels = &decode(&gif)[0].0;
            let errors = pixels
                .chunks_exact(4)
                .zip(image.pixels())
                .flat_map(|(got, want)| [0, 1, 2].map(|at| got[at].abs_diff(want.0[at])));
            let mean = errors.map(f64::from).sum::<f64>() / (image.len() as f64);
            assert!(mean <= most, "the colours are {mean} from the true ones");
        }
    }

    #[test]
    fn of_many_frames_120_are_shown_with_the_first_and_the_last() {
        let frames: Vec<_> = (0..=240).map(|level| grey(level, 2)).collect();
        let shown: Vec<u8> = decode(&animation(&frames, 0.1).unwrap()).iter().map(|(pixels, _)| pixels[0]).collect();
        assert_eq!((shown.len(), shown[0], shown[119]), (120, 0, 240));
        assert!(shown.windows(2).all(|pair| (2..=3).contains(&(pair[1] - pair[0]))));
        assert_eq!(places(120).collect::<Vec<_>>(), (0..120).collect::<Vec<_>>());
        assert_eq!(places(1).collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn a_frame_lasts_as_long_as_a_gif_can_tell() {
        for (seconds, delays) in
            [(1e-9, [2, 8]), (0.5, [50, 200]), (1e9, [16_300, 65_200]), (f64::INFINITY, [16_300, 65_200])]
        {
            let frames = decode(&animation(&[grey(0, 1), grey(1, 1)], seconds).unwrap());
            assert_eq!([frames[0].1, frames[1].1], delays, "{seconds} seconds");
        }
    }

    #[test]
    fn what_cannot_be_shown_is_an_error_that_says_why() {
        let error = |frames: &[Vec<u8>], seconds| format!("{:#}", animation(frames, seconds).unwrap_err());
        assert_eq!(
            error(&[grey(0, 4), grey(0, 4), grey(0, 5)], 1.0),
            "frame 3 of the animation is 5 by 5 pixels large, but the first is 4 by 4"
        );
        assert!(error(&[grey(0, 4), b"text".to_vec()], 1.0).starts_with("frame 2 of the animation is not a PNG"));
        assert_eq!(error(&[], 1.0), "an animation needs a frame");
        assert_eq!(error(&[grey(0, 4)], 0.0), "a frame must be shown for more than 0 seconds");
        assert_eq!(error(&[grey(0, 4)], f64::NAN), "a frame must be shown for more than NaN seconds");
    }
}
