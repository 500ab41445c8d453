//! `cargo xtask measure-check`: time and memory of `imago check` on bad files.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::{process, workspace};

/// Check every file of tests/bad and some far larger ones; report the slowest and the largest.
#[derive(clap::Args)]
pub struct Args {
    /// A built program to measure
    #[arg(long, hide = true)]
    program: Option<PathBuf>,
}

pub fn run(args: &Args) -> Result<()> {
    let Some(imago) = &args.program else {
        workspace::build_imago()?;
        // In a separate process, whose only children are the program and not cargo.
        let mut measure = Command::new(std::env::current_exe()?);
        return process::run(measure.args(["measure-check", "--program"]).arg(workspace::imago()?));
    };
    let folder = tempfile::tempdir()?;
    let mut files = workspace::files(Path::new("tests/bad"), ".yaml")?;
    for (name, content) in [
        ("deep.yaml", "[".repeat(10 << 20)),
        ("nested.yaml", "[".repeat(60_000)),
        ("dashes.yaml", "- ".repeat(30_000)),
        ("keys.yaml", (0..350).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect()),
        ("typos.yaml", (0..3_000).map(|index| format!("key{index}: 1\n")).collect()),
        ("aliases.yaml", format!("a: &a [{}]\nb: [{}]\n", "1,".repeat(9_000), "*a,".repeat(9_000))),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, content)?;
        files.push(path);
    }
    let mut times = Vec::new();
    for file in &files {
        let mut check = Command::new(imago);
        check.args(["check", "--allow-large"]).arg(file);
        let start = Instant::now();
        let output = check.output().context("imago cannot be run")?;
        times.push((start.elapsed(), file));
        if !matches!(output.status.code(), Some(0 | 1)) {
            bail!("{} ended with {}", file.display(), output.status);
        }
    }
    times.sort();
    let (slowest, file) = times[times.len() - 1];
    let median = times[times.len() / 2].0;
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!("{} files, one process each: {:.1} ms in the median", files.len(), ms(median));
    println!("slowest: {:.1} ms for {}", ms(slowest), file.display());
    let memory = largest_child()?;
    if let Some(bytes) = memory {
        println!("largest: {:.1} MB", bytes as f64 / 1e6);
    }
    if slowest > Duration::from_millis(100) || memory.is_some_and(|bytes| bytes > 100_000_000) {
        bail!("more than 100 ms or 100 MB");
    }
    Ok(())
}

/// The peak memory of any child so far, in bytes.
#[cfg(target_os = "linux")]
fn largest_child() -> Result<Option<u64>> {
    use nix::sys::resource::{UsageWho, getrusage};
    let kibibytes = getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss();
    Ok(u64::try_from(kibibytes).ok().map(|kibibytes| kibibytes * 1024))
}

#[cfg(not(target_os = "linux"))]
fn largest_child() -> Result<Option<u64>> {
    Ok(None)
}
