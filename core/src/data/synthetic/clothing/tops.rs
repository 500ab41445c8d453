//! Clothes for the upper body: T-shirt, pullover, dress, coat and shirt.

use crate::noise::Noise;

use super::super::path::{at, line, mirrored};
use super::super::{between, chance};
use super::cut::{Cut, Sleeve};
use super::cutout::Cutout;
use super::fabric::Fabric;

/// Class 0: short sleeves or none, a round or pointed neck; some carry a print on the chest.
pub(super) fn t_shirt(noise: &mut Noise) -> Cutout {
    let chest = between(noise, 5.4, 7.2);
    let length = between(noise, 18.5, 24.5);
    let sleeveless = chance(noise, 0.12);
    let shoulder = if sleeveless { between(noise, 3.8, 5.0) } else { chest + between(noise, -0.3, 0.9) };
    let cut = Cut {
        neck: if sleeveless { between(noise, 2.4, 3.0) } else { between(noise, 2.2, 3.6) },
        neck_drop: between(noise, 1.2, 4.2),
        shoulder,
        shoulder_drop: between(noise, 0.9, 2.2),
        armhole: between(noise, 4.8, 6.4),
        chest,
        waist: chest * between(noise, 0.86, 1.02),
        waist_height: length * 0.62,
        hem: chest * between(noise, 0.94, 1.12),
        length,
        sleeve: (!sleeveless).then(|| Sleeve {
            length: between(noise, 4.5, 8.5),
            angle: between(noise, 0.6, 1.05),
            cuff: between(noise, 3.2, 4.8),
        }),
    };
    let fabric = Fabric::perhaps_patterned(noise, 0.25);
    let pointed = chance(noise, 0.25);
    let mut piece = Cutout::new();
    cut.sew(&mut piece, &fabric, pointed);
    cut.neckband(&mut piece, pointed, 0.8, fabric.contrasting(0.25));
    if chance(noise, 0.35) {
        print(noise, &mut piece, &fabric, chest);
    }
    piece
}

fn print(noise: &mut Noise, piece: &mut Cutout, fabric: &Fabric, chest: f32) {
    let shade = fabric.contrasting(between(noise, 0.35, 0.65));
    let (width, top) = (chest * between(noise, 0.3, 0.62), between(noise, 6.0, 8.0));
    if chance(noise, 0.5) {
        for i in 0..1 + noise.below(3) {
            let (reach, y) = (width * between(noise, 0.6, 1.0), top + 1.9 * i as f32);
            piece.seam(line(&[at(-reach, y), at(reach, y)]), 1.0, shade);
        }
    } else {
        let height = between(noise, 2.5, 6.0);
        let half = [at(0.0, top), at(width, top + 0.3), at(width * 0.95, top + height), at(0.0, top + height)];
        let ratio = if fabric.contrasting(0.5) < fabric.contrasting(0.0) { 0.6 } else { 1.7 };
        piece.fill(mirrored(&half), &fabric.unpatterned().toned(ratio));
    }
}

fn long_sleeve(noise: &mut Noise) -> Sleeve {
    Sleeve { length: between(noise, 16.5, 21.0), angle: between(noise, 0.17, 0.36), cuff: between(noise, 2.2, 3.1) }
}

/// Class 2: long sleeves, a closed front, ribbing at hem and cuffs.
pub(super) fn pullover(noise: &mut Noise) -> Cutout {
    let chest = between(noise, 5.8, 7.4);
    let length = between(noise, 19.5, 24.0);
    let cut = Cut {
        neck: between(noise, 2.0, 3.2),
        neck_drop: between(noise, 0.9, 2.8),
        shoulder: chest + between(noise, -0.5, 0.6),
        shoulder_drop: between(noise, 1.2, 2.6),
        armhole: between(noise, 5.0, 6.6),
        chest,
        waist: chest * between(noise, 0.94, 1.06),
        waist_height: length * 0.65,
        hem: chest * between(noise, 0.9, 1.06),
        length,
        sleeve: Some(long_sleeve(noise)),
    };
    let fabric = Fabric::perhaps_patterned(noise, 0.3);
    let pointed = chance(noise, 0.15);
    let mut piece = Cutout::new();
    if chance(noise, 0.25) {
        // A hood or a rolled collar stands behind the neck.
        let height = between(noise, 1.0, 2.4);
        let half = [at(0.0, -height), at(cut.neck * 0.85, -height), at(cut.neck + 0.3, 0.4), at(0.0, 1.5)];
        piece.fill(mirrored(&half), &fabric.unpatterned().toned(0.75));
    }
    cut.sew(&mut piece, &fabric, pointed);
    if chance(noise, 0.7) {
        cut.rib(&mut piece, &fabric, between(noise, 1.2, 2.4));
    }
    cut.neckband(&mut piece, pointed, 1.2, fabric.contrasting(0.3));
    if chance(noise, 0.15) {
        print(noise, &mut piece, &fabric, chest);
    }
    piece
}

/// Class 3: long and narrow, with a waist and a skirt that hangs straight or flares.
pub(super) fn dress(noise: &mut Noise) -> Cutout {
    let chest = between(noise, 3.5, 4.9);
    let waist = chest * between(noise, 0.72, 1.0);
    let sleeve = match noise.below(10) {
        0..5 => None,
        5..8 => Some(Sleeve {
            length: between(noise, 3.5, 6.5),
            angle: between(noise, 0.35, 0.8),
            cuff: between(noise, 2.2, 3.2),
        }),
        _ => Some(Sleeve {
            length: between(noise, 13.0, 17.0),
            angle: between(noise, 0.08, 0.24),
            cuff: between(noise, 1.6, 2.2),
        }),
    };
    let strapped = sleeve.is_none() && chance(noise, 0.4);
    let shoulder = if strapped { chest * 0.7 } else { chest * between(noise, 0.85, 1.0) };
    let cut = Cut {
        neck: if strapped { shoulder - 0.9 } else { shoulder * between(noise, 0.45, 0.7) },
        neck_drop: if strapped { between(noise, 3.0, 4.5) } else { between(noise, 0.8, 3.5) },
        shoulder,
        shoulder_drop: between(noise, 0.3, 1.2),
        armhole: between(noise, 3.6, 4.8),
        chest,
        waist,
        waist_height: between(noise, 8.5, 11.0),
        hem: waist * between(noise, 1.05, 2.3),
        length: between(noise, 23.5, 26.5),
        sleeve,
    };
    let fabric = Fabric::perhaps_patterned(noise, 0.25);
    let pointed = chance(noise, 0.35);
    let mut piece = Cutout::new();
    cut.sew(&mut piece, &fabric, pointed);
    if chance(noise, 0.5) {
        let (y, shade) = (cut.waist_height, fabric.contrasting(0.4));
        piece.seam(line(&[at(-chest - 1.0, y), at(chest + 1.0, y)]), between(noise, 0.7, 1.5), shade);
    }
    if cut.hem > waist * 1.5 {
        // Pleats fan out from the waist.
        for i in [-1.0, 0.0, 1.0] {
            let top = at(i * waist * 0.4, cut.waist_height + 1.5);
            let bottom = at(i * cut.hem * 0.5, cut.length);
            piece.seam(line(&[top, bottom]), 0.6, fabric.contrasting(0.2));
        }
    }
    piece
}

/// Class 4: long sleeves, lapels, and a front that opens down to a low hem.
pub(super) fn coat(noise: &mut Noise) -> Cutout {
    let chest = between(noise, 5.6, 7.0);
    let length = between(noise, 21.5, 26.0);
    let cut = Cut {
        neck: between(noise, 2.0, 2.9),
        neck_drop: between(noise, 2.0, 6.5),
        shoulder: chest + between(noise, -0.4, 0.7),
        shoulder_drop: between(noise, 1.2, 2.4),
        armhole: between(noise, 5.0, 6.4),
        chest,
        waist: chest * between(noise, 0.85, 1.02),
        waist_height: length * 0.55,
        hem: chest * between(noise, 0.98, 1.22),
        length,
        sleeve: Some(long_sleeve(noise)),
    };
    let fabric = Fabric::perhaps_patterned(noise, 0.12);
    let mut piece = Cutout::new();
    cut.sew(&mut piece, &fabric, true);
    let dark = fabric.contrasting(between(noise, 0.45, 0.75));
    let buttons = if chance(noise, 0.6) { 3 + noise.below(3) } else { 0 };
    let x = if buttons > 0 { between(noise, -0.6, 0.6) } else { 0.0 };
    cut.opening(&mut piece, x, between(noise, 0.7, 1.3), dark, 0, dark);
    cut.opening(&mut piece, x + 1.5, 0.1, fabric.contrasting(0.1), buttons, dark);
    if chance(noise, 0.75) {
        cut.collar(&mut piece, &fabric, between(noise, 3.0, 6.0), between(noise, 2.6, 3.6));
    }
    if chance(noise, 0.5) {
        let y = length * between(noise, 0.62, 0.7);
        for side in [-1.0, 1.0] {
            let pocket = [at(side * chest * 0.38, y), at(side * chest * 0.85, y - 0.4)];
            piece.seam(line(&pocket), 0.8, fabric.contrasting(0.45));
        }
    }
    if chance(noise, 0.2) {
        let y = cut.waist_height;
        piece.seam(line(&[at(-chest - 0.5, y), at(chest + 0.5, y)]), 1.4, fabric.contrasting(0.4));
    }
    piece
}

/// Class 6: a pointed collar and a row of buttons; sleeves long or short, cloth often patterned.
pub(super) fn shirt(noise: &mut Noise) -> Cutout {
    let chest = between(noise, 5.3, 7.0);
    let length = between(noise, 19.5, 24.5);
    let long = chance(noise, 0.6);
    let cut = Cut {
        neck: between(noise, 1.8, 2.7),
        neck_drop: between(noise, 1.4, 3.2),
        shoulder: chest + between(noise, -0.4, 0.8),
        shoulder_drop: between(noise, 1.2, 2.4),
        armhole: between(noise, 4.8, 6.2),
        chest,
        waist: chest * between(noise, 0.84, 1.0),
        waist_height: length * 0.6,
        hem: chest * between(noise, 0.92, 1.08),
        length,
        sleeve: Some(if long {
            long_sleeve(noise)
        } else {
            Sleeve {
                length: between(noise, 5.5, 9.0),
                angle: between(noise, 0.35, 0.75),
                cuff: between(noise, 3.2, 4.4),
            }
        }),
    };
    let fabric = Fabric::perhaps_patterned(noise, 0.5);
    let mut piece = Cutout::new();
    cut.sew(&mut piece, &fabric, true);
    let shade = fabric.contrasting(between(noise, 0.2, 0.4));
    let button = fabric.contrasting(0.6);
    cut.opening(&mut piece, 0.0, 0.7, shade, 4 + noise.below(3), button);
    if chance(noise, 0.85) {
        cut.collar(&mut piece, &fabric, between(noise, 2.2, 3.6), between(noise, 2.0, 2.8));
    }
    if chance(noise, 0.35) {
        let (x, y) = (chest * 0.28, between(noise, 6.5, 8.0));
        let pocket = [at(x, y), at(x + 2.6, y), at(x + 2.6, y + 2.8), at(x, y + 2.8), at(x, y)];
        piece.seam(line(&pocket), 0.6, shade);
    }
    piece
}
