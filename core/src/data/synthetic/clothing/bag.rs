//! Bags: a body, what closes it, and what it is carried by.

use crate::noise::Noise;

use super::super::path::{at, line, mirrored, spline};
use super::super::{between, chance};
use super::cutout::Cutout;
use super::fabric::Fabric;

/// Class 8: totes, handbags, shoulder bags and clutches.
pub(super) fn bag(noise: &mut Noise) -> Cutout {
    let top = between(noise, 6.5, 11.5);
    let bottom = top * between(noise, 0.88, 1.2);
    let height = between(noise, 9.0, 17.5);
    let corner = between(noise, 0.6, 2.8);
    let fabric = Fabric::perhaps_patterned(noise, 0.2);
    let mut piece = Cutout::new();

    let reach = top * between(noise, 0.35, 0.85);
    let rise = between(noise, 3.5, 10.0);
    let (strap, shade) = (between(noise, 0.9, 1.9), fabric.contrasting(0.25));
    let handle = |rise: f32, lean: f32| {
        let shoulder = reach * 0.85;
        spline(&[
            at(-reach, 1.2),
            at(lean - shoulder, -rise * 0.6),
            at(lean, -rise),
            at(lean + shoulder, -rise * 0.6),
            at(reach, 1.2),
        ])
    };
    match noise.below(10) {
        0 => {}
        1..4 => {
            piece.strap(handle(rise, 0.7), strap, shade * 0.7);
            piece.strap(handle(rise * 0.88, -0.3), strap, shade);
        }
        _ => piece.strap(handle(rise, 0.0), strap, shade),
    }

    let sag = between(noise, -0.6, 0.8);
    let mut half = spline(&[at(0.0, sag), at(top * 0.6, sag * 0.6), at(top - corner * 0.3, 0.0)]);
    half.extend(spline(&[at(top, corner * 0.4), at((top + bottom) * 0.51, height * 0.5), at(bottom, height - corner)]));
    half.extend(spline(&[
        at(bottom - corner * 0.3, height - corner * 0.3),
        at(bottom - corner, height),
        at(0.0, height + 0.3),
    ]));
    piece.fill(mirrored(&half), &fabric);

    let dark = fabric.contrasting(between(noise, 0.3, 0.6));
    match noise.below(4) {
        0 => {
            let drop = height * between(noise, 0.4, 0.68);
            let flap = [
                at(0.0, sag),
                at(top * 0.99, 0.4),
                at(top * 0.98, drop * 0.7),
                at(top * 0.6, drop),
                at(0.0, drop + 0.4),
            ];
            piece.fill(mirrored(&flap), &fabric.unpatterned().toned(1.1));
            piece.seam(
                line(&[at(-top, drop * 0.72), at(-top * 0.6, drop), at(top * 0.6, drop), at(top, drop * 0.72)]),
                0.8,
                dark,
            );
            piece.seam(vec![at(-0.5, drop - 0.6), at(0.5, drop - 0.6)], 1.6, fabric.contrasting(0.8));
        }
        1 => {
            let y = between(noise, 1.2, 2.6);
            piece.seam(line(&[at(-top * 0.85, y), at(top * 0.85, y)]), 0.8, dark);
        }
        2 => {
            let (y, x) = (height * between(noise, 0.42, 0.55), bottom * 0.62);
            let pocket = [at(-x, y), at(x, y), at(x, height - 1.8), at(-x, height - 1.8), at(-x, y)];
            piece.seam(line(&pocket), 0.8, dark);
        }
        _ => {
            for x in [-reach, reach] {
                piece.seam(line(&[at(x, 0.5), at(x, height)]), strap, dark);
            }
        }
    }
    if chance(noise, 0.4) {
        let y = height - between(noise, 1.2, 2.2);
        piece.seam(line(&[at(-bottom - 1.0, y), at(bottom + 1.0, y)]), 0.7, dark);
    }
    piece
}
