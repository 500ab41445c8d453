use burn::module::Module;
use burn::tensor::Tensor;

use crate::activation::Activation;

/// A batch of samples on its way through a network.
#[derive(Debug, Clone)]
pub enum Value {
    /// `[batch, values]`
    Flat(Tensor<2>),
    /// `[batch, channels, height, width]`
    Image(Tensor<4>),
}

impl Value {
    /// The values of each sample in a row.
    pub fn flat(self) -> Tensor<2> {
        match self {
            Self::Flat(tensor) => tensor,
            Self::Image(tensor) => tensor.flatten(1, 3),
        }
    }

    /// The samples as images; a row of n values is an image of n channels with one pixel each.
    pub fn image(self) -> Tensor<4> {
        match self {
            Self::Image(tensor) => tensor,
            Self::Flat(tensor) => {
                let [batch, values] = tensor.dims();
                tensor.reshape([batch, values, 1, 1])
            }
        }
    }

    /// The same values without their gradient graph.
    pub fn detach(self) -> Self {
        self.map(detach, detach)
    }

    /// Applies one of two functions, which keep the rank.
    pub(crate) fn map(
        self,
        flat: impl FnOnce(Tensor<2>) -> Tensor<2>,
        image: impl FnOnce(Tensor<4>) -> Tensor<4>,
    ) -> Self {
        match self {
            Self::Flat(tensor) => Self::Flat(flat(tensor)),
            Self::Image(tensor) => Self::Image(image(tensor)),
        }
    }
}

/// The same values without their gradient graph; unlike [`Tensor::detach`], also for a weight.
pub fn detach<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    match tensor.device().is_autodiff() {
        true => Tensor::from_inner(tensor.inner()),
        false => tensor,
    }
}

/// The forward pass of a built layer.
pub trait Forward: Module {
    /// Passes a batch through, of the shape that the layer was built for.
    fn forward(&self, value: Value) -> Value;

    /// Passes a batch through the layer and `activation`, if the layer can do both at once.
    fn fused(&self, _value: &Value, _activation: Activation) -> Option<Value> {
        None
    }

    /// The activation that this layer is, if the layer before can apply it.
    fn activation(&self) -> Option<Activation> {
        None
    }
}

/// Implements [`Build`](super::Build) for a layer whose module depends on its fields alone.
macro_rules! builds {
    ($layer:ident => $module:ty, |$it:pat_param| $new:expr) => {
        impl $crate::layer::Build for $layer {
            type Module = $module;

            fn build(&self, _: $crate::shape::Shape, _: &mut $crate::layer::Initializer<'_>) -> $module {
                let $it = self;
                $new
            }
        }
    };
}
pub(crate) use builds;

/// Implements [`Forward`] for activations that the layer before can apply.
macro_rules! activation {
    ($module:ty, $activation:expr) => {
        impl $crate::layer::Forward for $module {
            fn forward(&self, value: $crate::layer::Value) -> $crate::layer::Value {
                fn apply<const D: usize>(module: &$module, tensor: burn::tensor::Tensor<D>) -> burn::tensor::Tensor<D> {
                    let activation = $crate::layer::Forward::activation(module);
                    let fast = activation.and_then(|it| $crate::kernel::activate(&tensor, it));
                    fast.unwrap_or_else(|| module.forward(tensor))
                }
                value.map(|tensor| apply(self, tensor), |tensor| apply(self, tensor))
            }

            fn activation(&self) -> Option<$crate::activation::Activation> {
                ($activation)(self)
            }
        }
    };
}
pub(crate) use activation;

/// Implements [`Forward`] for modules that work on tensors of any rank.
macro_rules! any_rank {
    ($module:ty) => {
        impl $crate::layer::Forward for $module {
            fn forward(&self, value: $crate::layer::Value) -> $crate::layer::Value {
                value.map(|tensor| self.forward(tensor), |tensor| self.forward(tensor))
            }
        }
    };
}
pub(crate) use any_rank;
