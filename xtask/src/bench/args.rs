//! The command line of `cargo xtask bench`.

use std::path::PathBuf;

use super::contestants::{Contestant, Network};

/// Compare Imago with PyTorch and Keras on the same networks, data, batches, optimisers and
/// threads.
///
/// The contestants take turns, one process each, so that other load on the machine affects all
/// alike. The first run installs PyTorch and TensorFlow into target/bench/venv, about 7 GB; it
/// needs Python 3.11 to 3.13.
#[derive(clap::Args)]
pub struct Args {
    /// Runs of every contestant [default: 3, or 1 with --quick]
    #[arg(long, value_name = "N")]
    pub rounds: Option<usize>,
    /// Timed steps in each run [default: 60, or 20 with --quick]
    #[arg(long, value_name = "N")]
    pub steps: Option<u64>,
    /// Steps between the first step and those [default: 10, or 5 with --quick]
    #[arg(long, value_name = "N")]
    pub warm_up: Option<u64>,
    /// Threads of every contestant [default: all cores]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// The networks, comma-separated
    #[arg(long, value_delimiter = ',', default_value = "reports-vae,reports-dcgan,mnist-gan,reports-classifier")]
    pub networks: Vec<Network>,
    /// The contestants, comma-separated: imago, pytorch or keras, optionally followed by hyphenated
    /// options: wgpu, vulkan, cuda, fusion, autotune (Imago), tuned, channels-last, compile
    /// (PyTorch), jit (Keras), as in pytorch-channels-last-tuned [default: all that suit the
    /// device]
    #[arg(long, value_delimiter = ',')]
    pub peers: Vec<Contestant>,
    /// Batch sizes, comma-separated [default: from each pipeline, or with --gpu 128,512,2048,4096]
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub batch: Vec<u64>,
    /// Use the GPU: Imago through wgpu and Vulkan, with and without fusion and autotune, PyTorch
    /// eager and compiled
    #[arg(long)]
    pub gpu: bool,
    /// One round of few steps, without 10,000 samples: a first look, not a measurement
    #[arg(long)]
    pub quick: bool,
    /// Measure a whole epoch too
    #[arg(long)]
    pub epoch: bool,
    /// Only Imago: the time per image with larger batches, and per epoch with more images
    #[arg(long, conflicts_with_all = ["networks", "peers", "batch", "epoch", "quick", "gpu"])]
    pub linear: bool,
    /// The folder with mnist/ [default: IMAGO_DATA_DIR, or the cache, after a download]
    #[arg(long, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
    /// A virtual environment with PyTorch, Keras and TensorFlow
    #[arg(long, value_name = "FOLDER")]
    pub venv: Option<PathBuf>,
    /// A built `imago` with all features that the contestants need
    #[arg(long, value_name = "FILE")]
    pub imago: Option<PathBuf>,
    /// Also write the tables to this file, as Markdown
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,
    /// Write all results of every run to this file
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}
