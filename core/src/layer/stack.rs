use super::LayerSpec;
#[cfg(feature = "train")]
use super::{Initializer, LayerModule, Value};
use crate::program::Lowering;
use crate::shape::Shape;

/// Lowers layers called `layers.0` etc.; returns the number of operations up to each end.
pub(crate) fn lower<'a>(
    layers: impl Iterator<Item = &'a LayerSpec>,
    input: Shape,
    lowering: &mut Lowering,
) -> Vec<usize> {
    let mut shape = input;
    let mut ends = Vec::new();
    for layer in layers {
        lowering.within(&format!("layers.{}", ends.len()), |lowering| layer.lower(shape, lowering));
        shape = layer.output(shape).unwrap_or(shape);
        ends.push(lowering.len());
    }
    ends
}

#[cfg(feature = "train")]
/// Builds layers that are known to fit, starting with samples of shape `input`.
pub(crate) fn build<'a>(
    specs: impl Iterator<Item = &'a LayerSpec>,
    input: Shape,
    initializer: &mut Initializer<'_>,
) -> Vec<LayerModule> {
    let mut shape = input;
    let mut layers = Vec::new();
    for spec in specs {
        layers.push(
            initializer.within(&format!("layers.{}", layers.len()), |initializer| spec.build(shape, initializer)),
        );
        shape = spec.output(shape).unwrap_or(shape);
    }
    layers
}

#[cfg(feature = "train")]
/// Passes a batch through `layers`, fusing activations into the layers before them.
pub(crate) fn pass(layers: &[LayerModule], mut value: Value) -> Value {
    let mut layers = layers.iter();
    while let Some(layer) = layers.next() {
        let next = layers.as_slice().first().and_then(LayerModule::activation);
        value = match next.and_then(|activation| layer.fused(&value, activation)) {
            Some(value) => {
                layers.next();
                value
            }
            None => layer.forward(value),
        };
    }
    value
}
