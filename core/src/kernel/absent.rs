//! Stubs where our own kernels are not compiled.

use burn::tensor::Tensor;

use super::{BatchStatistics, Window};
use crate::activation::Activation;

pub(crate) fn conv2d(
    _: &Tensor<4>,
    _: &Tensor<4>,
    _: Option<&Tensor<1>>,
    _: Window,
    _: Activation,
) -> Option<Tensor<4>> {
    None
}

pub(crate) use conv2d as conv_transpose2d;

pub(crate) fn activate<const D: usize>(_: &Tensor<D>, _: Activation) -> Option<Tensor<D>> {
    None
}

pub(crate) fn batch_norm<const D: usize>(
    _: &Tensor<D>,
    _: [&Tensor<1>; 2],
    _: f64,
    _: Activation,
) -> Option<(Tensor<D>, BatchStatistics)> {
    None
}

pub(crate) fn normalize<const D: usize>(_: &Tensor<D>, _: [&Tensor<1>; 4], _: f64, _: Activation) -> Option<Tensor<D>> {
    None
}

pub(crate) fn dropout<const D: usize>(_: &Tensor<D>, _: f64) -> Option<Tensor<D>> {
    None
}

pub(crate) fn max_pool2d(_: &Tensor<4>, _: [usize; 2], _: Window) -> Option<Tensor<4>> {
    None
}
