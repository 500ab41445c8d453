//! Models side by side: cost, scores, images and conclusions.

mod builder;
mod comparison;
#[cfg(test)]
mod example;
mod html;
mod markdown;
mod score_table;
mod statements;
mod terminal;
mod units;

pub use builder::ComparisonBuilder;
pub use comparison::{Comparison, Cost, Entry, ModelImages};
pub use html::page;
pub use markdown::markdown;
pub use terminal::terminal;
