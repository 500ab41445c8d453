//! Imago's core: what a generative model is, from the words of a YAML file to the tensors of a network.
//!
//! ```text
//! spec  what a person wrote        YAML, checked for spelling
//! plan  what it means              every shape and parameter count; a plan that exists is valid
//! nn    what computes              Burn modules built from a plan
//! kernel  how, on the processor    operations of our own, with their gradients
//! model what a family adds         losses, one training step, sampling
//! artifact  what is shipped        model.ron and weights.bpk
//! ```
//!
//! Data flows downwards only. Nothing here knows files or clocks, and all of it compiles to wasm32, so that the
//! trainer and the page build the very same network from the very same declaration.

#![warn(missing_docs)]

pub mod artifact;
mod kernel;
pub mod layer;
pub mod model;
pub mod nn;
pub mod noise;
pub mod plan;
pub mod program;
pub mod spec;
