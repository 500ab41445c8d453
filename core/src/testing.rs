//! What unit tests of several modules share.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The random numbers of Burn's device are one sequence for all threads, so tests that depend on
/// them run one at a time: while they hold this.
pub(crate) fn device_randomness() -> MutexGuard<'static, ()> {
    static DEVICE: Mutex<()> = Mutex::new(());
    DEVICE.lock().unwrap_or_else(PoisonError::into_inner)
}
