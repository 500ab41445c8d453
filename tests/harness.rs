//! A temporary folder and the real binary to run in it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

pub use assert_cmd::assert::Assert;
use tempfile::TempDir;

/// A temporary folder in which `imago` runs as a user would run it.
pub struct Workshop {
    folder: TempDir,
}

impl Default for Workshop {
    fn default() -> Self {
        Self::new()
    }
}

impl Workshop {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder can be made") }
    }

    /// A folder with this file.
    pub fn with(name: &str, content: impl AsRef<[u8]>) -> Self {
        let shop = Self::new();
        shop.write(name, content);
        shop
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).expect("the temporary folder can be written");
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        let path = self.path(name);
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    pub fn read_text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).expect("the file is text")
    }

    /// `imago` with the words of `arguments`, ready to run in the folder.
    pub fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(binary());
        command.args(arguments.split_whitespace()).current_dir(self.folder.path());
        // Tests must not depend on local data sets or caches.
        command.env_remove("IMAGO_DATA_DIR").env("XDG_CACHE_HOME", self.path("cache"));
        command
    }

    /// Runs `imago` and expects it to succeed.
    pub fn imago(&self, arguments: &str) -> Assert {
        assert_cmd::Command::from_std(self.command(arguments)).assert().success()
    }

    /// Runs `imago`, expects it to succeed, and returns its standard output.
    pub fn said(&self, arguments: &str) -> String {
        String::from_utf8(self.imago(arguments).get_output().stdout.clone()).expect("the output is text")
    }

    /// Runs `imago`, expects it to fail without a panic, and returns its standard error.
    pub fn fails(&self, arguments: &str) -> String {
        let assert = assert_cmd::Command::from_std(self.command(arguments)).assert().failure();
        let output = assert.get_output();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(matches!(output.status.code(), Some(1 | 2)), "exit {:?}: {said}", output.status.code());
        assert!(!said.contains("panicked"), "{said}");
        said
    }

    /// As [`fails`](Self::fails), and expects all of `parts` in the error.
    pub fn refuses(&self, arguments: &str, parts: &[&str]) -> String {
        let said = self.fails(arguments);
        parts.iter().for_each(|part| assert!(said.contains(part), "{arguments}: {part:?} is not in: {said}"));
        said
    }

    /// The names in a folder, in order.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(folder)).expect("the folder can be read");
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// All weights and optimiser states in a run's last checkpoint, by step and file; the state
    /// holds the time and is left out.
    pub fn checkpoint(&self, run: &str) -> Vec<(String, Vec<u8>)> {
        let checkpoints = format!("{run}/checkpoints");
        let last = self.names(&checkpoints).into_iter().rfind(|name| name.starts_with("step-"));
        let last = last.unwrap_or_else(|| panic!("{run} has no checkpoint"));
        let files = self.names(&format!("{checkpoints}/{last}")).into_iter().filter(|name| name.ends_with(".bpk"));
        let file = |name: String| (format!("{last}/{name}"), self.read(&format!("{checkpoints}/{last}/{name}")));
        let files: Vec<_> = files.map(file).collect();
        assert!(!files.is_empty(), "{run}");
        files
    }

    /// The lines of a run's `metrics.jsonl`.
    pub fn metrics(&self, run: &str) -> Vec<serde_json::Map<String, serde_json::Value>> {
        let text = self.read_text(&format!("{run}/metrics.jsonl"));
        text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
    }
}

pub const TINY: &str = "
name: tiny
data: { set: synthetic-digits, limit: 96 }
model:
  family: vae
  latent: 2
  encoder:
    - conv2d: { filters: 4, kernel: 3, stride: 2, padding: same }
    - relu
    - flatten
  decoder:
    - linear: 196
    - batch_norm
    - leaky_relu: 0.1
    - reshape: [4, 7, 7]
    - conv_transpose2d: { filters: 4, kernel: 3, stride: 2, padding: same }
    - tanh
    - conv_transpose2d: { filters: 1, kernel: 4, stride: 2, padding: same }
train: { epochs: 2, batch: 32 }
";

/// Compares `found` with a file of the repository, or writes the file if `IMAGO_BLESS` is set.
pub fn bless(file: &Path, found: &str) {
    if std::env::var_os("IMAGO_BLESS").is_some() {
        std::fs::write(file, found).expect("the file can be written");
        return;
    }
    let expected = std::fs::read_to_string(file).unwrap_or_default();
    let differ = |(found, expected): &(&str, &str)| found != expected;
    let lines = found.lines().chain([""]).zip(expected.lines().chain([""]));
    if let Some((index, (found, expected))) = lines.enumerate().find(|(_, pair)| differ(pair)) {
        let (name, line) = (file.display(), index + 1);
        panic!("{name}:{line} says\n  {expected}\nbut it is now\n  {found}\nIMAGO_BLESS=1 cargo test writes it anew");
    }
    assert_eq!(
        found.len(),
        expected.len(),
        "{} has another length; IMAGO_BLESS=1 cargo test writes it anew",
        file.display()
    );
}

/// The YAML files in a folder and below.
pub fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        match path.is_dir() {
            true => files.extend(yaml_files(&path)),
            false if path.extension().is_some_and(|extension| extension == "yaml") => files.push(path),
            false => {}
        }
    }
    files
}

pub fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The binary, built on first use, as cargo builds no other package's binaries for a test. Building
/// the whole workspace reuses the dependencies of the tests.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let mut build = Command::new(env!("CARGO"));
        build.current_dir(workspace()).args(["build", "--quiet", "--workspace", "--bin", "imago"]);
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        // Build scripts that look at cargo's variables for this package would run again.
        for (name, _) in std::env::vars_os() {
            if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| name.to_string_lossy().starts_with(start)) {
                build.env_remove(name);
            }
        }
        assert!(build.status().expect("cargo runs").success(), "the binary cannot be built");
        assert_cmd::cargo::cargo_bin("imago")
    })
}
