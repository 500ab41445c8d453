//! Imago's core: what a generative model is, from the words of a YAML file to a network
//! that trains.
//!
//! Every module builds on those above it in this list and on no other, which a test checks:
//!
//! ```text
//! noise, hash, format, limits, shape, activation, diagnostic   small things that all others share
//! kernel      our own operations for the CPU, with their gradients
//! program     a network as a few operations on plain numbers, without Burn
//! layer       the layers of the language, one file each
//! network     layers whose shapes are known to fit, as Burn modules and as programs
//! weights     weights as bytes
//! spec        the `data` and `train` parts of a pipeline
//! latent      what latents are drawn from
//! inference   samples, latents of images and classes, from trained networks
//! data        images in memory, and batches of them
//! family      the kinds of model: settings, losses, one step of training
//! pipeline    a whole declaration
//! yaml        from a file to a pipeline, with every problem at its line and column
//! artifact    what is shipped: model.ron and weights.bpk
//! training    a whole run, step by step
//! ```
//!
//! `examples/` checks a file, trains ten steps and samples a shipped model:
//! `cargo run --release --example train`.
//!
//! Nothing here knows files or clocks. The trainer and the page read the very same declarations;
//! what only training needs, Burn above all, is behind the feature `train`, and in the page only in
//! the modules that train.

#![warn(missing_docs)]

pub mod activation;
pub mod artifact;
pub mod data;
pub mod diagnostic;
pub mod family;
pub mod format;
pub mod hash;
pub mod inference;
mod kernel;
pub mod latent;
pub mod layer;
pub mod limits;
pub mod network;
pub mod noise;
pub mod pipeline;
pub mod program;
pub mod shape;
pub mod spec;
#[cfg(feature = "train")]
pub mod training;
pub mod weights;
#[cfg(feature = "yaml")]
pub mod yaml;

#[cfg(test)]
mod layering;
#[cfg(all(test, feature = "flex", feature = "train"))]
mod testing;
