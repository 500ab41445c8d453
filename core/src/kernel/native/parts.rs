use std::borrow::Cow;

use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::layout::{as_images, forwards};
use crate::kernel::slices::PARTS;

/// The largest share of `count` things in one of the parts.
pub(super) fn part(count: usize) -> usize {
    count.div_ceil(PARTS).max(1)
}

/// Batch, sides and contiguous values of a tensor, the channels of a pixel adjacent.
pub(super) fn dense(tensor: &FlexTensor) -> (usize, [usize; 3], Cow<'_, [f32]>) {
    let (batch, sides, from) = as_images(tensor);
    let [height, width, channels] = sides;
    let length = height * width * channels;
    if let Some(whole) = from.all(batch) {
        return (batch, sides, Cow::Borrowed(whole));
    }
    let tensor = forwards(tensor.clone());
    let (_, _, from) = as_images(&tensor);
    let mut data = vec![0.0; batch * length];
    data.par_chunks_mut(length.max(1)).enumerate().for_each(|(sample, data)| from.copy(sample, data, width * channels));
    (batch, sides, Cow::Owned(data))
}
