//! The images that models learn from.

mod augment;
mod download;
mod folder;
mod idx;
mod published;
mod stacked;
mod statistics;
mod synthetic;

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use augment::{Canvas, Change, Look};
pub use folder::classes as folder_classes;
use image::{GrayImage, imageops};
use imago_core::artifact::sha256;
use imago_core::noise::{Noise, Purpose};
use imago_core::spec::{self, Range, Set};
use published::Published;
pub use statistics::Statistics;
use synthetic::Drawing;

/// The images of one part of a set, all in memory.
pub struct Images {
    data: spec::Data,
    split: Split,
    /// One byte a value, `[count, channels, side, side]`.
    pixels: Vec<u8>,
    /// The class of each image.
    labels: Vec<u8>,
    classes: Vec<String>,
    /// Height and width of the images as they are kept; they are scaled when they are used.
    side: usize,
    /// What each byte becomes in the range of the data.
    levels: [f32; 256],
}

/// A part of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Split {
    Training,
    /// Training images that are kept out of training.
    Validation,
    Test,
}

/// Where images are looked for, and how strictly.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Search {
    /// Where mnist/ and fashion-mnist/ are; otherwise IMAGO_DATA_DIR, the cache, or a download
    #[arg(long, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
    /// Leave files of an image folder away that cannot be read, with a warning
    #[arg(long)]
    pub skip_unreadable: bool,
}

impl Search {
    /// The words of a command line that say the same.
    pub fn words(&self) -> Vec<OsString> {
        let mut words = Vec::new();
        if let Some(folder) = &self.data_dir {
            words.extend(["--data-dir".into(), folder.into()]);
        }
        if self.skip_unreadable {
            words.push("--skip-unreadable".into());
        }
        words
    }
}

/// The seed of the drawn sets. They are data like any other, so it is not the run's.
const DRAWING_SEED: u64 = 20_230_613;
/// Height and width of the images of all sets with names.
const SIDE: usize = 28;
/// How many images are drawn for training.
const DRAWN: usize = 10_000;
/// How many images are drawn for testing, numbered behind those for training.
const DRAWN_FOR_TEST: usize = 2_000;

impl Images {
    /// The training images of a set, read, fetched or drawn, and those of them that are kept out of training, if any are.
    pub fn training(data: &spec::Data, search: &Search) -> Result<(Self, Option<Self>)> {
        let all = Self::open(data, Split::Training, search)?;
        if data.validation == 0.0 {
            return Ok((all, None));
        }
        let count = all.count();
        let kept_out = (count as f64 * data.validation).round() as usize;
        if kept_out == 0 || kept_out == count {
            bail!(
                "data.validation keeps {kept_out} of {count} training images out of training: it has to be at least one, and not all"
            );
        }
        // The same ones whatever the seed of the run is: it is a part of the data like any other.
        let mut order = all.shuffled(&mut Noise::of(Purpose::Split, 0, 0));
        let (validation, training) = order.split_at_mut(kept_out);
        validation.sort_unstable();
        training.sort_unstable();
        let part = |indices: &[usize], split| Self {
            data: all.data.clone(),
            split,
            pixels: indices.iter().flat_map(|index| all.kept(*index)).copied().collect(),
            labels: indices.iter().map(|index| all.labels[*index]).collect(),
            classes: all.classes.clone(),
            ..all
        };
        Ok((part(training, Split::Training), Some(part(validation, Split::Validation))))
    }

    /// All test images of a set: read, fetched or drawn. They are never changed at random.
    pub fn test(data: &spec::Data, search: &Search) -> Result<Self> {
        Self::open(data, Split::Test, search)
    }

    fn open(data: &spec::Data, split: Split, search: &Search) -> Result<Self> {
        let most = match split {
            Split::Training if data.limit > 0 => data.limit,
            _ => usize::MAX,
        };
        let data_dir = search.data_dir.as_deref();
        let mut side = SIDE;
        let (pixels, labels) = match &data.set {
            Set::Mnist => published(Published::Mnist, split, data_dir)?,
            Set::FashionMnist => published(Published::FashionMnist, split, data_dir)?,
            Set::StackedMnist => {
                let (digits, _) = published(Published::Mnist, split, data_dir)?;
                stacked::stack(&digits, split, most)
            }
            Set::SyntheticDigits => drawn(Drawing::Digits, split, most),
            Set::SyntheticClothing => drawn(Drawing::Clothing, split, most),
            Set::Folder(path) => {
                side = data.size;
                folder::read(Path::new(path), data, split, most, search.skip_unreadable)?
            }
        };
        let mut images = Self::new(data, split, side, pixels, labels)?;
        images.pixels.truncate(most.saturating_mul(images.kept_bytes()));
        images.labels.truncate(most);
        Ok(images)
    }

    /// Images of `side` by `side` pixels and their labels, which are checked.
    fn new(data: &spec::Data, split: Split, side: usize, pixels: Vec<u8>, labels: Vec<u8>) -> Result<Self> {
        let (name, classes) = (data.set.name(), data.class_names());
        if pixels.len() != labels.len() * data.channels() * side * side {
            bail!("the {} images of {name} are not one of {side} x {side} pixels for each label", split.name());
        }
        if labels.is_empty() {
            bail!("the set {name} holds no {} image", split.name());
        }
        if let Some((image, label)) = labels.iter().enumerate().find(|(_, label)| usize::from(**label) >= classes.len())
        {
            bail!(
                "{} image {image} of {name} has the label {label}, but labels lie between 0 and {}",
                split.name(),
                classes.len() - 1
            );
        }
        let [low, high] = <[f64; 2]>::from(data.range).map(|end| end as f32);
        let levels = std::array::from_fn(|byte| byte as f32 / 255.0 * (high - low) + low);
        Ok(Self { data: data.clone(), split, pixels, labels, classes, side, levels })
    }

    /// Number of images.
    pub fn count(&self) -> usize {
        self.labels.len()
    }

    /// Channels, height and width.
    pub fn shape(&self) -> [usize; 3] {
        self.data.image()
    }

    /// The set that they are of.
    pub fn set(&self) -> &Set {
        &self.data.set
    }

    /// What black and white are.
    pub fn range(&self) -> Range {
        self.data.range
    }

    /// The class of each image, a number below that of [`Self::classes`].
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// What the classes are called.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The bytes of all images, if they are used as they are kept: neither scaled nor changed at random.
    pub fn as_kept(&self) -> Option<&[u8]> {
        let changed = self.split == Split::Training && !self.data.augment.is_none();
        (self.side == self.data.size && !changed).then_some(&self.pixels[..])
    }

    /// Those images as pixels in the range of the data, one after another. Training images are changed at random where
    /// the data say so; otherwise nothing is drawn from the noise.
    pub fn gather(&self, indices: &[usize], noise: &mut Noise) -> Vec<f32> {
        if self.split != Split::Training || self.data.augment.is_none() {
            return self.plain(indices);
        }
        let size = self.data.size;
        let mut values = vec![0.0; indices.len() * self.data.channels() * size * size];
        let mut canvas = Canvas::new(size, self.levels[0]);
        let ends = [self.levels[0], self.levels[255]];
        for (&index, image) in indices.iter().zip(values.chunks_exact_mut(self.data.channels() * size * size)) {
            let change = Change::draw(&self.data.augment, noise);
            let look = Look::draw(&self.data.augment, noise);
            for (plane, changed) in self.planes(index).zip(image.chunks_exact_mut(size * size)) {
                canvas.put(&plane, &self.levels);
                canvas.sample(&change, changed);
                look.apply(changed, size, ends, noise);
            }
        }
        values
    }

    /// Those images as pixels in the range of the data, one after another, as they are.
    pub fn plain(&self, indices: &[usize]) -> Vec<f32> {
        let mut values = Vec::with_capacity(indices.len() * self.shape().iter().product::<usize>());
        for plane in indices.iter().flat_map(|&index| self.planes(index)) {
            values.extend(plane.iter().map(|&byte| self.levels[usize::from(byte)]));
        }
        values
    }

    /// SHA-256 of all pixels and labels, which tells these images from any others.
    pub fn sha256(&self) -> String {
        sha256(&[self.pixels.as_slice(), &self.labels].concat())
    }

    /// All indices in a random order.
    pub fn shuffled(&self, noise: &mut Noise) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.count()).collect();
        noise.shuffle(&mut order);
        order
    }

    /// Bytes of an image as it is kept.
    fn kept_bytes(&self) -> usize {
        self.data.channels() * self.side * self.side
    }

    /// An image as it is kept.
    fn kept(&self, index: usize) -> &[u8] {
        &self.pixels[index * self.kept_bytes()..(index + 1) * self.kept_bytes()]
    }

    /// The channels of an image at its final size.
    fn planes(&self, index: usize) -> impl Iterator<Item = Cow<'_, [u8]>> {
        self.kept(index).chunks_exact(self.side * self.side).map(|plane| scaled(plane, self.side, self.data.size))
    }
}

impl Split {
    /// The name in messages.
    fn name(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

/// An image of `side` by `side` pixels scaled to `size` by `size`, with a triangle as filter: bilinear where it becomes larger, a mean
/// of what a pixel covers where it becomes smaller.
fn scaled(pixels: &[u8], side: usize, size: usize) -> Cow<'_, [u8]> {
    if size == side {
        return pixels.into();
    }
    match GrayImage::from_raw(side as u32, side as u32, pixels.to_vec()) {
        Some(image) => {
            let image = imageops::resize(&image, size as u32, size as u32, imageops::FilterType::Triangle);
            image.into_raw().into()
        }
        None => pixels.into(),
    }
}

/// Pixels and labels of a published set.
fn published(set: Published, split: Split, data_dir: Option<&Path>) -> Result<(Vec<u8>, Vec<u8>)> {
    let contents = published::open(set, data_dir)?;
    let (images, labels) = match split {
        Split::Training | Split::Validation => (contents.train_images, contents.train_labels),
        Split::Test => (contents.test_images, contents.test_labels),
    };
    let (folder, split) = (set.folder(), split.name());
    let images = idx::images(&images).with_context(|| format!("the {split} images of {folder}"))?;
    let labels = idx::labels(&labels).with_context(|| format!("the {split} labels of {folder}"))?;
    if labels.len() != images.count {
        bail!("{folder} has {} {split} images and {} labels", images.count, labels.len());
    }
    Ok((images.pixels, labels))
}

/// Pixels and labels of a drawn set, of `most` images at the most.
fn drawn(set: Drawing, split: Split, most: usize) -> (Vec<u8>, Vec<u8>) {
    let (first, count) = match split {
        Split::Training | Split::Validation => (0, DRAWN),
        Split::Test => (DRAWN as u64, DRAWN_FOR_TEST),
    };
    synthetic::draw_many(set, DRAWING_SEED, first, count.min(most))
}

#[cfg(test)]
mod tests {
    use imago_core::spec::{Augment, Data};

    use super::*;

    const AUGMENT: Augment =
        Augment { shift: 2.0, rotate: 10.0, scale: 0.1, flip: 0.0, blur: 0.0, contrast: 0.0, noise: 0.0 };

    /// The first `count` digits.
    fn digits(data: &Data, split: Split, count: usize) -> Images {
        let (pixels, labels) = synthetic::draw_many(Drawing::Digits, DRAWING_SEED, 0, count);
        Images::new(data, split, SIDE, pixels, labels).unwrap()
    }

    fn data(augment: Augment) -> Data {
        Data { augment, ..Data::new(Set::SyntheticDigits) }
    }

    #[test]
    fn bytes_become_the_same_numbers_as_by_the_formula() {
        for (range, low, high) in [(Range::Unit, 0.0f32, 1.0f32), (Range::Signed, -1.0, 1.0)] {
            let data = Data { range, ..data(Augment::default()) };
            let pixels: Vec<u8> = (0..SIDE * SIDE).map(|i| i as u8).collect();
            let images = Images::new(&data, Split::Training, SIDE, pixels.clone(), vec![0]).unwrap();
            let expected = pixels.iter().map(|&byte| (f32::from(byte) / 255.0 * (high - low) + low).to_bits());
            assert!(images.plain(&[0]).iter().map(|value| value.to_bits()).eq(expected));
        }
    }

    #[test]
    fn without_augmentation_nothing_is_drawn_or_changed() {
        let cases = [(Augment::default(), Split::Training), (AUGMENT, Split::Test)];
        for (augment, split) in cases {
            let images = digits(&data(augment), split, 3);
            let mut noise = Noise::new(4, 0);
            assert_eq!(images.gather(&[2, 0, 2], &mut noise), images.plain(&[2, 0, 2]));
            assert_eq!(noise.uniform(), Noise::new(4, 0).uniform());
        }
    }

    #[test]
    fn the_same_noise_gives_the_same_images_and_other_noise_others() {
        let images = digits(&data(AUGMENT), Split::Training, 3);
        let gather = |seed| images.gather(&[2, 0, 2], &mut Noise::new(seed, 0));
        let (one, other) = (gather(1), gather(2));
        assert_eq!(one, gather(1));
        assert_ne!(one, other);
        assert_ne!(one, images.plain(&[2, 0, 2]));
        // An image that comes twice is changed differently.
        assert_ne!(one[..SIDE * SIDE], one[2 * SIDE * SIDE..]);
    }

    #[test]
    fn changed_images_have_the_size_and_the_range_of_the_data() {
        for size in [14, 28, 32] {
            let data = Data { size, range: Range::Signed, ..data(Augment { scale: 0.5, ..AUGMENT }) };
            let images = digits(&data, Split::Training, 10);
            let all: Vec<usize> = (0..10).collect();
            let values = images.gather(&all, &mut Noise::new(1, 0));
            assert_eq!(values.len(), 10 * size * size);
            assert!(values.iter().all(|value| (-1.0..=1.0).contains(value)));
            let corners = values.chunks_exact(size * size).filter(|image| image[0] == -1.0);
            assert_eq!(corners.count(), 10, "black comes in at the borders");
        }
    }

    #[test]
    fn the_test_images_of_a_drawn_set_are_others_than_those_for_training() {
        let data = Data { limit: 50, ..Data::new(Set::SyntheticDigits) };
        let (training, test) =
            (Images::training(&data, &Search::default()).unwrap().0, Images::test(&data, &Search::default()).unwrap());
        assert_eq!((training.count(), test.count()), (50, DRAWN_FOR_TEST));
        for images in [&training, &test] {
            assert_eq!(images.classes().len(), 10);
            assert_eq!(images.labels().len(), images.count());
            assert!(images.labels().iter().enumerate().all(|(i, &label)| usize::from(label) == i % 10));
        }
        let all: Vec<usize> = (0..50).collect();
        assert!(all.iter().all(|&i| training.plain(&[i]) != test.plain(&[i])));
        assert_ne!(drawn(Drawing::Clothing, Split::Training, 10).0, drawn(Drawing::Clothing, Split::Test, 10).0);
    }

    #[test]
    fn a_limit_takes_the_first_images() {
        let some =
            |limit| Images::training(&Data { limit, ..Data::new(Set::SyntheticDigits) }, &Search::default()).unwrap().0;
        let (few, more) = (some(3), some(20));
        assert_eq!((few.count(), more.count()), (3, 20));
        assert_eq!(few.plain(&[0, 1, 2]), more.plain(&[0, 1, 2]));
        assert_eq!(few.labels(), [0, 1, 2]);
    }

    #[test]
    fn a_part_is_kept_out_of_training_and_never_changed_at_random() {
        let data = |validation| Data { limit: 50, validation, ..data(AUGMENT) };
        let (all, none) = Images::training(&data(0.0), &Search::default()).unwrap();
        let (training, validation) = Images::training(&data(0.3), &Search::default()).unwrap();
        let validation = validation.unwrap();
        assert!(none.is_none());
        assert_eq!((training.count(), validation.count()), (35, 15));
        let each = |images: &Images| (0..images.count()).map(|i| images.kept(i).to_vec()).collect::<Vec<_>>();
        let mut both = [each(&training), each(&validation)].concat();
        let mut expected = each(&all);
        both.sort();
        expected.sort();
        assert!(both == expected);
        assert_eq!(validation.gather(&[0, 1], &mut Noise::new(1, 0)), validation.plain(&[0, 1]));
        assert_ne!(training.gather(&[0, 1], &mut Noise::new(1, 0)), training.plain(&[0, 1]));
        assert_eq!(validation.sha256(), Images::training(&data(0.3), &Search::default()).unwrap().1.unwrap().sha256());
        assert_ne!(validation.sha256(), training.sha256());
        let message = Images::training(&data(0.001), &Search::default()).err().unwrap().to_string();
        assert!(message.contains("keeps 0 of 50"), "{message}");
    }

    #[test]
    fn labels_without_a_class_are_named() {
        let data = Data::new(Set::Mnist);
        let open = |pixels, labels| Images::new(&data, Split::Test, SIDE, vec![0; pixels * SIDE * SIDE], labels);
        let message = |pixels, labels| open(pixels, labels).err().unwrap().to_string();
        assert!(open(2, vec![0, 9]).is_ok());
        assert_eq!(
            message(3, vec![0, 9, 10]),
            "test image 2 of mnist has the label 10, but labels lie between 0 and 9"
        );
        assert_eq!(message(0, vec![]), "the set mnist holds no test image");
        assert!(message(3, vec![0, 1]).contains("mnist"));
    }
}
