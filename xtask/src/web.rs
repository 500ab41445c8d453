//! `cargo xtask web`: the page with both of its modules, ready for any static host.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::bundle::{CPU, Module, WEBGPU};
use crate::{site, workspace};

/// Build the page: both wasm modules, the shipped models and compressed copies of everything.
///
/// The first build takes a few minutes on two cores.
#[derive(clap::Args)]
pub struct Args {
    /// The output folder: new, empty, or from this command, which then replaces it
    #[arg(long, default_value = "dist", value_name = "FOLDER")]
    out: PathBuf,
    /// Skip the WebGPU module
    #[arg(long)]
    cpu_only: bool,
}

pub fn run(args: &Args) -> Result<()> {
    build(&args.out, args.cpu_only)
}

pub fn build(out: &Path, cpu_only: bool) -> Result<()> {
    let modules: &[&Module] = if cpu_only { &[&CPU] } else { &[&CPU, &WEBGPU] };

    site::check(out)?;
    workspace::ensure_wasm_target()?;
    let mut inputs = Vec::new();
    for module in modules {
        inputs.push(module.compile()?);
    }

    site::prepare(out)?;
    for (module, input) in modules.iter().zip(&inputs) {
        module.bind(input, &out.join("wasm"))?;
    }
    if cpu_only {
        site::remove(&out.join("wasm").join(WEBGPU.name))?;
    }
    site::copy(Path::new("www"), out).context("cannot copy the page from www/")?;
    site::finish(out)?;
    print_sizes(out, modules)
}

fn print_sizes(out: &Path, modules: &[&Module]) -> Result<()> {
    println!("{:<30} {:>12} {:>12}", "file", "bytes", "gzip");
    for module in modules {
        for file in ["imago.js", "imago_bg.wasm"] {
            let file = format!("wasm/{}/{file}", module.name);
            let path = out.join(&file);
            let bytes = path.metadata()?.len();
            let gzip = site::compressed_path(&path).metadata()?.len();
            println!("{file:<30} {:>12} {:>12}", grouped(bytes), grouped(gzip));
        }
    }
    Ok(())
}

/// `1234567` as `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1000), "1,000");
        assert_eq!(grouped(11_336_773), "11,336,773");
    }
}
