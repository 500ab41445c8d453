//! Checkpoints, from which training resumes.
//!
//! ```text
//! checkpoints/
//!   step-<steps>/   weights.bpk, optimizer-<n>.bpk and state.ron; the last two are kept
//!   best/           weights.bpk and state.ron of the best evaluation so far
//! ```
//!
//! Each is written beside its place and renamed into it; older ones are removed only once it is
//! on disk. So there is always a complete one.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use imago_core::artifact::WEIGHTS;
use imago_core::family::Saved;
use imago_core::hash::sha256;

use crate::files;
use imago_core::training::{Snapshot, State};

const STATE: &str = "state.ron";
const BEST: &str = "best";
/// Precedes the checksum in the last line of the state.
const CHECKSUM: &str = "// SHA-256 of the lines above: ";
const KEPT: usize = 2;

#[derive(Debug, Clone)]
pub struct Checkpoints(PathBuf);

/// The file of the optimiser state with this index, from 0.
fn optimizer(index: usize) -> String {
    format!("optimizer-{}.bpk", index + 1)
}

impl Checkpoints {
    /// The checkpoints in `folder`, which need not exist.
    pub fn of(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Saves a checkpoint and keeps the one before it.
    pub fn save(&self, checkpoint: &Snapshot) -> Result<()> {
        let state = with_checksums(checkpoint)?;
        let Saved { weights, optimizers } = &checkpoint.saved;
        let folder = self.0.join(format!("step-{:010}", checkpoint.state.steps));
        let names: Vec<String> = (0..optimizers.len()).map(optimizer).collect();
        let mut content: Vec<(&str, &[u8])> = vec![(WEIGHTS, weights), (STATE, state.as_bytes())];
        content.extend(names.iter().map(String::as_str).zip(optimizers.iter().map(Vec::as_slice)));
        files::write_folder(&folder, &content)?;
        let folders = self.folders()?;
        // Later ones were unreadable when this training resumed from an earlier one.
        let (behind, ahead) = folders.split_at(folders.partition_point(|other| *other <= folder));
        for old in behind[..behind.len().saturating_sub(KEPT)].iter().chain(ahead) {
            fs::remove_dir_all(old).with_context(|| format!("cannot remove {}", old.display()))?;
        }
        Ok(())
    }

    pub fn save_best(&self, checkpoint: &Snapshot) -> Result<()> {
        let state = with_checksums(checkpoint)?;
        let content = [(WEIGHTS, checkpoint.saved.weights.as_slice()), (STATE, state.as_bytes())];
        files::write_folder(&self.0.join(BEST), &content)
    }

    /// The last intact checkpoint and what is wrong with later ones; None if there are no
    /// checkpoints.
    ///
    /// # Errors
    /// There are checkpoints, but none is intact.
    pub fn last(&self) -> Result<Option<(Snapshot, Vec<String>)>> {
        let mut problems = Vec::new();
        for folder in self.folders()?.into_iter().rev() {
            match read(&folder, true) {
                Ok(checkpoint) => return Ok(Some((checkpoint, problems))),
                Err(error) => problems.push(format!("{error:#}")),
            }
        }
        match problems.is_empty() {
            true => Ok(None),
            false => bail!("no checkpoint is intact: {}", problems.join("; ")),
        }
    }

    /// The best checkpoint, without optimiser states.
    pub fn best(&self) -> Result<Snapshot> {
        read(&self.0.join(BEST), false)
    }

    /// The folders of all checkpoints, oldest first.
    fn folders(&self) -> Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", self.0.display())),
        };
        // Half-written ones have another name, and step numbers are padded to sort as text.
        let mut found: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        found.retain(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("step-")));
        found.sort();
        Ok(found)
    }
}

/// The state as text, with the checksums of its neighbours and of itself.
fn with_checksums(checkpoint: &Snapshot) -> Result<String> {
    let Saved { weights, optimizers } = &checkpoint.saved;
    let state = State {
        weights_sha256: sha256(weights),
        optimizers_sha256: optimizers.iter().map(|state| sha256(state)).collect(),
        ..checkpoint.state.clone()
    };
    let text = files::ron(&state)?;
    Ok(format!("{text}{CHECKSUM}{}\n", sha256(text.as_bytes())))
}

fn read(folder: &Path, with_optimizers: bool) -> Result<Snapshot> {
    let read = |name: &str| {
        let path = folder.join(name);
        fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let changed = |name: &str| anyhow!("{} was cut short or changed: its SHA-256 differs", folder.join(name).display());
    let text = String::from_utf8(read(STATE)?).map_err(|_| changed(STATE))?;
    let (lines, checksum) = text.rsplit_once(CHECKSUM).ok_or_else(|| changed(STATE))?;
    if checksum.trim_end() != sha256(lines.as_bytes()) {
        return Err(changed(STATE));
    }
    let state: State = ron::from_str(lines).map_err(|error| anyhow!("{}: {error}", folder.join(STATE).display()))?;
    let verified = |name: &str, expected: &String| {
        let bytes = read(name)?;
        if sha256(&bytes) == *expected { Ok(bytes) } else { Err(changed(name)) }
    };
    let weights = verified(WEIGHTS, &state.weights_sha256)?;
    let mut optimizers = Vec::new();
    if with_optimizers {
        for (index, expected) in state.optimizers_sha256.iter().enumerate() {
            optimizers.push(verified(&optimizer(index), expected)?);
        }
    }
    Ok(Snapshot { state, saved: Saved { weights, optimizers } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(steps: u64) -> Snapshot {
        let state = State { steps, losses: vec![("a".into(), 0.1 + steps as f64)], ..State::new() };
        Snapshot { state, saved: Saved { weights: vec![steps as u8; 9], optimizers: vec![vec![1], vec![2]] } }
    }

    fn steps(checkpoints: &Checkpoints) -> Vec<u64> {
        let number = |path: PathBuf| path.to_str().unwrap().rsplit_once("step-").unwrap().1.parse().unwrap();
        checkpoints.folders().unwrap().into_iter().map(number).collect()
    }

    #[test]
    fn the_last_two_are_kept_and_what_lies_ahead_goes() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::of(folder.path().join("checkpoints"));
        assert!(checkpoints.last().unwrap().is_none());
        for steps in [5, 90, 1_000] {
            checkpoints.save(&checkpoint(steps)).unwrap();
        }
        assert_eq!(steps(&checkpoints), [90, 1_000]);
        let (last, problems) = checkpoints.last().unwrap().unwrap();
        assert_eq!((last.state.steps, last.saved.clone()), (1_000, checkpoint(1_000).saved));
        assert!(problems.is_empty());
        checkpoints.save(&checkpoint(95)).unwrap();
        assert_eq!(steps(&checkpoints), [90, 95]);
    }

    #[test]
    fn a_damaged_last_one_is_named_and_the_one_before_taken() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::of(folder.path().join("checkpoints"));
        for steps in [1, 2] {
            checkpoints.save(&checkpoint(steps)).unwrap();
        }
        let last = folder.path().join("checkpoints/step-0000000002");
        let state = fs::read_to_string(last.join(STATE)).unwrap();
        let damages: [(&str, Vec<u8>); 5] = [
            (WEIGHTS, vec![2; 8]),
            ("optimizer-2.bpk", vec![3]),
            (STATE, state.replace("2.1", "2.2").into_bytes()),
            (STATE, state.as_bytes()[..20].to_vec()),
            (STATE, vec![0xff; 40]),
        ];
        for (name, bytes) in damages {
            let whole = fs::read(last.join(name)).unwrap();
            fs::write(last.join(name), bytes).unwrap();
            let (before, problems) = checkpoints.last().unwrap().unwrap();
            assert_eq!(before.state.steps, 1);
            assert!(
                problems.len() == 1 && problems[0].contains(name) && problems[0].contains("SHA-256"),
                "{problems:?}"
            );
            fs::write(last.join(name), whole).unwrap();
        }
        fs::remove_file(last.join(WEIGHTS)).unwrap();
        fs::remove_file(folder.path().join("checkpoints/step-0000000001").join(STATE)).unwrap();
        let error = checkpoints.last().unwrap_err().to_string();
        assert!(
            error.contains("no checkpoint is intact") && error.contains(WEIGHTS) && error.contains(STATE),
            "{error}"
        );
    }

    #[test]
    fn the_best_is_kept_apart() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::of(folder.path().join("checkpoints"));
        assert!(checkpoints.best().is_err());
        checkpoints.save_best(&checkpoint(7)).unwrap();
        checkpoints.save_best(&checkpoint(8)).unwrap();
        let best = checkpoints.best().unwrap();
        assert_eq!((best.state.steps, best.saved.weights), (8, vec![8; 9]));
        assert!(checkpoints.last().unwrap().is_none());
    }
}
