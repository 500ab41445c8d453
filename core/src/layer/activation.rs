//! The layers without weights or settings of shape: what bends the line.

use burn::nn::LeakyReluConfig;
use serde::{Deserialize, Serialize};

use super::declared::short_form;
use super::{Layer, Misfit};
use crate::nn;
use crate::plan::Shape;

/// max(x, 0).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relu {}

/// x for x ≥ 0, otherwise `negative_slope` × x. Maas, Hannun and Ng, "Rectifier Nonlinearities Improve Neural Network Acoustic
/// Models" (2013).
///
/// ```yaml
/// - leaky_relu: 0.2
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct LeakyRelu {
    /// Slope left of 0.
    #[serde(default = "negative_slope")]
    pub negative_slope: f64,
}

short_form!(LeakyRelu, f64, "a slope such as 0.2, or the field { negative_slope }");

fn negative_slope() -> f64 {
    0.01
}

impl LeakyRelu {
    /// A rectifier with that slope left of 0.
    pub fn new(negative_slope: f64) -> Self {
        Self { negative_slope }
    }
}

/// 1 / (1 + exp(−x)), between 0 and 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sigmoid {}

/// The hyperbolic tangent, between −1 and 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tanh {}

impl Layer for Relu {
    fn output(&self, input: Shape) -> Result<Shape, Misfit> {
        Ok(input)
    }

    fn build(&self, _input: Shape, _start: &mut nn::Start<'_>) -> nn::Layer {
        nn::Layer::Relu(burn::nn::Relu::new())
    }
}

impl Layer for LeakyRelu {
    fn output(&self, input: Shape) -> Result<Shape, Misfit> {
        match self.negative_slope {
            slope if slope.is_finite() => Ok(input),
            slope => Err(Misfit::new(format!("negative_slope must be finite, found {slope}"))),
        }
    }

    fn build(&self, _input: Shape, _start: &mut nn::Start<'_>) -> nn::Layer {
        let config = LeakyReluConfig::new().with_negative_slope(self.negative_slope);
        nn::Layer::LeakyRelu(config.init())
    }
}

impl Layer for Sigmoid {
    fn output(&self, input: Shape) -> Result<Shape, Misfit> {
        Ok(input)
    }

    fn build(&self, _input: Shape, _start: &mut nn::Start<'_>) -> nn::Layer {
        nn::Layer::Sigmoid(burn::nn::Sigmoid::new())
    }
}

impl Layer for Tanh {
    fn output(&self, input: Shape) -> Result<Shape, Misfit> {
        Ok(input)
    }

    fn build(&self, _input: Shape, _start: &mut nn::Start<'_>) -> nn::Layer {
        nn::Layer::Tanh(burn::nn::Tanh::new())
    }
}
