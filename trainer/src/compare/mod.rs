//! Models side by side: what they cost, their scores, their images, and what can be said of them.

mod builder;
mod comparison;
mod html;
mod markdown;
mod statements;
mod units;

pub use builder::ComparisonBuilder;
pub use comparison::{Comparison, Cost, Entry, ModelImages};
pub use html::page;
pub use markdown::{markdown, terminal};
