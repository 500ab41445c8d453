//! Anti-aliased drawing of paths on a small grey canvas.

use super::SIDE;
use super::path::{Point, at, bounds};

/// Scan lines per pixel row in a filled outline; along the row the coverage is exact.
const SCANS: usize = 4;

/// A grey image under construction, 0 for the background to 1 for full ink.
pub(super) struct Canvas {
    ink: [f32; SIDE * SIDE],
}

impl Canvas {
    pub(super) fn blank() -> Canvas {
        Canvas { ink: [0.0; SIDE * SIDE] }
    }

    /// Covers what `mask` covers with the shade that `shade` gives at each pixel centre.
    pub(super) fn lay(&mut self, mask: &Mask, shade: impl Fn(Point) -> f32) {
        for (i, (ink, &cover)) in self.ink.iter_mut().zip(&mask.cover).enumerate() {
            if cover > 0.0 {
                *ink += (shade(centre(i)) - *ink) * cover;
            }
        }
    }

    pub(super) fn bytes(&self) -> [u8; SIDE * SIDE] {
        // The cast saturates, so a shade outside 0..1 is clipped.
        self.ink.map(|ink| (ink * 255.0 + 0.5) as u8)
    }
}

/// How much of each pixel a shape covers, 0 to 1.
pub(super) struct Mask {
    cover: [f32; SIDE * SIDE],
}

impl Mask {
    /// What a round pen covers that follows `paths`; `radius` gives its size at a point, and its
    /// edge fades over `softness` pixels.
    pub(super) fn pen(paths: &[Vec<Point>], softness: f32, radius: impl Fn(Point) -> f32) -> Mask {
        let mut cover = [0.0f32; SIDE * SIDE];
        for side in paths.iter().flat_map(|path| path.windows(2)) {
            let (from, to) = (side[0], side[1]);
            let radius = radius(from.toward(to, 0.5));
            let reach = radius + softness;
            let (low, high) = bounds(side.iter());
            for row in pixels(low.y - reach, high.y + reach) {
                for column in pixels(low.x - reach, high.x + reach) {
                    let i = row * SIDE + column;
                    let edge = 0.5 + (radius - distance(centre(i), from, to)) / softness;
                    cover[i] = cover[i].max(smooth_step(edge));
                }
            }
        }
        Mask { cover }
    }

    /// What lies inside `outline`, which closes itself, by the even-odd rule.
    pub(super) fn inside(outline: &[Point]) -> Mask {
        let mut cover = [0.0f32; SIDE * SIDE];
        let (low, high) = bounds(outline.iter());
        let mut crossings = Vec::new();
        for row in pixels(low.y, high.y) {
            for scan in 0..SCANS {
                let y = row as f32 + (scan as f32 + 0.5) / SCANS as f32;
                crossings.clear();
                let next = outline.iter().cycle().skip(1);
                for (a, b) in outline.iter().zip(next) {
                    if (a.y <= y) != (b.y <= y) {
                        crossings.push(a.x + (b.x - a.x) * (y - a.y) / (b.y - a.y));
                    }
                }
                crossings.sort_by(f32::total_cmp);
                for span in crossings.chunks_exact(2) {
                    for column in pixels(span[0], span[1]) {
                        let left = span[0].max(column as f32);
                        let right = span[1].min(column as f32 + 1.0);
                        cover[row * SIDE + column] += (right - left).max(0.0) / SCANS as f32;
                    }
                }
            }
        }
        Mask { cover }
    }

    pub(super) fn empty() -> Mask {
        Mask { cover: [0.0; SIDE * SIDE] }
    }

    pub(super) fn add(&mut self, other: &Mask) {
        for (own, &more) in self.cover.iter_mut().zip(&other.cover) {
            *own = own.max(more);
        }
    }

    pub(super) fn and(&self, other: &Mask) -> Mask {
        Mask { cover: std::array::from_fn(|i| self.cover[i] * other.cover[i]) }
    }

    /// How deep each pixel lies in the shape: 1 inside, less within two pixels of its edge.
    pub(super) fn depth(&self) -> Mask {
        self.blurred().blurred()
    }

    /// The coverage at the pixel that holds `p`, 0 outside of the canvas.
    pub(super) fn at(&self, p: Point) -> f32 {
        let inside = |v: f32| (0.0..SIDE as f32).contains(&v);
        if inside(p.x) && inside(p.y) { self.cover[p.y as usize * SIDE + p.x as usize] } else { 0.0 }
    }

    fn blurred(&self) -> Mask {
        let along = |cover: &[f32; SIDE * SIDE], step: usize| {
            std::array::from_fn(|i| {
                let position = i / step % SIDE;
                let before = if position > 0 { cover[i - step] } else { 0.0 };
                let after = if position + 1 < SIDE { cover[i + step] } else { 0.0 };
                (before + cover[i] + after) / 3.0
            })
        };
        Mask { cover: along(&along(&self.cover, 1), SIDE) }
    }
}

fn centre(i: usize) -> Point {
    at((i % SIDE) as f32 + 0.5, (i / SIDE) as f32 + 0.5)
}

/// The rows or columns that the interval from `low` to `high` touches.
fn pixels(low: f32, high: f32) -> std::ops::Range<usize> {
    // The casts saturate: what lies off the canvas comes out as an empty or shortened range.
    let end = (high.max(0.0) as usize).saturating_add(1);
    low.max(0.0) as usize..end.min(SIDE)
}

/// Distance from `p` to the segment between `from` and `to`.
fn distance(p: Point, from: Point, to: Point) -> f32 {
    let (dx, dy) = (to.x - from.x, to.y - from.y);
    let length = dx * dx + dy * dy;
    let along = if length > 0.0 { (((p.x - from.x) * dx + (p.y - from.y) * dy) / length).clamp(0.0, 1.0) } else { 0.0 };
    let nearest = from.toward(to, along);
    let (x, y) = (p.x - nearest.x, p.y - nearest.y);
    libm::sqrtf(x * x + y * y)
}

/// 0 up to 0, 1 from 1 on, and smooth between.
fn smooth_step(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(mask: &Mask) -> f32 {
        mask.cover.iter().sum()
    }

    #[test]
    fn a_filled_box_covers_its_area() {
        let corners = [at(3.25, 4.5), at(10.75, 4.5), at(10.75, 9.0), at(3.25, 9.0)];
        assert!((total(&Mask::inside(&corners)) - 7.5 * 4.5).abs() < 1e-3);
    }

    #[test]
    fn a_pen_line_covers_its_length_times_its_width() {
        let path = vec![at(6.0, 14.0), at(22.0, 14.0)];
        let area = total(&Mask::pen(&[path], 1.0, |_| 1.5));
        // Its round ends add a disc of radius 1.5.
        assert!((area - (16.0 * 3.0 + 7.07)).abs() < 1.0, "{area}");
    }

    #[test]
    fn what_lies_off_the_canvas_is_left_out() {
        let far = [at(-90.0, -90.0), at(-80.0, 900.0), at(-70.0, -90.0)];
        assert_eq!(total(&Mask::inside(&far)), 0.0);
        assert_eq!(total(&Mask::pen(&[far.to_vec()], 1.0, |_| 2.0)), 0.0);
        let around = [at(-9.0, -9.0), at(99.0, -9.0), at(99.0, 99.0), at(-9.0, 99.0)];
        assert!((total(&Mask::inside(&around)) - (SIDE * SIDE) as f32).abs() < 1e-2);
    }

    #[test]
    fn shades_outside_of_the_range_are_clipped() {
        let mut canvas = Canvas::blank();
        let everything = Mask { cover: [1.0; SIDE * SIDE] };
        canvas.lay(&everything, |p| if p.x < 14.0 { 7.0 } else { -7.0 });
        assert_eq!(canvas.bytes()[13..15], [255, 0]);
    }
}
