//! What a model is worth, in numbers: how its samples compare with real images.

mod classes;
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
#[cfg(test)]
mod shipped;
mod subject;
mod watch;
mod yardstick;

pub use evaluation::{Better, ClassScore, Evaluation, EvaluatorFacts, Measure, Score};
pub use evaluator::{Evaluator, Pixels};
pub use examination::examine;
pub use features::Features;
pub use inception::Inception;
pub use likelihood::Effort;
pub use measuring::Measuring;
pub use subject::{Subject, classified};
pub use watch::Watch;
pub use yardstick::Yardstick;
