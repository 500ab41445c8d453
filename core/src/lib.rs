//! Imago's core: what a generative model is, from the words of a YAML file to the tensors of a network.
//!
//! ```text
//! spec  what a person wrote        YAML, checked for spelling
//! plan  what it means              every shape and parameter count; a plan that exists is valid
//! nn    what computes              Burn modules built from a plan
//! kernel  how, on the processor    operations of our own, with their gradients
//! model what a family adds         losses, one training step, sampling
//! artifact  what is shipped        model.ron and weights.bpk
//! program  what is left to run     a few operations on plain numbers, without Burn
//! ```
//!
//! Data flows downwards only. Nothing here knows files or clocks. The trainer and the page read the very same
//! declarations; what only training needs, Burn above all, is behind the feature `train` and not in the page.

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
