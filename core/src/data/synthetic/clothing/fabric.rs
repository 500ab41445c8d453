//! Cloth and leather: how bright a piece is, how it falls, and the pattern on it.

use std::f32::consts::TAU;

use crate::noise::Noise;

use super::super::path::Point;
use super::super::{between, chance};

/// The shade of a material over the canvas.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fabric {
    /// Brightness of the plain material, 0 to 1.
    tone: f32,
    /// Share of the brightness that is lost at the very edge of a shape.
    rounding: f32,
    folds: Ripple,
    pattern: Option<Pattern>,
}

#[derive(Clone, Copy, Debug)]
struct Ripple {
    contrast: f32,
    across: f32,
    down: f32,
    phase: f32,
}

#[derive(Clone, Copy, Debug)]
enum Pattern {
    Stripes(Ripple),
    Checks(Ripple, Ripple),
}

impl Fabric {
    /// Plain material, mostly bright, with soft folds down its length.
    pub(super) fn plain(noise: &mut Noise) -> Fabric {
        let dark = chance(noise, 0.25);
        let tone = if dark { between(noise, 0.28, 0.5) } else { between(noise, 0.5, 0.95) };
        let folds = Ripple {
            contrast: between(noise, 0.02, 0.1),
            across: between(noise, 0.3, 0.9),
            down: between(noise, -0.25, 0.25),
            phase: between(noise, 0.0, TAU),
        };
        Fabric { tone, rounding: between(noise, 0.15, 0.4), folds, pattern: None }
    }

    /// Material that is striped or checked with the given probability, and plain otherwise.
    pub(super) fn perhaps_patterned(noise: &mut Noise, probability: f32) -> Fabric {
        let mut fabric = Fabric::plain(noise);
        if !chance(noise, probability) {
            return fabric;
        }
        let (across, down) = (Ripple::stripes(noise, true), Ripple::stripes(noise, false));
        fabric.pattern = Some(match noise.below(4) {
            0 => Pattern::Stripes(across),
            1 | 2 => Pattern::Stripes(down),
            _ => Pattern::Checks(across, down),
        });
        fabric
    }

    pub(super) fn toned(&self, factor: f32) -> Fabric {
        Fabric { tone: (self.tone * factor).clamp(0.12, 1.0), ..*self }
    }

    /// The same material, brightened to `tone` if it is darker: thin parts are lost in the dark.
    pub(super) fn at_least(self, tone: f32) -> Fabric {
        Fabric { tone: self.tone.max(tone), rounding: self.rounding * 0.5, ..self }
    }

    pub(super) fn unpatterned(&self) -> Fabric {
        Fabric { pattern: None, ..*self }
    }

    /// A shade that stands out from this material: darker on a bright one, lighter on a dark one.
    pub(super) fn contrasting(&self, amount: f32) -> f32 {
        if self.tone > 0.45 { self.tone * (1.0 - amount) } else { self.tone + amount * 0.6 }
    }

    /// Brightness at `p`, where `depth` is 1 well inside the shape and falls towards its edge.
    pub(super) fn shade(&self, p: Point, depth: f32) -> f32 {
        let pattern = match self.pattern {
            None => 1.0,
            Some(Pattern::Stripes(stripes)) => stripes.at(p),
            Some(Pattern::Checks(across, down)) => across.at(p) * down.at(p),
        };
        let light = 1.0 - self.rounding * (1.0 - depth);
        self.tone * light * self.folds.at(p) * pattern
    }
}

impl Ripple {
    fn stripes(noise: &mut Noise, upright: bool) -> Ripple {
        let pace = TAU / between(noise, 2.8, 6.5);
        let skew = between(noise, -0.04, 0.04) * pace;
        Ripple {
            contrast: between(noise, 0.15, 0.4),
            across: if upright { pace } else { skew },
            down: if upright { skew } else { pace },
            phase: between(noise, 0.0, TAU),
        }
    }

    fn at(&self, p: Point) -> f32 {
        1.0 + self.contrast * libm::sinf(self.across * p.x + self.down * p.y + self.phase)
    }
}
