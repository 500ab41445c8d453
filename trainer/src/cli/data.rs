//! `imago data`: the data sets.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use imago_core::spec::{self, Set};

use imago_core::data::Statistics;
use imago_core::yaml::nearest;

use crate::data::{Images, Search, folder_classes};
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
    /// List the named sets
    List,
    /// Download a set into the cache unless it is there
    Fetch(Which),
    /// Check every file of a set: its SHA-256, or in a folder whether it can be read
    Verify(Which),
    /// Draw some images of each class, followed by the mean of the class
    Preview {
        #[command(flatten)]
        which: Which,
        /// The PNG to write; `<set>.png` by default
        #[arg(long, short, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Print the number of images of each class and pixel statistics
    Stats(Which),
}

#[derive(Args)]
struct Which {
    /// A named set, or a folder of images with a sub-folder for each class
    #[arg(value_name = "SET|FOLDER")]
    set: String,
    #[command(flatten)]
    search: Search,
    /// For a folder: the height and width to scale images to
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(4..=1024))]
    size: u16,
    /// For a folder: convert images to grey
    #[arg(long)]
    grey: bool,
}

impl Data {
    pub fn run(self) -> Result<ExitCode> {
        match self.action {
            Action::List => list(),
            Action::Fetch(which) => {
                which.open()?;
                say!("{} is available", which.set);
            }
            Action::Verify(which) => {
                // Opening a set verifies it.
                let [training, test] = which.open()?;
                let how = if matches!(training.set(), Set::Folder(_)) { "all readable" } else { "all as published" };
                say!("{}: {} training and {} test images, {how}", which.set, training.count(), test.count());
            }
            Action::Preview { which, out } => preview(&which, out)?,
            Action::Stats(which) => stats(&which)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Which {
    /// The `data` section of a pipeline for this set.
    fn data(&self) -> Result<spec::Data> {
        if let Some(set) = Set::ALL.into_iter().find(|set| set.name() == self.set) {
            return Ok(spec::Data::new(set));
        }
        if !Path::new(&self.set).is_dir() {
            let names: Vec<&str> = Set::ALL.iter().map(Set::name).collect();
            let help = match nearest(&self.set, &names) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the sets are {}", names.join(", ")),
            };
            bail!("`{}` is neither a set nor a folder; {help}", self.set);
        }
        let classes = folder_classes(Path::new(&self.set))?;
        let channels = if self.grey { 1 } else { 3 };
        Ok(spec::Data { classes, channels, size: self.size.into(), ..spec::Data::new(Set::Folder(self.set.clone())) })
    }

    /// The training images and the test images.
    fn open(&self) -> Result<[Images; 2]> {
        let data = self.data()?;
        Ok([crate::data::training(&data, &self.search)?.0, crate::data::test(&data, &self.search)?])
    }
}

fn list() {
    let line = |name: &str, about: &str| say!("{name:<20}{about}");
    let folder = Set::Folder("{ folder: PATH }".to_owned());
    for set in Set::ALL.iter().chain([&folder]) {
        line(
            set.name(),
            match set {
                Set::Mnist => "60,000 handwritten digits and 10,000 for testing (LeCun et al.)",
                Set::FashionMnist => "60,000 pieces of clothing and 10,000 for testing (Xiao et al. 2017)",
                Set::StackedMnist => {
                    "128,000 RGB images of three MNIST digits and 26,000 for testing (Metz et al. 2016)"
                }
                Set::SyntheticDigits => "10,000 digits and 2,000 for testing, drawn by the program itself",
                Set::SyntheticClothing => {
                    "10,000 pieces of clothing and 2,000 for testing, drawn by the program itself"
                }
                Set::Folder(_) => "a folder of images, each sub-folder a class: `imago data stats PATH` describes it",
            },
        );
    }
}

fn preview(which: &Which, out: Option<PathBuf>) -> Result<()> {
    let [images, _] = which.open()?;
    let statistics = Statistics::of(&images);
    let mut pixels = Vec::new();
    for (class, mean) in statistics.means.iter().enumerate() {
        let of_class = (0..images.count()).filter(|index| usize::from(images.labels()[*index]) == class);
        let shown: Vec<usize> = of_class.take(SHOWN).collect();
        pixels.extend(images.plain(&shown));
        // A class with fewer images is filled up with black.
        pixels.resize(pixels.len() + (SHOWN - shown.len()) * mean.len(), 0.0);
        pixels.extend(mean);
    }
    let path = out.unwrap_or_else(|| format!("{}.png", images.set().title()).into());
    files::write(&path, &png_grid(&pixels, images.shape(), SHOWN + 1, 2)?)?;
    say!("{}: a row for each class, its mean at the end", path.display());
    Ok(())
}

fn stats(which: &Which) -> Result<()> {
    let data = which.data()?;
    for (name, images) in ["training", "test"].into_iter().zip(&which.open()?) {
        let statistics = Statistics::of(images);
        let [channels, height, width] = images.shape();
        let kind = if channels == 1 { "grey" } else { "RGB" };
        say!("{name}: {} {kind} images of {height} x {width} pixels", images.count());
        say!(
            "  values from 0 to 1: mean {:.4}, standard deviation {:.4}, {:.1} % of them 0",
            statistics.mean,
            statistics.std,
            100.0 * statistics.black
        );
        for (class, count) in images.classes().iter().zip(&statistics.counts) {
            say!("  {class:<12}{count:>7}  {:>5.1} %", 100.0 * *count as f64 / images.count() as f64);
        }
    }
    if let Set::Folder(path) = &data.set {
        say!("\nin a pipeline:\n  data:\n    set: {{ folder: {} }}", serde_json::to_string(path)?);
        say!("    size: {}\n    channels: {}", data.size, data.channels);
        if !data.classes.is_empty() {
            say!("    classes: {}", serde_json::to_string(&data.classes)?);
        }
    }
    Ok(())
}
