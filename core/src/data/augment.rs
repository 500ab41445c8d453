//! Random changes of training images.

use crate::noise::Noise;
use crate::spec::Augment;

/// An affine transform of an image: scaling and rotation about its centre, then a shift.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    /// Factor of the size.
    pub scale: f64,
    /// Clockwise rotation.
    pub degrees: f64,
    /// Shift to the right, in pixels.
    pub right: f64,
    /// Shift down, in pixels.
    pub down: f64,
}

impl Affine {
    /// Samples uniformly within `allowed`; always takes four numbers, in the order of the fields.
    pub fn sample(allowed: &Augment, noise: &mut Noise) -> Self {
        let mut within = |most: f64| most * (2.0 * f64::from(noise.uniform()) - 1.0);
        let scale = 1.0 + within(allowed.scale);
        let degrees = within(allowed.rotate);
        let right = within(allowed.shift);
        let down = within(allowed.shift);
        Self { scale, degrees, right, down }
    }
}

/// A photometric transform of an image, or a flip.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Photometric {
    /// Whether it is mirrored left to right.
    pub flip: bool,
    /// Standard deviation of a Gaussian blur, in pixels.
    pub blur: f64,
    /// Factor of the brightness.
    pub contrast: f64,
    /// Standard deviation of added noise; white is 1.
    pub noise: f64,
}

impl Photometric {
    /// Samples within `allowed`; takes numbers only for what is allowed.
    pub fn sample(allowed: &Augment, noise: &mut Noise) -> Self {
        let mut uniform = |most: f64| if most > 0.0 { f64::from(noise.uniform()) } else { 1.0 };
        let flip = uniform(allowed.flip) < allowed.flip;
        // 0 for half of the images, otherwise uniform.
        let mut half = |most: f64| most * (2.0 * uniform(most) - 1.0).max(0.0);
        let (blur, noisy) = (half(allowed.blur), half(allowed.noise));
        let contrast = 1.0 + allowed.contrast * (2.0 * uniform(allowed.contrast) - 1.0);
        Self { flip, blur, contrast, noise: noisy }
    }

    /// Changes a square image in place, `[side, side]` with pixels clamped to `black` to `white`.
    pub fn apply(&self, pixels: &mut [f32], side: usize, [black, white]: [f32; 2], noise: &mut Noise) {
        if self.flip {
            pixels.chunks_exact_mut(side).for_each(<[f32]>::reverse);
        }
        if self.blur > 0.0 {
            blur(pixels, side, self.blur, black);
        }
        if self.contrast != 1.0 {
            let times = self.contrast as f32;
            pixels.iter_mut().for_each(|pixel| *pixel = ((*pixel - black) * times + black).min(white));
        }
        if self.noise > 0.0 {
            let std = self.noise as f32 * (white - black);
            pixels.iter_mut().for_each(|pixel| *pixel = (*pixel + std * noise.normal()).clamp(black, white));
        }
    }
}

/// Blurs a square image with a Gaussian, rows first, in a black surrounding.
fn blur(pixels: &mut [f32], side: usize, std: f64, black: f32) {
    let reach = ((3.0 * std).ceil() as usize).clamp(1, side);
    let mut weights: Vec<f32> = (0..=reach).map(|away| libm::exp(-0.5 * (away as f64 / std).powi(2)) as f32).collect();
    let sum = weights[0] + 2.0 * weights[1..].iter().sum::<f32>();
    weights.iter_mut().for_each(|weight| *weight /= sum);
    let mut line = vec![black; side + 2 * reach];
    let mut along = |start: usize, step: usize| {
        for (place, pixel) in line[reach..reach + side].iter_mut().enumerate() {
            *pixel = pixels[start + place * step];
        }
        for place in 0..side {
            let centre = reach + place;
            let both = (1..=reach).map(|away| weights[away] * (line[centre - away] + line[centre + away]));
            pixels[start + place * step] = weights[0] * line[centre] + both.sum::<f32>();
        }
    };
    (0..side).for_each(|row| along(row * side, 1));
    (0..side).for_each(|column| along(column, side));
}

/// A square image with a black border: one pixel before it and two after it.
pub struct Canvas {
    side: usize,
    pixels: Vec<f32>,
}

const BORDER: usize = 3;

impl Canvas {
    pub fn new(side: usize, black: f32) -> Self {
        Self { side, pixels: vec![black; (side + BORDER) * (side + BORDER)] }
    }

    /// Replaces the image; `levels` are the values of its bytes.
    pub fn put(&mut self, image: &[u8], levels: &[f32; 256]) {
        let rows = self.pixels.chunks_exact_mut(self.side + BORDER).skip(1);
        for (row, bytes) in rows.zip(image.chunks_exact(self.side)) {
            for (pixel, &byte) in row[1..].iter_mut().zip(bytes) {
                *pixel = levels[usize::from(byte)];
            }
        }
    }

    /// Writes the transformed image: each pixel from where the inverse transform leads.
    pub fn transform(&self, affine: &Affine, changed: &mut [f32]) {
        let angle = affine.degrees.to_radians();
        let (cos, sin) = (libm::cos(angle) / affine.scale, libm::sin(angle) / affine.scale);
        let centre = (self.side as f64 - 1.0) / 2.0;
        let (across, up) = (fixed(cos), fixed(sin));
        // The first pixel of a row relative to the centre, before the shift.
        let right = -centre - affine.right;
        for (row, pixels) in changed.chunks_exact_mut(self.side).enumerate() {
            let down = row as f64 - centre - affine.down;
            let mut x = fixed(centre + cos * right + sin * down);
            let mut y = fixed(centre - sin * right + cos * down);
            for pixel in pixels {
                *pixel = self.at(x, y);
                x += across;
                y -= up;
            }
        }
    }

    /// Bilinear interpolation at a fixed-point position; the first pixel is at `(0, 0)`.
    fn at(&self, x: i64, y: i64) -> f32 {
        let stride = self.side + BORDER;
        let last = (self.side as i64 + 1) * ONE;
        let (x, y) = ((x + ONE).clamp(0, last), (y + ONE).clamp(0, last));
        let first = (y >> BITS) as usize * stride + (x >> BITS) as usize;
        let (along, below) = (part(x), part(y));
        let between = |start: usize| {
            let (left, right) = (self.pixels[start], self.pixels[start + 1]);
            left + (right - left) * along
        };
        let (upper, lower) = (between(first), between(first + stride));
        upper + (lower - upper) * below
    }
}

/// Fractional bits of a fixed-point number: the precision of an `f32`.
const BITS: u32 = 24;
const ONE: i64 = 1 << BITS;
/// Bounds positions in pixels, so that sums of fixed-point numbers stay in range.
const FAR: f64 = 1e6;

fn fixed(pixels: f64) -> i64 {
    (pixels.clamp(-FAR, FAR) * ONE as f64).round() as i64
}

fn part(fixed: i64) -> f32 {
    (fixed & (ONE - 1)) as f32 / ONE as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    const STILL: Affine = Affine { scale: 1.0, degrees: 0.0, right: 0.0, down: 0.0 };
    const NINE: [u8; 9] = [1, 2, 3, 4, 5, 6, 7, 8, 9];

    fn changed(affine: Affine, image: &[u8], side: usize) -> Vec<f32> {
        let mut canvas = Canvas::new(side, 0.0);
        canvas.put(image, &std::array::from_fn(|byte| byte as f32));
        let mut changed = vec![f32::NAN; side * side];
        canvas.transform(&affine, &mut changed);
        changed
    }

    #[test]
    fn no_change_keeps_every_pixel() {
        for side in [1, 2, 3, 28, 31] {
            let image: Vec<u8> = (0..side * side).map(|i| (i * 37 % 256) as u8).collect();
            let same: Vec<f32> = image.iter().map(|&byte| f32::from(byte)).collect();
            assert_eq!(changed(STILL, &image, side), same);
        }
    }

    #[test]
    fn a_move_brings_in_black() {
        let right = changed(Affine { right: 1.0, ..STILL }, &NINE, 3);
        assert_eq!(right, [0.0, 1.0, 2.0, 0.0, 4.0, 5.0, 0.0, 7.0, 8.0]);
        let up = changed(Affine { down: -1.0, ..STILL }, &NINE, 3);
        assert_eq!(up, [4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 0.0, 0.0, 0.0]);
        let half = changed(Affine { down: 0.5, ..STILL }, &NINE, 3);
        assert_eq!(half, [0.5, 1.0, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5]);
        let away = changed(Affine { right: -1e9, down: 1e9, ..STILL }, &NINE, 3);
        assert_eq!(away, [0.0; 9]);
    }

    #[test]
    fn a_quarter_turn_is_clockwise() {
        let turned = changed(Affine { degrees: 90.0, ..STILL }, &NINE, 3);
        for (found, expected) in turned.iter().zip([7.0, 4.0, 1.0, 8.0, 5.0, 2.0, 9.0, 6.0, 3.0]) {
            assert!((found - expected).abs() < 1e-6, "{turned:?}");
        }
    }

    #[test]
    fn scaling_keeps_the_centre() {
        let larger = changed(Affine { scale: 2.0, ..STILL }, &NINE, 3);
        assert_eq!(larger, [3.0, 3.5, 4.0, 4.5, 5.0, 5.5, 6.0, 6.5, 7.0]);
        let smaller = changed(Affine { scale: 0.5, ..STILL }, &NINE, 3);
        assert_eq!(smaller, [0.0, 0.0, 0.0, 0.0, 5.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn an_image_is_moved_after_it_is_turned_and_scaled() {
        let both = changed(Affine { degrees: 180.0, right: 1.0, ..STILL }, &NINE, 3);
        for (found, expected) in both.iter().zip([0.0, 9.0, 8.0, 0.0, 6.0, 5.0, 0.0, 3.0, 2.0]) {
            assert!((found - expected).abs() < 1e-5, "{both:?}");
        }
    }

    #[test]
    fn a_canvas_forgets_the_image_before() {
        let levels = std::array::from_fn(|byte| byte as f32);
        let mut canvas = Canvas::new(3, 0.0);
        let mut found = [0.0; 9];
        canvas.put(&[255; 9], &levels);
        canvas.put(&NINE, &levels);
        canvas.transform(&Affine { right: 0.3, degrees: 10.0, ..STILL }, &mut found);
        assert_eq!(found.to_vec(), changed(Affine { right: 0.3, degrees: 10.0, ..STILL }, &NINE, 3));
    }

    #[test]
    fn drawn_changes_stay_within_bounds_and_always_take_four_numbers() {
        let allowed = Augment { shift: 2.0, rotate: 10.0, scale: 0.1, ..Augment::default() };
        let mut noise = Noise::new(1, 0);
        for _ in 0..1000 {
            let Affine { scale, degrees, right, down } = Affine::sample(&allowed, &mut noise);
            assert!((0.9..=1.1).contains(&scale) && degrees.abs() <= 10.0);
            assert!(right.abs() <= 2.0 && down.abs() <= 2.0);
        }

        let (mut drawn, mut counted) = (Noise::new(2, 0), Noise::new(2, 0));
        let affine = Affine::sample(&Augment { shift: 1.0, ..Augment::default() }, &mut drawn);
        assert_eq!((affine.scale, affine.degrees), (1.0, 0.0));
        let [_, _, right, down] = std::array::from_fn(|_| 2.0 * f64::from(counted.uniform()) - 1.0);
        assert_eq!((affine.right, affine.down), (right, down));
        assert_eq!(drawn.uniform(), counted.uniform());
    }

    const PLAIN: Photometric = Photometric { flip: false, blur: 0.0, contrast: 1.0, noise: 0.0 };

    fn retouched(photometric: Photometric, image: &[f32], side: usize) -> Vec<f32> {
        let mut pixels = image.to_vec();
        photometric.apply(&mut pixels, side, [0.0, 1.0], &mut Noise::new(1, 0));
        pixels
    }

    #[test]
    fn looks_are_drawn_only_where_they_are_allowed() {
        let mut noise = Noise::new(1, 0);
        assert_eq!(Photometric::sample(&Augment { shift: 2.0, ..Augment::default() }, &mut noise), PLAIN);
        assert_eq!(noise.uniform(), Noise::new(1, 0).uniform(), "nothing was taken");
        let allowed = Augment { flip: 0.25, blur: 2.0, contrast: 0.5, noise: 0.2, ..Augment::default() };
        let drawn: Vec<Photometric> = (0..4000).map(|_| Photometric::sample(&allowed, &mut noise)).collect();
        let share = |is: &dyn Fn(&Photometric) -> bool| {
            drawn.iter().filter(|photometric| is(photometric)).count() as f64 / 4000.0
        };
        assert!((share(&|photometric| photometric.flip) - 0.25).abs() < 0.03);
        assert!(
            (share(&|photometric| photometric.blur == 0.0) - 0.5).abs() < 0.03
                && share(&|photometric| photometric.blur > 1.0) > 0.2
        );
        assert!((share(&|photometric| photometric.noise > 0.1) - 0.25).abs() < 0.03);
        assert!(
            share(&|photometric| photometric.contrast < 0.6) > 0.07
                && share(&|photometric| photometric.contrast > 1.4) > 0.07
        );
    }

    #[test]
    fn a_flip_mirrors_and_contrast_stays_in_range() {
        let image = [0.1, 0.2, 0.3, 0.4];
        assert_eq!(retouched(Photometric { flip: true, ..PLAIN }, &image, 2), [0.2, 0.1, 0.4, 0.3]);
        assert_eq!(retouched(Photometric { contrast: 4.0, ..PLAIN }, &image, 2), [0.4, 0.8, 1.0, 1.0]);
        assert_eq!(retouched(PLAIN, &image, 2), image);
    }

    #[test]
    fn a_blur_spreads_a_point_evenly_and_loses_nothing() {
        let mut image = vec![0.0; 15 * 15];
        image[7 * 15 + 7] = 1.0;
        let blurred = retouched(Photometric { blur: 1.0, ..PLAIN }, &image, 15);
        assert!((blurred.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        // The density of N(0, 1) at 0 squared, and at 1 times that at 0.
        assert!((blurred[7 * 15 + 7] - 0.1593).abs() < 1e-3 && (blurred[7 * 15 + 8] - 0.0966).abs() < 1e-3);
        assert_eq!(blurred[7 * 15 + 8], blurred[6 * 15 + 7]);
    }

    #[test]
    fn noise_has_the_declared_std() {
        let noisy = retouched(Photometric { noise: 0.1, ..PLAIN }, &[0.5; 64 * 64], 64);
        let variance = noisy.iter().map(|pixel| (pixel - 0.5) * (pixel - 0.5)).sum::<f32>() / noisy.len() as f32;
        assert!((variance.sqrt() - 0.1).abs() < 0.005, "{}", variance.sqrt());
        assert!(
            retouched(Photometric { noise: 1.0, ..PLAIN }, &[0.5; 64], 8)
                .iter()
                .all(|pixel| (0.0..=1.0).contains(pixel))
        );
    }
}
