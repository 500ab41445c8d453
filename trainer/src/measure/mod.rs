//! Scores: how samples compare with real images.

mod classes;
mod classifier_evaluation;
#[cfg(test)]
mod degradations;
mod evaluated_model;
mod evaluation;
mod evaluation_job;
mod evaluator;
mod features;
mod frechet;
mod image_statistics;
mod inception;
mod inception_score;
mod kernel;
mod likelihood;
pub mod map;
mod neighbours;
mod progress;
#[cfg(test)]
mod reference;
mod reference_set;
#[cfg(test)]
mod shipped;

pub use classifier_evaluation::evaluate_classifier;
pub use evaluated_model::{EvaluatedModel, classified};
pub use evaluation::{Better, ClassScore, Evaluation, EvaluatorFacts, Metric, Score};
pub use evaluation_job::EvaluationJob;
pub use evaluator::{Evaluator, Pixels};
pub use features::Features;
pub use inception::Inception;
pub use likelihood::ImportanceSamples;
pub use progress::EvaluationProgress;
pub use reference_set::ReferenceSet;
