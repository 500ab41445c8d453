//! A run's folder, with `<folder>.log`, its output, and `<folder>.lock`, held while it is trained.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use imago_core::pipeline::Pipeline;

use crate::measure::Evaluation;
use crate::run::{EVALUATION, Outcome, Record, RunFolder};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder(PathBuf);

/// The progress of a run, as its folder shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStatus {
    New,
    Begun,
    /// It has ended, possibly early.
    Finished,
    /// Its losses became NaN, and would again.
    Diverged,
}

impl Folder {
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn log(&self) -> PathBuf {
        self.0.with_added_extension("log")
    }

    pub fn record(&self) -> Option<Record> {
        RunFolder::open(&self.0).ok()?.record().ok()
    }

    pub fn evaluation(&self) -> Option<Evaluation> {
        ron::from_str(&fs::read_to_string(self.0.join(EVALUATION)).ok()?).ok()
    }

    pub fn status(&self) -> RunStatus {
        match self.record().map(|record| record.outcome) {
            Some(Outcome::Finished | Outcome::StoppedEarly) => RunStatus::Finished,
            Some(Outcome::Diverged) => RunStatus::Diverged,
            Some(Outcome::Running | Outcome::Interrupted) => RunStatus::Begun,
            None => RunStatus::New,
        }
    }

    /// Refuses a run folder of another pipeline, and anything that is no run folder.
    pub fn check(&self, pipeline: &Pipeline) -> Result<()> {
        let folder = self.0.display();
        let empty = || fs::read_dir(&self.0).is_ok_and(|mut entries| entries.next().is_none());
        match RunFolder::open(&self.0) {
            Ok(run) => ensure!(
                run.uses(pipeline)?,
                "{folder} holds a run of another pipeline than the sweep now declares; choose another --out, or remove it"
            ),
            Err(_) => {
                ensure!(!self.0.exists() || empty(), "{folder} exists and is not a run folder; choose another --out");
            }
        }
        Ok(())
    }

    /// Locks the run while the file, or a copy of it in any process, is open; None if it is locked.
    pub fn lock(&self) -> Result<Option<File>> {
        let path = self.0.with_added_extension("lock");
        let failed = || format!("cannot lock {}", path.display());
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(failed)?;
        }
        let file = OpenOptions::new().create(true).write(true).truncate(false).open(&path).with_context(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error).with_context(failed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(parent: &tempfile::TempDir) -> Folder {
        Folder::new(parent.path().join("001-lr-0.001"))
    }

    #[test]
    fn log_and_lock_lie_beside_the_folder_and_a_lock_is_held_by_one_alone() {
        let parent = tempfile::tempdir().unwrap();
        let folder = folder(&parent);
        assert_eq!(folder.log(), parent.path().join("001-lr-0.001.log"));
        let held = folder.lock().unwrap().expect("nobody has it");
        assert!(folder.lock().unwrap().is_none());
        let copy = held.try_clone().unwrap();
        drop(held);
        assert!(folder.lock().unwrap().is_none(), "a copy holds it too");
        drop(copy);
        assert!(folder.lock().unwrap().is_some());
        assert!(parent.path().join("001-lr-0.001.lock").is_file());
    }
}
