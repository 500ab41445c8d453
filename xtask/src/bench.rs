//! `cargo xtask bench`: how fast Imago trains and draws beside PyTorch and Keras, and whether its time grows with the work.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::iter;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::str::FromStr;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Error, Result, anyhow, bail, ensure};
use clap::ValueEnum;
use etcetera::BaseStrategy;
use serde_json::{Value, json};

use crate::{process, site, workspace};

/// The folder of the programs that Imago is compared with.
const PEERS: &str = "bench/peers";

/// Images in an epoch of MNIST.
const EPOCH: f64 = 60_000.0;

/// Measures Imago beside PyTorch and Keras: the same networks, data, batches, optimisers and threads.
///
/// The contestants take turns, one process each, so that whatever else the machine does meets them all alike. The first
/// run installs PyTorch and TensorFlow into target/bench/venv, some 7 GB; it needs Python 3.11 to 3.13.
#[derive(clap::Args)]
pub struct Args {
    /// How often every contestant runs; 1 with --quick, otherwise 3
    #[arg(long, value_name = "N")]
    rounds: Option<usize>,

    /// Steps that are timed in each run; 20 with --quick, otherwise 60
    #[arg(long, value_name = "N")]
    steps: Option<u64>,

    /// Steps between the first and those; 5 with --quick, otherwise 10
    #[arg(long, value_name = "N")]
    warm_up: Option<u64>,

    /// Threads of every contestant; all cores if not given
    #[arg(long, value_name = "N")]
    threads: Option<usize>,

    /// The networks, with commas between them
    #[arg(long, value_delimiter = ',', default_value = "reports-vae,reports-dcgan,mnist-gan,reports-classifier")]
    networks: Vec<Network>,

    /// The contestants, with commas between them: imago, pytorch or keras, and behind a hyphen how it runs: tuned,
    /// channels-last, compile (PyTorch), jit (Keras), as in pytorch-channels-last-tuned
    #[arg(long, value_delimiter = ',', default_value = "imago,pytorch,pytorch-tuned,keras,keras-tuned")]
    peers: Vec<Contestant>,

    /// Images in a batch; what each pipeline says if not given
    #[arg(long, value_name = "N")]
    batch: Option<u64>,

    /// Imago's device; the others run on CUDA unless it is cpu
    #[arg(long, default_value = "cpu")]
    device: String,

    /// Features that Imago is built with, such as vulkan
    #[arg(long)]
    features: Option<String>,

    /// One round of few steps, and no 10,000 images: a first look, not a measurement
    #[arg(long)]
    quick: bool,

    /// Measure a whole epoch too
    #[arg(long)]
    epoch: bool,

    /// Imago alone: the time of an image with larger batches, and of an epoch with more images
    #[arg(long, conflicts_with_all = ["networks", "peers", "batch", "epoch", "quick"])]
    linear: bool,

    /// The folder that holds mnist/; otherwise IMAGO_DATA_DIR, or the cache, into which it is downloaded
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,

    /// A virtual environment that has PyTorch, Keras and TensorFlow already
    #[arg(long, value_name = "FOLDER")]
    venv: Option<PathBuf>,

    /// An `imago` that is built already
    #[arg(long, value_name = "FILE")]
    imago: Option<PathBuf>,

    /// Write the tables to this file too, as Markdown
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,

    /// Write every figure of every run to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// The pipelines that the peers know.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Network {
    /// pipelines/reports/vae.yaml
    ReportsVae,
    /// pipelines/reports/dcgan.yaml
    ReportsDcgan,
    /// pipelines/mnist/gan.yaml
    MnistGan,
    /// pipelines/reports/classifier.yaml
    ReportsClassifier,
}

impl Network {
    fn name(self) -> &'static str {
        match self {
            Self::ReportsVae => "reports-vae",
            Self::ReportsDcgan => "reports-dcgan",
            Self::MnistGan => "mnist-gan",
            Self::ReportsClassifier => "reports-classifier",
        }
    }

    fn file(self) -> &'static str {
        match self {
            Self::ReportsVae => "pipelines/reports/vae.yaml",
            Self::ReportsDcgan => "pipelines/reports/dcgan.yaml",
            Self::MnistGan => "pipelines/mnist/gan.yaml",
            Self::ReportsClassifier => "pipelines/reports/classifier.yaml",
        }
    }

    /// What the pipeline says. It is told to everybody, so that nobody can believe another number.
    fn batch(self) -> u64 {
        if self == Self::MnistGan { 64 } else { 128 }
    }
}

/// Whoever takes part.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Program {
    Imago,
    Pytorch,
    Keras,
}

/// A program, and how it is run.
#[derive(Clone, PartialEq, Eq)]
struct Contestant {
    /// As it was typed.
    name: String,
    program: Program,
    /// Whether glibc keeps memory that was freed, instead of giving it back to the system at every step.
    tuned: bool,
    /// What the program is told.
    flags: Vec<&'static str>,
}

impl FromStr for Contestant {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let (program, mut rest) = name.split_once('-').unwrap_or((name, ""));
        let program = match program {
            "imago" => Program::Imago,
            "pytorch" => Program::Pytorch,
            "keras" => Program::Keras,
            _ => bail!("no contestant is called `{program}`; there are imago, pytorch and keras"),
        };
        let mut contestant = Self { name: name.to_owned(), program, tuned: false, flags: Vec::new() };
        while !rest.is_empty() {
            let mut take = |word: &str| match rest.strip_prefix(word).map(|left| left.strip_prefix('-').unwrap_or(left))
            {
                Some(left) => {
                    rest = left;
                    true
                }
                None => false,
            };
            match program {
                _ if take("tuned") => contestant.tuned = true,
                Program::Pytorch if take("channels-last") => contestant.flags.push("--channels-last"),
                Program::Pytorch if take("compile") => contestant.flags.push("--compile"),
                Program::Keras if take("jit") => contestant.flags.push("--jit"),
                _ => bail!(
                    "`{rest}` is no way to run it; there are tuned, channels-last, compile (PyTorch) and jit (Keras)"
                ),
            }
        }
        Ok(contestant)
    }
}

/// Runs the command.
///
/// # Errors
/// When Imago cannot be built, the data are not at hand, nobody could be measured, or a file cannot be written. A contestant
/// that fails is told of, and the others go on.
pub fn run(args: &Args) -> Result<()> {
    let bench = Bench::prepare(args)?;
    let machine = Machine::look();
    let mut report = machine.report(&bench);
    println!("{report}");
    let mut runs = Vec::new();
    let mut add = |part: String| {
        println!("{part}");
        report.push('\n');
        report.push_str(&part);
    };
    if args.linear {
        add(bench.batches(&mut runs)?);
        add(bench.epochs(&mut runs)?);
    } else {
        for &network in &args.networks {
            add(bench.compare(network, &mut runs)?);
        }
    }
    if let Some(versions) = versions(&runs) {
        add(versions);
    }
    if let Some(path) = &args.markdown {
        fs::write(path, &report).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if let Some(path) = &args.json {
        let all = json!({ "machine": machine.json(), "runs": runs });
        fs::write(path, format!("{all:#}\n")).with_context(|| format!("cannot write {}", path.display()))?;
    }
    ensure!(runs.iter().any(|run| run.get("error").is_none()), "nobody could be measured");
    Ok(())
}

/// What every run needs.
struct Bench<'a> {
    args: &'a Args,
    imago: PathBuf,
    /// The interpreter that knows the other frameworks, or why there is none.
    python: Result<PathBuf>,
    /// The folder that holds mnist/.
    data: PathBuf,
    rounds: usize,
    steps: u64,
    warm_up: u64,
    threads: usize,
}

/// What one process is asked to do.
struct Task<'a> {
    network: Network,
    batch: u64,
    steps: u64,
    warm_up: u64,
    /// Numbers of images to draw.
    sample: &'a str,
    epoch: bool,
    /// Changes of the pipeline, which Imago alone understands.
    set: Option<String>,
}

impl<'a> Bench<'a> {
    /// Builds Imago, finds the data, and sees to the others' environment where they take part.
    fn prepare(args: &'a Args) -> Result<Self> {
        let imago = match &args.imago {
            Some(imago) => imago.clone(),
            None => {
                build(args.features.as_deref())?;
                workspace::imago()?
            }
        };
        let data = data(args.data_dir.as_deref(), &imago)?;
        let alone = args.linear || args.peers.iter().all(|peer| peer.program == Program::Imago);
        let python = match &args.venv {
            _ if alone => Err(anyhow!("Imago is measured alone")),
            Some(venv) => Ok(interpreter(venv)),
            None => environment(),
        };
        let default = |given: Option<u64>, quick, usual| given.unwrap_or(if args.quick { quick } else { usual });
        Ok(Self {
            args,
            imago: std::path::absolute(imago)?,
            python,
            data: std::path::absolute(data)?,
            rounds: args.rounds.unwrap_or(if args.quick { 1 } else { 3 }).max(1),
            steps: default(args.steps, 20, 60).max(1),
            warm_up: default(args.warm_up, 5, 10),
            threads: args.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)),
        })
    }

    /// All contestants on a network, round by round: the tables.
    fn compare(&self, network: Network, runs: &mut Vec<Value>) -> Result<String> {
        let task = Task {
            network,
            batch: self.args.batch.unwrap_or(network.batch()),
            steps: self.steps,
            warm_up: self.warm_up,
            sample: if self.args.quick { "1,64" } else { "1,64,10000" },
            epoch: self.args.epoch,
            set: None,
        };
        let mut entries: Vec<Entry<'_>> = self.args.peers.iter().map(Entry::new).collect();
        for round in 0..self.rounds {
            for turn in 0..entries.len() {
                // Whoever began the last round ends this one.
                let place = (round + turn) % entries.len();
                let entry = &mut entries[place];
                if entry.failure.is_some() {
                    continue;
                }
                eprint!("{}, round {} of {}, {} … ", network.name(), round + 1, self.rounds, entry.contestant.name);
                let measured = self.measure(entry.contestant, &task);
                eprintln!("{}", told(&measured));
                runs.push(noted(&measured, &entry.contestant.name, round, &task));
                match measured {
                    Ok(value) => entry.runs.push(Run { round, value }),
                    Err(error) => entry.failure = Some(format!("{error:#}")),
                }
            }
        }
        Ok(tables(&task, &entries))
    }

    /// Imago with larger and larger batches.
    fn batches(&self, runs: &mut Vec<Value>) -> Result<String> {
        let tasks = [32, 128, 512, 2048].map(|batch| Task {
            batch,
            // About as many images each, so that all are timed equally well.
            steps: (self.steps * 128 / batch).max(8),
            warm_up: (self.warm_up * 128 / batch).max(2),
            ..Task::alone()
        });
        let step = |run: &Value| Some(run["seconds"].as_f64()? / run["steps"].as_f64()?);
        let table = self.growth(["batch", "a step, s"], tasks.map(|task| (task.batch, task)), step, runs)?;
        Ok(format!("## reports-vae with larger batches\n\n{table}"))
    }

    /// Imago on a part of the images and on all of them.
    fn epochs(&self, runs: &mut Vec<Value>) -> Result<String> {
        let tasks = [10_000, 60_000].map(|images| {
            let set = Some(format!("data.limit={images}"));
            (images, Task { steps: 8, warm_up: self.warm_up, epoch: true, set, ..Task::alone() })
        });
        let table = self.growth(["images", "an epoch, s"], tasks, |run| run["epoch_s"].as_f64(), runs)?;
        Ok(format!("## reports-vae, an epoch of more images\n\n{table}"))
    }

    /// Imago alone at tasks of so many images each, which take turns: whether `seconds` grow as the images do.
    fn growth<const N: usize>(
        &self,
        [images, unit]: [&str; 2],
        tasks: [(u64, Task<'_>); N],
        seconds: impl Fn(&Value) -> Option<f64>,
        runs: &mut Vec<Value>,
    ) -> Result<Table> {
        let imago: Contestant = "imago".parse()?;
        let mut entries = [(); N].map(|()| Entry::new(&imago));
        for round in 0..self.rounds {
            for turn in 0..N {
                let place = (round + turn) % N;
                let (size, task) = &tasks[place];
                eprint!("{images} {size}, round {} of {} … ", round + 1, self.rounds);
                let run = self.measure(&imago, task);
                eprintln!("{}", told(&run));
                runs.push(noted(&run, &imago.name, round, task));
                entries[place].runs.push(Run { round, value: run? });
            }
        }
        let mut table = Table::new(&[images, unit, "images/s", "µs an image", "of the first row", "others, cores"]);
        let mut first = None;
        for ((size, _), entry) in tasks.iter().zip(&entries) {
            let all = entry.median(&seconds).context("imago told no time")?;
            let each = all / *size as f64;
            let first = *first.get_or_insert(each);
            table.row(&[
                figure(*size as f64),
                figure(all),
                figure(1.0 / each),
                figure(each * 1e6),
                figure(each / first),
                cell(entry.median(|value| value["others"].as_f64())),
            ]);
        }
        Ok(table)
    }

    /// One process from start to end: what it printed.
    fn measure(&self, contestant: &Contestant, task: &Task<'_>) -> Result<Value> {
        let mut command = self.command(contestant.program, task)?;
        command.args(&contestant.flags);
        let number = |number: u64| number.to_string();
        command.args(["--steps", &number(task.steps), "--warm-up", &number(task.warm_up)]);
        command.args(["--threads", &self.threads.to_string(), "--batch", &number(task.batch), "--sample", task.sample]);
        if task.epoch {
            command.arg("--epoch");
        }
        self.surround(&mut command, contestant.tuned);
        let started = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64();
        command.env("BENCH_STARTED", started.to_string());
        let (clock, before) = (Instant::now(), others());
        let output = command.stdin(Stdio::null()).output();
        let others = others().zip(before).map(|(after, before)| (after - before) / clock.elapsed().as_secs_f64());
        let mut value = result(&output.with_context(|| format!("cannot start {}", command.get_program().display()))?)?;
        value["others"] = others.map(|cores| cores.max(0.0)).into();
        Ok(value)
    }

    /// The program with what it alone is told.
    fn command(&self, program: Program, task: &Task<'_>) -> Result<Command> {
        let script = match program {
            Program::Imago => {
                let mut command = Command::new(&self.imago);
                command.args(["bench", task.network.file(), "--json", "--device", &self.args.device]);
                command.args(task.set.iter().flat_map(|set| ["--set", set]));
                return Ok(command);
            }
            Program::Pytorch => "torch_peer.py",
            Program::Keras => "keras_peer.py",
        };
        let python = self.python.as_ref().map_err(|error| anyhow!("{error:#}"))?;
        let mut command = Command::new(python);
        // -B: the folder is a part of the source, where no compiled files belong.
        command.arg("-B").arg(Path::new(PEERS).join(script));
        command.args(["--network", task.network.name(), "--data"]).arg(&self.data);
        command.args(["--device", if self.args.device == "cpu" { "cpu" } else { "cuda" }]);
        Ok(command)
    }

    /// Gives `command` the same surroundings as all others.
    fn surround(&self, command: &mut Command, tuned: bool) {
        let threads = self.threads.to_string();
        for name in ["OMP", "MKL", "RAYON", "TF_INTRAOP", "TF_INTEROP"] {
            let name = match name.split_once('_') {
                Some((framework, pool)) => format!("{framework}_NUM_{pool}_THREADS"),
                None => format!("{name}_NUM_THREADS"),
            };
            command.env(name, &threads);
        }
        command.env("IMAGO_DATA_DIR", &self.data).env("TF_CPP_MIN_LOG_LEVEL", "2");
        if self.args.device == "cpu" {
            command.env("CUDA_VISIBLE_DEVICES", "");
        }
        for (name, bytes) in [("MALLOC_MMAP_THRESHOLD_", 8_u64 << 30), ("MALLOC_TRIM_THRESHOLD_", 16 << 30)] {
            match tuned {
                true => command.env(name, bytes.to_string()),
                false => command.env_remove(name),
            };
        }
    }
}

impl Task<'_> {
    /// What Imago does when it is measured alone.
    fn alone() -> Self {
        let network = Network::ReportsVae;
        Self { network, batch: network.batch(), steps: 0, warm_up: 0, sample: "0", epoch: false, set: None }
    }
}

/// What a process printed, or why it printed nothing.
fn result(output: &Output) -> Result<Value> {
    let words = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let lines: Vec<&str> = words.lines().filter(|line| !line.trim().is_empty()).collect();
        let last = &lines[lines.len().saturating_sub(6)..];
        bail!("{}\n{}", output.status, last.join("\n"));
    }
    let printed = String::from_utf8_lossy(&output.stdout);
    let line = printed.lines().rev().find(|line| line.starts_with('{')).context("it printed no line of JSON")?;
    serde_json::from_str(line).context("its line of JSON cannot be read")
}

/// A few words about a run for whoever waits.
fn told(run: &Result<Value>) -> String {
    match run {
        Ok(value) => {
            value["steps_per_s"].as_f64().map_or_else(String::new, |speed| format!("{} steps/s", figure(speed)))
        }
        Err(error) => format!("failed: {error:#}"),
    }
}

/// A run as the file of all runs tells it.
fn noted(run: &Result<Value>, contestant: &str, round: usize, task: &Task<'_>) -> Value {
    let mut value = match run {
        Ok(value) => value.clone(),
        Err(error) => json!({ "error": format!("{error:#}") }),
    };
    value["network"] = task.network.name().into();
    value["set"] = task.set.clone().into();
    value["contestant"] = contestant.into();
    value["round"] = (round + 1).into();
    value
}

/// A contestant's runs on a network.
struct Entry<'a> {
    contestant: &'a Contestant,
    runs: Vec<Run>,
    /// Why it takes part no longer.
    failure: Option<String>,
}

/// What a process printed, and when.
struct Run {
    round: usize,
    value: Value,
}

impl<'a> Entry<'a> {
    fn new(contestant: &'a Contestant) -> Self {
        Self { contestant, runs: Vec::new(), failure: None }
    }

    /// A figure of every run that has it, with its round.
    fn figures(&self, figure: impl Fn(&Value) -> Option<f64>) -> Vec<(usize, f64)> {
        self.runs.iter().filter_map(|run| Some((run.round, figure(&run.value)?))).collect()
    }

    /// The median of a figure.
    fn median(&self, figure: impl Fn(&Value) -> Option<f64>) -> Option<f64> {
        middle(self.figures(figure).into_iter().map(|(_, value)| value).collect())
    }

    /// How many times as fast as this one another is, by a figure of speed: the median over the rounds, in each of which the
    /// two met the same machine.
    fn ratio(&self, other: Option<&Self>, speed: impl Fn(&Value) -> Option<f64>) -> Option<f64> {
        let (own, others) = (self.figures(&speed), other?.figures(&speed));
        let pairs = own.iter().filter_map(|(round, mine)| {
            let (_, theirs) = others.iter().find(|(other, _)| other == round)?;
            Some(theirs / mine)
        });
        middle(pairs.collect())
    }
}

/// What is said of a network.
fn tables(task: &Task<'_>, entries: &[Entry<'_>]) -> String {
    let values = || entries.iter().flat_map(|entry| &entry.runs).map(|run| &run.value);
    let sizes: BTreeSet<u64> = values().filter_map(|value| value["parameters"].as_u64()).collect();
    let parameters = sizes.iter().map(|&size| figure(size as f64)).collect::<Vec<_>>().join(" or ");
    let mut text = format!("## {}, batch {}", task.network.name(), task.batch);
    if !sizes.is_empty() {
        let _ = write!(text, ", {parameters} parameters");
    }
    text.push_str("\n\n");
    if sizes.len() > 1 {
        text.push_str("The contestants do not have the same network: their parameters differ.\n\n");
    }
    let imago = entries.iter().find(|entry| entry.contestant.program == Program::Imago);
    let _ = write!(text, "{}", training(entries, imago));
    if let Some(table) = sampling(entries, imago) {
        let _ = write!(text, "\n{table}");
    }
    if task.network == Network::ReportsVae {
        let _ = write!(text, "\n{}", whole_runs(task, entries));
    }
    for entry in entries {
        if let Some(failure) = &entry.failure {
            let _ = write!(text, "\n{} failed:\n\n```text\n{failure}\n```\n", entry.contestant.name);
        }
    }
    text
}

/// How fast each trains.
fn training(entries: &[Entry<'_>], imago: Option<&Entry<'_>>) -> Table {
    let mut table = Table::new(&[
        "training",
        "steps/s",
        "slowest–fastest",
        "Imago / it",
        "images/s",
        "first step, s",
        "memory, MB",
        "others, cores",
    ]);
    for entry in entries {
        let speed = |value: &Value| value["steps_per_s"].as_f64();
        let speeds = || entry.figures(speed).into_iter().map(|(_, value)| value);
        let range = (!entry.runs.is_empty())
            .then(|| format!("{}–{}", figure(speeds().fold(f64::MAX, f64::min)), figure(speeds().fold(0.0, f64::max))));
        table.row(&[
            entry.contestant.name.clone(),
            cell(entry.median(speed)),
            range.unwrap_or_else(|| cell(None)),
            cell(entry.ratio(imago, speed)),
            cell(entry.median(|value| value["images_per_s"].as_f64())),
            cell(entry.median(|value| value["first_step_s"].as_f64())),
            cell(entry.median(|value| Some(value["peak_memory_bytes"].as_f64()? / 1e6))),
            cell(entry.median(|value| value["others"].as_f64())),
        ]);
    }
    table
}

/// How fast each draws, if any does.
fn sampling(entries: &[Entry<'_>], imago: Option<&Entry<'_>>) -> Option<Table> {
    let values = entries.iter().flat_map(|entry| &entry.runs);
    let drawn = values.filter_map(|run| run.value["sample"].as_array()).flatten();
    let counts: BTreeSet<u64> = drawn.filter_map(|sample| sample["images"].as_u64()).collect();
    if counts.is_empty() {
        return None;
    }
    let columns = counts.iter().flat_map(|&count| {
        let images = if count == 1 { "1 image".to_owned() } else { format!("{} images", figure(count as f64)) };
        [format!("{images}, ms"), "images/s".to_owned(), "Imago / it".to_owned()]
    });
    let columns: Vec<String> = iter::once("drawing".to_owned()).chain(columns).collect();
    let mut table = Table::new(&columns);
    for entry in entries {
        let cells = counts.iter().flat_map(|&count| {
            let speed = move |value: &Value| {
                let sample = value["sample"].as_array()?.iter().find(|sample| sample["images"] == count)?;
                Some(count as f64 / sample["seconds"].as_f64()?)
            };
            let images = entry.median(speed);
            [cell(images.map(|images| 1e3 * count as f64 / images)), cell(images), cell(entry.ratio(imago, speed))]
        });
        let cells: Vec<String> = iter::once(entry.contestant.name.clone()).chain(cells).collect();
        table.row(&cells);
    }
    Some(table)
}

/// An epoch, and the 30 of the pipeline.
fn whole_runs(task: &Task<'_>, entries: &[Entry<'_>]) -> Table {
    let mut table = Table::new(&["whole runs", "an epoch, measured", "30 epochs, from steps/s"]);
    for entry in entries {
        let epoch = entry.median(|value| value["epoch_s"].as_f64());
        let steps = 30.0 * (EPOCH / task.batch as f64).ceil();
        let all = entry.median(|value| Some(steps / value["steps_per_s"].as_f64()?));
        table.row(&[
            entry.contestant.name.clone(),
            epoch.map_or_else(|| cell(None), |seconds| format!("{} s", figure(seconds))),
            all.map_or_else(|| cell(None), minutes),
        ]);
    }
    table
}

/// The machine that measures, and how busy it is.
struct Machine {
    date: String,
    cpu: String,
    cores: usize,
    /// In bytes, where the system says.
    memory: Option<f64>,
    /// Processes that wanted to run in the last minute, on the average, where the system says.
    load: Option<f64>,
}

impl Machine {
    fn look() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let kibibytes = field(&read("/proc/meminfo"), "MemTotal")
            .and_then(|memory| memory.trim_end_matches(" kB").parse::<f64>().ok());
        Self {
            date: jiff::Timestamp::now().to_string().chars().take(10).collect(),
            cpu: field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory: kibibytes.map(|kibibytes| kibibytes * 1024.0),
            load: read("/proc/loadavg").split(' ').next().and_then(|load| load.parse().ok()),
        }
    }

    fn json(&self) -> Value {
        json!({
            "date": self.date,
            "cpu": self.cpu,
            "cores": self.cores,
            "memory_bytes": self.memory,
            "load": self.load,
        })
    }

    /// The head of the report.
    fn report(&self, bench: &Bench<'_>) -> String {
        let memory = self.memory.map(|bytes| format!(", {:.0} GB", bytes / 1e9)).unwrap_or_default();
        let load = self.load.map(|load| format!(" A load of {load:.2} when it began.")).unwrap_or_default();
        let rounds = match bench.rounds {
            1 => "One round".to_owned(),
            rounds => format!("Medians of {rounds} rounds"),
        };
        let what = match bench.args.linear {
            true => ".".to_owned(),
            false => format!(" of {} steps behind {}; ratios above 1 are Imago's.", bench.steps, bench.warm_up),
        };
        format!(
            "# Imago {}, {}\n\n{}, {} cores{memory}; device {}, {} threads.{load}\n{rounds}{what}\n",
            version(&bench.imago),
            self.date,
            self.cpu,
            self.cores,
            bench.args.device,
            bench.threads,
        )
    }
}

/// Seconds of processors that were spent so far, but for those of this program's children: what others take while one of
/// them runs is missing from its figures.
#[cfg(target_os = "linux")]
fn others() -> Option<f64> {
    use nix::sys::resource::{UsageWho, getrusage};
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let ticks: Vec<f64> = stat.lines().next()?.split(' ').filter_map(|ticks| ticks.parse().ok()).collect();
    // User, nice, system; idle and waiting left out; interrupts and what the host took. Linux tells hundredths of a second.
    let busy = (ticks.get(..3)?.iter().sum::<f64>() + ticks.get(5..8)?.iter().sum::<f64>()) / 100.0;
    let children = getrusage(UsageWho::RUSAGE_CHILDREN).ok()?;
    let time = [children.user_time(), children.system_time()];
    Some(busy - time.iter().map(|time| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6).sum::<f64>())
}

#[cfg(not(target_os = "linux"))]
fn others() -> Option<f64> {
    None
}

/// What `imago --version` says behind the name.
fn version(imago: &Path) -> String {
    let told = process::query(Command::new(imago).arg("--version")).unwrap_or_default();
    told.trim().trim_start_matches("imago ").to_owned()
}

/// Who was measured, in which version.
fn versions(runs: &[Value]) -> Option<String> {
    let told = |run: &Value| Some(format!("{} {}", run["program"].as_str()?, run["version"].as_str()?));
    let versions: BTreeSet<String> = runs.iter().filter_map(told).collect();
    let versions = versions.into_iter().collect::<Vec<_>>().join(", ");
    (!versions.is_empty()).then(|| format!("Versions: {versions}.\n"))
}

/// Builds Imago as [`workspace::build_imago`] does, with features if any are asked for.
fn build(features: Option<&str>) -> Result<()> {
    let Some(features) = features else { return workspace::build_imago() };
    process::run(process::cargo(["build", "--release", "--workspace", "--bin", "imago", "--features"]).arg(features))
}

/// The folder that holds mnist/, which Imago downloads where it is in none.
fn data(named: Option<&Path>, imago: &Path) -> Result<PathBuf> {
    if let Some(named) = named {
        return Ok(named.to_owned());
    }
    if let Some(variable) = std::env::var_os("IMAGO_DATA_DIR").filter(|folder| !folder.is_empty()) {
        return Ok(variable.into());
    }
    process::run(Command::new(imago).args(["data", "fetch", "mnist"]))?;
    let user = etcetera::choose_base_strategy().context("there is no home folder to keep data in")?;
    Ok(user.cache_dir().join("imago"))
}

fn requirements() -> PathBuf {
    Path::new(PEERS).join("requirements.txt")
}

/// The environment of the other frameworks, made or made anew where it is not what the requirements ask for.
fn environment() -> Result<PathBuf> {
    let venv = workspace::target_dir()?.join("bench").join("venv");
    let wanted = fs::read_to_string(requirements())?;
    let stamp = venv.join("requirements.txt");
    let python = interpreter(&venv);
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) && python.is_file() {
        return Ok(python);
    }
    let help = "PyTorch and TensorFlow need Python 3.11 to 3.13 with its module venv (Debian and Ubuntu: apt-get install \
                python3-venv); or name an environment that has them with --venv";
    let system = process::on_path(&["python3", "python"]).context(help)?;
    site::remove(&venv)?;
    eprintln!("Installing PyTorch, Keras and TensorFlow into {} (some 7 GB, a few minutes) …", venv.display());
    process::run(Command::new(system).args(["-m", "venv"]).arg(&venv)).context(help)?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-cache-dir", "--quiet", "--requirement"]);
    process::run(install.arg(requirements())).context(help)?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(python)
}

/// The Python of a virtual environment.
fn interpreter(venv: &Path) -> PathBuf {
    if cfg!(windows) { venv.join("Scripts").join("python.exe") } else { venv.join("bin").join("python3") }
}

/// The median, if there is anything.
fn middle(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[half]),
        _ => Some((values[half - 1] + values[half]) / 2.0),
    }
}

/// Two digits or more, with commas from a thousand on.
fn figure(value: f64) -> String {
    if value < 1000.0 {
        let decimals = match value {
            _ if value.fract() == 0.0 => 0,
            _ if value >= 100.0 => 0,
            _ if value >= 10.0 => 1,
            _ if value >= 0.1 => 2,
            _ => 3,
        };
        return format!("{value:.decimals$}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A figure in a table, or that there is none.
fn cell(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), figure)
}

/// `12 min 05 s`.
fn minutes(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    format!("{} min {:02} s", seconds / 60, seconds % 60)
}

/// A table in Markdown that also reads well as it is.
struct Table(Vec<Vec<String>>);

impl Table {
    fn new<S: ToString>(columns: &[S]) -> Self {
        Self(vec![columns.iter().map(ToString::to_string).collect()])
    }

    fn row(&mut self, cells: &[String]) {
        self.0.push(cells.to_vec());
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let columns = self.0.first().map_or(0, Vec::len);
        let width =
            |column: usize| self.0.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0).max(3)).collect();
        for (index, row) in self.0.iter().enumerate() {
            // Names stand on the left, figures on the right.
            for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
                match column {
                    0 => write!(f, "| {cell:<width$} |")?,
                    _ => write!(f, " {cell:>width$} |")?,
                }
            }
            writeln!(f)?;
            if index == 0 {
                for (column, width) in widths.iter().enumerate() {
                    match column {
                        0 => write!(f, "| {} |", "-".repeat(*width))?,
                        _ => write!(f, " {}: |", "-".repeat(width - 1))?,
                    }
                }
                writeln!(f)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contestants_are_read_as_they_are_typed() {
        let read = |name: &str| name.parse::<Contestant>();
        let plain = read("keras").unwrap();
        assert!(plain.program == Program::Keras && !plain.tuned && plain.flags.is_empty());
        let fast = read("pytorch-channels-last-tuned").unwrap();
        assert!(fast.program == Program::Pytorch && fast.tuned);
        assert_eq!(fast.flags, ["--channels-last"]);
        for wrong in ["jax", "keras-compile", "pytorch-fast", "imago-jit"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn pipelines_are_there_and_have_the_batch_that_is_told() {
        for network in Network::value_variants() {
            let text = fs::read_to_string(Path::new("..").join(network.file())).unwrap();
            assert!(text.contains(&format!("name: {}\n", network.name())), "{}", network.name());
            assert!(text.contains(&format!("  batch: {}\n", network.batch())), "{}", network.name());
            assert_eq!(network.to_possible_value().unwrap().get_name(), network.name());
        }
    }

    #[test]
    fn ratios_pair_the_runs_of_a_round() {
        let contestants: Vec<Contestant> = ["imago", "keras"].map(|name| name.parse().unwrap()).into();
        let run = |round, speed: f64| Run { round, value: json!({ "steps_per_s": speed }) };
        let entry = |index: usize, runs| Entry { contestant: &contestants[index], runs, failure: None };
        // The machine was busy in the second round, and the other's third run failed.
        let imago = entry(0, vec![run(0, 12.0), run(1, 3.0), run(2, 12.0)]);
        let keras = entry(1, vec![run(0, 10.0), run(1, 2.0)]);
        let speed = |value: &Value| value["steps_per_s"].as_f64();
        assert_eq!(keras.ratio(Some(&imago), speed), Some(1.35));
        assert_eq!(keras.ratio(None, speed), None);
        assert_eq!(imago.ratio(Some(&imago), speed), Some(1.0));
    }

    #[test]
    fn tables_line_up_and_tell_of_failures() {
        let contestants: Vec<Contestant> = ["imago", "keras-tuned"].map(|name| name.parse().unwrap()).into();
        let value = json!({
            "parameters": 97_735, "steps_per_s": 12.345, "images_per_s": 1580.2, "first_step_s": 0.5,
            "peak_memory_bytes": 512e6, "others": 0.1, "sample": [{ "images": 64, "seconds": 0.016 }],
        });
        let mut entries: Vec<Entry<'_>> = contestants.iter().map(Entry::new).collect();
        entries[0].runs.push(Run { round: 0, value });
        entries[1].failure = Some("exit status: 1\nNo module named 'keras'".into());
        let text = tables(&Task { network: Network::ReportsDcgan, ..Task::alone() }, &entries);
        let expected = "\
## reports-dcgan, batch 128, 97,735 parameters

| training    | steps/s | slowest–fastest | Imago / it | images/s | first step, s | memory, MB | others, cores |
| ----------- | ------: | --------------: | ---------: | -------: | ------------: | ---------: | ------------: |
| imago       |    12.3 |       12.3–12.3 |          1 |    1,580 |          0.50 |        512 |          0.10 |
| keras-tuned |       - |               - |          - |        - |             - |          - |             - |

| drawing     | 64 images, ms | images/s | Imago / it |
| ----------- | ------------: | -------: | ---------: |
| imago       |            16 |    4,000 |          1 |
| keras-tuned |             - |        - |          - |

keras-tuned failed:

```text
exit status: 1
No module named 'keras'
```
";
        assert_eq!(text, expected);
    }

    #[test]
    fn figures_read_well() {
        let read = [0.0174, 0.1234, 1.0, 1.234, 12.34, 123.4, 999.9, 1_234.5, 1_234_567.0].map(figure);
        assert_eq!(read, ["0.017", "0.12", "1", "1.23", "12.3", "123", "1000", "1,234", "1,234,567"]);
        assert_eq!(minutes(725.4), "12 min 05 s");
        assert_eq!(middle(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(middle(vec![4.0, 1.0]), Some(2.5));
        assert_eq!(middle(Vec::new()), None);
    }
}
