use super::Network;
use crate::layer::lower;
use crate::program::{Arrays, Lowering, Program, WeightMismatch};

impl Program {
    /// The program of `network` with `weights`.
    ///
    /// # Errors
    /// Weights are missing, have another shape or belong to no layer.
    pub fn new(network: &Network, weights: Arrays) -> Result<Self, WeightMismatch> {
        let mut lowering = Lowering::new(weights);
        let specs = network.layers().iter().map(|layer| &layer.spec);
        let ends = lower(specs, network.input(), &mut lowering);
        lowering.finish(network.input(), ends)
    }
}
