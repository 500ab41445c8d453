//! Models side by side: what they cost, their scores, their images, and what can be said of them.

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
