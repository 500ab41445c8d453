//! How classes reach networks.

use burn::tensor::Tensor;

use crate::layer::Value;
use crate::network::Sequential;

/// Latents followed by the class: `[batch, latent]` and `[batch, classes]` →
/// `[batch, latent + classes]`.
pub(crate) fn with_class(latents: Tensor<2>, classes: Option<Tensor<2>>) -> Value {
    Value::Flat(match classes {
        Some(classes) => Tensor::cat(vec![latents, classes], 1),
        None => latents,
    })
}

/// Images with one more channel, which `class` computes from the classes, `[batch, classes]`.
pub(crate) fn with_class_plane(samples: Value, class: Option<&Sequential>, classes: Option<Tensor<2>>) -> Value {
    match (samples, class, classes) {
        (Value::Image(images), Some(class), Some(classes)) => {
            let planes = class.forward(Value::Flat(classes)).image();
            Value::Image(Tensor::cat(vec![images, planes], 1))
        }
        (samples, _, _) => samples,
    }
}
