//! What `imago check` says of bad files: `bad/*.yaml` cannot be trained, `bad/warnings/*.yaml` can
//! but should not. `IMAGO_BLESS=1 cargo test` rewrites the messages in `bad/messages.txt`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use imago_tests::{Workshop, bless, workspace};

fn folder() -> PathBuf {
    workspace().join("tests")
}

/// Runs `imago` in the tests' folder, so that messages name files by short paths.
fn imago(arguments: &[&str]) -> Command {
    let mut command = Workshop::new().command("");
    command.current_dir(folder()).args(arguments).env("NO_COLOR", "1");
    command
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    entries.filter(|name| name.ends_with(".yaml")).collect()
}

/// Line and column of every finding by file.
fn places() -> BTreeMap<String, (bool, Vec<(u64, u64)>)> {
    let output = imago(&["check", "--format", "json", "bad/**/*.yaml"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let report: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    let file = |file: &serde_json::Value| {
        let findings = file["findings"].as_array().unwrap().iter();
        let places = findings.map(|finding| (finding["line"].as_u64().unwrap(), finding["column"].as_u64().unwrap()));
        let name = file["file"].as_str().unwrap().trim_start_matches("bad/").to_owned();
        (name, (file["valid"].as_bool().unwrap(), places.collect()))
    };
    report.iter().map(file).collect()
}

#[test]
fn the_messages_are_as_they_were() {
    let output = imago(&["check", "bad/**/*.yaml"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!said.contains("panicked"), "{said}");
    bless(&folder().join("bad/messages.txt"), &said);
}

#[test]
fn every_bad_file_is_refused_with_a_line_and_every_odd_one_warned_of() {
    let places = places();
    let (bad, odd) = (names(&folder().join("bad")), names(&folder().join("bad/warnings")));
    assert!(bad.len() >= 60, "only {} bad files", bad.len());
    assert_eq!(places.len(), bad.len() + odd.len());
    for (name, (valid, places)) in &places {
        assert!(!places.is_empty(), "nothing is said of {name}");
        assert_eq!(*valid, name.starts_with("warnings/"), "{name}");
        assert!(places.iter().all(|(line, column)| *line > 0 && *column > 0), "{name}: {places:?}");
    }
}

/// `bad/INDEX.tsv` has the places where a person who made the mistake would point.
#[test]
fn mistakes_are_found_where_a_person_would_point() {
    let places = places();
    let index = std::fs::read_to_string(folder().join("bad/INDEX.tsv")).unwrap();
    let mut wrong = Vec::new();
    for line in index.lines().skip(1) {
        let mut columns = line.split('\t');
        let (name, expected) = (columns.next().unwrap(), columns.next().unwrap());
        let lines = |text: &str| {
            text.split_whitespace().map(|place| place.split(':').next().unwrap().parse().unwrap()).collect()
        };
        let expected: Vec<u64> = lines(expected);
        let found: Vec<u64> = places[name].1.iter().map(|(line, _)| *line).collect();
        if found != expected {
            wrong.push(format!("{name}: lines {found:?}, expected {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn large_and_deep_files_are_refused_at_once() {
    let shop = Workshop::new();
    shop.write("deep.yaml", "[".repeat(10 << 20));
    assert!(shop.fails("check deep.yaml").contains("more than 64.0 KiB"));
    assert!(shop.fails("check deep.yaml --allow-large").contains("more than 1.0 MiB"));
    shop.write("nested.yaml", "[".repeat(60_000));
    assert!(shop.fails("check nested.yaml").contains("nested.yaml:1:"));
    shop.write("many.yaml", "a: 1\n".repeat(10_000));
    assert!(shop.fails("check many.yaml").contains("many.yaml:2:1"));
    let typos: String = (0..3_000).map(|index| format!("key{index}: 1\n")).collect();
    shop.write("typos.yaml", typos);
    assert!(shop.fails("check typos.yaml").contains("the first 20 errors"));
}

#[test]
fn check_tells_programs_as_well() {
    let shop = Workshop::new();
    shop.write("x.yaml", imago_tests::TINY.replace("latent: 2", "latent: two"));
    let mut command = shop.command("check --format json x.yaml");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let finding = &report[0]["findings"][0];
    assert_eq!((&finding["line"], &finding["column"]), (&6.into(), &11.into()), "{report:#}");
    assert_eq!(finding["path"], "model.latent");
    assert_eq!(finding["severity"], "error");
    assert_eq!(shop.command("check nowhere.yaml").output().unwrap().status.code(), Some(2));
    assert_eq!(shop.command("check no*.yaml").output().unwrap().status.code(), Some(2));
    shop.write("odd.yaml", imago_tests::TINY.replace("- relu", "- relu\n    - relu"));
    assert_eq!(shop.command("check odd.yaml").output().unwrap().status.code(), Some(0));
    assert_eq!(shop.command("check --strict odd.yaml").output().unwrap().status.code(), Some(1));
}
