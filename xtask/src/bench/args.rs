//! The command line of `cargo xtask bench`.

use std::path::PathBuf;

use super::contestants::{Contestant, Network};

/// Measures Imago beside PyTorch and Keras: the same networks, data, batches, optimisers and threads.
///
/// The contestants take turns, one process each, so that whatever else the machine does meets them all alike. The first
/// run installs PyTorch and TensorFlow into target/bench/venv, some 7 GB; it needs Python 3.11 to 3.13.
#[derive(clap::Args)]
pub struct Args {
    /// How often every contestant runs; 1 with --quick, otherwise 3
    #[arg(long, value_name = "N")]
    pub rounds: Option<usize>,

    /// Steps that are timed in each run; 20 with --quick, otherwise 60
    #[arg(long, value_name = "N")]
    pub steps: Option<u64>,

    /// Steps between the first and those; 5 with --quick, otherwise 10
    #[arg(long, value_name = "N")]
    pub warm_up: Option<u64>,

    /// Threads of every contestant; all cores if not given
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,

    /// The networks, with commas between them
    #[arg(long, value_delimiter = ',', default_value = "reports-vae,reports-dcgan,mnist-gan,reports-classifier")]
    pub networks: Vec<Network>,

    /// The contestants, with commas between them: imago, pytorch or keras, and behind a hyphen how it runs: wgpu, vulkan,
    /// cuda, fusion, autotune (Imago), tuned, channels-last, compile (PyTorch), jit (Keras), as in
    /// pytorch-channels-last-tuned [default: all that suit the device]
    #[arg(long, value_delimiter = ',')]
    pub peers: Vec<Contestant>,

    /// Images in a batch, several sizes with commas between them; what each pipeline says if not given, and with --gpu
    /// 128,512,2048,4096
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub batch: Vec<u64>,

    /// Everybody on the GPU: Imago through wgpu and Vulkan, with and without fusion and autotune, PyTorch eager and compiled
    #[arg(long)]
    pub gpu: bool,

    /// One round of few steps, and no 10,000 images: a first look, not a measurement
    #[arg(long)]
    pub quick: bool,

    /// Measure a whole epoch too
    #[arg(long)]
    pub epoch: bool,

    /// Imago alone: the time of an image with larger batches, and of an epoch with more images
    #[arg(long, conflicts_with_all = ["networks", "peers", "batch", "epoch", "quick", "gpu"])]
    pub linear: bool,

    /// The folder that holds mnist/; otherwise IMAGO_DATA_DIR, or the cache, into which it is downloaded
    #[arg(long, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,

    /// A virtual environment that has PyTorch, Keras and TensorFlow already
    #[arg(long, value_name = "FOLDER")]
    pub venv: Option<PathBuf>,

    /// An `imago` that is built already, with all that the contestants ask for
    #[arg(long, value_name = "FILE")]
    pub imago: Option<PathBuf>,

    /// Write the tables to this file too, as Markdown
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,

    /// Write every figure of every run to this file
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}
