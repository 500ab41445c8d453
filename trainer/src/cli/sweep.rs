//! `imago sweep`: many variants of a pipeline.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use crate::data::Search;
use crate::device::DeviceChoice;
use crate::sweep::{self, Workers, shell};

/// Train variants of a pipeline: a grid or a list of values, with several seeds
///
/// All variants are checked before the first is trained. Each runs in its own folder and process.
/// Finished runs are not repeated, so the same command continues a stopped sweep, and several
/// processes may share one. Exits with 0 when all runs have finished, 1 when one has not, 2 for a
/// mistake, and 130 when stopped.
#[derive(clap::Args)]
pub struct Sweep {
    /// The sweep file; docs/scale.md describes it
    file: PathBuf,
    /// Where to put the run folders; `runs/<name of the file>` by default
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// How many runs to train side by side [default: the number of --devices]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// The devices: cpu,wgpu alternates between them, and cpu,cpu trains two runs at a time on the
    /// CPU
    #[arg(long, value_enum, value_name = "DEVICE,…", value_delimiter = ',')]
    devices: Vec<DeviceChoice>,
    /// Train only this run, counted from 1
    #[arg(long, value_name = "K", conflicts_with = "jobs")]
    index: Option<NonZeroUsize>,
    /// Print a command for each run, for a shell or a batch system, and train nothing
    #[arg(long, conflicts_with_all = ["index", "jobs"])]
    list: bool,
    /// Print the table of all runs from their folders, and train nothing
    #[arg(long, conflicts_with_all = ["index", "jobs", "devices", "list"])]
    table: bool,
    /// Then evaluate 10,000 samples of each run: FID, precision, recall and coverage join the table
    #[arg(long, conflicts_with_all = ["list", "table"])]
    score: bool,
    #[command(flatten)]
    search: Search,
    /// Lift the limits on file size, layers, parameters and memory that catch typing mistakes
    #[arg(long)]
    allow_large: bool,
}

impl Sweep {
    pub fn run(self) -> Result<ExitCode> {
        let sweep = sweep::Sweep::open(&self.file, self.out.clone())?;
        if self.table {
            sweep.table()?;
            return Ok(ExitCode::SUCCESS);
        }
        let workers = Workers {
            jobs: self.jobs.map_or(0, NonZeroUsize::get),
            devices: self.devices.clone(),
            search: self.search.clone(),
            allow_large: self.allow_large,
            score: self.score,
        };
        if self.list {
            let runs = sweep.runs(None)?;
            sweep.check(&runs, workers.limits())?;
            for run in runs {
                say!("{}", shell::line(&self.command(&sweep, run.index, workers.device(run.index - 1))));
            }
            return Ok(ExitCode::SUCCESS);
        }
        sweep.train(self.index.map(NonZeroUsize::get), &workers)
    }

    /// The command that trains one run, with this program called as it is now.
    fn command(&self, sweep: &sweep::Sweep, index: usize, device: Option<String>) -> Vec<OsString> {
        let program = std::env::args_os().next().unwrap_or("imago".into());
        let mut words = vec![program, "sweep".into(), self.file.clone().into()];
        words.extend(["--index".into(), index.to_string().into(), "--out".into(), sweep.out().into()]);
        if let Some(device) = device {
            words.extend(["--devices".into(), device.into()]);
        }
        words.extend(self.search.words());
        if self.allow_large {
            words.push("--allow-large".into());
        }
        words
    }
}
