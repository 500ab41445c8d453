//! A piece of clothing as layers of shapes, laid over one another and fitted to the canvas.

use crate::noise::Noise;

use super::super::path::{Bend, Point, at, bounds};
use super::super::raster::{Canvas, Mask};
use super::super::{SIDE, between};
use super::fabric::Fabric;

/// Edge of a drawn line, in pixels.
const LINE_SOFTNESS: f32 = 0.9;

const MAX_ENLARGEMENT: f32 = 1.15;

/// A piece of clothing: shapes from the lowest to the uppermost. Its unit is about a pixel.
pub(super) struct Cutout {
    layers: Vec<Layer>,
}

struct Layer {
    path: Vec<Point>,
    paint: Paint,
}

enum Paint {
    Fill(Fabric),
    Line {
        width: f32,
        shade: f32,
    },
    /// A line along the path, seen only where cloth already lies.
    Seam {
        width: f32,
        shade: f32,
    },
}

impl Layer {
    /// The corners of the box that the layer covers, if it can reach beyond the layers below it.
    fn extent(&self) -> Option<[Point; 2]> {
        let (low, high) = bounds(self.path.iter());
        let margin = match self.paint {
            Paint::Fill(_) => 0.0,
            Paint::Line { width, .. } => width / 2.0,
            Paint::Seam { .. } => return None,
        };
        let corners = [at(low.x - margin, low.y - margin), at(high.x + margin, high.y + margin)];
        Some(corners)
    }
}

impl Cutout {
    pub(super) fn new() -> Cutout {
        Cutout { layers: Vec::new() }
    }

    pub(super) fn fill(&mut self, outline: Vec<Point>, fabric: &Fabric) {
        self.add(outline, Paint::Fill(*fabric));
    }

    pub(super) fn strap(&mut self, path: Vec<Point>, width: f32, shade: f32) {
        self.add(path, Paint::Line { width, shade });
    }

    /// Draws a line on the cloth along `path`; it never leaves the layers below it.
    pub(super) fn seam(&mut self, path: Vec<Point>, width: f32, shade: f32) {
        self.add(path, Paint::Seam { width, shade });
    }

    fn add(&mut self, path: Vec<Point>, paint: Paint) {
        self.layers.push(Layer { path, paint });
    }

    /// The piece on a canvas: a little bent and turned, centred, and scaled to fit with a margin.
    pub(super) fn draw(mut self, noise: &mut Noise) -> Canvas {
        let slant = 0.025 * noise.normal().clamp(-2.0, 2.0);
        let turn = 0.035 * noise.normal().clamp(-2.0, 2.0);
        let bend = Bend::random(noise, SIDE as f32, 0.009, slant, turn);
        for p in self.layers.iter_mut().flat_map(|layer| &mut layer.path) {
            *p = bend.apply(*p);
        }
        let size = at(between(noise, 23.0, 26.0), between(noise, 23.0, 26.0));
        let stretch = at(between(noise, 0.9, 1.08), between(noise, 0.9, 1.08));
        let shift = at(0.35 * noise.normal(), 0.35 * noise.normal());
        self.place(size, stretch, shift);

        let mut canvas = Canvas::blank();
        let mut cloth = Mask::empty();
        for Layer { path, paint } in self.layers {
            match paint {
                Paint::Fill(fabric) => {
                    let mask = Mask::inside(&path);
                    let depth = mask.depth();
                    canvas.lay(&mask, |p| fabric.shade(p, depth.at(p)));
                    cloth.add(&mask);
                }
                Paint::Line { width, shade } => {
                    let mask = Mask::pen(&[path], LINE_SOFTNESS, |_| width / 2.0);
                    canvas.lay(&mask, |_| shade);
                    cloth.add(&mask);
                }
                Paint::Seam { width, shade } => {
                    let mask = Mask::pen(&[path], LINE_SOFTNESS, |_| width / 2.0);
                    canvas.lay(&mask.and(&cloth), |_| shade);
                }
            }
        }
        canvas
    }

    /// Stretches the piece, scales it to fit into `size`, and centres it with an offset of `shift`
    /// as far as the margin allows.
    fn place(&mut self, size: Point, stretch: Point, shift: Point) {
        let corners = self.layers.iter().filter_map(Layer::extent).flatten().collect::<Vec<_>>();
        let (low, high) = bounds(corners.iter());
        let (width, height) = ((high.x - low.x) * stretch.x, (high.y - low.y) * stretch.y);
        let scale = (size.x / width).min(size.y / height).min(MAX_ENLARGEMENT);

        let middle = SIDE as f32 / 2.0;
        let room = |extent: f32| ((SIDE as f32 - 1.6 - extent * scale) / 2.0).max(0.0);
        let x = middle + shift.x.clamp(-room(width), room(width));
        let y = middle + shift.y.clamp(-room(height), room(height));
        for p in self.layers.iter_mut().flat_map(|layer| &mut layer.path) {
            *p = at(
                x + (p.x - (low.x + high.x) / 2.0) * stretch.x * scale,
                y + (p.y - (low.y + high.y) / 2.0) * stretch.y * scale,
            );
        }
    }
}
