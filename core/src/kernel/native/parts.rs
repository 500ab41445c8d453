//! How work over a batch is divided.

use std::borrow::Cow;

use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::layout::{forwards, pictures};
use crate::kernel::slices::PARTS;

/// How many of `count` things each part has at most.
pub(super) fn part(count: usize) -> usize {
    count.div_ceil(PARTS).max(1)
}

/// Batch, sides and numbers of a tensor, the channels of a pixel side by side.
pub(super) fn dense(tensor: &FlexTensor) -> (usize, [usize; 3], Cow<'_, [f32]>) {
    let (batch, sides, from) = pictures(tensor);
    let [height, width, channels] = sides;
    let length = height * width * channels;
    if let Some(whole) = from.all(batch) {
        return (batch, sides, Cow::Borrowed(whole));
    }
    let tensor = forwards(tensor.clone());
    let (_, _, from) = pictures(&tensor);
    let mut data = vec![0.0; batch * length];
    data.par_chunks_mut(length.max(1))
        .enumerate()
        .for_each(|(picture, data)| from.copy(picture, data, width * channels));
    (batch, sides, Cow::Owned(data))
}
