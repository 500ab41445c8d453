//! `cargo xtask mutate`: whether the tests catch mistakes in the source.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail, ensure};

use crate::process;

const LIST: &str = "tests/mutations.tsv";
static STOPPED: AtomicBool = AtomicBool::new(false);

/// Make the mistakes of tests/mutations.tsv one at a time and report which tests fail with each.
///
/// Each is undone again. The files in the list must have no uncommitted changes.
#[derive(clap::Args)]
pub struct Args {
    /// Only mistakes whose names contain one of these
    filters: Vec<String>,
}

pub fn run(args: &Args) -> Result<()> {
    let all = read(Path::new("."))?;
    let files: BTreeSet<&Path> = all.iter().map(|mutation| mutation.file.as_path()).collect();
    let changes = process::query(Command::new("git").args(["status", "--porcelain", "--"]).args(files))?;
    ensure!(changes.is_empty(), "commit or undo these changes first:\n{changes}");
    let named = |mutation: &&Mutation| args.filters.iter().any(|filter| mutation.name.contains(filter));
    let chosen: Vec<&Mutation> = all.iter().filter(|mutation| args.filters.is_empty() || named(mutation)).collect();
    ensure!(!chosen.is_empty(), "no name in {LIST} contains any of {:?}", args.filters);
    // The terminal stops the tests too; this program has to survive to undo the mistake.
    ctrlc::set_handler(|| STOPPED.store(true, Ordering::SeqCst))?;
    match test()? {
        Outcome::Ran(failed) if failed.is_empty() => {}
        Outcome::Ran(failed) => bail!("without any mistake these tests fail: {}", listed(&failed)),
        Outcome::NotCompiled(errors) => bail!("the tests do not compile:\n{errors}"),
    }
    let mut caught = 0;
    for mutation in &chosen {
        let outcome = mutation.try_out(Path::new("."))?;
        let (good, summary) = mutation.summary(&outcome);
        println!("{}: {summary}", mutation.name);
        if let Outcome::NotCompiled(errors) = outcome {
            eprintln!("{errors}");
        }
        caught += usize::from(good);
    }
    println!("{caught} of {} mutations are caught", chosen.len());
    ensure!(caught == chosen.len(), "not all mutations are caught as {LIST} says");
    Ok(())
}

struct Mutation {
    name: String,
    file: PathBuf,
    /// Text that occurs exactly once …
    find: String,
    /// … and its replacement.
    replace: String,
    /// The tests that must fail, without their modules.
    tests: Vec<String>,
}

enum Outcome {
    /// The failed tests, with their modules.
    Ran(Vec<String>),
    NotCompiled(String),
}

fn read(root: &Path) -> Result<Vec<Mutation>> {
    let text = fs::read_to_string(root.join(LIST)).with_context(|| format!("cannot read {LIST}"))?;
    let mut lines = text.lines().enumerate();
    let header = lines.next().map(|(_, line)| line);
    ensure!(header == Some("name\tfile\tfind\treplace\ttests"), "{LIST} begins with another header");
    lines
        .filter(|(_, line)| !line.starts_with('#'))
        .map(|(index, line)| parse(line).with_context(|| format!("line {} of {LIST}", index + 1)))
        .collect()
}

fn parse(line: &str) -> Result<Mutation> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [name, file, find, replace, tests] = fields[..] else {
        bail!("has {} fields, not 5", fields.len());
    };
    let tests: Vec<String> = tests.split(',').map(|test| test.trim().to_owned()).collect();
    ensure!(!name.is_empty() && !find.is_empty() && tests.iter().all(|test| !test.is_empty()), "has an empty field");
    ensure!(find != replace, "changes nothing");
    Ok(Mutation { name: name.into(), file: file.into(), find: find.into(), replace: replace.into(), tests })
}

impl Mutation {
    fn apply(&self, root: &Path) -> Result<(String, String)> {
        let path = root.join(&self.file);
        let text =
            fs::read_to_string(&path).with_context(|| format!("{}: cannot read {}", self.name, path.display()))?;
        let count = text.matches(&self.find).count();
        ensure!(count == 1, "{}: `{}` occurs {count} times in {}, not once", self.name, self.find, self.file.display());
        let mutated = text.replacen(&self.find, &self.replace, 1);
        Ok((text, mutated))
    }

    fn try_out(&self, root: &Path) -> Result<Outcome> {
        let (text, mutated) = self.apply(root)?;
        let mut original = Original { path: root.join(&self.file), text: Some(text) };
        fs::write(&original.path, mutated).with_context(|| format!("cannot write {}", self.file.display()))?;
        let outcome = test();
        original.restore()?;
        outcome
    }

    /// Whether the expected tests failed, and a sentence about it.
    fn summary(&self, outcome: &Outcome) -> (bool, String) {
        let failed = match outcome {
            Outcome::NotCompiled(_) => return (false, "does not compile".into()),
            Outcome::Ran(failed) if failed.is_empty() => return (false, "NOT CAUGHT".into()),
            Outcome::Ran(failed) => failed,
        };
        let missing: Vec<&str> = self
            .tests
            .iter()
            .map(String::as_str)
            .filter(|test| !failed.iter().any(|path| last(path) == *test))
            .collect();
        match missing.is_empty() {
            true => (true, format!("caught by {}", listed(failed))),
            false => {
                (false, format!("not caught by {}, as the list says, but by {}", missing.join(", "), listed(failed)))
            }
        }
    }
}

/// Restores a file when dropped, so that no error leaves a mistake behind.
struct Original {
    path: PathBuf,
    text: Option<String>,
}

impl Original {
    /// Rewrites the file with a new time, so that cargo notices.
    fn restore(&mut self) -> Result<()> {
        if let Some(text) = &self.text {
            fs::write(&self.path, text).with_context(|| format!("cannot put {} back", self.path.display()))?;
            self.text = None;
        }
        Ok(())
    }
}

impl Drop for Original {
    fn drop(&mut self) {
        if let Err(error) = self.restore() {
            eprintln!("error: {error:#}");
        }
    }
}

/// Runs the tests of the libraries, and those of steps and layers against PyTorch.
fn test() -> Result<Outcome> {
    let output = process::cargo([
        "test",
        "--release",
        "--workspace",
        "--lib",
        "--test",
        "models",
        "--test",
        "parity",
        "--no-fail-fast",
        "--",
        "--test-threads",
        "2",
        // No mistake of the list concerns a device.
        "--skip",
        "on_wgpu",
    ])
    // Only what a mistake touches is compiled again.
    .env("CARGO_INCREMENTAL", "1")
    .output()
    .context("cannot start cargo")?;
    ensure!(!STOPPED.load(Ordering::SeqCst), "stopped");
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let failed = failures(&said);
    if !output.status.success() && failed.is_empty() {
        // Without a result no test has run.
        ensure!(!said.contains("test result:"), "the tests ended early ({}):\n{errors}", output.status);
        return Ok(Outcome::NotCompiled(errors.into_owned()));
    }
    Ok(Outcome::Ran(failed))
}

/// The failed tests in the output of libtest.
fn failures(said: &str) -> Vec<String> {
    let failed = said.lines().filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"));
    failed.map(str::to_owned).collect()
}

fn last(path: &str) -> &str {
    path.rsplit("::").next().unwrap_or(path)
}

fn listed(paths: &[String]) -> String {
    paths.iter().map(|path| last(path)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutation_of_the_list_fits_the_source() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let all = read(&root).unwrap();
        let names: BTreeSet<&str> = all.iter().map(|mutation| mutation.name.as_str()).collect();
        assert_eq!(names.len(), all.len(), "a name occurs twice");
        // Every named test is in one of these.
        let beside = ["tests/models.rs", "tests/parity.rs", "core/src/layer/linear.rs"].map(PathBuf::from);
        let files: BTreeSet<&PathBuf> = all.iter().map(|mutation| &mutation.file).chain(&beside).collect();
        let source: String = files.into_iter().map(|file| fs::read_to_string(root.join(file)).unwrap()).collect();
        for mutation in &all {
            mutation.apply(&root).unwrap();
            for test in &mutation.tests {
                assert!(source.contains(&format!("fn {test}()")), "{}: there is no test {test}", mutation.name);
            }
        }
    }

    #[test]
    fn failures_are_told_from_what_passes() {
        let said = "running 3 tests\ntest a::tests::one ... ok\ntest a::tests::two ... FAILED\ntest three ... FAILED\n";
        let failed = failures(said);
        assert_eq!(failed, ["a::tests::two", "three"]);
        let mutation = |tests| parse(&format!("name\tfile\ta\tb\t{tests}")).unwrap();
        assert_eq!(mutation("two").summary(&Outcome::Ran(failed.clone())), (true, "caught by two, three".into()));
        let (caught, summary) = mutation("two,one").summary(&Outcome::Ran(failed));
        assert!(!caught && summary.starts_with("not caught by one, as the list says"), "{summary}");
        assert_eq!(mutation("two").summary(&Outcome::Ran(Vec::new())), (false, "NOT CAUGHT".into()));
    }

    #[test]
    fn a_file_is_put_back_when_something_fails() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.rs");
        fs::write(&path, "wrong").unwrap();
        drop(Original { path: path.clone(), text: Some("right".into()) });
        assert_eq!(fs::read_to_string(path).unwrap(), "right");
    }
}
