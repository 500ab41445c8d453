//! Activations applied while a result is still in registers, or at least in the cache.

use pulp::Simd;

use crate::nn::Activation;

impl Activation {
    /// The activation of a vector, where that takes a few instructions only; the others are for [`Self::finish`].
    #[inline(always)]
    pub(super) fn of<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        match self {
            Self::Rectify { slope } => {
                let zero = simd.splat_f32s(0.0);
                let below = simd.mul_f32s(x, simd.splat_f32s(slope));
                simd.select_f32s(simd.greater_than_f32s(x, zero), x, below)
            }
            Self::Identity | Self::Tanh | Self::Sigmoid => x,
        }
    }

    /// The activation of a number where [`Self::of`] would give that of a vector.
    #[inline(always)]
    pub(super) fn piecewise(self, x: f32) -> f32 {
        match self {
            Self::Rectify { slope } if x <= 0.0 => x * slope,
            _ => x,
        }
    }

    /// Applies what [`Self::of`] left undone.
    pub(super) fn finish(self, values: &mut [f32]) {
        match self {
            Self::Identity | Self::Rectify { .. } => {}
            Self::Tanh => values.iter_mut().for_each(|x| *x = x.tanh()),
            Self::Sigmoid => values.iter_mut().for_each(|x| *x = 1.0 / (1.0 + (-*x).exp())),
        }
    }

    /// The activation of a number.
    #[inline(always)]
    pub(super) fn at(self, x: f32) -> f32 {
        match self {
            Self::Identity => x,
            Self::Rectify { .. } => self.piecewise(x),
            Self::Tanh => x.tanh(),
            Self::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        }
    }

    /// The slope where the activation is `y`.
    #[inline(always)]
    pub(super) fn slope(self, y: f32) -> f32 {
        match self {
            Self::Identity => 1.0,
            Self::Rectify { slope } => {
                if y > 0.0 {
                    1.0
                } else {
                    slope
                }
            }
            Self::Tanh => 1.0 - y * y,
            Self::Sigmoid => y * (1.0 - y),
        }
    }
}
