//! What is spelled right but makes no sense.

use super::Pipeline;
use crate::diagnostic::{Problem, Step};
use crate::family::Plan;
use crate::format::readable;
use crate::limits::Limits;
use crate::network::{Network, PlanBuilder};
use crate::spec::{EarlyStop, Set, Train};

impl Pipeline {
    /// What is spelled right but makes no sense, and otherwise the plan.
    pub fn resolve(&self, limits: Limits, builder: &mut PlanBuilder<'_>) -> Option<Plan> {
        if let Some(problem) = name_problem(&self.name) {
            builder.note(problem);
        }
        self.data.check(builder);
        let plan = Plan::build(&self.model, &self.data, builder);
        self.train.check(builder);
        players(self, builder);
        let plan = plan?;
        let image: u64 = plan.networks().map(Network::activations).sum();
        let step = image.saturating_mul(self.train.batch as u64);
        if step > limits.step && self.train.has_good_batch() {
            let (found, most) = (readable(step), readable(limits.step));
            let found = format!("a step needs {found} of activations ({} an image), more than {most}", readable(image));
            let fix = format!("at most {}, or `--allow-large` on the command line", limits.step / image.max(1));
            builder.note(Problem::new(["train", "batch"].map(Step::key).to_vec(), found).suggest(Some(fix)));
        }
        Some(plan)
    }
}

/// Notes what the keys of `train` and the family say against each other.
fn players(pipeline: &Pipeline, builder: &mut PlanBuilder<'_>) {
    let Train { batch, discriminator, early_stop, .. } = &pipeline.train;
    let family = pipeline.model.family();
    let traits = pipeline.model.traits();
    let by_class = traits.learns_classes || traits.condition.is_some();
    if matches!(pipeline.data.set, Set::Folder(_)) && pipeline.data.classes.is_empty() && by_class {
        let found = "the model is about classes, but the folder has none".to_owned();
        let fix = "name its sub-folders beside it: `classes: [cats, dogs]`; `imago data stats FOLDER` prints the line";
        builder.note(Problem::new(["data", "set"].map(Step::key).to_vec(), found).suggest(Some(fix.into())));
    }
    if let Some(EarlyStop { metric, .. }) = early_stop {
        let path = |key: &str| ["train", "early_stop", key].map(Step::key).to_vec();
        let metrics = family.metrics();
        if metrics.is_empty() {
            let found = format!(
                "what a `{}` measures says nothing of its samples, so nothing can stop it early",
                family.name()
            );
            builder.note(Problem::new(path("")[..2].to_vec(), found).at_key().suggest(Some("leave it away".into())));
        } else if let Some(metric) = metric.filter(|metric| !metrics.contains(metric)) {
            let names: Vec<String> = metrics.iter().map(|metric| format!("`{}`", metric.name())).collect();
            let found = format!("a `{}` measures no `{}`", family.name(), metric.name());
            builder.note(Problem::new(path("metric"), found).suggest(Some(names.join(" or "))));
        }
    }
    match traits.game {
        None if discriminator.is_some() => {
            let found = format!("the family `{}` has no discriminator", family.name());
            let path = ["train", "discriminator"].map(Step::key).to_vec();
            builder.note(Problem::new(path, found).at_key().suggest(Some("leave it away".into())));
        }
        Some(game) if game.packing > 1 && !batch.is_multiple_of(game.packing) => {
            let found = format!("a batch of {batch} cannot be divided into packs of {}", game.packing);
            builder.note(Problem::new(["train", "batch"].map(Step::key).to_vec(), found));
        }
        _ => {}
    }
}

/// Names become folders, so they hold nothing that a path could misunderstand.
fn name_problem(name: &str) -> Option<Problem> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let good = (1..=64).contains(&name.len()) && name.chars().all(allowed);
    (!good).then(|| {
        let mut mended: String = name.chars().map(|c| if allowed(c) { c } else { '-' }).take(64).collect();
        mended = mended.trim_matches('-').to_owned();
        let fix = (!mended.is_empty()).then(|| format!("`{mended}`"));
        let shown: String = name.chars().take(70).collect();
        let found = format!("a name has 1 to 64 letters, digits, `-` or `_`, found `{shown}`");
        Problem::new(vec![Step::key("name")], found).suggest(fix)
    })
}
