//! From a network to its program.

use super::Network;
use crate::layer::lower;
use crate::program::{Arrays, Lowering, Program, WeightMismatch};

impl Program {
    /// What `network` does with `weights`.
    ///
    /// # Errors
    /// What was missing, had another shape or belongs to no layer.
    pub fn new(network: &Network, weights: Arrays) -> Result<Self, WeightMismatch> {
        let mut lowering = Lowering::new(weights);
        let specs = network.layers().iter().map(|layer| &layer.spec);
        let ends = lower(specs, network.input(), &mut lowering);
        lowering.finish(network.input(), ends)
    }
}
