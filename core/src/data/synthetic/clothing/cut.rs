//! The pattern that every garment for the upper body is cut after, and the parts sewn onto it.

use super::super::path::{Point, at, line, mirrored, spline};
use super::cutout::Cutout;
use super::fabric::Fabric;

/// The measures of a garment: half widths from x = 0, heights down from the shoulders.
pub(super) struct Cut {
    pub(super) neck: f32,
    pub(super) neck_drop: f32,
    pub(super) shoulder: f32,
    pub(super) shoulder_drop: f32,
    pub(super) armhole: f32,
    pub(super) chest: f32,
    pub(super) waist: f32,
    pub(super) waist_height: f32,
    pub(super) hem: f32,
    pub(super) length: f32,
    pub(super) sleeve: Option<Sleeve>,
}

/// The measures of a sleeve that hangs `angle` radians off the vertical.
#[derive(Clone, Copy)]
pub(super) struct Sleeve {
    pub(super) length: f32,
    pub(super) angle: f32,
    pub(super) cuff: f32,
}

impl Cut {
    /// Sleeves, the inside of the back, and the body over both; the neck is round or pointed.
    pub(super) fn sew(&self, piece: &mut Cutout, fabric: &Fabric, pointed: bool) {
        if let Some(sleeve) = self.sleeve {
            let right = self.sleeve_outline(sleeve, 0.0, 1.0);
            let left = right.iter().map(|p| at(-p.x, p.y)).collect();
            piece.fill(right, &fabric.toned(0.9));
            piece.fill(left, &fabric.toned(0.93));
        }
        let back =
            [at(0.0, 0.7), at(self.neck, 0.0), at(self.neck * 0.7, self.neck_drop), at(0.0, self.neck_drop + 0.4)];
        piece.fill(mirrored(&back), &fabric.unpatterned().toned(0.5));
        piece.fill(mirrored(&self.body(pointed)), fabric);
        if self.sleeve.is_some() {
            // The body casts a shadow on the sleeves.
            for side in [-1.0, 1.0] {
                let seam = self.side().into_iter().map(|p| at(side * p.x, p.y));
                piece.seam(seam.collect(), 0.5, fabric.contrasting(0.35));
            }
        }
    }

    fn body(&self, pointed: bool) -> Vec<Point> {
        let bottom = at(0.0, self.neck_drop);
        let corner = at(self.neck, 0.0);
        let mut half = if pointed {
            line(&[bottom, corner])
        } else {
            spline(&[bottom, at(self.neck * 0.75, self.neck_drop * 0.7), corner])
        };
        let shoulder = at(self.shoulder, self.shoulder_drop);
        half.extend(line(&[corner, shoulder]));
        half.extend(self.side());
        half.extend(spline(&[
            at(self.hem, self.length),
            at(self.hem * 0.5, self.length + 0.4),
            at(0.0, self.length + 0.5),
        ]));
        half
    }

    fn side(&self) -> Vec<Point> {
        let sleeve_seam = at(self.shoulder.min(self.chest) * 0.97, self.shoulder_drop + self.armhole * 0.5);
        spline(&[
            at(self.shoulder, self.shoulder_drop),
            sleeve_seam,
            at(self.chest, self.shoulder_drop + self.armhole),
            at(self.waist, self.waist_height),
            at(self.hem, self.length),
        ])
    }

    /// The part of the right sleeve between the fractions `from` and `to` of its length.
    fn sleeve_outline(&self, sleeve: Sleeve, from: f32, to: f32) -> Vec<Point> {
        let (sine, cosine) = (libm::sinf(sleeve.angle), libm::cosf(sleeve.angle));
        let top = at(self.shoulder - 0.8, self.shoulder_drop - 0.15);
        let end = at(top.x + sleeve.length * sine, top.y + sleeve.length * cosine);
        let inner_end = at(end.x - sleeve.cuff * cosine, end.y + sleeve.cuff * sine);
        // A sleeve starts inside of the body, which covers it there.
        let root = at(self.chest - 1.2, self.shoulder_drop + self.armhole + 0.4);
        // The upper arm fills the sleeve out.
        let bulge = at(top.x + sleeve.length * (sine * 0.3) + 0.6, top.y + sleeve.length * cosine * 0.25);
        let outer = spline(&[top, bulge, end]);
        let inner = line(&[root, inner_end]);
        let cut = |side: &[Point]| -> Vec<Point> {
            let last = (side.len() - 1) as f32;
            let (first, last) = ((from * last) as usize, (to * last + 0.5) as usize);
            side[first..=last].to_vec()
        };
        let mut outline = cut(&outer);
        outline.extend(cut(&inner).into_iter().rev());
        outline
    }

    /// Bands of ribbing at the hem and, on sleeves, at the cuffs.
    pub(super) fn rib(&self, piece: &mut Cutout, fabric: &Fabric, height: f32) {
        let ribbing = fabric.unpatterned().toned(0.8);
        if let Some(sleeve) = self.sleeve {
            let right = self.sleeve_outline(sleeve, 0.86, 1.0);
            let left = right.iter().map(|p| at(-p.x, p.y)).collect();
            piece.fill(right, &ribbing);
            piece.fill(left, &ribbing);
        }
        let top = self.length - height;
        let band = [at(0.0, top), at(self.hem, top), at(self.hem * 0.97, self.length), at(0.0, self.length + 0.5)];
        piece.fill(mirrored(&band), &ribbing);
    }

    pub(super) fn neckband(&self, piece: &mut Cutout, pointed: bool, width: f32, shade: f32) {
        let half = if pointed {
            vec![at(self.neck, 0.2), at(0.0, self.neck_drop + 0.2)]
        } else {
            spline(&[
                at(self.neck, 0.2),
                at(self.neck * 0.75, self.neck_drop * 0.7 + 0.2),
                at(0.0, self.neck_drop + 0.2),
            ])
        };
        let left = half.iter().rev().map(|p| at(-p.x, p.y));
        piece.seam(half.iter().copied().chain(left).collect(), width, shade);
    }

    /// The front opening from the neck to the hem, with `buttons` buttons beside it.
    pub(super) fn opening(&self, piece: &mut Cutout, x: f32, width: f32, shade: f32, buttons: u32, button: f32) {
        let top = at(x, self.neck_drop);
        let bottom = at(x, self.length + 0.5);
        piece.seam(line(&[top, bottom]), width, shade);
        for i in 0..buttons {
            let spot = top.toward(bottom, (i as f32 + 0.6) / buttons as f32);
            piece.seam(vec![spot, at(spot.x + 0.1, spot.y)], 1.1, button);
        }
    }

    /// Two collar points or lapels, `drop` long.
    pub(super) fn collar(&self, piece: &mut Cutout, fabric: &Fabric, drop: f32, spread: f32) {
        let collar = fabric.toned(1.12);
        let shade = fabric.contrasting(0.5);
        for side in [-1.0, 1.0] {
            let mirror = |p: Point| at(p.x * side, p.y);
            let corners =
                [at(self.neck, -0.6), at(self.neck + 0.9, 0.6), at(spread, drop), at(0.1, self.neck_drop + 0.2)];
            let corners = corners.map(mirror);
            piece.fill(line(&corners), &collar);
            piece.seam(line(&corners[1..]), 0.6, shade);
        }
    }
}
