//! What a model is worth, in numbers: how its samples compare with real images.

mod classes;
mod evaluation;
mod evaluator;
mod features;
mod frechet;
mod inception;
mod inception_score;
mod kernel;
mod likelihood;
mod measuring;
mod neighbours;
#[cfg(test)]
mod order;
mod pictures;
#[cfg(test)]
mod reference;
mod subject;
mod watch;
mod yardstick;

pub use evaluation::{Better, ClassScore, Evaluation, EvaluatorFacts, Measure, Score};
pub use evaluator::{Evaluator, Pixels};
pub use features::Features;
pub use inception::Inception;
pub use likelihood::Effort;
pub use measuring::Measuring;
pub use subject::Subject;
pub use watch::Watch;
pub use yardstick::Yardstick;
