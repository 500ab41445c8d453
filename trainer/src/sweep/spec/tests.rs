use super::*;

fn read(text: &str) -> Result<Vec<Variant>, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sweep.yaml");
    std::fs::write(&file, text).unwrap();
    let before = format!("{}", file.display());
    Spec::read(&file).map(|spec| spec.variants).map_err(|error| format!("{error:#}").replace(&before, "sweep.yaml"))
}

fn changed(text: &str) -> Vec<String> {
    let join = |variant: &Variant| variant.changed.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    read(text).unwrap().iter().map(join).collect()
}

fn error(text: &str) -> String {
    read(text).unwrap_err()
}

#[test]
fn a_grid_gives_every_combination_with_every_seed_and_the_seed_changes_fastest() {
    let runs = changed("pipeline: p.yaml\ngrid: { a.lr: [0.0002, 1e-3], b: [0, x] }\nseeds: [1, 2]\n");
    assert_eq!(
        runs,
        [
            "a.lr=0.0002 b=0 train.seed=1",
            "a.lr=0.0002 b=0 train.seed=2",
            "a.lr=0.0002 b=x train.seed=1",
            "a.lr=0.0002 b=x train.seed=2",
            "a.lr=0.001 b=0 train.seed=1",
            "a.lr=0.001 b=0 train.seed=2",
            "a.lr=0.001 b=x train.seed=1",
            "a.lr=0.001 b=x train.seed=2",
        ]
    );
}

#[test]
fn a_list_gives_its_entries_which_may_change_what_is_set_for_all() {
    let text = "pipeline: p.yaml\nset: { train.epochs: 2 }\nlist:\n  - {}\n  - { train.epochs: 3, a: 1 }\n";
    assert_eq!(changed(text), ["", "train.epochs=3 a=1"]);
    let variants = read(text).unwrap();
    assert!(variants.iter().all(|variant| variant.common[0].to_string() == "train.epochs=2"));
}

#[test]
fn without_grid_and_list_there_is_one_run_or_one_for_each_seed() {
    assert_eq!(changed("pipeline: p.yaml\n"), [""]);
    assert_eq!(changed("pipeline: p.yaml\nseeds: [7, 8]\n"), ["train.seed=7", "train.seed=8"]);
}

#[test]
fn the_pipeline_is_sought_from_the_sweep_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sweep.yaml");
    std::fs::write(&file, "pipeline: ../p.yaml\n").unwrap();
    assert_eq!(Spec::read(&file).unwrap().pipeline, folder.path().join("../p.yaml"));
}

#[test]
fn any_value_is_written_in_one_line_that_reads_back_the_same() {
    for (written, expected) in [
        ("5", "5"),
        ("1e-8", "1e-8"),
        ("2.0", "2.0"),
        ("-.inf", "-.inf"),
        ("~", "null"),
        ("cosine", "cosine"),
        ("'true'", "\"true\""),
        ("'null'", "\"null\""),
        ("'1'", "\"1\""),
        ("a b: c", "{\"a b\": c}"),
        ("it's", "\"it's\""),
        ("[[0, 1], [-1, 1]]", "[[0, 1], [-1, 1]]"),
        ("\n  - conv2d: { filters: 4, padding: same }\n  - relu\n", "[{conv2d: {filters: 4, padding: same}}, relu]"),
        ("|\n  two\n  lines\n", "\"two\\nlines\\n\""),
    ] {
        let value: Value = serde_yaml::from_str(written).unwrap();
        assert_eq!(flow(&value).as_deref(), Ok(expected), "{written}");
    }
}

#[test]
fn a_mistake_is_told_with_its_place() {
    let place = |text: &str, start: &str, part: &str| {
        let said = error(text);
        assert!(said.starts_with(&format!("sweep.yaml:{start}")) && said.contains(part), "{said}");
    };
    place("pipeline: p.yaml\ngird: {}\n", "2:1: ", "unknown field `gird`");
    place("pipeline: p.yaml\ngrid:\n  a.b: 3\n", "3:8: ", "expected a list of values");
    place("pipeline: p.yaml\ngrid:\n  a.b: []\n", "3:8: ", "the list has no values");
    place("pipeline: p.yaml\ngrid:\n  a..b: [1]\n", "3:3: ", "expected keys separated by dots");
    place("pipeline: p.yaml\nset:\n  a=b: 1\n", "3:3: ", "without `=`");
    place("pipeline: p.yaml\nset:\n  a: 1\n  a: 2\n", "3:3: ", "the key `a` appears twice");
    place("pipeline: p.yaml\nseeds: [1, x]\n", "2:12: ", "seeds[1]: invalid type");
    place("pipeline: \"x\n", "2:1: ", "unexpected end of stream");
    place("pipeline: [x]\n", "1:11: ", "expected path string");
    place("grid: { a: [1] }\n", "", "missing field `pipeline`");
    place("- a\n", "1:1: ", "");
}

#[test]
fn what_asks_for_nothing_or_for_two_things_is_refused() {
    let says = |rest: &str, part: &str| {
        let said = error(&format!("pipeline: p.yaml\n{rest}"));
        assert!(said.starts_with("sweep.yaml") && said.contains(part), "{rest}: {said}");
    };
    says("grid: { a: [1] }\nlist: [{ a: 1 }]\n", "both given");
    says("grid: {}\n", "`grid` has no keys");
    says("grid:\n", "`grid` has no keys");
    says("list: 3\n", "expected a sequence");
    says("list: []\n", "`list` has no entries");
    says("seeds: []\n", "`seeds`: there is no seed");
    says("seeds: [1, 1]\n", "`seeds`: the seed 1 appears twice");
    says("seeds: [1]\nset: { train.seed: 3 }\n", "in addition to `seeds`");
    says("seeds: [1]\ngrid: { train.seed: [3] }\n", "in addition to `seeds`");
    says("set: { a: 1 }\ngrid: { a: [1, 2] }\n", "in `set` and in `grid`");
    let many: Vec<usize> = (0..101).collect();
    says(&format!("grid: {{ a: {many:?}, b: {many:?} }}\n"), "10201 combinations, more than 10000");
    says(&format!("grid: {{ a: {many:?} }}\nseeds: {many:?}\n"), "10201 runs, more than 10000");
}
