//! The differences between two pipelines.

use anyhow::Result;
use imago_core::pipeline::Pipeline;
use serde_yaml::Value;

/// A value that differs, with its dotted path as `--set` takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub path: String,
    before: String,
    after: String,
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} → {}", self.path, self.before, self.after)
    }
}

/// All values in which two pipelines differ, including defaults.
pub fn changes(before: &Pipeline, after: &Pipeline) -> Result<Vec<Change>> {
    let mut found = Vec::new();
    let (before, after) = (serde_yaml::to_value(before)?, serde_yaml::to_value(after)?);
    compare(&mut Vec::new(), Some(&before), Some(&after), &mut found);
    Ok(found)
}

fn compare(path: &mut Vec<String>, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<Change>) {
    match (before, after) {
        (before, after) if before == after => {}
        (Some(Value::Mapping(one)), Some(Value::Mapping(other))) => {
            let new = other.keys().filter(|key| !one.contains_key(*key));
            for key in one.keys().chain(new) {
                path.push(short(Some(key)));
                compare(path, one.get(key), other.get(key), found);
                path.pop();
            }
        }
        (Some(Value::Sequence(one)), Some(Value::Sequence(other))) if one.len() == other.len() => {
            for (index, (one, other)) in one.iter().zip(other).enumerate() {
                path.push(index.to_string());
                compare(path, Some(one), Some(other), found);
                path.pop();
            }
        }
        _ => found.push(Change { path: path.join("."), before: short(before), after: short(after) }),
    }
}

fn short(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "nothing".into(),
        Some(Value::String(text)) => text.clone(),
        Some(value @ (Value::Bool(_) | Value::Number(_))) => {
            serde_yaml::to_string(value).unwrap_or_default().trim_end().to_owned()
        }
        Some(Value::Sequence(items)) => format!("a list of {}", items.len()),
        Some(_) => "a map".into(),
    }
}

#[cfg(test)]
mod tests {
    use imago_core::limits::Limits;
    use imago_core::yaml;

    use super::*;

    fn pipeline(train: &str, layers: &str) -> Pipeline {
        let text = format!(
            "name: x\ndata: {{ set: mnist }}\nmodel: {{ family: classifier, layers: [{layers}] }}\ntrain: {{ {train} }}\n"
        );
        yaml::read(text.as_bytes(), &[], Limits::DEFAULT).pipeline.unwrap().0
    }

    #[test]
    fn every_value_that_differs_is_listed_with_its_path() {
        let layers = "flatten, { linear: 16 }, relu, { linear: 10 }";
        let before = pipeline("epochs: 3", layers);
        assert_eq!(changes(&before, &pipeline("epochs: 3, batch: 128", layers)).unwrap(), []);
        let described = |train: &str, layers: &str| {
            let changes = changes(&before, &pipeline(train, layers)).unwrap();
            changes.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            described("epochs: 4, schedule: cosine, optimizer: { adam: { lr: 0.01 } }, steps: 7", layers),
            [
                "train.epochs: 3 → 4",
                "train.optimizer.adam.lr: 0.001 → 0.01",
                "train.schedule: constant → cosine",
                "train.steps: nothing → 7"
            ]
        );
        let wider = described("epochs: 3", &layers.replace("16", "32"));
        assert!(
            wider.len() == 1 && wider[0].starts_with("model.layers.1.linear") && wider[0].ends_with("16 → 32"),
            "{wider:?}"
        );
        assert_eq!(described("epochs: 3", "flatten, { linear: 10 }"), ["model.layers: a list of 4 → a list of 2"]);
    }
}
