//! A whole pipeline: what to train, on what, and how.

#[cfg(feature = "yaml")]
mod check;
#[cfg(feature = "yaml")]
mod lint;

#[cfg(feature = "yaml")]
pub(crate) use lint::warnings;
use serde::Serialize;

use crate::family::Model;
use crate::spec::{Data, Train};

/// One file: what to train, on what, and how.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Pipeline {
    /// Names runs and artifacts: 1 to 64 letters, digits, `-` and `_`.
    pub name: String,
    /// The images.
    pub data: Data,
    /// The networks and their loss.
    pub model: Model,
    /// The training settings.
    #[serde(default)]
    pub train: Train,
}
