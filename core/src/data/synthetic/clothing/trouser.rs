//! Trousers: two legs from one waist.

use crate::noise::Noise;

use super::super::path::{at, line, spline};
use super::super::{between, chance};
use super::cutout::Cutout;
use super::fabric::Fabric;

/// Class 1: narrow, straight or flared legs, with or without seams, waistband and pockets.
pub(super) fn trouser(noise: &mut Noise) -> Cutout {
    let waist = between(noise, 3.2, 5.0);
    let hip = waist + between(noise, 0.2, 1.2);
    let crotch = between(noise, 7.5, 10.5);
    let length = between(noise, 22.0, 26.5);
    let stance = between(noise, 0.0, 1.6);
    let gap = between(noise, 0.25, 0.9);
    let hem = between(noise, 1.9, 4.2);
    let knee = (hip * 0.5 + hem * 0.5) * between(noise, 0.82, 1.0);
    let knee_height = crotch + (length - crotch) * 0.5;

    let fabric = Fabric::perhaps_patterned(noise, 0.06);
    let mut piece = Cutout::new();
    for side in [-1.0, 1.0] {
        let inner = |t: f32| gap * t.min(0.6) / 0.6 + stance * t;
        let mut leg = spline(&[
            at(waist, 0.0),
            at(hip, crotch * 0.7),
            at(inner(0.5) + knee, knee_height),
            at(inner(1.0) + hem, length),
        ]);
        leg.extend(line(&[at(inner(1.0), length + 0.3), at(inner(0.5), knee_height), at(0.0, crotch)]));
        // The legs overlap a little, or a gap would show between them at the hip.
        leg.extend(line(&[at(-0.3, crotch - 0.4), at(-0.3, 0.2)]));
        let leg = leg.iter().map(|p| at(side * p.x, p.y)).collect();
        piece.fill(leg, &fabric.toned(if side > 0.0 { 0.96 } else { 1.0 }));
    }

    let seam = fabric.contrasting(between(noise, 0.2, 0.5));
    piece.seam(line(&[at(0.0, 0.0), at(0.0, crotch)]), 0.6, seam);
    if chance(noise, 0.7) {
        piece.seam(line(&[at(-hip, 1.4), at(hip, 1.4)]), between(noise, 0.5, 1.0), seam);
    }
    for side in [-1.0, 1.0] {
        if noise.below(2) == 0 {
            piece.seam(
                spline(&[at(side * waist * 0.5, 1.6), at(side * waist * 0.75, 3.6), at(side * hip, 4.2)]),
                0.6,
                seam,
            );
        }
    }
    if chance(noise, 0.35) {
        // Creases, or thighs that have faded in the wash.
        let (width, shade) = (between(noise, 0.6, 2.2), fabric.contrasting(-0.15));
        for side in [-1.0, 1.0] {
            let thigh = at(side * hip * 0.5, crotch * 0.8);
            let shin = at(side * (stance * 0.8 + gap + hem * 0.5), length * 0.92);
            piece.seam(line(&[thigh, shin]), width, shade);
        }
    }
    piece
}
