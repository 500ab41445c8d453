//! The published data sets MNIST and Fashion-MNIST, found on disk or fetched.
//!
//! A place that was named (`--data-dir`, or `IMAGO_DATA_DIR`) is used as it is, and a file that it
//! lacks is an error. Otherwise the files come from the user's cache, which is filled from public
//! mirrors as needed. Whatever the source, the content is checked against a known SHA-256 before
//! anything uses it.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use etcetera::BaseStrategy;
use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::download::{self, Client};

/// The environment variable that names a folder with the published sets.
const VARIABLE: &str = "IMAGO_DATA_DIR";

/// Names of a set's files when gzipped, in the order of [`Contents`].
const FILES: [&str; 4] = [
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
];

/// The most bytes that a file may have, as it lies and decompressed: 64 MiB. The largest of the
/// published files has 45 MiB.
const MAX_BYTES: u64 = 64 << 20;

/// A data set that others have published.
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
                sha256: [
                    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
                ],
                mirrors: &[
                    "https://ossci-datasets.s3.amazonaws.com/mnist/",
                    "https://storage.googleapis.com/cvdf-datasets/mnist/",
                ],
                synthetic: "synthetic-digits",
            },
            Self::FashionMnist => Set {
                folder: "fashion-mnist",
                sha256: [
                    "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
                    "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
                    "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
                    "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
                ],
                // Plain HTTP is what this mirror offers; the SHA-256 vouches for the content.
                mirrors: &[
                    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
                    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
                ],
                synthetic: "synthetic-clothing",
            },
        }
    }
}

/// The four files of a set, decompressed: each is one IDX file.
#[derive(Debug, PartialEq, Eq)]
pub struct Contents {
    /// Training images.
    pub train_images: Vec<u8>,
    /// Labels of the training images.
    pub train_labels: Vec<u8>,
    /// Test images.
    pub test_images: Vec<u8>,
    /// Labels of the test images.
    pub test_labels: Vec<u8>,
}

/// Reads `set` from `data_dir` (a folder that holds `mnist/` and `fashion-mnist/`), else from the
/// folder that `IMAGO_DATA_DIR` names, else from the user's cache, into which missing files are
/// downloaded.
///
/// # Errors
/// When a named folder lacks a file, when a file is not the published one, or when a download fails
/// from every mirror. The message names the file and says what to do.
pub fn open(set: Published, data_dir: Option<&Path>) -> anyhow::Result<Contents> {
    let locations = Locations {
        data_dir,
        variable: std::env::var_os(VARIABLE),
        cache: etcetera::choose_base_strategy().ok().map(|user| user.cache_dir().join("imago")),
    };
    open_from(&set.set(), &locations, &Client::new())
}

/// What identifies a published set. Apart from tests, [`Published::set`] makes the only two.
struct Set<'a> {
    folder: &'a str,
    /// SHA-256 of each decompressed file, in lower-case hexadecimal, in the order of [`FILES`].
    sha256: [&'a str; 4],
    /// Addresses of folders with the files, each ending in a slash; the first is asked first.
    mirrors: &'a [&'a str],
    /// The generated set that is closest to this one.
    synthetic: &'a str,
}

/// Where a set may lie; each is a folder of sets.
struct Locations<'a> {
    /// Value of `--data-dir`.
    data_dir: Option<&'a Path>,
    /// Value of [`VARIABLE`]; empty counts as unset.
    variable: Option<OsString>,
    /// The cache, absent when the user has no home.
    cache: Option<PathBuf>,
}

fn open_from(set: &Set<'_>, locations: &Locations<'_>, client: &Client) -> anyhow::Result<Contents> {
    let variable = locations.variable.as_deref().filter(|value| !value.is_empty());
    let [train_images, train_labels, test_images, test_labels] = if let Some(dir) = locations.data_dir {
        read_named(set, dir, "--data-dir")?
    } else if let Some(dir) = variable {
        read_named(set, Path::new(dir), VARIABLE)?
    } else {
        let cache = locations.cache.as_deref().with_context(|| {
            format!(
                "there is no home folder to keep `{}` in; name a folder that holds it with \
                 --data-dir or {VARIABLE}",
                set.folder
            )
        })?;
        read_or_fetch(set, &cache.join(set.folder), client)?
    };
    Ok(Contents { train_images, train_labels, test_images, test_labels })
}

/// Reads the set from a folder that the user named by way of `origin`.
fn read_named(set: &Set<'_>, dir: &Path, origin: &str) -> anyhow::Result<[Vec<u8>; 4]> {
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
             or go without {origin} to have them fetched."
        );
    };
    let paths = [a, b, c, d];
    let remedy = format!("replace it with the published file, or go without {origin} to have it fetched");
    collect(|i| read(paths[i], set.sha256[i], &remedy))
}

/// Reads the set from its folder in the cache, after downloading what is not there.
fn read_or_fetch(set: &Set<'_>, dir: &Path, client: &Client) -> anyhow::Result<[Vec<u8>; 4]> {
    collect(|i| {
        let name = FILES[i];
        if let Some(path) = find(dir, name) {
            return read(&path, set.sha256[i], "delete it and run again to have it fetched anew");
        }
        eprintln!("fetching {}/{name} into {}", set.folder, dir.display());
        let check = |bytes: &[u8]| unpack(bytes, set.sha256[i]);
        let fetched =
            client.fetch(set.mirrors, name, MAX_BYTES, check).map_err(|tries| offline(set, dir, name, &tries))?;
        download::save(&fetched.raw, dir, name)
            .with_context(|| format!("cannot write {}", dir.join(name).display()))?;
        Ok(fetched.checked)
    })
}

/// The four results of `read`, or its first error.
fn collect(read: impl Fn(usize) -> anyhow::Result<Vec<u8>>) -> anyhow::Result<[Vec<u8>; 4]> {
    Ok([read(0)?, read(1)?, read(2)?, read(3)?])
}

/// The file `name` in `dir`, gzipped or not, if it is there.
fn find(dir: &Path, name: &str) -> Option<PathBuf> {
    let plain = name.strip_suffix(".gz").unwrap_or(name);
    [name, plain].iter().map(|name| dir.join(name)).find(|path| path.is_file())
}

/// The decompressed and verified content of a file; `remedy` says what to do about a bad one.
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

/// The content of a file, gzipped or not, if it is the expected one. The bytes decide which,
/// because some servers and browsers decompress on the way and keep the name.
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
    let found = hex(&Sha256::digest(&content));
    if found == sha256 { Ok(content) } else { Err(WrongFile::Hash { found, expected: sha256.to_owned() }) }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What to say when no mirror gave the file: the reasons, and the ways to go on without a network.
fn offline(set: &Set<'_>, dir: &Path, name: &str, tries: &[String]) -> anyhow::Error {
    let Set { folder, synthetic, .. } = set;
    let tries = tries.join("\n  ");
    let files = FILES.join("\n  ");
    anyhow!(
        "cannot fetch {folder}/{name}:\n  {tries}\n\
         To go on without a network, put these files (gzipped or not) into {}\n  {files}\n\
         or point --data-dir or {VARIABLE} at a folder that holds them in `{folder}/`.\n\
         The sets `synthetic-digits` and `synthetic-clothing` need no download: \
         --set data.set={synthetic}",
        dir.display()
    )
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use tempfile::TempDir;

    use super::super::download::testing::{Mirror, Reply};
    use super::*;

    /// Where nothing listens.
    const UNREACHABLE: &str = "http://127.0.0.1:1/";

    fn content(name: &str) -> Vec<u8> {
        format!("content of {name}").repeat(50).into_bytes()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn expected() -> Contents {
        let [train_images, train_labels, test_images, test_labels] = FILES.map(content);
        Contents { train_images, train_labels, test_images, test_labels }
    }

    /// A set of four tiny files, opened from `places`.
    fn open_tiny(locations: &Locations<'_>, mirrors: &[&str]) -> anyhow::Result<Contents> {
        let sha256 = FILES.map(|name| hex(&Sha256::digest(content(name))));
        let set = Set {
            folder: "tiny",
            sha256: sha256.each_ref().map(String::as_str),
            mirrors,
            synthetic: "synthetic-digits",
        };
        open_from(&set, locations, &Client::impatient())
    }

    fn cached(root: &TempDir) -> Locations<'static> {
        Locations { data_dir: None, variable: None, cache: Some(root.path().to_owned()) }
    }

    /// A folder of sets in which the tiny one is complete.
    fn filled() -> TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("tiny")).unwrap();
        for name in FILES {
            fs::write(root.path().join("tiny").join(name), gzip(&content(name))).unwrap();
        }
        root
    }

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).into_iter().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn whole() -> Mirror {
        Mirror::start(|name, _| Reply::Whole(gzip(&content(name))))
    }

    #[test]
    fn a_set_is_fetched_once_and_then_read_from_the_cache() {
        let root = tempfile::tempdir().unwrap();
        let mirror = whole();
        assert_eq!(open_tiny(&cached(&root), &[&mirror.url]).unwrap(), expected());
        assert_eq!(mirror.requests(), FILES);
        let mut sorted = FILES;
        sorted.sort_unstable();
        assert_eq!(names(&root.path().join("tiny")), sorted);
        assert_eq!(open_tiny(&cached(&root), &[UNREACHABLE]).unwrap(), expected());
    }

    #[test]
    fn only_what_the_cache_lacks_is_fetched() {
        let root = filled();
        fs::remove_file(root.path().join("tiny").join(FILES[2])).unwrap();
        let mirror = whole();
        assert_eq!(open_tiny(&cached(&root), &[&mirror.url]).unwrap(), expected());
        assert_eq!(mirror.requests(), [FILES[2]]);
    }

    #[test]
    fn a_mirror_that_breaks_off_leaves_nothing_and_the_next_one_is_used() {
        let cut = Mirror::start(|name, _| Reply::Cut(gzip(&content(name))));
        let root = tempfile::tempdir().unwrap();
        assert!(open_tiny(&cached(&root), &[&cut.url]).is_err());
        assert_eq!(cut.requests().len(), 3);
        assert!(names(&root.path().join("tiny")).is_empty());

        assert_eq!(open_tiny(&cached(&root), &[&cut.url, &whole().url]).unwrap(), expected());
    }

    #[test]
    fn wrong_content_from_a_mirror_is_refused_and_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let wrong = Mirror::start(|_, _| Reply::Whole(gzip(b"<html>sign in</html>")));
        let message = open_tiny(&cached(&root), &[&wrong.url]).unwrap_err().to_string();
        assert!(message.contains("not the published file"), "{message}");
        assert!(names(&root.path().join("tiny")).is_empty());
    }

    #[test]
    fn a_mirror_that_decompresses_on_the_way_is_accepted() {
        let root = tempfile::tempdir().unwrap();
        let plain = Mirror::start(|name, _| Reply::Whole(content(name)));
        assert_eq!(open_tiny(&cached(&root), &[&plain.url]).unwrap(), expected());
        assert_eq!(open_tiny(&cached(&root), &[UNREACHABLE]).unwrap(), expected());
    }

    #[test]
    fn without_a_network_the_message_says_how_to_go_on() {
        let root = tempfile::tempdir().unwrap();
        let message = open_tiny(&cached(&root), &[UNREACHABLE, UNREACHABLE]).unwrap_err().to_string();
        let cache = root.path().join("tiny").display().to_string();
        let hints = [&cache, UNREACHABLE, "--data-dir", VARIABLE, "data.set=synthetic-digits"];
        for part in hints.iter().chain(&FILES) {
            assert!(message.contains(part), "{part} is not in:\n{message}");
        }
    }

    #[test]
    fn a_named_folder_that_lacks_a_file_is_an_error_and_not_a_download() {
        let root = filled();
        let lacking = root.path().join("tiny").join(FILES[3]);
        fs::remove_file(&lacking).unwrap();
        let mirror = whole();
        let by_flag = Locations { data_dir: Some(root.path()), ..cached(&root) };
        let by_variable = Locations { variable: Some(root.path().into()), ..cached(&root) };
        for (locations, origin) in [(by_flag, "--data-dir"), (by_variable, VARIABLE)] {
            let message = open_tiny(&locations, &[&mirror.url]).unwrap_err().to_string();
            assert!(message.starts_with(origin), "{message}");
            assert!(message.contains(&lacking.display().to_string()), "{message}");
            assert!(!message.contains(FILES[0]), "{message}");
        }
        assert!(mirror.requests().is_empty());
    }

    #[test]
    fn the_flag_goes_before_the_variable_and_the_variable_before_the_cache() {
        let (good, empty) = (filled(), tempfile::tempdir().unwrap());
        let variable = |dir: &TempDir| Some(dir.path().as_os_str().to_owned());
        let by_flag = Locations { data_dir: Some(good.path()), variable: variable(&empty), cache: None };
        let by_variable = Locations { variable: variable(&good), ..cached(&empty) };
        let by_cache = Locations { variable: Some(OsString::new()), ..cached(&good) };
        for locations in [by_flag, by_variable, by_cache] {
            assert_eq!(open_tiny(&locations, &[UNREACHABLE]).unwrap(), expected());
        }
    }

    #[test]
    fn files_may_lie_decompressed() {
        let root = filled();
        let dir = root.path().join("tiny");
        fs::remove_file(dir.join(FILES[0])).unwrap();
        fs::write(dir.join("train-images-idx3-ubyte"), content(FILES[0])).unwrap();
        assert_eq!(open_tiny(&cached(&root), &[UNREACHABLE]).unwrap(), expected());
    }

    #[test]
    fn a_bad_file_on_disk_is_named_with_its_fault_and_its_remedy() {
        let root = filled();
        let path = root.path().join("tiny").join(FILES[1]);
        let good = gzip(&content(FILES[1]));
        for (bytes, fault) in [
            (good[..good.len() / 2].to_vec(), "cut short or damaged gzip data"),
            (gzip(b"other"), "SHA-256 d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa"),
            (gzip(&vec![0; 65 << 20]), "more than 64 MiB"),
        ] {
            fs::write(&path, bytes).unwrap();
            let message = open_tiny(&cached(&root), &[UNREACHABLE]).unwrap_err().to_string();
            assert!(message.starts_with(&path.display().to_string()), "{message}");
            assert!(message.contains(fault) && message.contains("delete it"), "{message}");
        }
    }

    #[test]
    fn the_published_files_have_the_recorded_content() {
        let Some(dir) = std::env::var_os(VARIABLE).map(PathBuf::from) else {
            return;
        };
        for set in [Published::Mnist, Published::FashionMnist] {
            let contents = open(set, Some(&dir)).unwrap();
            assert_eq!(contents.train_images.len(), 16 + 60_000 * 28 * 28);
            assert_eq!(contents.train_labels.len(), 8 + 60_000);
            assert_eq!(contents.test_images.len(), 16 + 10_000 * 28 * 28);
            assert_eq!(contents.test_labels.len(), 8 + 10_000);
        }
    }
}
