use burn::tensor::{Bytes, DType, Shape};
use burn_flex::{FlexTensor, Layout};

use crate::kernel::slices::Images;

/// A contiguous tensor of that shape.
pub(super) fn tensor(data: Vec<f32>, shape: Vec<usize>) -> FlexTensor {
    FlexTensor::new(Bytes::from_elems(data), Layout::contiguous(Shape::from(shape)), DType::F32)
}

/// `[batch, height, width, channels]` in memory as `[batch, channels, height, width]`.
pub(super) fn images(data: Vec<f32>, batch: usize, sides: [usize; 3]) -> FlexTensor {
    let [height, width, channels] = sides;
    tensor(data, vec![batch, height, width, channels]).permute(&[0, 3, 1, 2])
}

/// The tensor in row-major order.
pub(super) fn numbers(tensor: &FlexTensor) -> FlexTensor {
    match tensor.layout().contiguous_offsets() {
        Some(_) => tensor.clone(),
        None => tensor.to_contiguous(),
    }
}

/// The values of a contiguous tensor.
pub(super) fn slice(tensor: &FlexTensor) -> &[f32] {
    let (start, end) = tensor.layout().contiguous_offsets().unwrap_or((0, 0));
    &tensor.storage()[start..end]
}

/// A tensor with positive strides.
pub(super) fn forwards(tensor: FlexTensor) -> FlexTensor {
    match tensor.layout().has_positive_strides() {
        true => tensor,
        false => tensor.to_contiguous(),
    }
}

/// A tensor with positive strides as images; `[batch, values]` are single pixels.
pub(super) fn as_images(tensor: &FlexTensor) -> (usize, [usize; 3], Images<'_>) {
    let layout = tensor.layout();
    let (shape, strides) = (layout.shape(), layout.strides());
    let stride = |axis: usize| strides[axis].max(0) as usize;
    let data = &tensor.storage::<f32>()[layout.start_offset()..];
    match shape.num_dims() {
        4 => {
            let sides = [shape[2], shape[3], shape[1]];
            (shape[0], sides, Images::strided(data, [stride(0), stride(2), stride(3), stride(1)], sides))
        }
        _ => {
            let sides = [1, 1, shape[1]];
            (shape[0], sides, Images::strided(data, [stride(0), 0, 0, stride(1)], sides))
        }
    }
}

/// A tensor with no gaps in its memory, in any order of axes.
pub(super) fn in_one_piece(tensor: FlexTensor) -> FlexTensor {
    let layout = tensor.layout();
    let whole = layout.start_offset() == 0
        && tensor.storage::<f32>().len() == layout.num_elements()
        && layout.strides().iter().zip(layout.shape().iter()).all(|(stride, side)| *stride > 0 || *side == 1);
    if whole { tensor } else { tensor.to_contiguous() }
}

/// A tensor of these values with the memory layout of `other`.
pub(super) fn like(data: Vec<f32>, other: &FlexTensor) -> FlexTensor {
    FlexTensor::new(Bytes::from_elems(data), other.layout().clone(), DType::F32)
}
