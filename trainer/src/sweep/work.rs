//! Trains runs side by side, each in its own process.

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

const PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug, Clone, Default)]
pub struct Workers {
    /// How many runs side by side; 0 for one per device.
    pub jobs: usize,
    /// Devices, assigned in turn; empty leaves the choice to each run.
    pub devices: Vec<DeviceChoice>,
    pub search: Search,
    /// Whether to lift the limits that catch typing mistakes.
    pub allow_large: bool,
    pub score: bool,
}

impl Workers {
    pub fn limits(&self) -> Limits {
        if self.allow_large { Limits::LARGE } else { Limits::DEFAULT }
    }

    /// The device for a turn, counted from 0, as a value of `--device`.
    pub fn device(&self, turn: usize) -> Option<String> {
        let device = self.devices.get(turn.checked_rem(self.devices.len())?)?;
        Some(device.to_possible_value()?.get_name().to_owned())
    }

    /// One worker, on the device for this turn.
    pub fn only(mut self, turn: usize) -> Self {
        self.jobs = 1;
        if !self.devices.is_empty() {
            self.devices = vec![self.devices[turn % self.devices.len()]];
        }
        self
    }

    fn count(&self, runs: usize) -> usize {
        let wanted = if self.jobs == 0 { self.devices.len() } else { self.jobs };
        wanted.min(runs).max(1)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Finished,
    Diverged,
    Failed,
    /// It was stopped, or never started.
    Stopped,
}

#[derive(Debug, Clone, Default)]
pub struct Signals(Arc<AtomicUsize>);

impl Signals {
    pub fn listen() -> Result<Self> {
        let signals = Self::default();
        let count = signals.0.clone();
        let heard = move || {
            count.fetch_add(1, Ordering::Relaxed);
        };
        ctrlc::set_handler(heard).context("cannot listen for Ctrl-C")?;
        Ok(signals)
    }

    pub fn heard(&self) -> bool {
        self.count() > 0
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

struct Job<'a> {
    run: &'a Planned,
    child: Child,
    resumed: bool,
    begun: Instant,
    /// Held by this process and, as standard input, by the one that trains: if this process is
    /// killed, no other starts the run before that one has ended.
    _lock: File,
}

/// Trains `runs` with `program` until all are done or a signal stops them; returns how each ended.
/// Runs of other processes are waited for. `report` receives news of each run.
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
                        report(run, if job.resumed { "resumes" } else { "starts" });
                        *slot = Some((*index, job));
                    }
                    Ok(Attempt::Done(end)) => {
                        if elsewhere.contains(index) || runs.len() == 1 {
                            report(run, "is already done");
                        }
                        ends[*index] = end;
                    }
                    Ok(Attempt::Elsewhere) => {
                        if elsewhere.insert(*index) {
                            report(run, "another process is training it");
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
    /// Asks the process to save and exit. It may have exited already.
    fn stop(&self) {
        #[cfg(unix)]
        {
            use rustix::process::{Pid, Signal, kill_process};
            let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        }
    }

    /// How the run ended, if it has, and a message; `stopping` if it was asked to.
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
mod tests;
