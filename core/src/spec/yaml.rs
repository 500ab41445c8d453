//! From the text of a file to a pipeline, with every problem at its line and column.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_yaml::Value;

use super::position::locate;
use super::{Autoencoder, Data, Family, Model, Pipeline, Train, Vae};
use crate::model::Plan;
use crate::plan::{Problem, Problems, Step};

/// The largest file that is read, in bytes.
const MAX_BYTES: usize = 1 << 20;

/// A value given on the command line in place of the file's: `train.epochs=5`.
#[derive(Debug, Clone)]
pub struct Override {
    text: String,
    path: Vec<Step>,
    value: Value,
}

impl Override {
    /// Reads `path.to.key=value`. Numbers in the path count the entries of a list from 0, and the value is YAML.
    ///
    /// # Errors
    /// There is no `=`, the path is empty, or the value is no YAML.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (path, value) = text
            .split_once('=')
            .ok_or_else(|| format!("found `{text}`, expected path=value such as train.epochs=5"))?;
        if path.split('.').any(str::is_empty) {
            return Err(format!("found the path `{path}`, expected keys with dots between such as train.epochs"));
        }
        let step = |part: &str| part.parse().map_or_else(|_| Step::key(part), Step::Index);
        Ok(Self {
            text: text.to_owned(),
            path: path.split('.').map(step).collect(),
            value: serde_yaml::from_str(value).map_err(|error| format!("the value `{value}` is no YAML: {error}"))?,
        })
    }

    /// Puts the value into `document`, making maps on the way where there are none.
    fn apply(&self, document: &mut Value) -> Result<(), String> {
        let mut place = document;
        for step in &self.path {
            place = match step {
                Step::Key(key) => {
                    if place.is_null() {
                        *place = Value::Mapping(serde_yaml::Mapping::new());
                    }
                    let map = place.as_mapping_mut().ok_or_else(|| format!("`{key}` is no key of a map there"))?;
                    map.entry(Value::String(key.clone())).or_insert(Value::Null)
                }
                Step::Index(index) => {
                    let found = place.as_sequence_mut().and_then(|list| list.get_mut(*index));
                    found.ok_or_else(|| format!("there is no entry {index} in a list there"))?
                }
            };
        }
        *place = self.value.clone();
        Ok(())
    }
}

/// Why a file is no pipeline. Its text lists every problem as `file:line:column: …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecError(String);

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SpecError {}

/// Reads a pipeline and resolves it, with `overrides` put in place of what the file says.
///
/// `file` is how the file is called in errors.
///
/// # Errors
/// The text is no YAML, a key is unknown or missing, a value has the wrong type or makes no sense, or layers do not fit.
pub fn read(file: &str, text: &str, overrides: &[Override]) -> Result<(Pipeline, Plan), SpecError> {
    if text.len() > MAX_BYTES {
        return Err(SpecError(format!("{file}: {} bytes, more than a pipeline may have ({MAX_BYTES})", text.len())));
    }
    let place = |error: &serde_yaml::Error| describe(file, error);
    let mut pipeline = parse(text).map_err(|error| place(&error))?;
    if !overrides.is_empty() {
        let mut document: Value = serde_yaml::from_str(text).map_err(|error| place(&error))?;
        for change in overrides {
            let refuse = |error: String| SpecError(format!("--set {}: {error}", change.text));
            change.apply(&mut document).map_err(refuse)?;
            let merged = serde_yaml::to_string(&document).map_err(|error| refuse(error.to_string()))?;
            pipeline = parse(&merged).map_err(|error| refuse(without_position(&error)))?;
        }
    }
    let listed = |problems: Problems| SpecError(list(file, text, &problems, overrides));
    let mut problems = pipeline.train.problems();
    problems.extend(name_problem(&pipeline.name));
    match Plan::new(&pipeline.model, pipeline.data.set.image()) {
        Ok(plan) if problems.is_empty() => Ok((pipeline, plan)),
        Ok(_) => Err(listed(Problems(problems))),
        Err(more) => {
            problems.extend(more.0);
            Err(listed(Problems(problems)))
        }
    }
}

/// A file whose model is already known to be of type `M`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<M> {
    name: String,
    data: Data,
    model: M,
    #[serde(default)]
    train: Train,
}

/// The one key that decides how the rest of `model` is read.
#[derive(Deserialize)]
struct Peek {
    model: PeekModel,
}

#[derive(Deserialize)]
struct PeekModel {
    family: Family,
}

fn parse(text: &str) -> Result<Pipeline, serde_yaml::Error> {
    let peek: Peek = serde_yaml::from_str(text)?;
    match peek.model.family {
        Family::Autoencoder => parse_as::<Autoencoder>(text, Model::Autoencoder),
        Family::Vae => parse_as::<Vae>(text, Model::Vae),
    }
}

fn parse_as<M: DeserializeOwned>(text: &str, model: fn(M) -> Model) -> Result<Pipeline, serde_yaml::Error> {
    let file: File<M> = serde_yaml::from_str(text)?;
    Ok(Pipeline { name: file.name, data: file.data, model: model(file.model), train: file.train })
}

/// Names become folders, so they hold nothing that a path could misunderstand.
fn name_problem(name: &str) -> Option<Problem> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let good = (1..=64).contains(&name.len()) && name.chars().all(allowed);
    (!good).then(|| {
        let found = format!("a name is 1 to 64 letters, digits, `-` or `_`, found `{name}`");
        Problem::new(vec![Step::key("name")], found)
    })
}

fn describe(file: &str, error: &serde_yaml::Error) -> SpecError {
    let message = without_position(error);
    SpecError(match error.location() {
        Some(at) => format!("{file}:{}:{}: {message}", at.line(), at.column()),
        None => format!("{file}: {message}"),
    })
}

/// The parser ends its messages with the position, which we put in front.
fn without_position(error: &serde_yaml::Error) -> String {
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
    suggest(text)
}

/// Adds "did you mean" where serde lists the names that it knows: "unknown field `x`, expected one of `y`, `z`".
fn suggest(message: &str) -> String {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let unknown = message.contains("unknown field") || message.contains("unknown variant");
    match quoted.split_first() {
        Some((word, names)) if unknown => match crate::layer::nearest(word, names) {
            Some(near) => format!("{message}; did you mean `{near}`?"),
            None => message.to_owned(),
        },
        _ => message.to_owned(),
    }
}

fn list(file: &str, text: &str, problems: &Problems, overrides: &[Override]) -> String {
    let line = |problem: &Problem| {
        let overridden = overrides.iter().find(|change| problem.path.starts_with(&change.path));
        match (overridden, locate(text, &problem.path)) {
            (Some(change), _) => format!("--set {}: {problem}", change.text),
            (None, Some(at)) => format!("{file}:{}:{}: {problem}", at.line(), at.column()),
            (None, None) => format!("{file}: {problem}"),
        }
    };
    problems.0.iter().map(line).collect::<Vec<_>>().join("\n")
}

impl Pipeline {
    /// The pipeline as YAML, every default written out.
    ///
    /// # Errors
    /// Never for a pipeline that was read; serialisation is fallible by type only.
    pub fn to_yaml(&self) -> Result<String, SpecError> {
        let mut text = Vec::new();
        let mut writer = serde_yaml::Serializer::new(&mut text);
        self.serialize(&mut writer).map_err(|error| SpecError(error.to_string()))?;
        String::from_utf8(text).map_err(|error| SpecError(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VAE: &str = "
name: tiny
data: { set: mnist }
model:
  family: vae
  latent: 2
  encoder:
    - conv2d: { filters: 4, kernel: 3, stride: 2 }
    - relu
    - flatten
  decoder:
    - linear: 784
    - leaky_relu: 0.2
    - batch_norm
    - reshape: [1, 28, 28]
";

    fn error(text: &str) -> String {
        read("x.yaml", text, &[]).unwrap_err().to_string()
    }

    #[test]
    fn a_pipeline_written_out_reads_back_the_same() {
        let (pipeline, plan) = read("x.yaml", VAE, &[]).unwrap();
        let yaml = pipeline.to_yaml().unwrap();
        assert_eq!(read("x.yaml", &yaml, &[]).unwrap(), (pipeline, plan), "{yaml}");
    }

    #[test]
    fn an_unknown_key_is_named_with_its_place_and_the_key_it_resembles() {
        let message = error(&VAE.replace("latent", "latnet"));
        assert!(message.starts_with("x.yaml:6:3: "), "{message}");
        assert!(message.contains("did you mean `latent`?"), "{message}");
    }

    #[test]
    fn an_unknown_layer_is_named_with_its_place_and_the_layer_it_resembles() {
        let message = error(&VAE.replace("conv2d", "con2d"));
        assert!(message.starts_with("x.yaml:8:"), "{message}");
        assert!(message.contains("did you mean `conv2d`?"), "{message}");
    }

    #[test]
    fn a_shape_that_does_not_fit_is_shown_at_its_layer_with_a_fix() {
        let message = error(&VAE.replace("linear: 784", "linear: 700"));
        assert!(message.starts_with("x.yaml:15:"), "{message}");
        assert!(message.contains("`linear: 784` before it"), "{message}");
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let text =
            VAE.replace("latent: 2", "latent: 0").replace("linear: 784", "linear: 700") + "train: { batch: 0 }\n";
        let message = error(&text);
        assert!(message.contains("batch must"), "{message}");
        assert!(message.contains("latent must"), "{message}");
        assert!(message.contains("784"), "{message}");
    }

    #[test]
    fn an_override_is_checked_like_the_file() {
        let set = |text: &str| read("x.yaml", VAE, &[Override::parse(text).unwrap()]);
        assert_eq!(set("train.epochs=5").unwrap().0.train.epochs, 5);
        assert_eq!(set("model.latent=7").unwrap().1.latent(), 7);
        let message = set("train.epoch=5").unwrap_err().to_string();
        assert!(message.starts_with("--set train.epoch=5: "), "{message}");
        assert!(message.contains("did you mean `epochs`?"), "{message}");
        let message = set("model.encoder.0.conv2d.kernel=99").unwrap_err().to_string();
        assert!(message.contains("99 by 99"), "{message}");
        assert!(Override::parse("epochs").is_err());
    }

    #[test]
    fn hostile_files_are_refused_without_a_panic() {
        let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nname: *c\n";
        let deep = "[".repeat(100_000);
        for text in ["", "\u{0}", "- a", "name: [", "model: {family: vae}", bomb, &deep, "model: !!x y"] {
            assert!(read("x.yaml", text, &[]).is_err(), "{text:.40}");
        }
    }
}
