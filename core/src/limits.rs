//! How large a declaration may be.

/// How large a network may be. Checked before anything is allocated, so that a slip of the keyboard or a hostile file is an
/// error and not a machine out of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a YAML file.
    pub file: usize,
    /// How deep lists and maps of the file may lie within one another.
    pub depth: usize,
    /// Layers of one network, those that are repeated counted each time.
    pub layers: usize,
    /// Parameters of one network.
    pub parameters: u64,
    /// Bytes that one image takes behind all layers of one network together, in 32-bit floats.
    pub activations: u64,
    /// Bytes that the images of one training step take behind all layers of one network together.
    pub step: u64,
}

impl Limits {
    /// 64 KiB of YAML, 64 deep, 256 layers, 2²⁸ parameters (1 GiB), 256 MiB an image and 32 GiB a step.
    pub const DEFAULT: Self =
        Self { file: 64 << 10, depth: 64, layers: 256, parameters: 1 << 28, activations: 256 << 20, step: 32 << 30 };

    /// What is allowed on request, and for files that the program wrote, which are longer and deeper since no short form is
    /// left in them: 1 MiB of YAML, 100 deep, 4,096 layers, 2³² parameters (16 GiB), 16 GiB an image and 1 TiB a step.
    pub const LARGE: Self =
        Self { file: 1 << 20, depth: 100, layers: 4096, parameters: 1 << 32, activations: 16 << 30, step: 1 << 40 };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
