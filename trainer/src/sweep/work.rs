//! Training runs side by side, each as a process of its own.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::ValueEnum;
use imago_core::limits::Limits;

use super::Planned;
use super::folder::RunStatus;
use super::shell;
use crate::data::Search;
use crate::device::DeviceChoice;

/// How often is looked whether a run has ended.
const PAUSE: Duration = Duration::from_millis(100);

/// With what runs are trained.
#[derive(Debug, Clone, Default)]
pub struct Workers {
    /// How many side by side; 0 for one on each device.
    pub jobs: usize,
    /// The devices, given out in turn; none leaves the choice to each run.
    pub devices: Vec<DeviceChoice>,
    /// Where data sets are, and how strictly they are read.
    pub search: Search,
    /// Whether the limits that catch slips of the keyboard are lifted.
    pub allow_large: bool,
    /// Whether the samples of the runs are measured once all are trained.
    pub score: bool,
}

impl Workers {
    /// What is allowed in a pipeline.
    pub fn limits(&self) -> Limits {
        if self.allow_large { Limits::LARGE } else { Limits::DEFAULT }
    }

    /// The device that has the turn, counted from 0, as `--device` calls it.
    pub fn device(&self, turn: usize) -> Option<String> {
        let device = self.devices.get(turn.checked_rem(self.devices.len())?)?;
        Some(device.to_possible_value()?.get_name().to_owned())
    }

    /// One worker, on the device that has the turn.
    pub fn only(mut self, turn: usize) -> Self {
        self.jobs = 1;
        if !self.devices.is_empty() {
            self.devices = vec![self.devices[turn % self.devices.len()]];
        }
        self
    }

    /// How many work side by side on so many runs.
    fn count(&self, runs: usize) -> usize {
        let wanted = if self.jobs == 0 { self.devices.len() } else { self.jobs };
        wanted.min(runs).max(1)
    }
}

/// How a run ended here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Finished,
    Diverged,
    Failed,
    /// It was stopped, or never begun because all were.
    Stopped,
}

/// Counts the signals that ask to stop.
#[derive(Debug, Clone, Default)]
pub struct Signals(Arc<AtomicUsize>);

impl Signals {
    /// Begins to listen. Only once in a process.
    pub fn listen() -> Result<Self> {
        let signals = Self::default();
        let count = signals.0.clone();
        let heard = move || {
            count.fetch_add(1, Ordering::Relaxed);
        };
        ctrlc::set_handler(heard).context("cannot listen for Ctrl-C")?;
        Ok(signals)
    }

    /// Whether a signal came.
    pub fn heard(&self) -> bool {
        self.count() > 0
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// A run that is being trained.
struct Job<'a> {
    run: &'a Planned,
    child: Child,
    /// Whether it goes on from a checkpoint.
    resumed: bool,
    begun: Instant,
    /// Held by this process and, as its standard input, by the one that trains: should this one be killed, nobody else begins
    /// the run before the other has ended.
    _lock: File,
}

/// Trains `runs` with the program `program` until all are done or a signal stops them, and gives how each ended, in their order.
///
/// A run that another process is at is left until that one is done with it. `tell` is told what becomes of each.
pub fn work(
    program: &Path,
    runs: &[&Planned],
    workers: &Workers,
    signals: &Signals,
    report: impl Fn(&Planned, &str),
) -> Vec<End> {
    let mut ends = vec![End::Stopped; runs.len()];
    let mut waiting: Vec<usize> = (0..runs.len()).collect();
    let mut slots: Vec<Option<(usize, Job<'_>)>> = (0..workers.count(runs.len())).map(|_| None).collect();
    let mut elsewhere = HashSet::new();
    let mut passed_on = 0;
    loop {
        let heard = signals.count();
        if heard > passed_on {
            slots.iter().flatten().for_each(|(_, job)| job.stop());
            passed_on = heard;
        }
        for (turn, slot) in slots.iter_mut().enumerate() {
            if let Some((index, job)) = slot {
                let Some((end, said)) = job.ended(heard > 0) else { continue };
                report(job.run, &said);
                ends[*index] = end;
                *slot = None;
            }
            if heard > 0 {
                continue;
            }
            waiting.retain(|index| {
                let run = runs[*index];
                if slot.is_some() {
                    return true;
                }
                match begin(program, run, workers, turn) {
                    Ok(Attempt::Here(job)) => {
                        report(run, if job.resumed { "goes on" } else { "begins" });
                        *slot = Some((*index, job));
                    }
                    Ok(Attempt::Done(end)) => {
                        if elsewhere.contains(index) || runs.len() == 1 {
                            report(run, "is done already");
                        }
                        ends[*index] = end;
                    }
                    Ok(Attempt::Elsewhere) => {
                        if elsewhere.insert(*index) {
                            report(run, "another process is at it");
                        }
                        return true;
                    }
                    Err(error) => {
                        report(run, &format!("failed: {error:#}"));
                        ends[*index] = End::Failed;
                    }
                }
                false
            });
        }
        if slots.iter().all(Option::is_none) && (waiting.is_empty() || heard > 0) {
            return ends;
        }
        std::thread::sleep(PAUSE);
    }
}

/// What came of an attempt to begin a run.
enum Attempt<'a> {
    Here(Job<'a>),
    Done(End),
    Elsewhere,
}

fn begin<'a>(program: &Path, run: &'a Planned, workers: &Workers, turn: usize) -> Result<Attempt<'a>> {
    let Some(lock) = run.folder.lock()? else { return Ok(Attempt::Elsewhere) };
    let resumed = match run.folder.status() {
        RunStatus::Finished => return Ok(Attempt::Done(End::Finished)),
        RunStatus::Diverged => return Ok(Attempt::Done(End::Diverged)),
        RunStatus::Begun => true,
        RunStatus::New => false,
    };
    let words = words(run, resumed, workers, turn);
    let path = run.folder.log();
    let failed = || format!("cannot write {}", path.display());
    let mut log = OpenOptions::new().create(true).append(true).open(&path).with_context(failed)?;
    writeln!(log, "$ {} {}", shell::quoted(program.as_os_str()), shell::line(&words)).with_context(failed)?;
    let child = Command::new(program)
        .args(&words)
        .stdin(lock.try_clone().with_context(failed)?)
        .stdout(log.try_clone().with_context(failed)?)
        .stderr(log)
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    Ok(Attempt::Here(Job { run, child, resumed, begun: Instant::now(), _lock: lock }))
}

/// What is written behind `imago` to train a run.
fn words(run: &Planned, resume: bool, workers: &Workers, turn: usize) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec!["train".into()];
    if resume {
        words.extend(["--resume".into(), run.folder.path().into()]);
    } else {
        words.push(run.pipeline.clone().into());
        for setting in run.settings() {
            words.extend(["--set".into(), setting.to_string().into()]);
        }
        words.extend(["--run".into(), run.folder.path().into()]);
        if workers.allow_large {
            words.push("--allow-large".into());
        }
    }
    if let Some(device) = workers.device(turn) {
        words.extend(["--device".into(), device.into()]);
    }
    words.extend(workers.search.words());
    words
}

impl Job<'_> {
    /// Asks the process to save and end. It may be over already, so that nobody hears it.
    fn stop(&self) {
        #[cfg(unix)]
        {
            use rustix::process::{Pid, Signal, kill_process};
            let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        }
    }

    /// How the run ended, if it has, and what is said of it; `stopping` if it was asked to.
    fn ended(&mut self, stopping: bool) -> Option<(End, String)> {
        let status = match self.child.try_wait() {
            Ok(status) => status?,
            Err(error) => return Some((End::Failed, format!("failed: {error}"))),
        };
        let (time, log) = (readable(self.begun.elapsed()), self.run.folder.log());
        let log = log.display();
        Some(match self.run.folder.status() {
            RunStatus::Finished => (End::Finished, format!("finished in {time}")),
            RunStatus::Diverged => (End::Diverged, format!("diverged after {time}; see {log}")),
            _ if status.success() => (End::Finished, format!("finished in {time}")),
            _ if stopping || status.code() == Some(130) => (End::Stopped, format!("stopped after {time}")),
            _ => (End::Failed, format!("failed after {time}, {status}; see {log}")),
        })
    }
}

/// 45 s, 2 min, 1.5 h.
fn readable(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds < 99.5 => format!("{seconds:.0} s"),
        seconds if seconds < 99.5 * 60.0 => format!("{:.0} min", seconds / 60.0),
        seconds => format!("{:.1} h", seconds / 3600.0),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;

    use super::super::folder::Folder;
    use super::super::label::Names;
    use super::super::spec::{Setting, Variant};
    use super::*;
    use crate::files;
    use crate::run::{Outcome, Record};

    /// Stands in for `imago train`, and does as the value `mode` of its first `--set` says. What `run.ron` says of every outcome lies
    /// beside it.
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
            // Written by another process: a program that is open for writing here while another test starts one cannot be run.
            let write = "printf %s \"$1\" > \"$2\" && chmod +x \"$2\"";
            let made = Command::new("sh").args(["-c", write, "sh", PROGRAM]).arg(fixture.program()).status().unwrap();
            assert!(made.success());
            for outcome in [Outcome::Running, Outcome::Finished, Outcome::Diverged, Outcome::Interrupted] {
                let record = Record { outcome, ..Record::default() };
                files::write(
                    &fixture.folder.path().join(format!("{outcome:?}")),
                    files::ron(&record).unwrap().as_bytes(),
                )
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
            let names = Names::new(&variants);
            let plan = |(at, variant): (usize, Variant)| Planned {
                index: at + 1,
                title: names.title(&variant.changed),
                pipeline: "p.yaml".into(),
                folder: Folder::new(self.folder.path().join(names.folder(at + 1, &variant.changed))),
                variant,
            };
            variants.into_iter().enumerate().map(plan).collect()
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
        let commands =
            |run| log(run).lines().filter(|line| line.starts_with("$ ")).map(str::to_owned).collect::<Vec<_>>();
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
        // Its `sleep` has the lock for a moment longer.
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
}
