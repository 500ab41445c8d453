//! The sweep file, and the variants of a pipeline that it declares.

use std::fmt;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use imago_core::yaml::{self, Override};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_yaml::Value;

use super::seeds::Seeds;

/// More runs are a typing mistake.
const MAX_RUNS: usize = 10_000;
pub const SEED: &str = "train.seed";

#[derive(Debug)]
pub struct Spec {
    /// Relative to where the program runs.
    pub pipeline: PathBuf,
    pub variants: Vec<Variant>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// Overrides of all variants.
    pub common: Vec<Setting>,
    /// Overrides of this one, applied after the common ones.
    pub changed: Vec<Setting>,
}

/// An override: path and value as in `--set PATH=VALUE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    pub path: String,
    pub value: String,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.path, self.value)
    }
}

impl Spec {
    pub fn read(file: &Path) -> Result<Self> {
        let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let content: File = serde_yaml::from_str(&yaml::text(&bytes)).map_err(|error| located(file, &error))?;
        let variants = content.variants().with_context(|| file.display().to_string())?;
        let pipeline = file.parent().unwrap_or(Path::new("")).join(content.pipeline);
        Ok(Self { pipeline, variants })
    }
}

/// Each of `choices` with each seed; the seed varies fastest.
pub fn variants(common: &[Setting], choices: &[Vec<Setting>], seeds: Option<&Seeds>) -> Result<Vec<Variant>> {
    let seeded = common.iter().chain(choices.iter().flatten()).any(|setting| setting.path == SEED);
    ensure!(seeds.is_none() || !seeded, "`{SEED}` is set in addition to `seeds`; remove one of them");
    let seeds: Vec<Option<u64>> =
        seeds.map_or_else(|| vec![None], |seeds| seeds.as_slice().iter().copied().map(Some).collect());
    let count = choices.len().saturating_mul(seeds.len());
    ensure!(count <= MAX_RUNS, "these are {count} runs, more than {MAX_RUNS}");
    let mut variants = Vec::with_capacity(count);
    for choice in choices {
        for seed in &seeds {
            let mut changed = choice.clone();
            changed.extend(seed.map(|seed| Setting { path: SEED.into(), value: seed.to_string() }));
            variants.push(Variant { common: common.to_vec(), changed });
        }
    }
    Ok(variants)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    pipeline: PathBuf,
    #[serde(default)]
    set: Entries<Text>,
    #[serde(default, deserialize_with = "present")]
    grid: Option<Entries<Axis>>,
    #[serde(default, deserialize_with = "present")]
    list: Option<Vec<Entries<Text>>>,
    #[serde(default, deserialize_with = "present")]
    seeds: Option<Vec<u64>>,
}

/// A key without a value is a mistake, unlike a missing key.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl File {
    fn variants(&self) -> Result<Vec<Variant>> {
        let common = settings(&self.set);
        let choices = match (&self.grid, &self.list) {
            (Some(_), Some(_)) => bail!("`grid` and `list` are both given; remove one of them"),
            (Some(grid), None) => {
                if let Some((path, _)) = grid.0.iter().find(|(path, _)| common.iter().any(|set| set.path == *path)) {
                    bail!("`{path}` is in `set` and in `grid`; remove one of them");
                }
                product(grid)?
            }
            (None, Some(list)) => {
                ensure!(!list.is_empty(), "`list` has no entries");
                list.iter().map(settings).collect()
            }
            (None, None) => vec![Vec::new()],
        };
        let seeds = self.seeds.clone().map(Seeds::new).transpose().map_err(|fault| anyhow!("`seeds`: {fault}"))?;
        variants(&common, &choices, seeds.as_ref())
    }
}

fn settings(Entries(entries): &Entries<Text>) -> Vec<Setting> {
    entries.iter().map(|(path, Text(value))| Setting { path: path.clone(), value: value.clone() }).collect()
}

/// The Cartesian product of a grid; the last key varies fastest.
fn product(Entries(axes): &Entries<Axis>) -> Result<Vec<Vec<Setting>>> {
    ensure!(!axes.is_empty(), "`grid` has no keys");
    let count = axes.iter().fold(1_usize, |count, (_, Axis(values))| count.saturating_mul(values.len()));
    ensure!(count <= MAX_RUNS, "`grid` has {count} combinations, more than {MAX_RUNS}");
    let mut choices: Vec<Vec<Setting>> = vec![Vec::new()];
    for (path, Axis(values)) in axes {
        let mut longer = Vec::with_capacity(choices.len() * values.len());
        for choice in &choices {
            for value in values {
                let mut choice = choice.clone();
                choice.push(Setting { path: path.clone(), value: value.clone() });
                longer.push(choice);
            }
        }
        choices = longer;
    }
    Ok(choices)
}

/// The parser's message, with its position first.
fn located(file: &Path, error: &serde_yaml::Error) -> anyhow::Error {
    let (file, message) = (file.display(), error.to_string());
    let said = message.split(" at line ").next().unwrap_or(&message);
    match error.location() {
        Some(at) => anyhow!("{file}:{}:{}: {said}", at.line(), at.column()),
        None => anyhow!("{file}: {said}"),
    }
}

/// A map from pipeline paths, in the order of the file.
struct Entries<V>(Vec<(String, V)>);

impl<V> Default for Entries<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, V: DeserializeOwned> Deserialize<'de> for Entries<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor(PhantomData))
    }
}

struct EntriesVisitor<V>(PhantomData<V>);

impl<'de, V: DeserializeOwned> Visitor<'de> for EntriesVisitor<V> {
    type Value = Entries<V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map with keys such as train.epochs")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries: Vec<(String, V)> = Vec::new();
        while let Some(Key(key)) = map.next_key()? {
            if entries.iter().any(|(known, _)| *known == key) {
                return Err(A::Error::custom(format_args!("the key `{key}` appears twice")));
            }
            entries.push((key, map.next_value()?));
        }
        Ok(Entries(entries))
    }
}

/// A path such as `train.epochs`.
struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyVisitor)
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a path such as train.epochs")
    }

    fn visit_str<E: Error>(self, path: &str) -> Result<Key, E> {
        if path.contains('=') {
            return Err(E::custom(format_args!("found `{path}`, expected a path such as train.epochs without `=`")));
        }
        Override::parse(&format!("{path}=0")).map_err(E::custom)?;
        Ok(Key(path.to_owned()))
    }
}

/// Values that each make a variant.
struct Axis(Vec<String>);

impl<'de> Deserialize<'de> for Axis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(AxisVisitor)
    }
}

struct AxisVisitor;

impl<'de> Visitor<'de> for AxisVisitor {
    type Value = Axis;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of values, such as [0.001, 0.0002]")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Axis, A::Error> {
        let mut values = Vec::new();
        while let Some(Text(value)) = list.next_element()? {
            values.push(value);
        }
        if values.is_empty() {
            return Err(A::Error::custom("the list has no values"));
        }
        Ok(Axis(values))
    }
}

/// Any value, written in one line.
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        flow(&value).map(Text).map_err(D::Error::custom)
    }
}

/// A value in one line of YAML that reads back the same.
fn flow(value: &Value) -> Result<String, String> {
    let mut text = String::new();
    write_flow(&mut text, value)?;
    match serde_yaml::from_str::<Value>(&text) {
        Ok(read) if read == *value => Ok(text),
        _ => Err(format!("the value {text} cannot be given in one line")),
    }
}

fn write_flow(text: &mut String, value: &Value) -> Result<(), String> {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(truth) => text.push_str(if *truth { "true" } else { "false" }),
        Value::Number(number) => text.push_str(&number.to_string()),
        Value::String(word) => text.push_str(&quoted(word)),
        Value::Sequence(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                text.push_str(if index == 0 { "" } else { ", " });
                write_flow(text, item)?;
            }
            text.push(']');
        }
        Value::Mapping(entries) => {
            text.push('{');
            for (index, (key, value)) in entries.iter().enumerate() {
                text.push_str(if index == 0 { "" } else { ", " });
                write_flow(text, key)?;
                text.push_str(": ");
                write_flow(text, value)?;
            }
            text.push('}');
        }
        Value::Tagged(tagged) => {
            return Err(format!("found the tag `{}`, but tags are not supported here", tagged.tag));
        }
    }
    Ok(())
}

/// A bare word if YAML reads it as that word, otherwise quoted as in JSON, which is also YAML.
fn quoted(word: &str) -> String {
    let plain = word.starts_with(|c: char| c.is_ascii_alphabetic())
        && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'));
    match plain && serde_yaml::from_str::<Value>(word).is_ok_and(|read| read.as_str() == Some(word)) {
        true => word.to_owned(),
        false => serde_json::Value::from(word).to_string(),
    }
}

#[cfg(test)]
mod tests;
