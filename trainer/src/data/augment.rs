//! Random changes of training images: larger or smaller, turned, moved.

use imago_core::noise::Noise;
use imago_core::spec::Augment;

/// One change of an image: scaled and turned about its centre, then moved.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// How many times as large it becomes.
    pub scale: f64,
    /// How far it turns, clockwise.
    pub degrees: f64,
    /// How many pixels it moves to the right.
    pub right: f64,
    /// How many pixels it moves down.
    pub down: f64,
}

impl Change {
    /// A change drawn evenly from the allowed ones. It takes four numbers, in the order of the fields.
    pub fn draw(allowed: &Augment, noise: &mut Noise) -> Self {
        let mut within = |most: f64| most * (2.0 * f64::from(noise.uniform()) - 1.0);
        let scale = 1.0 + within(allowed.scale);
        let degrees = within(allowed.rotate);
        let right = within(allowed.shift);
        let down = within(allowed.shift);
        Self { scale, degrees, right, down }
    }
}

/// A square image within a black border, so that what lies outside needs no special case: one pixel of border before
/// the image and two behind it, in both directions.
pub struct Canvas {
    side: usize,
    pixels: Vec<f32>,
}

/// Pixels of border in a row.
const BORDER: usize = 3;

impl Canvas {
    /// A black canvas for images of `side` by `side` pixels.
    pub fn new(side: usize, black: f32) -> Self {
        Self { side, pixels: vec![black; (side + BORDER) * (side + BORDER)] }
    }

    /// Puts an image in the place of the one before; `levels` says what its bytes mean.
    pub fn put(&mut self, image: &[u8], levels: &[f32; 256]) {
        let rows = self.pixels.chunks_exact_mut(self.side + BORDER).skip(1);
        for (row, bytes) in rows.zip(image.chunks_exact(self.side)) {
            for (pixel, &byte) in row[1..].iter_mut().zip(bytes) {
                *pixel = levels[usize::from(byte)];
            }
        }
    }

    /// Writes the changed image: for each of its pixels, what lies at the place where the pixel comes from.
    pub fn sample(&self, change: &Change, changed: &mut [f32]) {
        let angle = change.degrees.to_radians();
        let (cos, sin) = (libm::cos(angle) / change.scale, libm::sin(angle) / change.scale);
        let centre = (self.side as f64 - 1.0) / 2.0;
        let (across, up) = (fixed(cos), fixed(sin));
        // The first pixel of a row as seen from the centre, before it was moved.
        let right = -centre - change.right;
        for (row, pixels) in changed.chunks_exact_mut(self.side).enumerate() {
            let down = row as f64 - centre - change.down;
            let mut x = fixed(centre + cos * right + sin * down);
            let mut y = fixed(centre - sin * right + cos * down);
            for pixel in pixels {
                *pixel = self.at(x, y);
                x += across;
                y -= up;
            }
        }
    }

    /// The image at any place, bilinear between the centres of its pixels. The first pixel is at `(0, 0)`.
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

/// How many bits of a fixed-point number lie behind the point: as many as an `f32` holds.
const BITS: u32 = 24;
/// One pixel as a fixed-point number.
const ONE: i64 = 1 << BITS;
/// No place is farther away than so many pixels, which keeps sums of fixed-point numbers in range.
const FAR: f64 = 1e6;

/// A number of pixels as a fixed-point number. A step from pixel to pixel is then one exact and fast addition.
fn fixed(pixels: f64) -> i64 {
    (pixels.clamp(-FAR, FAR) * ONE as f64).round() as i64
}

/// What lies behind the point.
fn part(fixed: i64) -> f32 {
    (fixed & (ONE - 1)) as f32 / ONE as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    const STILL: Change = Change { scale: 1.0, degrees: 0.0, right: 0.0, down: 0.0 };
    const NINE: [u8; 9] = [1, 2, 3, 4, 5, 6, 7, 8, 9];

    fn changed(change: Change, image: &[u8], side: usize) -> Vec<f32> {
        let mut canvas = Canvas::new(side, 0.0);
        canvas.put(image, &std::array::from_fn(|byte| byte as f32));
        let mut changed = vec![f32::NAN; side * side];
        canvas.sample(&change, &mut changed);
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
        let right = changed(Change { right: 1.0, ..STILL }, &NINE, 3);
        assert_eq!(right, [0.0, 1.0, 2.0, 0.0, 4.0, 5.0, 0.0, 7.0, 8.0]);
        let up = changed(Change { down: -1.0, ..STILL }, &NINE, 3);
        assert_eq!(up, [4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 0.0, 0.0, 0.0]);
        let half = changed(Change { down: 0.5, ..STILL }, &NINE, 3);
        assert_eq!(half, [0.5, 1.0, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5]);
        let away = changed(Change { right: -1e9, down: 1e9, ..STILL }, &NINE, 3);
        assert_eq!(away, [0.0; 9]);
    }

    #[test]
    fn a_quarter_turn_is_clockwise() {
        let turned = changed(Change { degrees: 90.0, ..STILL }, &NINE, 3);
        for (found, expected) in turned.iter().zip([7.0, 4.0, 1.0, 8.0, 5.0, 2.0, 9.0, 6.0, 3.0]) {
            assert!((found - expected).abs() < 1e-6, "{turned:?}");
        }
    }

    #[test]
    fn scaling_keeps_the_centre() {
        let larger = changed(Change { scale: 2.0, ..STILL }, &NINE, 3);
        assert_eq!(larger, [3.0, 3.5, 4.0, 4.5, 5.0, 5.5, 6.0, 6.5, 7.0]);
        let smaller = changed(Change { scale: 0.5, ..STILL }, &NINE, 3);
        assert_eq!(smaller, [0.0, 0.0, 0.0, 0.0, 5.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn an_image_is_moved_after_it_is_turned_and_scaled() {
        let both = changed(Change { degrees: 180.0, right: 1.0, ..STILL }, &NINE, 3);
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
        canvas.sample(&Change { right: 0.3, degrees: 10.0, ..STILL }, &mut found);
        assert_eq!(found.to_vec(), changed(Change { right: 0.3, degrees: 10.0, ..STILL }, &NINE, 3));
    }

    #[test]
    fn drawn_changes_stay_within_bounds_and_always_take_four_numbers() {
        let allowed = Augment { shift: 2.0, rotate: 10.0, scale: 0.1 };
        let mut noise = Noise::new(1, 0);
        for _ in 0..1000 {
            let Change { scale, degrees, right, down } = Change::draw(&allowed, &mut noise);
            assert!((0.9..=1.1).contains(&scale) && degrees.abs() <= 10.0);
            assert!(right.abs() <= 2.0 && down.abs() <= 2.0);
        }

        let (mut drawn, mut counted) = (Noise::new(2, 0), Noise::new(2, 0));
        let change = Change::draw(&Augment { shift: 1.0, ..Augment::default() }, &mut drawn);
        assert_eq!((change.scale, change.degrees), (1.0, 0.0));
        let [_, _, right, down] = std::array::from_fn(|_| 2.0 * f64::from(counted.uniform()) - 1.0);
        assert_eq!((change.right, change.down), (right, down));
        assert_eq!(drawn.uniform(), counted.uniform());
    }
}
