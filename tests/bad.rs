//! What `imago check` says of bad files: `bad/*.yaml` cannot be trained, `bad/warnings/*.yaml` can
//! but should not. `IMAGO_BLESS=1 cargo test` rewrites the messages in `bad/messages.txt`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use imago_tests::{Workshop, bless, workspace, yaml_files};

fn folder() -> PathBuf {
    workspace().join("tests")
}

/// Runs `imago` in the tests' folder, so that messages name files by short paths.
fn imago(arguments: &[&str]) -> Command {
    let mut command = Workshop::new().command("");
    command.current_dir(folder()).args(arguments).env("NO_COLOR", "1");
    command
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
    let (all, odd) = (yaml_files(&folder().join("bad")).len(), yaml_files(&folder().join("bad/warnings")).len());
    assert!(all >= 60 + odd, "only {} bad files", all - odd);
    assert_eq!(places.len(), all);
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
    let typos = (0..3_000).map(|index| format!("key{index}: 1\n")).collect();
    for (content, options, expected) in [
        ("[".repeat(10 << 20), "", "more than 64.0 KiB"),
        ("[".repeat(10 << 20), "--allow-large", "more than 1.0 MiB"),
        ("[".repeat(60_000), "", "x.yaml:1:"),
        ("a: 1\n".repeat(10_000), "", "x.yaml:2:1"),
        (typos, "", "the first 20 errors"),
    ] {
        shop.write("x.yaml", content);
        shop.refuses(&format!("check x.yaml {options}"), &[expected]);
    }
}

#[test]
fn check_tells_programs_as_well() {
    let shop = Workshop::with("x.yaml", imago_tests::TINY.replace("latent: 2", "latent: two"));
    let output = shop.command("check --format json x.yaml").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let finding = &report[0]["findings"][0];
    assert_eq!((&finding["line"], &finding["column"]), (&6.into(), &11.into()), "{report:#}");
    assert_eq!(finding["path"], "model.latent");
    assert_eq!(finding["severity"], "error");
    shop.write("odd.yaml", imago_tests::TINY.replace("- relu", "- relu\n    - relu"));
    for (arguments, code) in [("nowhere.yaml", 2), ("no*.yaml", 2), ("odd.yaml", 0), ("--strict odd.yaml", 1)] {
        let output = shop.command(&format!("check {arguments}")).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments}");
    }
}
