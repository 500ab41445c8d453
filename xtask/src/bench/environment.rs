//! What the benchmark needs: Imago, the data, and the other frameworks.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use etcetera::BaseStrategy;
use serde_json::Value;

use crate::{process, site, workspace};

/// The folder of the other frameworks' programs.
pub const PEERS: &str = "bench/peers";

pub fn version(imago: &Path) -> String {
    let text = process::query(Command::new(imago).arg("--version")).unwrap_or_default();
    text.trim().trim_start_matches("imago ").to_owned()
}

pub fn versions(runs: &[Value]) -> Option<String> {
    let text = |run: &Value| Some(format!("{} {}", run["program"].as_str()?, run["version"].as_str()?));
    let versions: BTreeSet<String> = runs.iter().filter_map(text).collect();
    let versions = versions.into_iter().collect::<Vec<_>>().join(", ");
    (!versions.is_empty()).then(|| format!("Versions: {versions}.\n"))
}
/// Builds Imago as [`workspace::build_imago`] does, or with features in a separate folder.
pub fn build(features: &str) -> Result<PathBuf> {
    if features.is_empty() {
        workspace::build_imago()?;
        return workspace::imago();
    }
    let target = workspace::target_dir()?.join("bench").join(features.replace(',', "-"));
    let mut cargo = process::cargo(["build", "--release", "--workspace", "--bin", "imago", "--features", features]);
    process::run(cargo.arg("--target-dir").arg(&target))?;
    Ok(target.join("release").join(format!("imago{}", std::env::consts::EXE_SUFFIX)))
}

/// The folder with mnist/, which Imago downloads if necessary.
pub fn data(named: Option<&Path>, imago: Option<&PathBuf>) -> Result<PathBuf> {
    if let Some(named) = named {
        return Ok(named.to_owned());
    }
    if let Some(variable) = std::env::var_os("IMAGO_DATA_DIR").filter(|folder| !folder.is_empty()) {
        return Ok(variable.into());
    }
    let imago = imago.context("only Imago fetches data: name their folder with --data-dir")?;
    process::run(Command::new(imago).args(["data", "fetch", "mnist"]))?;
    let user = etcetera::choose_base_strategy().context("there is no home folder to keep data in")?;
    Ok(user.cache_dir().join("imago"))
}

fn requirements() -> PathBuf {
    Path::new(PEERS).join("requirements.txt")
}

/// The Python environment of the other frameworks, created if it does not match the requirements.
pub fn environment() -> Result<PathBuf> {
    let venv = workspace::target_dir()?.join("bench").join("venv");
    let wanted = fs::read_to_string(requirements())?;
    let stamp = venv.join("requirements.txt");
    let python = interpreter(&venv);
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) && python.is_file() {
        return Ok(python);
    }
    let help = "PyTorch and TensorFlow need Python 3.11 to 3.13 with its module venv (Debian and Ubuntu: apt-get install \
                python3-venv); or name an environment that has them with --venv";
    let system = process::on_path(&["python3", "python"]).context(help)?;
    site::remove(&venv)?;
    eprintln!("Installing PyTorch, Keras and TensorFlow into {} (some 7 GB, a few minutes) …", venv.display());
    process::run(Command::new(system).args(["-m", "venv"]).arg(&venv)).context(help)?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-cache-dir", "--quiet", "--requirement"]);
    process::run(install.arg(requirements())).context(help)?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(python)
}

/// The Python of a virtual environment.
pub fn interpreter(venv: &Path) -> PathBuf {
    if cfg!(windows) { venv.join("Scripts").join("python.exe") } else { venv.join("bin").join("python3") }
}
