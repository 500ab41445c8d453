#[cfg(feature = "train")]
use crate::noise::Noise;

/// The distribution of initial weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Distribution {
    /// The same value everywhere.
    Constant(f32),
    /// Uniform between −limit and limit.
    Uniform(f32),
    /// From N(0, std²).
    Normal(f32),
    /// From N(0, std²), redrawn beyond two standard deviations.
    TruncatedNormal(f32),
}

impl Distribution {
    #[cfg(feature = "train")]
    pub(crate) fn draw(self, noise: &mut Noise) -> f32 {
        match self {
            Self::Constant(value) => value,
            Self::Uniform(limit) => (2.0 * noise.uniform() - 1.0) * limit,
            Self::Normal(std) => noise.normal() * std,
            Self::TruncatedNormal(std) => loop {
                let value = noise.normal();
                if value.abs() < 2.0 {
                    return value * std;
                }
            },
        }
    }
}
