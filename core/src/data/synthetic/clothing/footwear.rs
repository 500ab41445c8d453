//! Shoes from the side, the toe to the left: sandal, sneaker and ankle boot.

use crate::noise::Noise;

use super::super::path::{Point, at, line, spline};
use super::super::{between, chance};
use super::cutout::Cutout;
use super::fabric::Fabric;

/// Class 5: a sole, flat or raised at the heel, and straps with nothing between them.
pub(super) fn sandal(noise: &mut Noise) -> Cutout {
    let fabric = Fabric::plain(noise).at_least(0.5);
    let mut piece = Cutout::new();
    let rise = match noise.below(3) {
        0 => between(noise, 0.0, 1.5),
        1 => between(noise, 2.0, 6.0),
        _ => between(noise, 6.0, 11.0),
    };
    let thickness = between(noise, 1.6, 2.8);
    let ground = 22.0;
    // The footbed: level under the toes, then up to the heel.
    let bed = |x: f32| {
        let t = ((x - 8.0) / 14.0).clamp(0.0, 1.0);
        ground - thickness - rise * t * t * (3.0 - 2.0 * t)
    };
    let on_bed = |x: f32, up: f32| at(x, bed(x) - up);

    let mut sole: Vec<Point> = (0..=13).map(|i| on_bed(2.0 * i as f32, 0.0)).collect();
    sole[0].y += thickness * 0.4;
    let wedge = rise > 1.5 && chance(noise, 0.5);
    if wedge {
        sole.extend([at(25.5, ground), at(1.0, ground)]);
    } else {
        sole.extend((0..=13).rev().map(|i| on_bed(2.0 * i as f32, -thickness)));
    }
    piece.fill(sole, &fabric.toned(between(noise, 0.7, 1.2)));
    if rise > 1.5 && !wedge {
        let (width, lean) = (between(noise, 0.8, 3.2), between(noise, -0.6, 0.8));
        let heel = [
            on_bed(25.8 - width - 1.0, -0.5),
            on_bed(25.8, -0.5),
            at(25.4 + lean, ground),
            at(25.4 + lean - width * 0.8, ground),
        ];
        piece.fill(line(&heel), &fabric.toned(0.85));
    }

    // The foot that the straps would go over, as a height above the footbed.
    let arch = between(noise, 0.8, 1.15);
    let foot = |x: f32| on_bed(x, (1.6 + 0.36 * x) * arch);
    let leather = fabric.toned(between(noise, 0.85, 1.25));
    let band = |x: f32, lean: f32, width: f32| {
        let mut band = spline(&[on_bed(x, 0.0), on_bed(x, 0.0).toward(foot(x + lean), 0.6), foot(x + lean)]);
        let (x, lean) = (x + width, lean * 0.8 - width * 0.1);
        band.extend(spline(&[foot(x + lean), on_bed(x, 0.0).toward(foot(x + lean), 0.7), on_bed(x, 0.0)]));
        band
    };
    let slide = chance(noise, 0.25);
    let front = between(noise, 1.6, 3.5);
    let mut instep = foot(front + 7.0);
    if slide {
        piece.fill(band(front, between(noise, 0.8, 2.0), between(noise, 5.5, 8.5)), &leather);
    } else if chance(noise, 0.25) {
        // A thong from between the toes to both sides.
        let (x, width) = (front + 1.5, between(noise, 1.5, 2.2));
        let shade = leather.contrasting(0.0);
        piece.strap(spline(&[on_bed(x, 0.0), foot(x + 3.0), foot(x + 5.0)]), width, shade);
        piece.strap(spline(&[foot(x + 3.5), on_bed(x + 7.5, 2.6), on_bed(x + 10.5, 0.0)]), width, shade);
    } else {
        let bands = 2 + noise.below(3);
        let (width, lean) = (between(noise, 1.6, 2.6), between(noise, 0.6, 2.6));
        let crossed = chance(noise, 0.35);
        let pace = between(noise, 3.0, 4.2);
        let last = pace * (bands - 1) as f32;
        for i in 0..bands {
            let lean = if crossed && i % 2 == 1 { -lean } else { lean };
            piece.fill(band(front + pace * i as f32, lean, width), &leather);
        }
        // A bar over the foot joins them.
        let (start, end) = (front + lean + 0.6, front + last + lean + width * 0.5);
        let bar = spline(&[foot(start), foot((start + end) * 0.5), foot(end)]);
        piece.strap(bar, width * 0.8, leather.contrasting(0.0));
        instep = foot(end);
    }
    if chance(noise, if slide { 0.45 } else { 0.85 }) {
        ankle_strap(noise, &mut piece, &leather, on_bed, instep);
    }
    piece
}

/// A heel cup and a strap around the ankle; some have a bar from there to `instep`.
fn ankle_strap(
    noise: &mut Noise,
    piece: &mut Cutout,
    leather: &Fabric,
    on_bed: impl Fn(f32, f32) -> Point,
    instep: Point,
) {
    let height = between(noise, 5.5, 9.0);
    let (width, shade) = (between(noise, 1.5, 2.4), leather.contrasting(0.0));
    let cup = between(noise, 1.8, 5.0);
    let back = [on_bed(25.6, 0.0), on_bed(25.9, height * 0.5), on_bed(25.4, height)];
    let inner = [on_bed(23.9, height), on_bed(25.4 - cup * 0.6, height * 0.4), on_bed(25.4 - cup, 0.0)];
    let mut outline = spline(&back);
    outline.extend(spline(&inner));
    piece.fill(outline, leather);
    let buckle = on_bed(between(noise, 15.5, 17.5), height - 0.4);
    piece.strap(spline(&[on_bed(24.6, height - 0.5), on_bed(20.5, height - 1.5), buckle]), width, shade);
    if chance(noise, 0.5) {
        piece.strap(spline(&[buckle, buckle.toward(instep, 0.5), instep]), width, shade);
    } else {
        piece.strap(spline(&[buckle, on_bed(18.0, height * 0.4), on_bed(19.0, 0.0)]), width, shade);
    }
}

/// Class 7: a low shoe with a pale or dark rubber sole, laces, and often stripes on its side.
pub(super) fn sneaker(noise: &mut Noise) -> Cutout {
    let fabric = Fabric::plain(noise);
    let mut piece = Cutout::new();
    let height = between(noise, 7.5, 12.0);
    let collar = between(noise, 14.0, 16.5);
    let toe = between(noise, 0.45, 0.62);
    let heel = between(noise, 0.0, 1.0);
    let up = |x: f32, share: f32| at(x, height * (1.0 - share));

    let tongue = up(collar - 1.5, between(noise, 0.92, 1.08));
    let vamp = up(7.8, between(noise, 0.58, 0.7));
    let mut upper = spline(&[up(0.2, 0.0), up(0.5, toe * 0.6), up(3.2, toe), vamp, tongue]);
    upper.extend(spline(&[
        up(collar + 0.5, 0.97),
        up(collar + 3.6, between(noise, 0.7, 0.82)),
        up(23.8, 0.94 + 0.06 * heel),
    ]));
    upper.extend(spline(&[up(25.0, 0.85), up(24.7, 0.45), up(25.4, 0.0)]));
    piece.fill(upper, &fabric);

    let thickness = between(noise, 1.5, 3.2);
    let spring = between(noise, 0.0, 0.8);
    let sole = [
        at(-0.2, height - 0.8 - spring * 0.4),
        at(8.0, height - 0.2),
        at(16.0, height - 0.1),
        at(25.8, height - 0.9),
        at(25.6, height + thickness * 0.8),
        at(24.0, height + thickness),
        at(4.0, height + thickness),
        at(0.0, height + thickness * 0.55 - spring),
    ];
    let rubber = if chance(noise, 0.65) { 1.45 } else { 0.5 };
    piece.fill(line(&sole), &fabric.toned(rubber));

    let trim = fabric.contrasting(between(noise, 0.35, 0.65));
    piece.seam(line(&[at(0.0, height - 0.6), at(25.5, height - 0.6)]), 0.6, trim);
    let laces = 2 + noise.below(3);
    for i in 0..laces {
        let p = vamp.toward(tongue, (i as f32 + 0.3) / laces as f32);
        piece.seam(line(&[at(p.x - 0.4, p.y + 0.2), at(p.x + 1.3, p.y + 2.2)]), 0.8, trim);
    }
    match noise.below(5) {
        0 | 1 => {
            for i in 0..3 {
                let x = 11.5 + 2.1 * i as f32;
                piece.seam(line(&[at(x + 1.6, height * 0.42), at(x, height * 0.9)]), 0.9, trim);
            }
        }
        2 => {
            let curve =
                [at(10.0, height * 0.62), at(12.0, height * 0.86), at(17.0, height * 0.66), at(22.5, height * 0.35)];
            piece.seam(spline(&curve), 1.2, trim);
        }
        3 => piece.seam(spline(&[up(6.0, 0.0), up(5.6, 0.32), up(4.2, toe)]), 0.8, trim),
        _ => {}
    }
    if chance(noise, 0.5) {
        piece.seam(spline(&[up(21.6, 0.0), up(21.0, 0.4), up(22.0, 0.9)]), 0.7, trim);
    }
    piece
}

/// Class 9: a shaft above the ankle and a heel, from flat to high.
pub(super) fn ankle_boot(noise: &mut Noise) -> Cutout {
    let fabric = Fabric::plain(noise);
    let mut piece = Cutout::new();
    let ground = 24.5;
    let rise = if chance(noise, 0.3) { between(noise, 4.0, 8.0) } else { between(noise, 0.6, 3.0) };
    let sole = between(noise, 0.7, 1.8);
    let top = between(noise, 0.0, 4.5);
    let front = between(noise, 10.0, 13.5);
    let back = between(noise, 23.0, 25.0);
    let toe = between(noise, 3.0, 5.2);
    let level = ground - sole;
    let heel_top = level - rise;

    let mut shape = spline(&[
        at(0.0, level),
        at(0.7, level - toe * 0.7),
        at(4.0, level - toe),
        at(9.0, level - toe - 2.2 - rise * 0.35),
        at(front + 0.4, level - toe - 5.8 - rise * 0.4),
        at(front, top + between(noise, 0.0, 1.0)),
    ]);
    shape.extend(spline(&[
        at(back, top),
        at(back - 0.4, (top + heel_top) * 0.5),
        at(24.8, heel_top - 2.5),
        at(25.0, heel_top),
    ]));
    shape.extend(spline(&[at(17.0, heel_top + rise * 0.2), at(12.5, level - rise * 0.3), at(9.0, level)]));
    piece.fill(shape, &fabric);

    let rubber = fabric.toned(if chance(noise, 0.75) { 0.5 } else { 1.4 });
    let heel = if rise > 3.5 { between(noise, 2.0, 5.5) } else { between(noise, 6.5, 9.0) };
    let block = [at(25.1 - heel, heel_top), at(25.2, heel_top - 0.4), at(25.0, ground), at(25.4 - heel * 0.85, ground)];
    piece.fill(line(&block), &rubber);
    let tread = [
        at(-0.3, level - 0.3),
        at(9.5, level - 0.3),
        at(17.5, heel_top + rise * 0.2 - 0.3),
        at(17.5, heel_top + rise * 0.2 + sole * 0.8),
        at(10.0, ground),
        at(0.4, ground),
    ];
    piece.fill(line(&tread), &rubber);

    let trim = fabric.contrasting(between(noise, 0.3, 0.6));
    let middle = (front + back) * 0.5;
    match noise.below(5) {
        // An elastic panel.
        0 => {
            let panel = [
                at(middle - 2.4, top + 0.8),
                at(middle + 2.4, top + 0.8),
                at(middle + 1.0, top + 9.0),
                at(middle - 0.6, top + 9.0),
            ];
            piece.fill(line(&panel), &fabric.toned(0.6));
        }
        // Laces up the front.
        1 | 2 => {
            for i in 0..4 {
                let y = top + 2.2 + 2.3 * i as f32;
                let x = front + 0.2 - if y > level - toe - 6.0 { (y - level + toe + 6.0) * 0.9 } else { 0.0 };
                piece.seam(line(&[at(x, y), at(x + 2.8, y + 0.7)]), 0.9, trim);
            }
        }
        // A strap with a buckle.
        3 => {
            let y = top + between(noise, 5.5, 9.0);
            piece.seam(line(&[at(front - 3.0, y + 0.8), at(26.0, y)]), 1.3, trim);
            piece.seam(vec![at(middle, y + 0.3), at(middle + 0.4, y + 0.3)], 1.9, fabric.contrasting(-0.5));
        }
        // A zip.
        _ => piece.seam(
            spline(&[at(middle + 1.0, top), at(middle + 0.6, top + 6.0), at(middle - 0.6, heel_top - 3.0)]),
            0.7,
            trim,
        ),
    }
    if chance(noise, 0.35) {
        // A turned-down or lined top.
        let cuff = between(noise, 1.4, 3.4);
        let band = [
            at(front - 0.5, top - 0.1),
            at(back + 0.4, top - 0.3),
            at(back + 0.3, top + cuff),
            at(front - 0.4, top + cuff),
        ];
        piece.fill(line(&band), &fabric.toned(if chance(noise, 0.5) { 1.35 } else { 0.7 }));
    }
    piece
}
