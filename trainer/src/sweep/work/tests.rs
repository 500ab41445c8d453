use std::fs;

use super::super::Sweep;
use super::super::spec::{Setting, Variant};
use super::*;
use crate::files;
use crate::run::{Outcome, Record};

/// Stands in for `imago train`, as the `mode` in its first `--set` says. A `run.ron` for each
/// outcome is in its folder.
const PROGRAM: &str = r#"#!/bin/sh
for word; do
    case $before in --run | --resume) folder=$word ;; esac
    case $word in mode=*) mode=${word#mode=} ;; --resume) mode=resumed ;; esac
    before=$word
done
record() {
    cp "$(dirname "$0")/$1" "$folder/run.ron.new" && mv "$folder/run.ron.new" "$folder/run.ron"
}
[ $mode = early ] && exit 3
mkdir -p "$folder"
echo "name: x" > "$folder/pipeline.yaml"
record Running
case $mode in
finish | resumed) record Finished ;;
diverge) record Diverged; exit 2 ;;
fail) exit 3 ;;
wait) trap 'record Interrupted; exit 130' TERM; while :; do sleep 0.05; done ;;
esac
"#;

struct Fixture {
    folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let fixture = Self { folder: tempfile::tempdir().unwrap() };
        // Written by another process: a file open for writing cannot be executed.
        let write = "printf %s \"$1\" > \"$2\" && chmod +x \"$2\"";
        let made = Command::new("sh").args(["-c", write, "sh", PROGRAM]).arg(fixture.program()).status().unwrap();
        assert!(made.success());
        for outcome in [Outcome::Running, Outcome::Finished, Outcome::Diverged, Outcome::Interrupted] {
            let record = Record { outcome, ..Record::default() };
            files::write(&fixture.folder.path().join(format!("{outcome:?}")), files::ron(&record).unwrap().as_bytes())
                .unwrap();
        }
        fixture
    }

    fn program(&self) -> std::path::PathBuf {
        self.folder.path().join("imago")
    }

    fn planned(&self, modes: &[&str]) -> Vec<Planned> {
        let variant = |mode: &&str| Variant {
            common: Vec::new(),
            changed: vec![Setting { path: "mode".into(), value: (*mode).into() }],
        };
        let variants: Vec<Variant> = modes.iter().map(variant).collect();
        Sweep::new("sweep.yaml".as_ref(), self.folder.path().to_owned(), "p.yaml".as_ref(), variants).runs
    }

    fn work(&self, planned: &[Planned], jobs: usize, signals: &Signals) -> Vec<End> {
        let workers = Workers { jobs, ..Workers::default() };
        let runs: Vec<&Planned> = planned.iter().collect();
        work(&self.program(), &runs, &workers, signals, |_, _| {})
    }
}

fn log(run: &Planned) -> String {
    fs::read_to_string(run.folder.log()).unwrap()
}

#[test]
fn a_run_that_fails_keeps_no_other_from_being_trained_and_is_tried_again_next_time() {
    let fixture = Fixture::new();
    let runs = fixture.planned(&["early", "finish", "diverge", "finish"]);
    let expected = [End::Failed, End::Finished, End::Diverged, End::Finished];
    for (attempt, jobs) in [(1, 1), (2, 3)] {
        assert_eq!(fixture.work(&runs, jobs, &Signals::default()), expected);
        let begun = runs.iter().map(|run| log(run).matches("$ ").count()).collect::<Vec<_>>();
        assert_eq!(begun, [attempt, 1, 1, 1], "what is over is not trained again");
    }
}

#[test]
fn a_run_that_has_a_folder_goes_on_and_one_without_begins_anew() {
    let fixture = Fixture::new();
    let runs = fixture.planned(&["fail", "early"]);
    assert_eq!(fixture.work(&runs, 2, &Signals::default()), [End::Failed, End::Failed]);
    assert_eq!(fixture.work(&runs, 2, &Signals::default()), [End::Finished, End::Failed]);
    let commands = |run| log(run).lines().filter(|line| line.starts_with("$ ")).map(str::to_owned).collect::<Vec<_>>();
    let [first, second] = [0, 1].map(|index| commands(&runs[index]));
    assert!(
        first[0].contains(" train p.yaml --set mode=fail --run ") && first[1].contains(" train --resume "),
        "{first:?}"
    );
    assert!(second.len() == 2 && second[0] == second[1], "{second:?}");
}

#[test]
fn a_signal_is_passed_on_to_what_runs_and_nothing_else_begins() {
    let fixture = Fixture::new();
    let runs = fixture.planned(&["wait", "finish"]);
    let signals = Signals::default();
    let ends = std::thread::scope(|scope| {
        let ends = scope.spawn(|| fixture.work(&runs, 1, &signals));
        while runs[0].folder.record().is_none() {
            std::thread::sleep(PAUSE);
        }
        signals.0.fetch_add(1, Ordering::Relaxed);
        ends.join().unwrap()
    });
    assert_eq!(ends, [End::Stopped, End::Stopped]);
    assert!(!runs[1].folder.log().exists(), "the second run was begun");
}

#[test]
fn a_run_that_another_process_is_at_is_left_until_last() {
    let fixture = Fixture::new();
    let runs = fixture.planned(&["finish", "finish"]);
    let held = runs[0].folder.lock().unwrap();
    assert!(held.is_some());
    std::thread::scope(|scope| {
        let ends = scope.spawn(|| fixture.work(&runs, 1, &Signals::default()));
        while runs[1].folder.status() != RunStatus::Finished {
            std::thread::sleep(PAUSE);
        }
        assert!(!runs[0].folder.log().exists(), "a run was begun that another process is at");
        drop(held);
        assert_eq!(ends.join().unwrap(), [End::Finished, End::Finished]);
    });
}

#[test]
fn what_trains_holds_the_lock_even_when_its_sweep_is_gone() {
    let fixture = Fixture::new();
    let runs = fixture.planned(&["wait"]);
    let Ok(Attempt::Here(mut job)) = begin(&fixture.program(), &runs[0], &Workers::default(), 0) else { panic!() };
    drop(std::mem::replace(&mut job._lock, File::open(fixture.program()).unwrap()));
    assert!(runs[0].folder.lock().unwrap().is_none(), "the lock went with the sweep");
    job.child.kill().unwrap();
    job.child.wait().unwrap();
    // Its `sleep` holds the lock for a moment longer.
    while runs[0].folder.lock().unwrap().is_none() {
        std::thread::sleep(PAUSE);
    }
}

#[test]
fn devices_are_given_out_in_turn_and_one_job_goes_to_each() {
    let workers =
        Workers { devices: vec![DeviceChoice::Cpu, DeviceChoice::Wgpu, DeviceChoice::Cpu], ..Workers::default() };
    let names: Vec<String> = (0..4).filter_map(|turn| workers.device(turn)).collect();
    assert_eq!(names, ["cpu", "wgpu", "cpu", "cpu"]);
    assert_eq!((workers.count(10), workers.count(2), Workers::default().count(10)), (3, 2, 1));
    assert_eq!(workers.only(4).devices, [DeviceChoice::Wgpu]);
    assert_eq!(Workers::default().device(3), None);
}

#[test]
fn times_are_told_briefly() {
    let text = [3.0, 99.0, 100.0, 119.0, 5900.0, 9000.0].map(|seconds| readable(Duration::from_secs_f64(seconds)));
    assert_eq!(text, ["3 s", "99 s", "2 min", "2 min", "98 min", "2.5 h"]);
}
