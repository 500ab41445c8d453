//! Sweeps: many runs of one pipeline, by one process or several, stopped and started again.

use std::fs;
use std::process::{Command, Stdio};
#[cfg(unix)]
use std::time::{Duration, Instant};

use imago_tests::{TINY, Workshop};

const SWEEP: &str = "
pipeline: tiny.yaml
set: { train.epochs: 1 }
grid: { train.optimizer.adam.lr: [0.0005, 0.002] }
seeds: [1, 2]
";

fn shop(sweep: &str) -> Workshop {
    let shop = Workshop::with("tiny.yaml", TINY);
    shop.write("sweep.yaml", sweep);
    shop
}

fn runs(shop: &Workshop, out: &str) -> Vec<String> {
    let mut names = shop.names(out);
    names.retain(|name| shop.path(out).join(name).is_dir());
    names
}

/// The lines of `sweep.tsv`: for each cell the column's name and the value.
fn table(shop: &Workshop, out: &str) -> Vec<Vec<(String, String)>> {
    let text = shop.read_text(&format!("{out}/sweep.tsv"));
    let mut lines = text.lines().map(|line| line.split('\t').map(str::to_owned).collect::<Vec<_>>());
    let head = lines.next().unwrap();
    lines.map(|line| head.iter().cloned().zip(line).collect()).collect()
}

fn column(table: &[Vec<(String, String)>], name: &str) -> Vec<String> {
    let cell = |line: &Vec<(String, String)>| line.iter().find(|(column, _)| column == name).unwrap().1.clone();
    table.iter().map(cell).collect()
}

fn timeless(mut table: Vec<Vec<(String, String)>>) -> Vec<Vec<(String, String)>> {
    table.iter_mut().for_each(|line| line.retain(|(name, _)| name != "seconds"));
    table
}

#[cfg(unix)]
fn wait(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(120), "{what} never came to be");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(unix)]
fn has_checkpoint(shop: &Workshop, run: &str) -> bool {
    fs::read_dir(shop.path(&format!("{run}/checkpoints"))).is_ok_and(|mut entries| {
        entries.any(|entry| entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("step-")))
    })
}

#[test]
fn a_grid_is_trained_side_by_side_told_in_one_table_and_not_trained_again() {
    let shop = shop(SWEEP);
    let first = shop.said("sweep sweep.yaml --out out --jobs 2 --devices cpu");
    assert_eq!(
        runs(&shop, "out"),
        ["001-lr-0.0005-seed-1", "002-lr-0.0005-seed-2", "003-lr-0.002-seed-1", "004-lr-0.002-seed-2"]
    );
    for part in ["4 runs of sweep.yaml in out", "1/4  lr 0.0005, seed 1: starts", "4/4  lr 0.002, seed 2: finished in "]
    {
        assert!(first.contains(part), "{part}: {first}");
    }
    let rows = table(&shop, "out");
    assert_eq!(column(&rows, "train.optimizer.adam.lr"), ["0.0005", "0.0005", "0.002", "0.002"]);
    assert_eq!(column(&rows, "train.seed"), ["1", "2", "1", "2"]);
    assert_eq!((column(&rows, "outcome"), column(&rows, "epochs")), (vec!["finished".into(); 4], vec!["1".into(); 4]));
    let losses: Vec<f64> = column(&rows, "loss/reconstruction").iter().map(|cell| cell.parse().unwrap()).collect();
    assert!(losses.iter().all(|loss| *loss > 0.0) && losses[0] != losses[1] && losses[1] != losses[3], "{losses:?}");
    // The table for people agrees, with mean and standard deviation over the two seeds.
    let (mean, half) = ((losses[0] + losses[1]) / 2.0, (losses[0] - losses[1]).abs() / 2.0);
    let spread = format!("{mean:.2} ± {:.2}", half * f64::sqrt(2.0));
    assert!(first.contains(&spread) && first.contains(&format!("{:.2}", losses[3])), "{spread}: {first}");

    let before: Vec<_> = runs(&shop, "out").iter().map(|run| shop.checkpoint(&format!("out/{run}"))).collect();
    let logs =
        |shop: &Workshop| runs(shop, "out").iter().map(|run| shop.read(&format!("out/{run}.log"))).collect::<Vec<_>>();
    let logs_before = logs(&shop);
    let second = shop.said("sweep sweep.yaml --out out --jobs 2 --devices cpu");
    assert!(second.contains("4 of them already done") && !second.contains("starts"), "{second}");
    assert_eq!(logs(&shop), logs_before, "something was trained again");
    assert!(before == runs(&shop, "out").iter().map(|run| shop.checkpoint(&format!("out/{run}"))).collect::<Vec<_>>());
    assert_eq!(table(&shop, "out"), rows);

    // The table is made from the folders alone, wherever they are.
    let printed = shop.said("sweep sweep.yaml --out out --table");
    assert!(first.ends_with(&printed), "{printed}");
    fs::rename(shop.path("out"), shop.path("elsewhere")).unwrap();
    fs::remove_dir_all(shop.path("elsewhere/003-lr-0.002-seed-1")).unwrap();
    let printed = shop.said("sweep sweep.yaml --out elsewhere --table");
    assert!(printed.contains("not begun") && printed.contains("1 of 2"), "{printed}");
}

#[cfg(target_os = "linux")]
fn parallel() -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).map(|folder| folder.join("parallel")).find(|path| path.is_file())?;
    let output = Command::new(&found).arg("--version").output().ok()?;
    String::from_utf8_lossy(&output.stdout).contains("GNU parallel").then_some(found)
}

/// Runs one line of a list. The shell of the second run is killed the first time, together with its
/// training, as soon as there is a checkpoint.
#[cfg(target_os = "linux")]
const CARRY: &str = r#"
case $1 in
*"--index 2 "*) mkdir killed 2>/dev/null || exec sh -c "$1" ;;
*) exec sh -c "$1" ;;
esac
setsid sh -c "exec $1" &
tries=0
until ls out/002-*/checkpoints/step-* >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ $tries -lt 6000 ] || exit 9
    sleep 0.02
done
kill -s KILL -- "-$!"
exit 1
"#;

#[test]
#[cfg(target_os = "linux")]
fn a_list_carried_by_several_processes_one_of_them_killed_gives_what_a_sweep_gives() {
    use std::io::Write;

    let shop = shop(&SWEEP.replace("epochs: 1", "epochs: 30"));
    shop.imago("sweep sweep.yaml --out plain --devices cpu");
    let list = shop.said("sweep sweep.yaml --out out --devices cpu --list");
    assert_eq!(list.lines().count(), 4, "{list}");
    assert!(list.lines().nth(1).unwrap().ends_with(" sweep sweep.yaml --index 2 --out out --devices cpu"), "{list}");
    assert!(!shop.path("out").exists(), "a list alone writes nothing");

    shop.write("carry.sh", CARRY);
    let carry = |command: &mut Command, input: &str| {
        let command =
            command.current_dir(shop.path("")).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.env("HOME", shop.path("")).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    };
    match parallel() {
        Some(parallel) => {
            let words = ["--will-cite", "--jobs", "3", "--retries", "3", "sh", "carry.sh", "{}"];
            let (success, said) = carry(Command::new(parallel).args(words), &list);
            assert!(success, "{said}");
        }
        // As `parallel` would, except that a second round picks up what was killed.
        None => {
            let words = ["-0", "-P", "3", "-n", "1", "sh", "carry.sh"];
            let (success, said) = carry(Command::new("xargs").args(words), &list.replace('\n', "\0"));
            assert!(!success, "nothing was killed: {said}");
            let (success, said) = carry(Command::new("xargs").args(words), &list.replace('\n', "\0"));
            assert!(success, "{said}");
        }
    }
    let runs = runs(&shop, "plain");
    assert_eq!(runs.len(), 4);
    let log = shop.read_text(&format!("out/{}.log", runs[1]));
    assert!(log.contains(" train --resume "), "the second run was not killed on its way: {log}");
    for run in &runs {
        let (carried, plain) = (shop.checkpoint(&format!("out/{run}")), shop.checkpoint(&format!("plain/{run}")));
        assert!(carried == plain, "{run} has other weights");
    }
    shop.imago("sweep sweep.yaml --out out --table");
    assert_eq!(timeless(table(&shop, "out")), timeless(table(&shop, "plain")));
}

/// As when memory runs out: the sweep is gone, but the training it started goes on.
#[test]
#[cfg(unix)]
fn a_training_whose_sweep_was_killed_is_waited_for_and_not_begun_twice() {
    let shop = shop(&SWEEP.replace("epochs: 1", "epochs: 30"));
    let mut command = shop.command("sweep sweep.yaml --out out --devices cpu --index 1");
    let mut sweep = command.stdout(Stdio::null()).spawn().unwrap();
    wait("a run", || shop.path("out/001-lr-0.0005-seed-1/run.ron").is_file());
    sweep.kill().unwrap();
    sweep.wait().unwrap();
    let said = shop.said("sweep sweep.yaml --out out --devices cpu --index 1");
    assert!(said.contains("another process is training it") && said.contains("is already done"), "{said}");
    assert_eq!(shop.read_text("out/001-lr-0.0005-seed-1.log").matches("$ ").count(), 1, "it was begun twice");
    assert!(shop.read_text("out/001-lr-0.0005-seed-1/run.ron").contains("Finished"));
}

#[test]
fn two_sweeps_at_once_share_the_runs() {
    let shop = shop(&SWEEP.replace("epochs: 1", "epochs: 5"));
    let mut both = [(); 2].map(|()| {
        let mut command = shop.command("sweep sweep.yaml --out out --devices cpu");
        command.stdout(Stdio::null()).spawn().unwrap()
    });
    for sweep in &mut both {
        assert!(sweep.wait().unwrap().success());
    }
    for run in runs(&shop, "out") {
        let log = shop.read_text(&format!("out/{run}.log"));
        assert_eq!(log.matches("$ ").count(), 1, "{run} was begun twice: {log}");
    }
    assert_eq!(column(&table(&shop, "out"), "outcome"), vec!["finished"; 4]);
}

/// Signalled alone, as by a batch system, or with its whole group, as by Ctrl-C.
#[test]
#[cfg(unix)]
fn a_sweep_that_is_stopped_saves_its_runs_and_goes_on_to_the_same_weights() {
    use std::os::unix::process::CommandExt;

    let sweep = "pipeline: tiny.yaml\nset: { train.epochs: 30 }\nseeds: [1, 2, 3]\n";
    let whole = shop(sweep);
    whole.imago("sweep sweep.yaml --out out --devices cpu");
    for (signal, group) in [("-TERM", ""), ("-INT", "-")] {
        let shop = shop(sweep);
        let mut command = shop.command("sweep sweep.yaml --out out --devices cpu,cpu");
        let child = command.process_group(0).stdout(Stdio::piped()).spawn().unwrap();
        wait("two checkpoints", || has_checkpoint(&shop, "out/001-seed-1") && has_checkpoint(&shop, "out/002-seed-2"));
        let target = format!("{group}{}", child.id());
        assert!(Command::new("kill").args([signal, "--", &target]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(130), "{said}");
        assert!(said.contains("1/3  seed 1: stopped after ") && said.contains("the same command continues"), "{said}");
        assert_eq!(column(&table(&shop, "out"), "outcome"), ["interrupted", "interrupted", "not begun"], "{signal}");
        shop.imago("sweep sweep.yaml --out out --devices cpu");
        for run in runs(&whole, "out") {
            let run = format!("out/{run}");
            assert!(shop.checkpoint(&run) == whole.checkpoint(&run), "{run} went another way behind {signal}");
        }
    }
}

#[test]
fn a_run_that_fails_is_named_with_its_log_and_keeps_no_other_from_being_trained() {
    let shop =
        shop("pipeline: tiny.yaml\nset: { train.epochs: 1 }\ngrid: { train.optimizer.adam.lr: [1e30, 0.001] }\n");
    for attempt in 1..=2 {
        let output = shop.command("sweep sweep.yaml --out out --devices cpu").output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("run 1 diverged; see out/001-lr-1e30.log"), "{said}");
        assert_eq!(column(&table(&shop, "out"), "outcome"), ["diverged", "finished"]);
        let log = shop.read_text("out/001-lr-1e30.log");
        assert!(log.contains("the last checkpoint is kept"), "{log}");
        assert_eq!(log.matches("$ ").count(), 1, "attempt {attempt}: it would diverge again");
    }
}

#[test]
fn a_mistake_in_any_run_is_told_before_the_first_begins() {
    let shop = shop("pipeline: tiny.yaml\nlist:\n  - { model.latent: 3 }\n  - { model.latent: -1 }\n  - {}\n");
    let expected = ["run 2, latent -1:", "sweep.yaml: run 2 has errors; nothing was started"];
    shop.refuses("sweep sweep.yaml --out out", &expected);
    for (change, expected) in [
        ("pipeline: tiny.yaml\ngird: {}\n", "sweep.yaml:2:1: unknown field `gird`"),
        ("pipeline: tiny.yaml\ngrid: { model.latent: [3, 0x3] }\n", "the runs 1 and 2 are the same"),
        ("pipeline: missing.yaml\n", "missing.yaml"),
    ] {
        shop.write("sweep.yaml", change);
        for list in ["", " --list"] {
            shop.refuses(&format!("sweep sweep.yaml --out out{list}"), &[expected]);
        }
    }
    shop.write("sweep.yaml", SWEEP);
    shop.refuses("sweep sweep.yaml --out out --index 5", &["there is no run 5"]);
    assert!(!shop.path("out").exists() && !shop.path("runs").exists(), "something was written");
}

#[test]
fn a_sweep_does_not_go_on_with_runs_of_another_pipeline() {
    let shop = shop("pipeline: tiny.yaml\nset: { train.epochs: 1 }\n");
    shop.imago("sweep sweep.yaml --devices cpu");
    assert_eq!(runs(&shop, "runs/sweep"), ["001"]);
    shop.write("tiny.yaml", TINY.replace("batch: 32", "batch: 16"));
    shop.refuses("sweep sweep.yaml --devices cpu", &["001 holds a run of another pipeline"]);
    shop.imago("sweep sweep.yaml --devices cpu --out other");
}

#[test]
fn several_seeds_of_one_pipeline_are_told_by_mean_and_standard_deviation() {
    let shop = shop("");
    let said = shop.said("train tiny.yaml --seeds 1..3 --set train.epochs=1 --device cpu");
    assert!(said.contains("mean ± standard deviation over the seeds") && said.contains(" ± "), "{said}");
    assert_eq!(runs(&shop, "runs/tiny-seeds"), ["001-seed-1", "002-seed-2", "003-seed-3"]);
    shop.imago("train tiny.yaml --set train.epochs=1 --set train.seed=2 --device cpu --run alone");
    let (alone, swept) = (shop.checkpoint("alone"), shop.checkpoint("runs/tiny-seeds/002-seed-2"));
    assert!(alone == swept, "a seed is not what it is alone");
    shop.refuses("train tiny.yaml --seeds 5..1", &["the lower seed first"]);
}
