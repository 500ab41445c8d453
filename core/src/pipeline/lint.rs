//! Warnings about values that are valid but surely wrong.

use super::Pipeline;
use crate::diagnostic::{PathStep, Problem, extend};
use crate::family::{Heads, Lint, Plan, Role};
use crate::layer::LayerSpec;
use crate::network::{Network, PlannedLayer};
use crate::shape::Shape;

/// Warnings about a valid pipeline.
pub(crate) fn warnings(pipeline: &Pipeline, plan: &Plan) -> Vec<Problem> {
    let mut lint = Lint::new(plan, pipeline.data.range);
    // The network of the class is not in the file.
    for (role, network) in plan.roles().iter().filter(|(role, _)| *role != Role::Class) {
        let path = [PathStep::key("model"), PathStep::key(role.key())];
        // Nor is the layer for the heads of a VAE's encoder.
        let has_heads = *role == Role::Encoder && plan.exported().encoder == Some(Heads::MeanAndLogVariance);
        let declared = &network.layers()[..network.layers().len() - usize::from(has_heads)];
        layers(&mut lint.warnings, &path, declared);
        embeddings(&mut lint.warnings, &path, network);
    }
    pipeline.model.lint(&mut lint);
    let mut warnings = lint.warnings;
    if pipeline.train.optimizer.adam.lr > 0.1 {
        let found = format!("Adam does not converge with a learning rate of {}", pipeline.train.optimizer.adam.lr);
        warnings.push(
            Problem::at(&["train", "optimizer", "adam", "lr"], found)
                .suggest(Some("0.001, or 0.0002 for a GAN".into())),
        );
    }
    let normalised = plan.networks().any(|network| has_batch_norm(network.layers()));
    if pipeline.train.batch == 1 && normalised {
        let found = "`batch_norm` has no statistics in batches of one image";
        warnings.push(
            Problem::at(&["train", "batch"], found).suggest(Some("a batch of 32 or more, or `layer_norm`".into())),
        );
    }
    warnings
}

fn layers(warnings: &mut Vec<Problem>, path: &[PathStep], layers: &[PlannedLayer]) {
    let mut before: Option<&PlannedLayer> = None;
    for (index, layer) in layers.iter().enumerate() {
        let here = extend(path, [PathStep::Index(index)]);
        let idle = match &layer.spec {
            LayerSpec::Dropout(dropout) if dropout.rate == 0.0 => Some("`dropout: 0` drops nothing"),
            LayerSpec::GaussianNoise(noise) if noise.std == 0.0 => Some("`gaussian_noise: 0` adds nothing"),
            LayerSpec::Repeat(repeat) if repeat.times == 1 => Some("`times: 1` repeats nothing"),
            LayerSpec::Upsample(_) if layer.input == layer.output => Some("`upsample: 1` changes nothing"),
            LayerSpec::PixelShuffle(shuffle) if shuffle.factor == 1 => Some("`pixel_shuffle: 1` changes nothing"),
            LayerSpec::Flatten(_) if matches!(layer.input, Shape::Flat(_)) => {
                Some("the input of `flatten` is flat already")
            }
            _ => None,
        };
        if let Some(found) = idle {
            warnings.push(Problem::new(here.clone(), found).suggest(Some("remove it".into())));
        }
        if let Some(before) = before {
            let (first, second) = (before.spec.name(), layer.spec.name());
            if before.spec.is_activation() && layer.spec.is_activation() {
                let found = format!("`{second}` follows `{first}`: two activations in a row");
                warnings.push(Problem::new(here, found).suggest(Some("keep one of the two".into())));
            } else if first == "linear" && second == "linear" {
                let found = "two `linear` layers without an activation between them can do no more than one";
                warnings.push(Problem::new(here, found).suggest(Some("an activation between them".into())));
            }
        }
        before = Some(layer);
    }
}

fn has_batch_norm(layers: &[PlannedLayer]) -> bool {
    layers.iter().any(|layer| matches!(layer.spec, LayerSpec::BatchNorm(_)) || has_batch_norm(&layer.inside))
}

fn embeddings(warnings: &mut Vec<Problem>, path: &[PathStep], network: &Network) {
    let embedding = |layer: &PlannedLayer| matches!(layer.spec, LayerSpec::Embedding(_));
    if let (Shape::Image(_), Some(index)) = (network.input(), network.layers().iter().position(embedding)) {
        let found = "`embedding` takes class numbers, but its input comes from pixels";
        warnings.push(Problem::new(extend(path, [PathStep::Index(index)]), found));
    }
}
