//! A snapshot as the bytes of one file.
//!
//! ```text
//! 16 bytes    "imago-snapshot 1"
//! u32         bytes of the state
//! state       RON
//! weights, then optimiser states: u32 bytes, content
//! 32 bytes    SHA-256 of all before
//! ```
//!
//! Numbers are little-endian.

use sha2::{Digest, Sha256};

use super::{Snapshot, State};
use crate::family::Saved;

const MAGIC: &[u8; 16] = b"imago-snapshot 1";
const HASH: usize = 32;

/// Bytes that are not a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// They begin like something else.
    #[error("this is not a snapshot of a run")]
    Magic,
    /// They were cut short or changed.
    #[error("the snapshot was cut short or changed: its SHA-256 differs")]
    Hash,
    /// Another version wrote them.
    #[error("the snapshot is of another version: {0}")]
    State(String),
}

impl Snapshot {
    /// The bytes of a file.
    ///
    /// # Errors
    /// The state cannot be written as RON.
    pub fn to_bytes(&self) -> Result<Vec<u8>, SnapshotError> {
        let state = ron::to_string(&self.state).map_err(|error| SnapshotError::State(error.to_string()))?;
        let mut bytes = MAGIC.to_vec();
        let Saved { weights, optimizers } = &self.saved;
        for part in [state.as_bytes(), weights].into_iter().chain(optimizers.iter().map(Vec::as_slice)) {
            bytes.extend((part.len() as u32).to_le_bytes());
            bytes.extend(part);
        }
        let hash = Sha256::digest(&bytes);
        bytes.extend(hash);
        Ok(bytes)
    }

    /// Reads [`Self::to_bytes`].
    ///
    /// # Errors
    /// They are no snapshot, or damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(SnapshotError::Magic)?;
        let (mut rest, hash) = rest.split_at_checked(rest.len().wrapping_sub(HASH)).ok_or(SnapshotError::Hash)?;
        if Sha256::digest(&bytes[..bytes.len() - HASH])[..] != *hash {
            return Err(SnapshotError::Hash);
        }
        let mut parts = Vec::new();
        while let Some((length, after)) = rest.split_first_chunk() {
            let length = u32::from_le_bytes(*length) as usize;
            let (part, after) = after.split_at_checked(length).ok_or(SnapshotError::Hash)?;
            parts.push(part.to_vec());
            rest = after;
        }
        let mut parts = parts.into_iter();
        let (Some(state), Some(weights)) = (parts.next(), parts.next()) else { return Err(SnapshotError::Hash) };
        let state: State = ron::de::from_bytes(&state).map_err(|error| SnapshotError::State(error.to_string()))?;
        Ok(Self { state, saved: Saved { weights, optimizers: parts.collect() } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_comes_back_and_no_prefix_or_changed_byte_is_taken_for_one() {
        let state = State { steps: 7, losses: vec![("kl".into(), 0.1)], ..State::new() };
        let saved = Saved { weights: vec![1, 2, 3], optimizers: vec![vec![], vec![9; 40]] };
        let bytes = Snapshot { state: state.clone(), saved: saved.clone() }.to_bytes().unwrap();
        let back = Snapshot::from_bytes(&bytes).unwrap();
        assert_eq!((back.state, back.saved), (state, saved));
        for at in 0..bytes.len() {
            assert!(Snapshot::from_bytes(&bytes[..at]).is_err(), "{at} bytes");
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(Snapshot::from_bytes(&changed).is_err(), "byte {at}");
        }
    }
}
