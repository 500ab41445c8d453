//! How large a declaration may be.

/// How large a declaration may be, checked before anything is allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a YAML file.
    pub file: usize,
    /// How deep lists and maps of the file may be nested.
    pub depth: usize,
    /// Layers of one network, repeated ones counted each time.
    pub layers: usize,
    /// Parameters of one network.
    pub parameters: u64,
    /// Bytes of the outputs of all layers of one network for one image, in 32-bit floats.
    pub activations: u64,
    /// Bytes of the outputs of all layers of one network for a training step.
    pub step: u64,
}

impl Limits {
    /// 64 KiB of YAML, 64 deep, 256 layers, 2²⁸ parameters (1 GiB), 256 MiB an image and 32 GiB
    /// a step.
    pub const DEFAULT: Self =
        Self { file: 64 << 10, depth: 64, layers: 256, parameters: 1 << 28, activations: 256 << 20, step: 32 << 30 };

    /// For training in a web page, whose memory ends at 4 GiB: 2²⁴ parameters (64 MiB), 16 MiB an
    /// image and 512 MiB a step.
    pub const PAGE: Self = Self { parameters: 1 << 24, activations: 16 << 20, step: 512 << 20, ..Self::DEFAULT };

    /// On request, and for files written by the program, which have no short forms: 1 MiB of YAML,
    /// 100 deep, 4,096 layers, 2³² parameters (16 GiB), 16 GiB an image and 1 TiB a step.
    pub const LARGE: Self =
        Self { file: 1 << 20, depth: 100, layers: 4096, parameters: 1 << 32, activations: 16 << 30, step: 1 << 40 };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
