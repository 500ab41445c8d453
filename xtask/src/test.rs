//! `cargo xtask test`: every check of the project.

use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::browser::{self, Browser, TESTS};
use crate::bundle;
use crate::{process, system, web, workspace};

/// Run every check and every test, and stop at the first failure.
///
/// Browser tests need Node.js and Chromium, GPU tests a Vulkan driver. As root on Debian or Ubuntu,
/// missing packages are installed. Otherwise those tests are skipped and listed at the end, or fail
/// if the variable CI is set.
#[derive(clap::Args)]
pub struct Args {
    /// Run only this step; may be repeated
    #[arg(long, value_name = "STEP", conflicts_with = "no_browser")]
    only: Vec<Step>,
    /// Skip the browser tests
    #[arg(long)]
    no_browser: bool,
}

/// The steps in order, quick ones first.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Step {
    /// Formatting
    Fmt,
    /// Lints of the whole workspace
    Clippy,
    /// Lints of the page's modules
    ClippyWasm,
    /// The documentation of the code
    Doc,
    /// The `imago` program that later steps drive
    Build,
    /// Unit, parity and end-to-end tests
    Test,
    /// The page
    Web,
    /// The page in a real browser
    Browser,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("step", |value| value.get_name()))
    }
}

pub fn run(args: &Args) -> Result<()> {
    let mut skipped = Vec::new();
    for step in Step::value_variants() {
        if !args.only.is_empty() && !args.only.contains(step) {
            continue;
        }
        if *step == Step::Browser && args.no_browser {
            skipped.push("browser tests, as asked (--no-browser)".into());
            continue;
        }
        println!("── {step}");
        let start = Instant::now();
        step.run(&mut skipped).with_context(|| {
            let time = readable(start.elapsed());
            format!("{step} failed after {time} (repeat: cargo xtask test --only {step})")
        })?;
        println!("── {step} done in {}", readable(start.elapsed()));
    }
    for what in &skipped {
        println!("SKIPPED: {what}");
    }
    Ok(())
}

impl Step {
    fn run(self, skipped: &mut Vec<String>) -> Result<()> {
        match self {
            Self::Fmt => process::run(&mut process::cargo(["fmt", "--all", "--check"])),
            Self::Clippy => {
                clippy(&["--workspace", "--all-targets"])?;
                // The program for the CPU alone.
                clippy(&["--package", "imago-trainer", "--no-default-features"])
            }
            Self::ClippyWasm => {
                workspace::ensure_wasm_target()?;
                bundle::ALL.iter().try_for_each(|module| process::run(module.clippy().args(["--", "-D", "warnings"])))
            }
            Self::Doc => process::run(
                process::cargo(["doc", "--release", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"),
            ),
            Self::Build => workspace::build_imago(),
            Self::Test => {
                provide_vulkan(skipped)?;
                let mut test = process::cargo(["test", "--release", "--workspace"]);
                if system::is_ci() {
                    // There, a GPU test without an adapter fails instead of passing silently.
                    test.env("IMAGO_REQUIRE_ADAPTER", "1");
                }
                process::run(&mut test)
            }
            Self::Web => web::build(Path::new("dist"), &bundle::ALL, None),
            Self::Browser => test_in_browser(skipped),
        }
    }
}

/// Lints what `args` name; a warning is a failure.
fn clippy(args: &[&str]) -> Result<()> {
    process::run(process::cargo(["clippy", "--release"]).args(args).args(["--", "-D", "warnings"]))
}

/// Makes the GPU path testable, on a software driver if necessary.
fn provide_vulkan(skipped: &mut Vec<String>) -> Result<()> {
    const PACKAGES: [&str; 2] = ["mesa-vulkan-drivers", "libvulkan1"];
    if !cfg!(target_os = "linux") || system::has_vulkan_driver() {
        return Ok(());
    }
    let reason = if system::can_install() {
        match system::install(&PACKAGES) {
            Ok(()) => return Ok(()),
            Err(error) if system::is_ci() => return Err(error),
            Err(error) => format!("{error:#}"),
        }
    } else {
        format!("install {} or a GPU's driver", PACKAGES.join(" and "))
    };
    skipped.push(format!("tests that need a Vulkan driver: {reason}"));
    Ok(())
}

fn test_in_browser(skipped: &mut Vec<String>) -> Result<()> {
    let browser = match Browser::find()? {
        Ok(browser) => browser,
        Err(missing) if system::is_ci() => bail!(missing),
        Err(missing) => {
            skipped.push(format!("browser tests: {missing}"));
            return Ok(());
        }
    };
    browser.install_packages(Path::new(TESTS))?;
    let mut node = browser.node(Path::new("dist"))?;
    node.args(["--test", "--test-reporter=spec"]);
    process::run(node.args(browser::test_files()?))
}

/// `12.3 s`, or `4 min 05 s` from a minute.
fn readable(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 {
        format!("{:.1} s", time.as_secs_f32())
    } else {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well() {
        assert_eq!(readable(Duration::from_millis(12_340)), "12.3 s");
        assert_eq!(readable(Duration::from_secs(245)), "4 min 05 s");
    }

    #[test]
    fn steps_are_named_as_they_are_typed() {
        assert_eq!(Step::ClippyWasm.to_string(), "clippy-wasm");
    }
}
