//! Activations that a layer before them can apply itself.

/// An activation with a slope that follows from its output alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Activation {
    /// x itself.
    Identity,
    /// max(x, 0), or `slope` × x below 0; `slope` is not negative.
    Rectify {
        /// Slope below 0; 0 for the plain rectifier.
        slope: f32,
    },
    /// The hyperbolic tangent.
    Tanh,
    /// 1 / (1 + e⁻ˣ).
    Sigmoid,
}
