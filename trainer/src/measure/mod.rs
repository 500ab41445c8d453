//! What a model is worth, in numbers: how its samples compare with real images.

mod classes;
mod evaluated_model;
mod evaluation;
mod evaluator;
mod examination;
mod features;
mod frechet;
mod inception;
mod inception_score;
mod kernel;
mod likelihood;
pub mod map;
mod measuring;
mod neighbours;
#[cfg(test)]
mod order;
mod pictures;
#[cfg(test)]
mod reference;
mod reference_set;
#[cfg(test)]
mod shipped;
mod watch;

pub use evaluated_model::{EvaluatedModel, classified};
pub use evaluation::{Better, ClassScore, Evaluation, EvaluatorFacts, Measure, Score};
pub use evaluator::{Evaluator, Pixels};
pub use examination::examine;
pub use features::Features;
pub use inception::Inception;
pub use likelihood::Effort;
pub use measuring::Measuring;
pub use reference_set::ReferenceSet;
pub use watch::Watch;
