//! Modules import from those above them in the list of `lib.rs` only.

use std::fs;
use std::path::{Path, PathBuf};

/// The modules in the order of the list; those of one line stand together.
fn levels() -> Vec<Vec<String>> {
    let text = include_str!("lib.rs");
    let list = text.split("```text").nth(1).and_then(|rest| rest.split("```").next()).expect("there is a list");
    let names = |line: &str| {
        let line = line.strip_prefix("//! ")?;
        let column = line.split("  ").next()?;
        Some(column.split(", ").map(str::to_owned).collect())
    };
    list.lines().filter_map(names).collect()
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the sources are there") {
        let path = entry.expect("the sources can be read").path();
        match path.is_dir() {
            true => files(&path, found),
            false if path.extension().is_some_and(|end| end == "rs") => found.push(path),
            false => {}
        }
    }
}

/// The modules that the code of a file names, without its tests: `crate::NAME`, and `super::NAME`
/// where that is the crate itself.
fn imports(text: &str, is_top: bool) -> Vec<String> {
    let code = text.split("\nmod tests {").next().unwrap_or_default();
    let code = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let starts: &[&str] = if is_top { &["crate::", "super::"] } else { &["crate::"] };
    let name = |rest: &str| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("").to_owned();
    starts.iter().flat_map(|start| code.split(start).skip(1)).map(name).filter(|name| !name.is_empty()).collect()
}

#[test]
fn no_module_imports_from_one_below_it() {
    let (levels, source) = (levels(), Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let level = |name: &str| levels.iter().position(|names| names.iter().any(|other| other == name));
    let (mut all, mut wrong) = (Vec::new(), Vec::new());
    files(&source, &mut all);
    for path in all {
        let relative = path.strip_prefix(&source).expect("below the sources").with_extension("");
        let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        // What only tests use may look anywhere.
        let last = parts.last().map_or("", String::as_str);
        if ["lib", "layering", "tests", "testing", "programs"].contains(&last) {
            continue;
        }
        let own = level(&parts[0]).unwrap_or_else(|| panic!("{} is not in the list of lib.rs", parts[0]));
        let is_top = parts.len() == 1 || (parts.len() == 2 && last == "mod");
        let text = fs::read_to_string(&path).expect("the sources can be read");
        let upward = |name: &String| level(name).is_some_and(|other| other > own);
        wrong.extend(imports(&text, is_top).into_iter().filter(upward).map(|name| format!("{parts:?} imports {name}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn imports_are_found_in_use_lines_and_in_code_but_not_in_comments() {
    let text = "// crate::a\nuse crate::b::C;\nfn f() { crate::d::e() }\nuse super::g::H;\nmod tests {\nuse crate::z;";
    assert_eq!(imports(text, false), ["b", "d"]);
    assert_eq!(imports(text, true), ["b", "d", "g"]);
}
