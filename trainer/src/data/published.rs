//! MNIST and Fashion-MNIST, found on disk or downloaded. A named folder (`--data-dir` or
//! `IMAGO_DATA_DIR`) is used as it is, and a missing file is an error. Otherwise the files come
//! from the user's cache, which public mirrors fill. All content is verified against a known
//! SHA-256.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use etcetera::BaseStrategy;
use flate2::read::GzDecoder;
use thiserror::Error;

use imago_core::data::{FASHION_MNIST_SHA256, MNIST_SHA256};

use super::download::{self, Client};

/// Names a folder with the published sets.
const VARIABLE: &str = "IMAGO_DATA_DIR";

/// The gzipped files of a set.
const FILES: [&str; 4] = [
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
];

/// The limit for a file, compressed and decompressed. The largest has 45 MiB.
const MAX_BYTES: u64 = 64 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// Handwritten digits (LeCun, Cortes, Burges).
    Mnist,
    /// Images of clothing (Zalando Research).
    FashionMnist,
}

impl Published {
    fn set(self) -> Set<'static> {
        match self {
            Self::Mnist => Set {
                folder: "mnist",
                sha256: MNIST_SHA256,
                mirrors: &[
                    "https://ossci-datasets.s3.amazonaws.com/mnist/",
                    "https://storage.googleapis.com/cvdf-datasets/mnist/",
                ],
                synthetic: "synthetic-digits",
            },
            Self::FashionMnist => Set {
                folder: "fashion-mnist",
                sha256: FASHION_MNIST_SHA256,
                // This mirror has no HTTPS; the SHA-256 verifies the content.
                mirrors: &[
                    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
                    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
                ],
                synthetic: "synthetic-clothing",
            },
        }
    }
}

/// The IDX files of a set, decompressed: images and labels for training, then for testing.
pub type Contents = [Vec<u8>; 4];

/// Reads `set` from `data_dir` (a folder with `mnist/` and `fashion-mnist/`), else from the folder
/// in `IMAGO_DATA_DIR`, else from the user's cache, after downloading missing files.
///
/// # Errors
/// A named folder lacks a file, a file is not the published one, or every mirror failed. The
/// message says what to do.
pub fn open(set: Published, data_dir: Option<&Path>) -> anyhow::Result<Contents> {
    let locations = Locations {
        data_dir,
        variable: std::env::var_os(VARIABLE),
        cache: etcetera::choose_base_strategy().ok().map(|user| user.cache_dir().join("imago")),
    };
    open_from(&set.set(), &locations, &Client::new())
}

/// Identifies a published set. Outside of tests, [`Published::set`] makes the only two.
struct Set<'a> {
    folder: &'a str,
    /// SHA-256 of each decompressed file in hexadecimal, in the order of [`FILES`].
    sha256: [&'a str; 4],
    /// Folders with the files, as addresses that end in a slash, in order of preference.
    mirrors: &'a [&'a str],
    synthetic: &'a str,
}

struct Locations<'a> {
    data_dir: Option<&'a Path>,
    /// The value of [`VARIABLE`]; empty counts as unset.
    variable: Option<OsString>,
    /// None if the user has no home folder.
    cache: Option<PathBuf>,
}

fn open_from(set: &Set<'_>, locations: &Locations<'_>, client: &Client) -> anyhow::Result<Contents> {
    let variable = locations.variable.as_deref().filter(|value| !value.is_empty());
    if let Some(dir) = locations.data_dir {
        read_named(set, dir, "--data-dir")
    } else if let Some(dir) = variable {
        read_named(set, Path::new(dir), VARIABLE)
    } else {
        let cache = locations.cache.as_deref().with_context(|| {
            format!(
                "there is no home folder to keep `{}` in; name a folder that holds it with \
                 --data-dir or {VARIABLE}",
                set.folder
            )
        })?;
        read_or_fetch(set, &cache.join(set.folder), client)
    }
}

/// Reads the set from a folder that the user named by `origin`.
fn read_named(set: &Set<'_>, dir: &Path, origin: &str) -> anyhow::Result<Contents> {
    let dir = dir.join(set.folder);
    let found = FILES.map(|name| find(&dir, name));
    let [Some(a), Some(b), Some(c), Some(d)] = &found else {
        let lacking = FILES.iter().zip(&found).filter(|(_, path)| path.is_none());
        let lacking: String =
            lacking.map(|(name, _)| format!("  {} (or without .gz)\n", dir.join(name).display())).collect();
        let folder = set.folder;
        bail!(
            "{origin} was given, but `{folder}` is not complete there. Missing:\n{lacking}\
             Put the files there, name another folder that holds `{folder}/`, \
             or omit {origin} to download them."
        );
    };
    let paths = [a, b, c, d];
    let remedy = format!("replace it with the published file, or omit {origin} to download it");
    collect(|i| read(paths[i], set.sha256[i], &remedy))
}

/// Reads the set from the cache, after downloading missing files.
fn read_or_fetch(set: &Set<'_>, dir: &Path, client: &Client) -> anyhow::Result<Contents> {
    collect(|i| {
        let name = FILES[i];
        if let Some(path) = find(dir, name) {
            return read(&path, set.sha256[i], "delete it and run again to download it");
        }
        eprintln!("downloading {}/{name} into {}", set.folder, dir.display());
        let check = |bytes: &[u8]| unpack(bytes, set.sha256[i]);
        let fetched =
            client.fetch(set.mirrors, name, MAX_BYTES, check).map_err(|tries| offline(set, dir, name, &tries))?;
        download::save(&fetched.raw, dir, name)
            .with_context(|| format!("cannot write {}", dir.join(name).display()))?;
        Ok(fetched.checked)
    })
}

/// The four results of `read`, or its first error.
fn collect(read: impl Fn(usize) -> anyhow::Result<Vec<u8>>) -> anyhow::Result<Contents> {
    Ok([read(0)?, read(1)?, read(2)?, read(3)?])
}

/// The file `name` in `dir`, gzipped or not.
fn find(dir: &Path, name: &str) -> Option<PathBuf> {
    let plain = name.strip_suffix(".gz").unwrap_or(name);
    [name, plain].iter().map(|name| dir.join(name)).find(|path| path.is_file())
}

/// The verified content of a file; `remedy` says what to do about a bad one.
fn read(path: &Path, sha256: &str, remedy: &str) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .with_context(|| format!("cannot read {}", path.display()))?;
    unpack(&bytes, sha256).map_err(|problem| anyhow!("{}: {problem}; {remedy}", path.display()))
}

/// Why some bytes are not the published file.
#[derive(Debug, Error)]
enum WrongFile {
    #[error("cut short or damaged gzip data ({0})")]
    Gzip(io::Error),
    #[error("more than {} MiB of data, so not the published file", MAX_BYTES >> 20)]
    TooLarge,
    #[error("not the published file: the content has SHA-256 {found}, expected {expected}")]
    Hash { found: String, expected: String },
}

/// The content of a file if it is the expected one. The bytes tell whether it is gzipped, as some
/// servers and browsers decompress a file and keep its name.
fn unpack(bytes: &[u8], sha256: &str) -> Result<Vec<u8>, WrongFile> {
    let mut content = Vec::new();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        GzDecoder::new(bytes).take(MAX_BYTES + 1).read_to_end(&mut content).map_err(WrongFile::Gzip)?;
    } else {
        content.extend_from_slice(bytes);
    }
    if content.len() as u64 > MAX_BYTES {
        return Err(WrongFile::TooLarge);
    }
    let found = imago_core::hash::sha256(&content);
    if found == sha256 { Ok(content) } else { Err(WrongFile::Hash { found, expected: sha256.to_owned() }) }
}

/// The error when every mirror failed, with ways to continue offline.
fn offline(set: &Set<'_>, dir: &Path, name: &str, tries: &[String]) -> anyhow::Error {
    let Set { folder, synthetic, .. } = set;
    let tries = tries.join("\n  ");
    let files = FILES.join("\n  ");
    anyhow!(
        "cannot download {folder}/{name}:\n  {tries}\n\
         To work offline, put these files (gzipped or not) into {}\n  {files}\n\
         or point --data-dir or {VARIABLE} at a folder that holds them in `{folder}/`.\n\
         The sets `synthetic-digits` and `synthetic-clothing` need no download: \
         --set data.set={synthetic}",
        dir.display()
    )
}

#[cfg(test)]
mod tests;
