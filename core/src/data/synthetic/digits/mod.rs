//! Handwritten digits in the manner of MNIST: soft strokes, about 20×20 pixels, centred.

mod forms;

use std::f32::consts::TAU;

use crate::noise::Noise;

use super::path::{Bend, Point, at, bounds, spline};
use super::raster::{Canvas, Mask};
use super::{SIDE, between};
use forms::{FORMS, Form};

/// Draws `digit` with its own form, wobble, slant, proportion, pen, size and place.
pub(super) fn draw(digit: u8, noise: &mut Noise) -> Canvas {
    let form = pick(FORMS[usize::from(digit) % FORMS.len()], noise);

    let width = 1.0 + 0.18 * noise.normal().clamp(-1.8, 2.2);
    let slant = 0.12 + 0.28 * noise.normal().clamp(-1.8, 1.9);
    let turn = 0.11 * noise.normal().clamp(-2.0, 2.0);
    let bend = Bend::random(noise, 1.0, 0.038, slant, turn);
    let knots: Vec<Point> = form
        .knots
        .iter()
        .map(|&(x, y)| {
            let mut shaken = |v: f32| v + 0.016 * noise.normal().clamp(-2.0, 2.0);
            at(shaken(x) * width, shaken(y))
        })
        .collect();
    let mut paths: Vec<Vec<Point>> = form
        .runs
        .iter()
        .map(|&(first, last)| {
            let path = spline(&knots[first..=last]);
            path.into_iter().map(|p| bend.apply(p)).collect()
        })
        .collect();

    let radius = between(noise, 0.95, 1.7);
    let height = between(noise, 16.5, 20.5);
    let shift = at(0.8 * noise.normal(), 0.8 * noise.normal());
    place(&mut paths, height - 2.0 * radius, shift);

    // Pressure drifts across the page by up to a fifth.
    let pressure = between(noise, 0.0, 0.2);
    let (drift, phase) = (between(noise, -0.25, 0.25), between(noise, 0.0, TAU));
    let softness = between(noise, 1.1, 1.7);
    let mask = Mask::pen(&paths, softness, |p| radius * (1.0 + pressure * libm::sinf(drift * p.x + 0.2 * p.y + phase)));
    let ink = between(noise, 0.92, 1.0);
    let mut canvas = Canvas::blank();
    canvas.lay(&mask, |_| ink);
    canvas
}

fn pick<'a>(forms: &'a [Form], noise: &mut Noise) -> &'a Form {
    let mut ticket = noise.below(forms.iter().map(|form| form.weight).sum());
    for form in forms {
        match ticket.checked_sub(form.weight) {
            Some(rest) => ticket = rest,
            None => return form,
        }
    }
    &forms[0]
}

/// Scales `paths` so that their longer side is `size` pixels, and puts their centre of weight at
/// the middle of the canvas plus `shift`, as far as the border leaves room.
fn place(paths: &mut [Vec<Point>], size: f32, shift: Point) {
    let (low, high) = bounds(paths.iter().flatten());
    let scale = size / (high.x - low.x).max(high.y - low.y).max(f32::EPSILON);

    let (mut weight, mut sum) = (f32::EPSILON, at(0.0, 0.0));
    for side in paths.iter().flat_map(|path| path.windows(2)) {
        let (dx, dy) = (side[1].x - side[0].x, side[1].y - side[0].y);
        let length = libm::sqrtf(dx * dx + dy * dy);
        let middle = side[0].toward(side[1], 0.5);
        sum = at(sum.x + length * middle.x, sum.y + length * middle.y);
        weight += length;
    }

    let middle = SIDE as f32 / 2.0;
    let origin = |centre: f32, low: f32, high: f32, shift: f32| {
        let wanted = middle + shift - centre * scale;
        // Keeps the pen's middle this far from the border.
        let room = 3.2;
        wanted.clamp(room - low * scale, (SIDE as f32 - room - high * scale).max(room - low * scale))
    };
    let x = origin(sum.x / weight, low.x, high.x, shift.x);
    let y = origin(sum.y / weight, low.y, high.y, shift.y);
    for p in paths.iter_mut().flatten() {
        *p = at(p.x * scale + x, p.y * scale + y);
    }
}
