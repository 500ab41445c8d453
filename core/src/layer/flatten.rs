//! `flatten`: an image becomes values in a row.

use serde::{Deserialize, Serialize};

use super::{Layer, Misfit};
use crate::nn;
use crate::plan::Shape;

/// Puts the values of an image in a row, channel by channel: `[batch, c, h, w]` → `[batch, c × h × w]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flatten {}

impl Layer for Flatten {
    fn output(&self, input: Shape) -> Result<Shape, Misfit> {
        Ok(Shape::Flat(input.len()))
    }

    fn build(&self, _input: Shape, _start: &mut nn::Start<'_>) -> nn::Layer {
        nn::Layer::Flatten(nn::Flatten)
    }
}
