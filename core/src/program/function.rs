use crate::activation::Activation;

/// A function of one number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Function {
    Simple(Activation),
    /// x for x > 0, otherwise alpha (eˣ − 1); times scale.
    Elu {
        alpha: f32,
        scale: f32,
    },
    /// x Φ(x)
    Gelu,
    /// x / (1 + e⁻ˣ)
    Silu,
    /// ln(1 + eˣ)
    Softplus,
}

impl Function {
    pub const NONE: Self = Self::Simple(Activation::Identity);

    /// The part that the kernels compute, and the rest.
    pub fn split(self) -> (Activation, Self) {
        match self {
            Self::Simple(activation @ (Activation::Identity | Activation::Rectify { .. })) => (activation, Self::NONE),
            other => (Activation::Identity, other),
        }
    }

    /// Applies the function to each value.
    pub fn all(self, mut values: Vec<f32>) -> Vec<f32> {
        match self {
            Self::Simple(Activation::Identity) => {}
            Self::Simple(Activation::Rectify { slope }) => {
                each(&mut values, |x| if x > 0.0 { x } else { x * slope });
            }
            Self::Simple(Activation::Tanh) => each(&mut values, |x| 1.0 - 2.0 / (exp(2.0 * x) + 1.0)),
            Self::Simple(Activation::Sigmoid) => each(&mut values, |x| 1.0 / (1.0 + exp(-x))),
            Self::Elu { alpha, scale } => {
                each(&mut values, |x| scale * if x > 0.0 { x } else { alpha * (exp(x) - 1.0) });
            }
            Self::Gelu => each(&mut values, |x| 0.5 * x * libm::erfcf(-x * std::f32::consts::FRAC_1_SQRT_2)),
            Self::Silu => each(&mut values, |x| x / (1.0 + exp(-x))),
            Self::Softplus => each(&mut values, |x| x.max(0.0) + exp(-x.abs()).ln_1p()),
        }
        values
    }
}

fn each(values: &mut [f32], function: impl Fn(f32) -> f32) {
    values.iter_mut().for_each(|value| *value = function(*value));
}

/// eˣ to about two units in the last place, without a branch; x is clamped to ±87.
///
/// x = n ln 2 + r with an integer n; eʳ is the polynomial of `expf` in Moshier's Cephes library
/// (1989).
pub(crate) fn exp(x: f32) -> f32 {
    // Adding this number rounds to an integer.
    const ROUNDS: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 87.0);
    let rounded = x * std::f32::consts::LOG2_E + ROUNDS;
    let n = rounded - ROUNDS;
    let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let polynomial = [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5];
    let p = polynomial.iter().fold(1.987_569_1e-4, |p, coefficient| p * r + coefficient);
    (p * r * r + r + 1.0) * f32::from_bits(rounded.to_bits().wrapping_add(127) << 23)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_right_to_two_units_in_the_last_place() {
        for step in -87_000..=87_000 {
            let x = step as f32 / 1000.0;
            let (found, expected) = (f64::from(exp(x)), f64::from(x).exp());
            assert!((found - expected).abs() <= 2.4e-7 * expected, "e^{x}: {found}, expected {expected}");
        }
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(1e30) > 1e37 && exp(-1e30) < 1e-37 && exp(f32::NAN).is_nan());
    }
}
