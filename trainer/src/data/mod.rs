//! Where images come from: files, folders, downloads.

mod download;
mod folder;
mod published;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Result;
pub use folder::classes as folder_classes;
use image::{GrayImage, imageops};
pub use imago_core::data::Images;
use imago_core::data::Split;
use imago_core::spec::{Data, Set};
use published::Published;

/// Where to look for images, and how strictly.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Search {
    /// The folder with mnist/ and fashion-mnist/ [default: IMAGO_DATA_DIR, the cache, or a
    /// download]
    #[arg(long, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
    /// Skip unreadable files of an image folder with a warning
    #[arg(long)]
    pub skip_unreadable: bool,
}

impl Search {
    /// The same options as words of a command line.
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

/// The training images of a set and, if requested, the held-out validation images.
pub fn training(data: &Data, search: &Search) -> Result<(Images, Option<Images>)> {
    Ok(open(data, Split::Training, search)?.hold_out()?)
}

/// All test images of a set, never augmented.
pub fn test(data: &Data, search: &Search) -> Result<Images> {
    open(data, Split::Test, search)
}

fn open(data: &Data, split: Split, search: &Search) -> Result<Images> {
    if let Some(images) = Images::synthetic(data, split, resize) {
        return Ok(images?);
    }
    let set = match &data.set {
        Set::FashionMnist => Published::FashionMnist,
        Set::Folder(path) => {
            let most = Images::most(data, split);
            let (pixels, labels) = folder::read(Path::new(path), data, split, most, search.skip_unreadable)?;
            return Ok(Images::new(data, split, data.size, pixels, labels, resize)?);
        }
        Set::Mnist | Set::StackedMnist | Set::SyntheticDigits | Set::SyntheticClothing => Published::Mnist,
    };
    let [train_images, train_labels, test_images, test_labels] = published::open(set, search.data_dir.as_deref())?;
    let (images, labels) = match split {
        Split::Training | Split::Validation => (train_images, train_labels),
        Split::Test => (test_images, test_labels),
    };
    Ok(Images::from_idx(data, split, &images, &labels, resize)?)
}

/// Scales a plane with a triangle filter: bilinear when enlarging, an area mean when shrinking.
fn resize(plane: &[u8], from: usize, to: usize) -> Vec<u8> {
    let (from, to) = (from as u32, to as u32);
    match GrayImage::from_raw(from, from, plane.to_vec()) {
        Some(image) => imageops::resize(&image, to, to, imageops::FilterType::Triangle).into_raw(),
        None => plane.to_vec(),
    }
}
