//! `cargo xtask web`: the page with its modules, ready for any static host.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::bundle::{ALL, Module};
use crate::{presets, site, workspace};

/// Build the page: its wasm modules, the shipped models and compressed copies of everything.
///
/// The first build takes about a quarter of an hour on two cores, most of it for training on
/// WebGPU.
#[derive(clap::Args)]
pub struct Args {
    /// The output folder: new, empty, or from this command, which then replaces it
    #[arg(long, default_value = "dist", value_name = "FOLDER")]
    out: PathBuf,
    /// Skip the WebGPU modules
    #[arg(long)]
    cpu_only: bool,
    /// Deploy MNIST and Fashion-MNIST with the page, 42 MB, from a folder with mnist/ and
    /// fashion-mnist/ [default: IMAGO_DATA_DIR]
    #[arg(long, value_name = "FOLDER")]
    with_data: Option<Option<PathBuf>>,
}

pub fn run(args: &Args) -> Result<()> {
    let modules: Vec<&Module> = ALL.into_iter().filter(|module| !(args.cpu_only && module.is_for_gpu())).collect();
    let named = args.with_data.clone();
    let data = named.map(|folder| folder.or_else(|| std::env::var_os("IMAGO_DATA_DIR").map(PathBuf::from)));
    let data = data.map(|folder| folder.context("--with-data needs a folder: name it, or set IMAGO_DATA_DIR"));
    build(&args.out, &modules, data.transpose()?.as_deref())
}

pub fn build(out: &Path, modules: &[&Module], data: Option<&Path>) -> Result<()> {
    site::check(out)?;
    workspace::ensure_wasm_target()?;
    let inputs = modules.iter().map(|module| module.compile()).collect::<Result<Vec<_>>>()?;

    site::prepare(out)?;
    for (module, input) in modules.iter().zip(&inputs) {
        module.bind(input, &out.join("wasm"))?;
    }
    for left_out in ALL.iter().filter(|module| !modules.iter().any(|other| other.name == module.name)) {
        site::remove(&out.join("wasm").join(left_out.name))?;
    }
    site::copy(Path::new("www"), out).context("cannot copy the page from www/")?;
    presets::copy(out, data)?;
    site::finish(out)?;
    check_sizes(out, modules)
}

/// Prints the sizes of the modules and refuses one that has outgrown its budget.
fn check_sizes(out: &Path, modules: &[&Module]) -> Result<()> {
    println!("{:<30} {:>12} {:>12}", "file", "bytes", "gzip");
    for module in modules {
        let mut compressed = 0;
        for file in ["imago.js", "imago_bg.wasm"] {
            let file = format!("wasm/{}/{file}", module.name);
            let path = out.join(&file);
            let bytes = path.metadata()?.len();
            let gzip = site::compressed_path(&path).metadata()?.len();
            println!("{file:<30} {:>12} {:>12}", grouped(bytes), grouped(gzip));
            compressed += gzip;
        }
        let (name, found, most) = (module.name, grouped(compressed), grouped(module.budget));
        ensure!(compressed <= module.budget, "the module {name} has {found} bytes compressed, more than its {most}");
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
