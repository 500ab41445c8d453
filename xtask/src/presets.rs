//! What the page offers for training: pipelines and, if asked for, published images.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// In `www/`: the pipelines that suit a page.
pub const INDEX: &str = "pipelines/index.json";
const SETS: [&str; 2] = ["mnist", "fashion-mnist"];
const FILES: [&str; 4] = [
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
];

#[derive(Deserialize)]
struct Preset {
    /// Below `pipelines/`.
    file: String,
}

/// Copies the listed pipelines and the images of `data` into `out`.
pub fn copy(out: &Path, data: Option<&Path>) -> Result<()> {
    let index = fs::read_to_string(Path::new("www").join(INDEX)).with_context(|| format!("cannot read www/{INDEX}"))?;
    let presets: Vec<Preset> = serde_json::from_str(&index).with_context(|| format!("www/{INDEX}"))?;
    let pipelines = Path::new("pipelines");
    for Preset { file } in &presets {
        put(&pipelines.join(file), &out.join(pipelines).join(file))?;
    }
    let sets: &[&str] = if data.is_some() { &SETS } else { &[] };
    if let Some(data) = data {
        for file in SETS.iter().flat_map(|set| FILES.map(|file| Path::new(set).join(file))) {
            put(&data.join(&file), &out.join("data").join(&file))?;
        }
    }
    fs::create_dir_all(out.join("data"))?;
    fs::write(out.join("data/index.json"), serde_json::to_string(sets)? + "\n").context("cannot write data/index.json")
}

fn put(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    let content = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
    fs::write(to, content).with_context(|| format!("cannot write {}", to.display()))
}
