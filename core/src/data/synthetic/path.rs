//! Curves as dense polylines, and the smooth distortions that make two drawings of one form differ.

use std::f32::consts::TAU;

use crate::noise::Noise;

use super::between;

/// Points that a curve gets between two of its control points.
const POINTS_PER_SPAN: usize = 6;

/// A point of the plane: x to the right, y downwards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) x: f32,
    pub(super) y: f32,
}

pub(super) const fn at(x: f32, y: f32) -> Point {
    Point { x, y }
}

impl Point {
    pub(super) fn toward(self, other: Point, t: f32) -> Point {
        at(self.x + (other.x - self.x) * t, self.y + (other.y - self.y) * t)
    }
}

/// The straight path through `corners`, with points along each side so that it can be bent.
pub(super) fn line(corners: &[Point]) -> Vec<Point> {
    let sides = corners.windows(2).flat_map(|side| {
        (0..POINTS_PER_SPAN).map(|step| side[0].toward(side[1], step as f32 / POINTS_PER_SPAN as f32))
    });
    sides.chain(corners.last().copied()).collect()
}

/// The smooth path through `knots`: a uniform Catmull-Rom spline from the first to the last.
pub(super) fn spline(knots: &[Point]) -> Vec<Point> {
    let Some(last) = knots.len().checked_sub(1) else {
        return Vec::new();
    };
    let mut path = Vec::with_capacity(last * POINTS_PER_SPAN + 1);
    for i in 0..last {
        let before = knots[i.saturating_sub(1)];
        let after = knots[(i + 2).min(last)];
        for step in 0..POINTS_PER_SPAN {
            let t = step as f32 / POINTS_PER_SPAN as f32;
            let blend = |a, b, c, d| catmull_rom([a, b, c, d], t);
            let (from, to) = (knots[i], knots[i + 1]);
            path.push(at(blend(before.x, from.x, to.x, after.x), blend(before.y, from.y, to.y, after.y)));
        }
    }
    path.push(knots[last]);
    path
}

/// The value at `t` in 0..1 between the middle two of four equally spaced values.
fn catmull_rom([a, b, c, d]: [f32; 4], t: f32) -> f32 {
    let linear = c - a;
    let square = 2.0 * a - 5.0 * b + 4.0 * c - d;
    let cube = 3.0 * (b - c) + d - a;
    b + 0.5 * t * (linear + t * (square + t * cube))
}

/// The closed outline with the right half `half`, from the top down the axis x = 0.
pub(super) fn mirrored(half: &[Point]) -> Vec<Point> {
    let left = half.iter().rev().map(|p| at(-p.x, p.y));
    half.iter().copied().chain(left).collect()
}

/// The smallest box around all `points`, as its upper left and lower right corner.
pub(super) fn bounds<'a>(points: impl Iterator<Item = &'a Point>) -> (Point, Point) {
    let nothing = (at(f32::MAX, f32::MAX), at(f32::MIN, f32::MIN));
    points.fold(nothing, |(low, high), p| (at(low.x.min(p.x), low.y.min(p.y)), at(high.x.max(p.x), high.y.max(p.y))))
}

/// A random smooth distortion: slow waves along both axes, then a slant and a rotation.
pub(super) struct Bend {
    waves: [Wave; 4],
    slant: f32,
    sine: f32,
    cosine: f32,
}

struct Wave {
    height: f32,
    across: f32,
    down: f32,
    phase: f32,
}

impl Bend {
    /// Draws a distortion for a form about `size` wide or high: waves of `wobble` × `size`
    /// standard deviation, a shear to the right of `slant` and a rotation of `turn` radians.
    pub(super) fn random(noise: &mut Noise, size: f32, wobble: f32, slant: f32, turn: f32) -> Bend {
        let waves = std::array::from_fn(|_| Wave {
            height: noise.normal().clamp(-2.0, 2.0) * wobble * size,
            across: between(noise, -1.1, 1.1) * TAU / size,
            down: between(noise, -1.1, 1.1) * TAU / size,
            phase: between(noise, 0.0, TAU),
        });
        Bend { waves, slant, sine: libm::sinf(turn), cosine: libm::cosf(turn) }
    }

    /// Where the distortion moves `p`.
    pub(super) fn apply(&self, p: Point) -> Point {
        let [a, b, c, d] = &self.waves;
        let x = p.x + a.at(p) + b.at(p) - self.slant * p.y;
        let y = p.y + c.at(p) + d.at(p);
        at(self.cosine * x - self.sine * y, self.sine * x + self.cosine * y)
    }
}

impl Wave {
    fn at(&self, p: Point) -> f32 {
        self.height * libm::sinf(self.across * p.x + self.down * p.y + self.phase)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spline_passes_through_its_knots() {
        let knots = [at(0.0, 0.0), at(1.0, 2.0), at(3.0, 1.0)];
        let path = spline(&knots);
        for knot in knots {
            assert!(path.contains(&knot));
        }
    }

    #[test]
    fn a_spline_through_nothing_is_empty() {
        assert_eq!(spline(&[]), []);
    }

    #[test]
    fn a_line_keeps_to_its_sides() {
        let path = line(&[at(0.0, 0.0), at(6.0, 3.0)]);
        assert!(path.iter().all(|p| (p.x - 2.0 * p.y).abs() < 1e-5));
        assert_eq!(path.last(), Some(&at(6.0, 3.0)));
    }
}
