//! Why some bytes are not the images of a set.

use super::IdxError;

/// Why bytes are not the images of a set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    /// The numbers of pixels and labels do not match.
    #[error("the {split} images of {set} are not one of {side} x {side} pixels for each label")]
    Length {
        /// The split.
        split: &'static str,
        /// The set.
        set: String,
        /// Height and width of an image.
        side: usize,
    },
    /// There is no image.
    #[error("{set} contains no {split} image")]
    Empty {
        /// The split.
        split: &'static str,
        /// The set.
        set: String,
    },
    /// A label has no class.
    #[error("{split} image {image} of {set} has the label {label}, but labels lie between 0 and {most}")]
    Label {
        /// The split.
        split: &'static str,
        /// The set.
        set: String,
        /// Index of the image.
        image: usize,
        /// Its label.
        label: u8,
        /// The largest label.
        most: usize,
    },
    /// No or all images would be held out.
    #[error("data.validation holds out {kept} of {count} training images: it must be at least one, and not all")]
    Validation {
        /// Images that would be held out.
        kept: usize,
        /// Training images.
        count: usize,
    },
    /// The bytes are not an IDX file.
    #[error("the {split} {kind} of {set}: {error}")]
    Idx {
        /// The split.
        split: &'static str,
        /// `images` or `labels`.
        kind: &'static str,
        /// The set.
        set: String,
        /// The error.
        error: IdxError,
    },
    /// The numbers of images and labels differ.
    #[error("{set} has {images} {split} images and {labels} labels")]
    Counts {
        /// The split.
        split: &'static str,
        /// The set.
        set: String,
        /// Number of images.
        images: usize,
        /// Number of labels.
        labels: usize,
    },
}
