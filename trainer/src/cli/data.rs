//! `imago data`: the sets that models learn from.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use imago_core::spec::{self, Set};

use crate::data::{Images, Statistics};
use crate::files;
use crate::report::png_grid;

/// How many images of each class a preview shows.
const SHOWN: usize = 10;

/// Look at the data sets: list, fetch, verify, preview, stats
#[derive(Args)]
pub struct Data {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Print the sets that are known by name
    List,
    /// Download a set into the cache, if it is not there yet
    Fetch(Which),
    /// Check every file of a set against its SHA-256, and every label
    Verify(Which),
    /// Draw some images of each class, and behind them the mean of the class
    Preview {
        #[command(flatten)]
        which: Which,
        /// The PNG to write; `<set>.png` if not given
        #[arg(long, short, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Print how many images there are of each class, and what their pixels are like
    Stats(Which),
}

#[derive(Args)]
struct Which {
    /// The set, as in data.set of a pipeline
    #[arg(value_parser = parse)]
    set: Set,
    /// Where mnist/ and fashion-mnist/ are; otherwise IMAGO_DATA_DIR, the cache, or a download
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
}

impl Data {
    pub fn run(self) -> Result<ExitCode> {
        match self.action {
            Action::List => list(),
            Action::Fetch(which) => {
                which.open()?;
                say!("{} is at hand", which.set.name());
            }
            Action::Verify(which) => {
                // What is opened is checked.
                let [training, test] = which.open()?;
                say!(
                    "{}: {} training and {} test images, all as published",
                    which.set.name(),
                    training.count(),
                    test.count()
                );
            }
            Action::Preview { which, out } => {
                let path = out.unwrap_or_else(|| format!("{}.png", which.set.name()).into());
                preview(&which, &path)?;
                say!("{}: a row for each class, its mean at the end", path.display());
            }
            Action::Stats(which) => stats(&which)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Which {
    /// The training images and the test images.
    fn open(&self) -> Result<[Images; 2]> {
        let data = spec::Data::new(self.set);
        let folder = self.data_dir.as_deref();
        Ok([Images::training(&data, folder)?.0, Images::test(&data, folder)?])
    }
}

/// The set of that name.
fn parse(name: &str) -> Result<Set, String> {
    let names: Vec<&str> = Set::ALL.iter().map(|set| set.name()).collect();
    Set::ALL.into_iter().find(|set| set.name() == name).ok_or_else(|| match spec::nearest(name, &names) {
        Some(near) => format!("there is no such set; did you mean `{near}`?"),
        None => format!("there is no such set; the sets are {}", names.join(", ")),
    })
}

fn list() {
    for set in Set::ALL {
        let about = match set {
            Set::Mnist => "60,000 handwritten digits and 10,000 for testing (LeCun et al.)",
            Set::FashionMnist => "60,000 pieces of clothing and 10,000 for testing (Xiao et al. 2017)",
            Set::SyntheticDigits => "10,000 digits and 2,000 for testing, drawn by the program itself",
            Set::SyntheticClothing => "10,000 pieces of clothing and 2,000 for testing, drawn by the program itself",
        };
        say!("{:<20}{about}", set.name());
    }
}

fn preview(which: &Which, path: &Path) -> Result<()> {
    let [images, _] = which.open()?;
    let statistics = Statistics::of(&images);
    let mut pixels = Vec::new();
    for class in 0..images.classes() {
        let of_class = (0..images.count()).filter(|index| usize::from(images.labels()[*index]) == class);
        let shown: Vec<usize> = of_class.take(SHOWN).collect();
        pixels.extend(images.plain(&shown));
        let [channels, height, width] = images.shape();
        pixels.resize(pixels.len() + (SHOWN - shown.len()) * channels * height * width, 0.0);
        pixels.extend(&statistics.means[class]);
    }
    files::write(path, &png_grid(&pixels, images.shape(), SHOWN + 1, 2)?)
}

fn stats(which: &Which) -> Result<()> {
    let parts = which.open()?;
    for (name, images) in ["training", "test"].into_iter().zip(&parts) {
        let statistics = Statistics::of(images);
        let [channels, height, width] = images.shape();
        let kind = if channels == 1 { "grey" } else { "RGB" };
        say!("{name}: {} {kind} images of {height} x {width} pixels", images.count());
        say!(
            "  pixels from 0 to 1: mean {:.4}, standard deviation {:.4}, {:.1} % black",
            statistics.mean,
            statistics.deviation,
            100.0 * statistics.black
        );
        for (class, count) in which.set.classes().iter().zip(&statistics.counts) {
            say!("  {class:<12}{count:>7}  {:>5.1} %", 100.0 * *count as f64 / images.count() as f64);
        }
    }
    Ok(())
}
