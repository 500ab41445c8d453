//! Models side by side: what they cost, their scores, their pictures, and what can be said of them.

mod comparison;
mod gathering;
mod html;
mod markdown;
mod units;
mod words;

pub use comparison::{Comparison, Cost, Entry, ModelImages};
pub use gathering::Gathering;
pub use html::page;
pub use markdown::{markdown, terminal};
