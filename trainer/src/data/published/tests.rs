use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use super::super::download::testing::{Mirror, Reply};
use super::*;

/// Nothing listens here.
const UNREACHABLE: &str = "http://127.0.0.1:1/";

fn content(name: &str) -> Vec<u8> {
    format!("content of {name}").repeat(50).into_bytes()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn open_tiny(locations: &Locations<'_>, mirrors: &[&str]) -> anyhow::Result<Contents> {
    let sha256 = FILES.map(|name| imago_core::hash::sha256(&content(name)));
    let set =
        Set { folder: "tiny", sha256: sha256.each_ref().map(String::as_str), mirrors, synthetic: "synthetic-digits" };
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
    assert_eq!(open_tiny(&cached(&root), &[&mirror.url]).unwrap(), FILES.map(content));
    assert_eq!(mirror.requests(), FILES);
    let mut sorted = FILES;
    sorted.sort_unstable();
    assert_eq!(names(&root.path().join("tiny")), sorted);
    assert_eq!(open_tiny(&cached(&root), &[UNREACHABLE]).unwrap(), FILES.map(content));
}

#[test]
fn only_what_the_cache_lacks_is_fetched() {
    let root = filled();
    fs::remove_file(root.path().join("tiny").join(FILES[2])).unwrap();
    let mirror = whole();
    assert_eq!(open_tiny(&cached(&root), &[&mirror.url]).unwrap(), FILES.map(content));
    assert_eq!(mirror.requests(), [FILES[2]]);
}

#[test]
fn a_mirror_that_breaks_off_leaves_nothing_and_the_next_one_is_used() {
    let cut = Mirror::start(|name, _| Reply::Cut(gzip(&content(name))));
    let root = tempfile::tempdir().unwrap();
    assert!(open_tiny(&cached(&root), &[&cut.url]).is_err());
    assert_eq!(cut.requests().len(), 3);
    assert!(names(&root.path().join("tiny")).is_empty());

    assert_eq!(open_tiny(&cached(&root), &[&cut.url, &whole().url]).unwrap(), FILES.map(content));
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
    assert_eq!(open_tiny(&cached(&root), &[&plain.url]).unwrap(), FILES.map(content));
    assert_eq!(open_tiny(&cached(&root), &[UNREACHABLE]).unwrap(), FILES.map(content));
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
        assert_eq!(open_tiny(&locations, &[UNREACHABLE]).unwrap(), FILES.map(content));
    }
}

#[test]
fn files_may_lie_decompressed() {
    let root = filled();
    let dir = root.path().join("tiny");
    fs::remove_file(dir.join(FILES[0])).unwrap();
    fs::write(dir.join("train-images-idx3-ubyte"), content(FILES[0])).unwrap();
    assert_eq!(open_tiny(&cached(&root), &[UNREACHABLE]).unwrap(), FILES.map(content));
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
        let lengths = open(set, Some(&dir)).unwrap().map(|content| content.len());
        assert_eq!(lengths, [16 + 60_000 * 28 * 28, 8 + 60_000, 16 + 10_000 * 28 * 28, 8 + 10_000]);
    }
}
