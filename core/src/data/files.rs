//! The order of image files in a set of the person's own.

use crate::noise::{Noise, Purpose};

/// Without files for testing, one in this many is taken for it.
const TEST_FRACTION: usize = 10;

/// Puts files, given in the order of their paths, into a random order that belongs to the data: it
/// does not depend on a run's seed.
pub fn shuffle_files<T>(files: &mut [T]) {
    Noise::of(Purpose::Split, 0, 1).shuffle(files);
}

/// Shuffles files and splits those for testing off: training, then test.
pub fn split_files<T>(mut files: Vec<T>) -> [Vec<T>; 2] {
    shuffle_files(&mut files);
    let test = files.split_off(files.len() - files.len().div_ceil(TEST_FRACTION));
    [files, test]
}
