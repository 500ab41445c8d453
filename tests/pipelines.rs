//! The pipelines that come with the project.

use imago_tests::{Workshop, workspace, yaml_files};

/// The command of the README. Every file of the folder is named as valid, the sweeps among them.
#[test]
fn every_shipped_file_is_valid() {
    let mut shop = Workshop::new().command("check pipelines/**/*.yaml");
    let output = shop.current_dir(workspace()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    let files = yaml_files(&workspace().join("pipelines"));
    for path in &files {
        let name = path.strip_prefix(workspace()).unwrap().display().to_string();
        assert!(said.contains(&format!("{name}: ok (")), "{name} is missing in\n{said}");
    }
    assert_eq!(said.lines().count(), files.len(), "{said}");
}

#[test]
fn every_sweep_asks_for_runs_that_can_be_trained_and_has_the_table_of_what_came_out() {
    let shop = Workshop::new();
    for file in yaml_files(&workspace().join("pipelines/sweeps")) {
        let runs = shop.said(&format!("sweep {} --list", file.display())).lines().count();
        let table = std::fs::read_to_string(file.with_extension("tsv")).unwrap();
        assert_eq!(table.lines().count(), runs + 1, "{}", file.display());
        assert!(table.lines().skip(1).all(|line| line.contains("\tfinished\t")), "{}", file.display());
    }
}

#[test]
fn the_table_of_the_reports_is_reproduced_to_the_digit() {
    let shop = Workshop::new();
    let file = workspace().join("pipelines/reports/fashion-vae.yaml");
    let said = shop.said(&format!("summary {}", file.display()));
    let rows: Vec<Vec<&str>> =
        said.lines().map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()).collect();
    for row in [
        vec!["0", "conv2d", "[32, 13, 13]", "320"],
        vec!["2", "conv2d", "[64, 6, 6]", "18,496"],
        vec!["4", "flatten", "[2304]", "0"],
        vec!["5", "linear", "[4]", "9,220"],
        vec!["total", "28,036"],
        vec!["0", "linear", "[3136]", "6,272"],
        vec!["2", "reshape", "[64, 7, 7]", "0"],
        vec!["3", "conv_transpose2d", "[64, 14, 14]", "36,928"],
        vec!["5", "conv_transpose2d", "[32, 28, 28]", "18,464"],
        vec!["7", "conv_transpose2d", "[1, 28, 28]", "289"],
        vec!["total", "61,953"],
    ] {
        assert!(rows.iter().any(|found| found.starts_with(&row)), "{row:?} is missing in\n{said}");
    }
}

/// With `IMAGO_DATA_DIR` set: the published sets can be read, verified and trained on.
#[test]
fn the_published_sets_train_where_they_are_at_hand() {
    let Some(data) = std::env::var_os("IMAGO_DATA_DIR") else {
        eprintln!("SKIPPED: IMAGO_DATA_DIR is not set");
        return;
    };
    let data = std::path::absolute(workspace().join(data)).unwrap();
    let shop = Workshop::new();
    for set in ["mnist", "fashion-mnist"] {
        shop.write("x.yaml", imago_tests::TINY.replace("synthetic-digits", set));
        let mut training = shop.command(&format!("train x.yaml --device cpu --run {set} --set train.epochs=1"));
        let output = training.env("IMAGO_DATA_DIR", &data).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
