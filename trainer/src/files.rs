//! Atomic writes: a reader sees the old file or the new one, never half.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use serde::Serialize;

/// Prefix of files and folders that are not yet in place.
const UNFINISHED: &str = ".new-";

/// Where a test may abort the program like a power cut: at the n-th point if IMAGO_CRASH_AT is n.
fn crash_point() {
    static LEFT: LazyLock<Option<AtomicU64>> =
        LazyLock::new(|| Some(AtomicU64::new(std::env::var("IMAGO_CRASH_AT").ok()?.parse().ok()?)));
    if LEFT.as_ref().is_some_and(|left| left.fetch_sub(1, Ordering::Relaxed) == 1) {
        std::process::abort();
    }
}

/// Removes what an interrupted write left in `folder`.
pub fn tidy(folder: &Path) -> Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let unfinished = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(UNFINISHED));
        let removed = match (unfinished, path.is_dir()) {
            (false, _) => Ok(()),
            (true, true) => fs::remove_dir_all(&path),
            (true, false) => fs::remove_file(&path),
        };
        removed.with_context(|| format!("cannot remove {}", path.display()))?;
    }
    Ok(())
}

/// Writes `bytes` beside `path`, then renames them into place.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = parent(path);
    let failed = || format!("cannot write {}", path.display());
    fs::create_dir_all(&folder).with_context(failed)?;
    let mut file =
        temporary(tempfile::Builder::new().prefix(UNFINISHED), 0o666).tempfile_in(&folder).with_context(failed)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).with_context(failed)?;
    crash_point();
    file.persist(path).map_err(|error| error.error).with_context(failed)?;
    sync_folder(&folder).with_context(failed)
}

pub fn ron(value: &impl Serialize) -> Result<String> {
    Ok(ron::ser::to_string_pretty(value, ron::ser::PrettyConfig::new().compact_arrays(true))? + "\n")
}

/// Writes `files` (name and content; a name may include a folder) as the folder `path`: first
/// beside it, then renamed into place as a whole. An existing folder is replaced.
pub fn write_folder(path: &Path, files: &[(&str, &[u8])]) -> Result<()> {
    let folder = parent(path);
    let failed = || format!("cannot write {}", path.display());
    fs::create_dir_all(&folder).with_context(failed)?;
    let fresh =
        temporary(tempfile::Builder::new().prefix(UNFINISHED), 0o777).tempdir_in(&folder).with_context(failed)?;
    for (name, content) in files {
        let path = fresh.path().join(name);
        let inner = parent(&path);
        fs::create_dir_all(&inner).with_context(failed)?;
        let mut file = File::create_new(path).with_context(failed)?;
        crash_point();
        file.write_all(content).and_then(|()| file.sync_all()).with_context(failed)?;
        sync_folder(&inner).with_context(failed)?;
    }
    sync_folder(fresh.path()).with_context(failed)?;
    crash_point();
    match path.exists() {
        // The old content now has the temporary name and is removed with it.
        true => swap(fresh.path(), path).with_context(failed)?,
        false => fs::rename(fresh.keep(), path).with_context(failed)?,
    }
    crash_point();
    sync_folder(&folder).with_context(failed)
}

/// Temporary files are private by default; ours follow the umask.
fn temporary<'a, 'b, 'c>(
    builder: &'a mut tempfile::Builder<'b, 'c>,
    #[cfg_attr(not(unix), expect(unused_variables))] mode: u32,
) -> &'a mut tempfile::Builder<'b, 'c> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(mode));
    }
    builder
}

/// Exchanges two folders atomically, where the system can.
#[cfg(target_os = "linux")]
fn swap(a: &Path, b: &Path) -> std::io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    match renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE) {
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => swap_in_steps(a, b),
        result => Ok(result?),
    }
}

#[cfg(not(target_os = "linux"))]
fn swap(a: &Path, b: &Path) -> std::io::Result<()> {
    swap_in_steps(a, b)
}

/// Between the first two steps `b` is missing, but both contents are whole.
fn swap_in_steps(a: &Path, b: &Path) -> std::io::Result<()> {
    let aside = a.with_extension("old");
    fs::rename(b, &aside)?;
    fs::rename(a, b).inspect_err(|_| {
        // Put the old content back; if that fails too, the first error still says what went wrong.
        let _ = fs::rename(&aside, b);
    })?;
    fs::rename(aside, a)
}

pub fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// A rename survives a power cut only once its folder is on disk.
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    match cfg!(unix) {
        true => File::open(folder)?.sync_all(),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_is_replaced_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b.txt");
        write(&path, b"old").unwrap();
        write(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(&folder.path().join("a")), ["b.txt"]);
    }

    #[test]
    fn a_folder_is_replaced_as_a_whole_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        write_folder(&path, &[("a", b"1"), ("b", b"2")]).unwrap();
        write_folder(&path, &[("a", b"3")]).unwrap();
        assert_eq!(names(&path), ["a"]);
        assert_eq!(fs::read(path.join("a")).unwrap(), b"3");
        assert_eq!(names(folder.path()), ["model"]);
    }

    #[test]
    fn a_folder_may_hold_folders_and_what_was_left_half_written_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        write_folder(&folder.path().join("run"), &[("source/a", b"1"), ("b", b"2")]).unwrap();
        assert_eq!(fs::read(folder.path().join("run/source/a")).unwrap(), b"1");
        fs::write(folder.path().join(".new-1"), b"").unwrap();
        fs::create_dir_all(folder.path().join(".new-2/x")).unwrap();
        tidy(folder.path()).unwrap();
        assert_eq!(names(folder.path()), ["run"]);
    }

    #[test]
    fn a_folder_that_cannot_be_written_leaves_the_old_one_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        write_folder(&path, &[("a", b"1")]).unwrap();
        // An invalid file name fails half-way through.
        assert!(write_folder(&path, &[("a", b"2"), ("b\0", b"3")]).is_err());
        assert_eq!(fs::read(path.join("a")).unwrap(), b"1");
        assert_eq!(names(folder.path()), ["model"]);
    }

    #[test]
    fn folders_can_be_swapped_in_steps() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        write(&a.join("x"), b"a").unwrap();
        write(&b.join("x"), b"b").unwrap();
        swap_in_steps(&a, &b).unwrap();
        assert_eq!(fs::read(b.join("x")).unwrap(), b"a");
        assert_eq!(fs::read(a.join("x")).unwrap(), b"b");
    }
}
