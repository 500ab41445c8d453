//! The output folder for a static host: emptied with care, filled, indexed and compressed.

use std::ffi::OsStr;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::{index, workspace};

/// Marks a folder that may be emptied.
const MARKER: &str = ".imago-web";
const COMPRESSED: [&str; 8] = ["js", "css", "html", "wasm", "ron", "bpk", "bin", "json"];

/// Checks that `out` may be emptied: it is absent, empty or marked as ours.
pub fn check(out: &Path) -> Result<()> {
    let absolute = std::path::absolute(out)?;
    ensure!(
        !absolute.starts_with(std::path::absolute("www")?),
        "{} lies inside www/, which the page is copied from; choose another folder",
        out.display()
    );
    let mut entries = match fs::read_dir(out) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", out.display())),
    };
    if entries.next().is_some() && !out.join(MARKER).is_file() {
        bail!(
            "{} is not empty and was not written by `cargo xtask web`, which empties its output folder; \
             choose another folder, or empty this one yourself",
            out.display()
        );
    }
    Ok(())
}

/// Empties `out` except for the wasm modules, which are slow to build, and marks it as ours.
pub fn prepare(out: &Path) -> Result<()> {
    check(out)?;
    let wasm = out.join("wasm");
    fs::create_dir_all(&wasm).with_context(|| format!("cannot create {}", wasm.display()))?;
    fs::write(out.join(MARKER), "`cargo xtask web` wrote this folder and empties it on every run.\n")?;
    for entry in fs::read_dir(out)? {
        let entry = entry?;
        if entry.file_name() != "wasm" && entry.file_name() != MARKER {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Removes a file, a link or a whole folder, if it exists.
pub fn remove(path: &Path) -> Result<()> {
    let removed = match path.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    removed.with_context(|| format!("cannot remove {}", path.display()))
}

/// Copies the folder `from` to `to`, without hidden files.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
    for source in workspace::entries(from)? {
        let name = source.file_name().unwrap_or_default();
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let target = to.join(name);
        if source.is_dir() {
            copy(&source, &target)?;
        } else {
            fs::copy(&source, &target).with_context(|| format!("cannot copy {}", source.display()))?;
        }
    }
    Ok(())
}

/// Updates `models/index.json` and the compressed copies in `out`.
pub fn finish(out: &Path) -> Result<()> {
    let models = out.join("models");
    fs::create_dir_all(&models)?;
    let index = serde_json::to_string(&index::of(&models)?)?;
    fs::write(models.join("index.json"), index + "\n")?;
    compress(out)
}

/// Compresses every file in `folder` and below whose copy is missing or older.
fn compress(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let ending = path.extension().and_then(OsStr::to_str).unwrap_or_default();
        if path.is_dir() {
            compress(&path)?;
        } else if COMPRESSED.contains(&ending) && !is_newer(&compressed_path(&path), &path) {
            fs::write(compressed_path(&path), gzip(&fs::read(&path)?)?)
                .with_context(|| format!("cannot compress {}", path.display()))?;
        }
    }
    Ok(())
}

/// The compressed copy of `path`, beside it as static hosts expect.
pub fn compressed_path(path: &Path) -> PathBuf {
    path.with_added_extension("gz")
}

/// The same bytes as from `gzip -9 -n`.
fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// Whether `output` exists and was written after `input`.
pub fn is_newer(output: &Path, input: &Path) -> bool {
    let written = |path: &Path| path.metadata().and_then(|metadata| metadata.modified());
    matches!((written(output), written(input)), (Ok(output), Ok(input)) if output >= input)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;
    use std::time::{Duration, SystemTime};

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn models_are_listed_and_files_have_compressed_copies() -> Result<()> {
        let out = tempfile::tempdir()?;
        let models = out.path().join("models");
        fs::create_dir_all(models.join("mnist-vae"))?;
        fs::write(models.join("mnist-vae/model.ron"), "()")?;
        finish(out.path())?;
        assert_eq!(fs::read_to_string(models.join("index.json"))?, "[{\"name\":\"mnist-vae\"}]\n");
        assert!(models.join("mnist-vae/model.ron.gz").is_file() && models.join("index.json.gz").is_file());
        Ok(())
    }

    #[test]
    fn a_folder_of_another_origin_is_never_emptied() -> Result<()> {
        let out = tempfile::tempdir()?;
        let letter = out.path().join("letter.txt");
        fs::write(&letter, "dear")?;
        let refusal = prepare(out.path()).unwrap_err().to_string();
        assert!(refusal.contains("is not empty"), "{refusal}");
        assert_eq!(fs::read_to_string(letter)?, "dear");
        Ok(())
    }

    #[test]
    fn a_folder_inside_the_source_of_the_page_is_refused() {
        assert!(check(Path::new("www/dist")).is_err());
    }

    #[test]
    fn stale_files_go_and_the_modules_stay() -> Result<()> {
        let parent = tempfile::tempdir()?;
        let out = parent.path().join("dist");
        prepare(&out)?;
        fs::create_dir_all(out.join("wasm/cpu"))?;
        fs::create_dir_all(out.join("js"))?;
        for file in ["wasm/cpu/imago.js", "js/old.js", "old.html.gz"] {
            fs::write(out.join(file), "x")?;
        }
        prepare(&out)?;
        assert!(out.join("wasm/cpu/imago.js").is_file());
        assert!(!out.join("js").exists() && !out.join("old.html.gz").exists());
        Ok(())
    }

    #[test]
    fn hidden_files_are_not_copied() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join("js"))?;
        fs::write(from.join("js/a.js"), "a")?;
        fs::write(from.join(".secret"), "b")?;
        copy(&from, &to)?;
        assert_eq!(fs::read_to_string(to.join("js/a.js"))?, "a");
        assert!(!to.join(".secret").exists());
        Ok(())
    }

    #[test]
    fn gzip_round_trips_and_repeats() -> Result<()> {
        let text = "latent ".repeat(1000);
        let packed = gzip(text.as_bytes())?;
        assert!(packed.len() < 200);
        assert_eq!(packed, gzip(text.as_bytes())?);
        let mut unpacked = String::new();
        GzDecoder::new(packed.as_slice()).read_to_string(&mut unpacked)?;
        assert_eq!(unpacked, text);
        Ok(())
    }

    #[test]
    fn a_compressed_copy_follows_its_file() -> Result<()> {
        let out = tempfile::tempdir()?;
        let page = out.path().join("index.html");
        fs::write(&page, "one")?;
        compress(out.path())?;
        assert_eq!(fs::read(compressed_path(&page))?, gzip(b"one")?);

        fs::write(&page, "two")?;
        let later = SystemTime::now() + Duration::from_secs(5);
        File::options().write(true).open(&page)?.set_modified(later)?;
        compress(out.path())?;
        assert_eq!(fs::read(compressed_path(&page))?, gzip(b"two")?);
        Ok(())
    }

    #[test]
    fn a_missing_or_older_output_is_not_newer() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let (input, output) = (folder.path().join("in"), folder.path().join("out"));
        fs::write(&input, "")?;
        assert!(!is_newer(&output, &input));
        fs::write(&output, "")?;
        assert!(is_newer(&output, &input));
        let earlier = SystemTime::now() - Duration::from_secs(60);
        File::options().write(true).open(&output)?.set_modified(earlier)?;
        assert!(!is_newer(&output, &input));
        Ok(())
    }
}
