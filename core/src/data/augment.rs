//! Random changes of training images: larger or smaller, turned, moved, mirrored; blurred, darker or brighter, noisy.

use crate::noise::Noise;
use crate::spec::Augment;

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

/// One change of how an image looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// Whether it is mirrored, left for right.
    pub flip: bool,
    /// The standard deviation of the Gaussian that blurs it, in pixels.
    pub blur: f64,
    /// How many times as bright it becomes.
    pub contrast: f64,
    /// The standard deviation of what is added; white is 1.
    pub noise: f64,
}

impl Look {
    /// A look drawn from the allowed ones. Numbers are taken only for what is allowed.
    pub fn draw(allowed: &Augment, noise: &mut Noise) -> Self {
        let mut uniform = |most: f64| if most > 0.0 { f64::from(noise.uniform()) } else { 1.0 };
        let flip = uniform(allowed.flip) < allowed.flip;
        // Below one half nothing, above it evenly up to the most.
        let mut half = |most: f64| most * (2.0 * uniform(most) - 1.0).max(0.0);
        let (blur, noisy) = (half(allowed.blur), half(allowed.noise));
        let contrast = 1.0 + allowed.contrast * (2.0 * uniform(allowed.contrast) - 1.0);
        Self { flip, blur, contrast, noise: noisy }
    }

    /// Changes a square image in place, `[side, side]` with pixels from `black` to `white`, which they do not leave.
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
            let deviation = self.noise as f32 * (white - black);
            pixels.iter_mut().for_each(|pixel| *pixel = (*pixel + deviation * noise.normal()).clamp(black, white));
        }
    }
}

/// Blurs a square image with a Gaussian, in rows and then in columns; what lies outside is black.
fn blur(pixels: &mut [f32], side: usize, deviation: f64, black: f32) {
    let reach = ((3.0 * deviation).ceil() as usize).clamp(1, side);
    let mut weights: Vec<f32> =
        (0..=reach).map(|away| libm::exp(-0.5 * (away as f64 / deviation).powi(2)) as f32).collect();
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
        let allowed = Augment { shift: 2.0, rotate: 10.0, scale: 0.1, ..Augment::default() };
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

    const PLAIN: Look = Look { flip: false, blur: 0.0, contrast: 1.0, noise: 0.0 };

    fn looked(look: Look, image: &[f32], side: usize) -> Vec<f32> {
        let mut pixels = image.to_vec();
        look.apply(&mut pixels, side, [0.0, 1.0], &mut Noise::new(1, 0));
        pixels
    }

    #[test]
    fn looks_are_drawn_only_where_they_are_allowed() {
        let mut noise = Noise::new(1, 0);
        assert_eq!(Look::draw(&Augment { shift: 2.0, ..Augment::default() }, &mut noise), PLAIN);
        assert_eq!(noise.uniform(), Noise::new(1, 0).uniform(), "nothing was taken");
        let allowed = Augment { flip: 0.25, blur: 2.0, contrast: 0.5, noise: 0.2, ..Augment::default() };
        let drawn: Vec<Look> = (0..4000).map(|_| Look::draw(&allowed, &mut noise)).collect();
        let share = |is: &dyn Fn(&Look) -> bool| drawn.iter().filter(|look| is(look)).count() as f64 / 4000.0;
        assert!((share(&|look| look.flip) - 0.25).abs() < 0.03);
        assert!((share(&|look| look.blur == 0.0) - 0.5).abs() < 0.03 && share(&|look| look.blur > 1.0) > 0.2);
        assert!((share(&|look| look.noise > 0.1) - 0.25).abs() < 0.03);
        assert!(share(&|look| look.contrast < 0.6) > 0.07 && share(&|look| look.contrast > 1.4) > 0.07);
    }

    #[test]
    fn a_flip_mirrors_and_contrast_stays_in_range() {
        let image = [0.1, 0.2, 0.3, 0.4];
        assert_eq!(looked(Look { flip: true, ..PLAIN }, &image, 2), [0.2, 0.1, 0.4, 0.3]);
        assert_eq!(looked(Look { contrast: 4.0, ..PLAIN }, &image, 2), [0.4, 0.8, 1.0, 1.0]);
        assert_eq!(looked(PLAIN, &image, 2), image);
    }

    #[test]
    fn a_blur_spreads_a_point_evenly_and_loses_nothing() {
        let mut image = vec![0.0; 15 * 15];
        image[7 * 15 + 7] = 1.0;
        let blurred = looked(Look { blur: 1.0, ..PLAIN }, &image, 15);
        assert!((blurred.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        // The density of N(0, 1) at 0 squared, and at 1 times that at 0.
        assert!((blurred[7 * 15 + 7] - 0.1593).abs() < 1e-3 && (blurred[7 * 15 + 8] - 0.0966).abs() < 1e-3);
        assert_eq!(blurred[7 * 15 + 8], blurred[6 * 15 + 7]);
    }

    #[test]
    fn noise_has_the_deviation_that_it_should_have() {
        let noisy = looked(Look { noise: 0.1, ..PLAIN }, &[0.5; 64 * 64], 64);
        let variance = noisy.iter().map(|pixel| (pixel - 0.5) * (pixel - 0.5)).sum::<f32>() / noisy.len() as f32;
        assert!((variance.sqrt() - 0.1).abs() < 0.005, "{}", variance.sqrt());
        assert!(looked(Look { noise: 1.0, ..PLAIN }, &[0.5; 64], 8).iter().all(|pixel| (0.0..=1.0).contains(pixel)));
    }
}
