//! A folder of images as a data set.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use image::{DynamicImage, ImageReader, imageops::FilterType};
use imago_core::spec;

use imago_core::data::{Split, shuffle_files, split_files};

/// The sub-folders that are splits of a set.
const PARTS: [&str; 2] = ["train", "test"];
const MAX_DEPTH: usize = 16;
/// The most bytes that the images of a split may need.
const MAX_BYTES: usize = 4 << 30;
const MAX_NAMED: usize = 10;

type Entry = (PathBuf, u8);

/// Pixels `[count, channels, size, size]` and labels of at most `most` images of a split, in a
/// fixed random order. Images are cropped to their central square, scaled, and converted to grey or
/// RGB. Hidden files are ignored.
///
/// # Errors
/// The sub-folders are not the declared classes, or a file is no readable image and
/// `skip_unreadable` is not set.
pub fn read(
    path: &Path,
    data: &spec::Data,
    split: Split,
    most: usize,
    skip_unreadable: bool,
) -> Result<(Vec<u8>, Vec<u8>)> {
    let mut entries = part(path, &data.classes, split)?;
    entries.truncate(most);
    let bytes = data.image().iter().product::<usize>();
    if entries.len().saturating_mul(bytes) > MAX_BYTES {
        let count = entries.len();
        bail!("{count} images of {} need more than 4 GiB; a lower data.size or data.limit needs less", path.display());
    }
    let (mut pixels, mut labels) = (Vec::with_capacity(entries.len() * bytes), Vec::with_capacity(entries.len()));
    let mut unreadable = Vec::new();
    for (file, label) in entries {
        match open(&file) {
            Ok(image) => {
                pixels.extend(fitted(&image, data));
                labels.push(label);
            }
            Err(error) => unreadable.push(format!("{}: {error:#}", file.display())),
        }
    }
    if !unreadable.is_empty() {
        let more = match unreadable.len().saturating_sub(MAX_NAMED) {
            0 => String::new(),
            more => format!("\n  and {more} more"),
        };
        let list: String = unreadable.iter().take(MAX_NAMED).map(|line| format!("\n  {line}")).collect();
        let plural = if unreadable.len() == 1 { "" } else { "s" };
        let count = format!("{} unreadable file{plural}", unreadable.len());
        match skip_unreadable {
            true => eprintln!("warning: skipped {count}:{list}{more}"),
            false => bail!("{count}:{list}{more}\n--skip-unreadable skips such files"),
        }
    }
    Ok((pixels, labels))
}

/// The sub-folders that could be classes, in order, for `data.classes`.
pub fn classes(path: &Path) -> Result<Vec<String>> {
    let base = if has_parts(path) { path.join(PARTS[0]) } else { path.to_owned() };
    let entries = visible(&base)?.into_iter().filter(|path| path.is_dir());
    Ok(entries.map(|path| name(&path)).collect())
}

fn part(path: &Path, classes: &[String], split: Split) -> Result<Vec<Entry>> {
    let parts = has_parts(path);
    let base = match (parts, split) {
        (false, _) => path.to_owned(),
        (true, Split::Training | Split::Validation) => path.join(PARTS[0]),
        (true, Split::Test) => path.join(PARTS[1]),
    };
    let mut entries = Vec::new();
    if classes.is_empty() {
        files(&base, 0, MAX_DEPTH, &mut entries)?;
    } else {
        check_classes(&base, classes)?;
        for (label, class) in classes.iter().enumerate() {
            files(&base.join(class), u8::try_from(label)?, MAX_DEPTH, &mut entries)?;
        }
    }
    if parts {
        shuffle_files(&mut entries);
        return Ok(entries);
    }
    let [training, test] = split_files(entries);
    Ok(if split == Split::Test { test } else { training })
}

fn has_parts(path: &Path) -> bool {
    PARTS.iter().all(|part| path.join(part).is_dir())
}

/// Refuses a folder whose sub-folders are not the declared classes.
fn check_classes(base: &Path, classes: &[String]) -> Result<()> {
    let found: Vec<String> = visible(base)?.iter().filter(|path| path.is_dir()).map(|path| name(path)).collect();
    let missing: Vec<&String> = classes.iter().filter(|class| !found.contains(class)).collect();
    let unexpected: Vec<&String> = found.iter().filter(|name| !classes.contains(name)).collect();
    if missing.is_empty() && unexpected.is_empty() {
        return Ok(());
    }
    let named = |names: &[&String], what: &str| match names {
        [] => String::new(),
        names => format!("\n  {what}: {}", names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ")),
    };
    bail!(
        "the sub-folders of {} are not the classes in data.classes{}{}\nto use all of them: --set 'data.classes={}'",
        base.display(),
        named(&missing, "without a folder"),
        named(&unexpected, "not named"),
        serde_json::to_string(&found)?
    )
}

/// All files below a folder, in order.
fn files(folder: &Path, label: u8, depth: usize, entries: &mut Vec<Entry>) -> Result<()> {
    for path in visible(folder)? {
        match path.is_dir() {
            false => entries.push((path, label)),
            true if depth == 0 => bail!("{} is nested too deeply", path.display()),
            true => files(&path, label, depth - 1, entries)?,
        }
    }
    Ok(())
}

/// The visible entries of a folder, in order.
fn visible(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read the folder {}", folder.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    paths.retain(|path| !name(path).starts_with('.'));
    paths.sort();
    Ok(paths)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Reads an image; its content decides the format, not its name.
fn open(file: &Path) -> Result<DynamicImage> {
    Ok(ImageReader::open(file)?.with_guessed_format()?.decode()?)
}

/// The central square of an image at the size of the data, channel by channel.
fn fitted(image: &DynamicImage, data: &spec::Data) -> Vec<u8> {
    let (width, height) = (image.width(), image.height());
    let side = width.min(height);
    let square = image.crop_imm((width - side) / 2, (height - side) / 2, side, side);
    // A size is at most 1024.
    let size = data.size as u32;
    let square = if side == size { square } else { square.resize_exact(size, size, FilterType::Triangle) };
    match data.channels {
        1 => square.into_luma8().into_raw(),
        channels => {
            let values = square.into_rgb8().into_raw();
            (0..channels).flat_map(|channel| values.iter().skip(channel).step_by(channels)).copied().collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};
    use imago_core::spec::{Data, Set};

    use super::*;

    /// A folder with images of two classes, red and blue, each with a darker left half.
    fn photos(counts: [u32; 2]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (class, count, colour) in [("blue", counts[0], [0, 0, 250]), ("red", counts[1], [200, 0, 0])] {
            fs::create_dir(folder.path().join(class)).unwrap();
            for index in 0..count {
                let image =
                    RgbImage::from_fn(12, 8, |x, _| Rgb(if x < 6 { colour.map(|value| value / 2) } else { colour }));
                image.save(folder.path().join(class).join(format!("{index}.png"))).unwrap();
            }
        }
        folder
    }

    fn data(folder: &Path, channels: usize, classes: &[&str]) -> Data {
        let classes = classes.iter().map(ToString::to_string).collect();
        Data { channels, size: 4, classes, ..Data::new(Set::Folder(folder.display().to_string())) }
    }

    #[test]
    fn images_are_cut_scaled_and_kept_channel_by_channel_with_the_class_of_their_folder() {
        let folder = photos([3, 7]);
        let data = data(folder.path(), 3, &["red", "blue"]);
        let (pixels, labels) = read(folder.path(), &data, Split::Training, usize::MAX, false).unwrap();
        let (tested, test_labels) = read(folder.path(), &data, Split::Test, usize::MAX, false).unwrap();
        assert_eq!((labels.len(), test_labels.len(), tested.len()), (9, 1, 48));
        for (image, label) in pixels.chunks(48).zip(&labels) {
            let row = |channel: usize| [image[channel * 16], image[channel * 16 + 3]];
            let expected = [[[100, 200], [0, 0], [0, 0]], [[0, 0], [0, 0], [125, 250]]][usize::from(*label)];
            assert_eq!([row(0), row(1), row(2)], expected);
        }
        assert!(labels.contains(&0) && labels.contains(&1));
        let again = read(folder.path(), &data, Split::Training, 4, false).unwrap();
        assert_eq!((again.0.as_slice(), again.1.as_slice()), (&pixels[..4 * 48], &labels[..4]));
    }

    #[test]
    fn without_classes_all_images_are_of_one_and_colours_become_grey() {
        let folder = photos([5, 5]);
        let data = data(folder.path(), 1, &[]);
        let (pixels, labels) = read(folder.path(), &data, Split::Training, usize::MAX, false).unwrap();
        assert_eq!((labels, pixels.len()), (vec![0; 9], 9 * 16));
    }

    #[test]
    fn parts_have_folders_of_their_own_where_there_are_any() {
        let (train, test) = (photos([2, 2]), photos([1, 3]));
        let folder = tempfile::tempdir().unwrap();
        fs::rename(train.path(), folder.path().join("train")).unwrap();
        fs::rename(test.path(), folder.path().join("test")).unwrap();
        let data = data(folder.path(), 3, &["blue", "red"]);
        assert_eq!(classes(folder.path()).unwrap(), ["blue", "red"]);
        let labels = |split| {
            let mut labels = read(folder.path(), &data, split, usize::MAX, false).unwrap().1;
            labels.sort_unstable();
            labels
        };
        assert_eq!((labels(Split::Training), labels(Split::Test)), (vec![0, 0, 1, 1], vec![0, 1, 1, 1]));
    }

    #[test]
    fn unreadable_files_are_named_and_skipped_only_on_request() {
        let folder = photos([10, 10]);
        fs::write(folder.path().join("red/notes.txt"), "no image").unwrap();
        fs::write(folder.path().join("red/.hidden"), "no image").unwrap();
        fs::write(folder.path().join("blue/0.png"), b"\x89PNG\r\n\x1a\ncut short").unwrap();
        let data = data(folder.path(), 3, &["blue", "red"]);
        let read = |split, skip| read(folder.path(), &data, split, usize::MAX, skip);
        let both = [Split::Training, Split::Test];
        let said: String =
            both.iter().filter_map(|split| read(*split, false).err()).map(|error| error.to_string()).collect();
        assert!(said.contains("notes.txt") && said.contains("0.png") && said.contains("--skip-unreadable"), "{said}");
        assert!(!said.contains(".hidden"), "{said}");
        assert_eq!(both.map(|split| read(split, true).unwrap().1.len()).iter().sum::<usize>(), 19);
    }

    #[test]
    fn folders_and_classes_have_to_agree() {
        let folder = photos([1, 1]);
        let data = data(folder.path(), 3, &["blue", "green"]);
        let said = read(folder.path(), &data, Split::Training, usize::MAX, false).unwrap_err().to_string();
        for part in ["without a folder: green", "not named: red", r#"--set 'data.classes=["blue","red"]'"#] {
            assert!(said.contains(part), "{part}: {said}");
        }
        let nowhere = folder.path().join("nowhere");
        let said = read(&nowhere, &data, Split::Training, usize::MAX, false).unwrap_err().to_string();
        assert!(said.contains("cannot read the folder") && said.contains("nowhere"), "{said}");
    }
}
