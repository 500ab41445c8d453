//! Errors in the values of a pipeline.

use super::Pipeline;
use crate::diagnostic::{Advice, Problem};
use crate::family::Plan;
use crate::format::readable;
use crate::limits::Limits;
use crate::network::{Network, PlanBuilder};
use crate::spec::{EarlyStop, Set, Train};

impl Pipeline {
    /// The plan, unless values are wrong, which are noted in `builder`.
    pub fn resolve(&self, limits: Limits, builder: &mut PlanBuilder<'_>) -> Option<Plan> {
        if let Some(problem) = name_problem(&self.name) {
            builder.note(problem);
        }
        self.data.check(builder);
        let plan = Plan::build(&self.model, &self.data, builder);
        self.train.check(builder);
        check_family(self, builder);
        let plan = plan?;
        let image: u64 = plan.networks().map(Network::activations).sum();
        let step = image.saturating_mul(self.train.batch as u64);
        if step > limits.step && self.train.has_good_batch() {
            let (found, most) = (readable(step), readable(limits.step));
            let image_bytes = readable(image);
            let found = format!("a step needs {found} of activations ({image_bytes} per image), more than {most}");
            let fix = format!("at most {}", limits.step / image.max(1));
            let problem = Problem::at(&["train", "batch"], found);
            builder.note(problem.suggest(Some(fix)).advise(Advice::LargerLimits));
        }
        Some(plan)
    }
}

fn check_family(pipeline: &Pipeline, builder: &mut PlanBuilder<'_>) {
    let Train { batch, discriminator, early_stop, .. } = &pipeline.train;
    let family = pipeline.model.family();
    let traits = pipeline.model.traits();
    let by_class = traits.learns_classes || traits.condition.is_some();
    if matches!(pipeline.data.set, Set::Folder(_)) && pipeline.data.classes.is_empty() && by_class {
        let found = "the model needs classes, but the folder has none";
        let fix = "name its sub-folders beside it: `classes: [cats, dogs]`";
        let problem = Problem::at(&["data", "set"], found);
        builder.note(problem.suggest(Some(fix.into())).advise(Advice::FolderClasses));
    }
    if let Some(EarlyStop { metric, .. }) = early_stop {
        let metrics = family.metrics();
        if metrics.is_empty() {
            let found = format!("`{}` has no metric of its samples, so nothing can stop it early", family.name());
            let problem = Problem::at(&["train", "early_stop"], found).at_key();
            builder.note(problem.suggest(Some("remove it".into())));
        } else if let Some(metric) = metric.filter(|metric| !metrics.contains(metric)) {
            let names: Vec<String> = metrics.iter().map(|metric| format!("`{}`", metric.name())).collect();
            let found = format!("`{}` does not measure `{}`", family.name(), metric.name());
            builder.note(Problem::at(&["train", "early_stop", "metric"], found).suggest(Some(names.join(" or "))));
        }
    }
    match traits.game {
        None if discriminator.is_some() => {
            let found = format!("the family `{}` has no discriminator", family.name());
            builder.note(Problem::at(&["train", "discriminator"], found).at_key().suggest(Some("remove it".into())));
        }
        Some(game) if game.packing > 1 && !batch.is_multiple_of(game.packing) => {
            let found = format!("a batch of {batch} does not divide into packs of {}", game.packing);
            builder.note(Problem::at(&["train", "batch"], found));
        }
        _ => {}
    }
}

/// Names become folders, so they contain nothing that is special in a path.
fn name_problem(name: &str) -> Option<Problem> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let good = (1..=64).contains(&name.len()) && name.chars().all(allowed);
    (!good).then(|| {
        let mut mended: String = name.chars().map(|c| if allowed(c) { c } else { '-' }).take(64).collect();
        mended = mended.trim_matches('-').to_owned();
        let fix = (!mended.is_empty()).then(|| format!("`{mended}`"));
        let shown: String = name.chars().take(70).collect();
        let found = format!("a name has 1 to 64 letters, digits, `-` or `_`, found `{shown}`");
        Problem::at(&["name"], found).suggest(fix)
    })
}
