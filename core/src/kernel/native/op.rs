use std::fmt::Debug;
use std::marker::PhantomData;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{
    Autodiff, AutodiffBackend, BackendTensor, DispatchAutodiffContext, DispatchTensor, DispatchTensorKind, Flex,
    GradientCheckpointingStrategy,
};
use burn::tensor::{DType, Tensor};
use burn_flex::FlexTensor;

type Tracked = FloatTensor<Autodiff<Flex>>;

/// A function of `N` tensors with gradients.
pub(super) trait Operation<const N: usize>: Debug + Clone + Send + 'static {
    /// What the backward pass needs besides inputs and output.
    type Kept: Debug + Clone + Send + 'static;

    /// The result for these inputs.
    fn forward(&self, inputs: &[FlexTensor; N]) -> (FlexTensor, Self::Kept);

    /// The wanted gradients of the inputs, from that of the output.
    fn backward(&self, past: &Past<N, Self::Kept>, gradient: FlexTensor, wanted: [bool; N]) -> [Option<FlexTensor>; N];
}

/// Inputs and output of an operation.
#[derive(Debug, Clone)]
pub(super) struct Past<const N: usize, K> {
    pub inputs: [FlexTensor; N],
    pub output: FlexTensor,
    pub kept: K,
}

/// A single-precision tensor on the CPU.
#[derive(Debug, Clone)]
pub(super) enum Operand {
    Plain(FlexTensor),
    Tracked(Tracked),
}

impl Operand {
    /// The tensor, if our operations take it.
    pub fn new<const D: usize>(tensor: &Tensor<D>) -> Option<Self> {
        let DispatchTensor { kind, autodiff } = tensor.clone().into_dispatch();
        let operand = match (kind, autodiff) {
            (DispatchTensorKind::Flex(BackendTensor::Float(tensor)), DispatchAutodiffContext::Disabled) => {
                Self::Plain(tensor)
            }
            (
                DispatchTensorKind::Autodiff(kind),
                DispatchAutodiffContext::Enabled(GradientCheckpointingStrategy::Disabled),
            ) => match *kind {
                DispatchTensorKind::Flex(BackendTensor::Autodiff(tensor)) => Self::Tracked(tensor),
                _ => return None,
            },
            _ => return None,
        };
        (operand.primitive().dtype() == DType::F32).then_some(operand)
    }

    pub fn primitive(&self) -> &FlexTensor {
        match self {
            Self::Plain(tensor) => tensor,
            Self::Tracked(tensor) => tensor.primitive(),
        }
    }

    fn tracked(self) -> Tracked {
        match self {
            Self::Plain(tensor) => Autodiff::<Flex>::from_inner(tensor),
            Self::Tracked(tensor) => tensor,
        }
    }
}

/// Runs `operation`; its result has a gradient if one of the operands does.
pub(super) fn apply<O, const N: usize, const D: usize>(operation: O, operands: [Operand; N]) -> (Tensor<D>, O::Kept)
where
    O: Operation<N>,
{
    let inputs = operands.each_ref().map(|operand| operand.primitive().clone());
    let (output, kept) = operation.forward(&inputs);
    if operands.iter().all(|operand| matches!(operand, Operand::Plain(_))) {
        return (Tensor::from_primitive::<Flex>(output), kept);
    }
    let nodes = operands.map(|operand| operand.tracked().node());
    let output = match (Step::<O, N>(PhantomData)).prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prep) => {
            let past = Past { inputs, output: output.clone(), kept: kept.clone() };
            prep.finish((operation, past), output)
        }
        OpsKind::UnTracked(prep) => prep.finish(output),
    };
    (Tensor::from_primitive::<Autodiff<Flex>>(output), kept)
}

/// The backward pass of an operation.
#[derive(Debug)]
struct Step<O, const N: usize>(PhantomData<O>);

impl<O: Operation<N>, const N: usize> Backward<Flex, N> for Step<O, N> {
    type State = (O, Past<N, O::Kept>);

    fn backward(self, ops: Ops<Self::State, N>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node);
        let (operation, past) = ops.state;
        let wanted = ops.parents.each_ref().map(Option::is_some);
        for (parent, gradient) in ops.parents.into_iter().zip(operation.backward(&past, gradient, wanted)) {
            if let (Some(parent), Some(gradient)) = (parent, gradient) {
                grads.register::<Flex>(parent.id, gradient);
            }
        }
    }
}
