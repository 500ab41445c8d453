//! The images of one split of a set.

use std::borrow::Cow;

use super::augment::{Affine, Canvas, Photometric};
use super::synthetic::Drawing;
use super::{DataError, Split, idx, stacked, synthetic};
use crate::hash::sha256;
use crate::noise::{Noise, Purpose};
use crate::spec::{Data, PixelRange, Set};

/// The images of one split of a set, all in memory.
#[derive(Debug, Clone)]
pub struct Images {
    data: Data,
    split: Split,
    /// `[count, channels, side, side]`.
    pixels: Vec<u8>,
    labels: Vec<u8>,
    classes: Vec<String>,
    /// Height and width as stored; images are scaled on use.
    side: usize,
    resize: Resize,
    /// The value of each byte in the range of the data.
    levels: [f32; 256],
}

/// Scales a square channel: its pixels, its side and the new side.
pub type Resize = fn(&[u8], usize, usize) -> Vec<u8>;

/// The seed of the synthetic sets, which do not depend on a run.
const SYNTHETIC_SEED: u64 = 20_230_613;
/// Height and width of the images of all named sets.
pub const SIDE: usize = 28;
const SYNTHETIC_TRAINING: usize = 10_000;
/// Synthetic images for testing, which follow those for training.
const SYNTHETIC_TEST: usize = 2_000;

impl Images {
    /// Images of `side` by `side` pixels with labels; for training up to the limit of `data`.
    ///
    /// # Errors
    /// They are not images of that set.
    pub fn new(
        data: &Data,
        split: Split,
        side: usize,
        pixels: Vec<u8>,
        labels: Vec<u8>,
        resize: Resize,
    ) -> Result<Self, DataError> {
        let (name, classes, split_name) = (data.set.name(), data.class_names(), split.name());
        let set = || name.to_owned();
        if pixels.len() != labels.len() * data.channels() * side * side {
            return Err(DataError::Length { split: split_name, set: set(), side });
        }
        if labels.is_empty() {
            return Err(DataError::Empty { split: split_name, set: set() });
        }
        let wrong = |(_, label): &(usize, &u8)| usize::from(**label) >= classes.len();
        if let Some((image, label)) = labels.iter().enumerate().find(wrong) {
            let (label, most) = (*label, classes.len() - 1);
            return Err(DataError::Label { split: split_name, set: set(), image, label, most });
        }
        let [low, high] = <[f64; 2]>::from(data.range).map(|end| end as f32);
        let levels = std::array::from_fn(|byte| byte as f32 / 255.0 * (high - low) + low);
        let mut images = Self { data: data.clone(), split, pixels, labels, classes, side, resize, levels };
        let most = Self::most(data, split);
        images.pixels.truncate(most.saturating_mul(images.stored_bytes()));
        images.labels.truncate(most);
        Ok(images)
    }

    /// The images of a synthetic set; `None` for other sets.
    pub fn synthetic(data: &Data, split: Split, resize: Resize) -> Option<Result<Self, DataError>> {
        let drawing = match data.set {
            Set::SyntheticDigits => Drawing::Digits,
            Set::SyntheticClothing => Drawing::Clothing,
            _ => return None,
        };
        let (first, count) = match split {
            Split::Training | Split::Validation => (0, SYNTHETIC_TRAINING),
            Split::Test => (SYNTHETIC_TRAINING as u64, SYNTHETIC_TEST),
        };
        let count = count.min(Self::most(data, split));
        let (pixels, labels) = synthetic::draw_many(drawing, SYNTHETIC_SEED, first, count);
        Some(Self::new(data, split, SIDE, pixels, labels, resize))
    }

    /// The images of a published set from the IDX files of a split; combined for stacked MNIST.
    ///
    /// # Errors
    /// The bytes are not the images of that set.
    pub fn from_idx(
        data: &Data,
        split: Split,
        images: &[u8],
        labels: &[u8],
        resize: Resize,
    ) -> Result<Self, DataError> {
        let (name, set) = (split.name(), if data.set == Set::StackedMnist { &Set::Mnist } else { &data.set });
        let failed = |kind| move |error| DataError::Idx { split: name, kind, set: set.name().to_owned(), error };
        let images = idx::images(images).map_err(failed("images"))?;
        let mut labels = idx::labels(labels).map_err(failed("labels"))?;
        if labels.len() != images.count {
            let (set, images, labels) = (set.name().to_owned(), images.count, labels.len());
            return Err(DataError::Counts { split: name, set, images, labels });
        }
        let mut pixels = images.pixels;
        if data.set == Set::StackedMnist {
            let digits = Self::new(&Data::new(Set::Mnist), split, SIDE, pixels, labels, resize)?;
            (pixels, labels) = stacked::stack(&digits.pixels, split, Self::most(data, split));
        }
        Self::new(data, split, SIDE, pixels, labels, resize)
    }

    /// How many images of a split are used at most.
    pub fn most(data: &Data, split: Split) -> usize {
        if split == Split::Training && data.limit > 0 { data.limit } else { usize::MAX }
    }

    /// Splits the validation images off, if there are to be any.
    ///
    /// # Errors
    /// No or all images would be held out.
    pub fn hold_out(self) -> Result<(Self, Option<Self>), DataError> {
        if self.data.validation == 0.0 {
            return Ok((self, None));
        }
        let count = self.count();
        let kept = (count as f64 * self.data.validation).round() as usize;
        if kept == 0 || kept == count {
            return Err(DataError::Validation { kept, count });
        }
        // A part of the data, which does not depend on the seed of a run.
        let mut order = self.shuffled(&mut Noise::of(Purpose::Split, 0, 0));
        let (validation, training) = order.split_at_mut(kept);
        validation.sort_unstable();
        training.sort_unstable();
        let part = |indices: &[usize], split| Self {
            data: self.data.clone(),
            split,
            pixels: indices.iter().flat_map(|index| self.stored(*index)).copied().collect(),
            labels: indices.iter().map(|index| self.labels[*index]).collect(),
            classes: self.classes.clone(),
            ..self
        };
        Ok((part(training, Split::Training), Some(part(validation, Split::Validation))))
    }

    /// Number of images.
    pub fn count(&self) -> usize {
        self.labels.len()
    }

    /// Channels, height and width.
    pub fn shape(&self) -> [usize; 3] {
        self.data.image()
    }

    /// The set.
    pub fn set(&self) -> &Set {
        &self.data.set
    }

    /// The values of black and white.
    pub fn range(&self) -> PixelRange {
        self.data.range
    }

    /// The class of each image, an index into [`Self::classes`].
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// The names of the classes.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The bytes of all images, if they are used as stored: neither scaled nor changed at random.
    pub fn as_stored(&self) -> Option<&[u8]> {
        let changed = self.split == Split::Training && !self.data.augment.is_none();
        (self.side == self.data.size && !changed).then_some(&self.pixels[..])
    }

    /// Images in the range of the data, one after another. Training images are augmented as
    /// declared; otherwise nothing is taken from the noise.
    pub fn gather(&self, indices: &[usize], noise: &mut Noise) -> Vec<f32> {
        if self.split != Split::Training || self.data.augment.is_none() {
            return self.plain(indices);
        }
        let size = self.data.size;
        let mut values = vec![0.0; indices.len() * self.data.channels() * size * size];
        let mut canvas = Canvas::new(size, self.levels[0]);
        let ends = [self.levels[0], self.levels[255]];
        for (&index, image) in indices.iter().zip(values.chunks_exact_mut(self.data.channels() * size * size)) {
            let affine = Affine::sample(&self.data.augment, noise);
            let photometric = Photometric::sample(&self.data.augment, noise);
            for (plane, changed) in self.planes(index).zip(image.chunks_exact_mut(size * size)) {
                canvas.put(&plane, &self.levels);
                canvas.transform(&affine, changed);
                photometric.apply(changed, size, ends, noise);
            }
        }
        values
    }

    /// Images in the range of the data, one after another, without augmentation.
    pub fn plain(&self, indices: &[usize]) -> Vec<f32> {
        let mut values = Vec::with_capacity(indices.len() * self.shape().iter().product::<usize>());
        for plane in indices.iter().flat_map(|&index| self.planes(index)) {
            values.extend(plane.iter().map(|&byte| self.levels[usize::from(byte)]));
        }
        values
    }

    /// SHA-256 of all pixels and labels.
    pub fn sha256(&self) -> String {
        sha256(&[self.pixels.as_slice(), &self.labels].concat())
    }

    /// All indices in a random order.
    pub fn shuffled(&self, noise: &mut Noise) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.count()).collect();
        noise.shuffle(&mut order);
        order
    }

    fn stored_bytes(&self) -> usize {
        self.data.channels() * self.side * self.side
    }

    fn stored(&self, index: usize) -> &[u8] {
        &self.pixels[index * self.stored_bytes()..(index + 1) * self.stored_bytes()]
    }

    fn planes(&self, index: usize) -> impl Iterator<Item = Cow<'_, [u8]>> {
        self.stored(index).chunks_exact(self.side * self.side).map(|plane| self.scaled(plane))
    }

    fn scaled<'a>(&self, plane: &'a [u8]) -> Cow<'a, [u8]> {
        match self.side == self.data.size {
            true => plane.into(),
            false => (self.resize)(plane, self.side, self.data.size).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Augment;

    fn nearest(plane: &[u8], from: usize, to: usize) -> Vec<u8> {
        (0..to * to).map(|at| plane[at / to * from / to * from + at % to * from / to]).collect()
    }

    fn open(data: &Data, split: Split) -> Images {
        Images::synthetic(data, split, nearest).unwrap().unwrap()
    }

    const AUGMENT: Augment =
        Augment { shift: 2.0, rotate: 10.0, scale: 0.1, flip: 0.0, blur: 0.0, contrast: 0.0, noise: 0.0 };

    fn digits(data: &Data, split: Split, count: usize) -> Images {
        let (pixels, labels) = synthetic::draw_many(Drawing::Digits, SYNTHETIC_SEED, 0, count);
        Images::new(data, split, SIDE, pixels, labels, nearest).unwrap()
    }

    fn data(augment: Augment) -> Data {
        Data { augment, ..Data::new(Set::SyntheticDigits) }
    }

    #[test]
    fn bytes_become_the_same_numbers_as_by_the_formula() {
        for (range, low, high) in [(PixelRange::Unit, 0.0f32, 1.0f32), (PixelRange::Signed, -1.0, 1.0)] {
            let data = Data { range, ..data(Augment::default()) };
            let pixels: Vec<u8> = (0..SIDE * SIDE).map(|i| i as u8).collect();
            let images = Images::new(&data, Split::Training, SIDE, pixels.clone(), vec![0], nearest).unwrap();
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
        // An image that occurs twice is changed differently.
        assert_ne!(one[..SIDE * SIDE], one[2 * SIDE * SIDE..]);
    }

    #[test]
    fn changed_images_have_the_size_and_the_range_of_the_data() {
        for size in [14, 28, 32] {
            let data = Data { size, range: PixelRange::Signed, ..data(Augment { scale: 0.5, ..AUGMENT }) };
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
    fn the_test_images_of_a_synthetic_set_differ_from_those_for_training() {
        let data = Data { limit: 50, ..Data::new(Set::SyntheticDigits) };
        let (training, test) = (open(&data, Split::Training), open(&data, Split::Test));
        assert_eq!((training.count(), test.count()), (50, SYNTHETIC_TEST));
        for images in [&training, &test] {
            assert_eq!(images.classes().len(), 10);
            assert_eq!(images.labels().len(), images.count());
            assert!(images.labels().iter().enumerate().all(|(i, &label)| usize::from(label) == i % 10));
        }
        let all: Vec<usize> = (0..50).collect();
        assert!(all.iter().all(|&i| training.plain(&[i]) != test.plain(&[i])));
    }

    #[test]
    fn a_limit_takes_the_first_images() {
        let some = |limit| open(&Data { limit, ..Data::new(Set::SyntheticDigits) }, Split::Training);
        let (few, more) = (some(3), some(20));
        assert_eq!((few.count(), more.count()), (3, 20));
        assert_eq!(few.plain(&[0, 1, 2]), more.plain(&[0, 1, 2]));
        assert_eq!(few.labels(), [0, 1, 2]);
    }

    #[test]
    fn validation_images_are_held_out_and_never_changed_at_random() {
        let data = |validation| Data { limit: 50, validation, ..data(AUGMENT) };
        let (all, none) = open(&data(0.0), Split::Training).hold_out().unwrap();
        let (training, validation) = open(&data(0.3), Split::Training).hold_out().unwrap();
        let validation = validation.unwrap();
        assert!(none.is_none());
        assert_eq!((training.count(), validation.count()), (35, 15));
        let each = |images: &Images| (0..images.count()).map(|i| images.stored(i).to_vec()).collect::<Vec<_>>();
        let mut both = [each(&training), each(&validation)].concat();
        let mut expected = each(&all);
        both.sort();
        expected.sort();
        assert!(both == expected);
        assert_eq!(validation.gather(&[0, 1], &mut Noise::new(1, 0)), validation.plain(&[0, 1]));
        assert_ne!(training.gather(&[0, 1], &mut Noise::new(1, 0)), training.plain(&[0, 1]));
        assert_eq!(validation.sha256(), open(&data(0.3), Split::Training).hold_out().unwrap().1.unwrap().sha256());
        assert_ne!(validation.sha256(), training.sha256());
        let message = open(&data(0.001), Split::Training).hold_out().err().unwrap().to_string();
        assert!(message.contains("holds out 0 of 50"), "{message}");
    }

    #[test]
    fn labels_without_a_class_are_named() {
        let data = Data::new(Set::Mnist);
        let open =
            |pixels, labels| Images::new(&data, Split::Test, SIDE, vec![0; pixels * SIDE * SIDE], labels, nearest);
        let message = |pixels, labels| open(pixels, labels).err().unwrap().to_string();
        assert!(open(2, vec![0, 9]).is_ok());
        assert_eq!(
            message(3, vec![0, 9, 10]),
            "test image 2 of mnist has the label 10, but labels lie between 0 and 9"
        );
        assert_eq!(message(0, vec![]), "mnist contains no test image");
        assert!(message(3, vec![0, 1]).contains("mnist"));
    }

    #[test]
    fn digits_that_cannot_be_stacked_are_refused() {
        let data = Data::new(Set::StackedMnist);
        let idx = |sides: &[u32], bytes: usize| {
            let magic = 2048 + sides.len() as u32;
            let header = std::iter::once(&magic).chain(sides).flat_map(|side| side.to_be_bytes());
            header.chain(std::iter::repeat_n(1, bytes)).collect::<Vec<u8>>()
        };
        let open = |count: usize, side: usize| {
            let images = idx(&[count as u32, side as u32, side as u32], count * side * side);
            Images::from_idx(&data, Split::Test, &images, &idx(&[count as u32], count), nearest)
        };
        assert!(matches!(open(0, SIDE), Err(DataError::Empty { .. })));
        assert!(matches!(open(3, 5), Err(DataError::Length { .. })));
        assert_eq!(open(3, SIDE).unwrap().shape(), [3, SIDE, SIDE]);
    }
}
