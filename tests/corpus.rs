//! Replays the inputs that the fuzzers found worth keeping.

#[path = "../fuzz/checks.rs"]
mod checks;

use imago_tests::workspace;

fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(workspace().join("fuzz/corpus").join(target)).unwrap();
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.unwrap();
        (entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path()).unwrap())
    };
    let corpus: Vec<_> = entries.map(read).collect();
    assert!(corpus.len() >= 10, "only {} files in the corpus of {target}", corpus.len());
    corpus
}

fn replay(target: &str, check: impl Fn(&[u8]) + std::panic::RefUnwindSafe) {
    for (name, content) in corpus(target) {
        let outcome = std::panic::catch_unwind(|| check(&content));
        assert!(outcome.is_ok(), "fuzz/corpus/{target}/{name} fails");
    }
}

#[test]
fn pipelines_are_read_or_refused() {
    replay("pipeline", checks::pipeline);
}

#[test]
fn manifests_are_read_or_refused() {
    replay("manifest", |content| {
        if let Ok(text) = std::str::from_utf8(content) {
            checks::manifest(text);
        }
    });
}
