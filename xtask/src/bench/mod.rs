//! `cargo xtask bench`: Imago's speed beside PyTorch and Keras, and how it scales.

mod args;
mod contestants;
mod environment;
mod report;

use std::collections::BTreeMap;
use std::collections::btree_map;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, bail, ensure};
pub use args::Args;
use contestants::{Contestant, Network, Program};
use environment::{PEERS, build, data, environment, interpreter, versions};
use report::{Entry, Machine, Run, Table, cell, figure, tables};
use serde_json::{Value, json};

const ON_CPUS: &str = "imago,pytorch,pytorch-tuned,keras,keras-tuned";
const ON_GPUS: &str =
    "imago-wgpu,imago-vulkan,imago-vulkan-autotune,imago-vulkan-fusion-autotune,pytorch,pytorch-compile";

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
            for batch in bench.sizes(network) {
                add(bench.compare(network, batch, &mut runs)?);
            }
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
    ensure!(runs.iter().any(|run| run.get("error").is_none()), "no contestant could be measured");
    Ok(())
}
struct Bench<'a> {
    args: &'a Args,
    contestants: Vec<Contestant>,
    imago: BTreeMap<String, PathBuf>,
    /// The interpreter with the other frameworks, or why there is none.
    python: Result<PathBuf>,
    data: PathBuf,
    rounds: usize,
    steps: u64,
    warm_up: u64,
    threads: usize,
}

struct Task<'a> {
    network: Network,
    batch: u64,
    steps: u64,
    warm_up: u64,
    sample: &'a str,
    epoch: bool,
    /// Overrides of the pipeline, for Imago only.
    set: Option<String>,
}

impl<'a> Bench<'a> {
    /// Builds Imago, finds the data, and prepares the other frameworks if they take part.
    fn prepare(args: &'a Args) -> Result<Self> {
        let named = |names: &str| names.split(',').map(str::parse).collect::<Result<Vec<Contestant>>>();
        let contestants = match (args.peers.is_empty(), args.linear, args.gpu) {
            (false, ..) => args.peers.clone(),
            (_, true, _) => named("imago")?,
            (_, _, true) => named(ON_GPUS)?,
            _ => named(ON_CPUS)?,
        };
        let mut imago = BTreeMap::new();
        for contestant in contestants.iter().filter(|it| it.program == Program::Imago) {
            if let btree_map::Entry::Vacant(place) = imago.entry(contestant.features()) {
                let program = args.imago.clone().map_or_else(|| build(place.key()), Ok)?;
                place.insert(std::path::absolute(program)?);
            }
        }
        let data = data(args.data_dir.as_deref(), imago.values().next())?;
        let alone = contestants.iter().all(|it| it.program == Program::Imago);
        let python = match &args.venv {
            _ if alone => Err(anyhow!("Imago is measured alone")),
            Some(venv) => Ok(interpreter(venv)),
            None => environment(),
        };
        let default = |given: Option<u64>, quick, usual| given.unwrap_or(if args.quick { quick } else { usual });
        Ok(Self {
            args,
            contestants,
            imago,
            python,
            data: std::path::absolute(data)?,
            rounds: args.rounds.unwrap_or(if args.quick { 1 } else { 3 }).max(1),
            steps: default(args.steps, 20, 60).max(1),
            warm_up: default(args.warm_up, 5, 10),
            threads: args.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)),
        })
    }

    fn sizes(&self, network: Network) -> Vec<u64> {
        match (self.args.batch.is_empty(), self.args.gpu) {
            (false, _) => self.args.batch.clone(),
            (true, true) => vec![128, 512, 2048, 4096],
            (true, false) => vec![network.batch()],
        }
    }

    /// Measures all contestants on a network, round by round.
    fn compare(&self, network: Network, batch: u64, runs: &mut Vec<Value>) -> Result<String> {
        let task = Task {
            network,
            batch,
            steps: self.steps,
            warm_up: self.warm_up,
            sample: if self.args.quick { "1,64" } else { "1,64,10000" },
            epoch: self.args.epoch,
            set: None,
        };
        let mut entries: Vec<Entry<'_>> = self.contestants.iter().map(Entry::new).collect();
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
                eprintln!("{}", outcome(&measured));
                runs.push(record(&measured, &entry.contestant.name, round, &task));
                match measured {
                    Ok(value) => entry.runs.push(Run { round, value }),
                    Err(error) => entry.failure = Some(format!("{error:#}")),
                }
            }
        }
        Ok(tables(&task, &entries))
    }

    fn batches(&self, runs: &mut Vec<Value>) -> Result<String> {
        let tasks = [32, 128, 512, 2048].map(|batch| Task {
            batch,
            // About the same number of images each, so that all are timed equally well.
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

    /// Imago on tasks of different sizes in turn: whether `seconds` grow in proportion.
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
                eprintln!("{}", outcome(&run));
                runs.push(record(&run, &imago.name, round, task));
                entries[place].runs.push(Run { round, value: run? });
            }
        }
        let mut table = Table::new(&[images, unit, "images/s", "µs an image", "of the first row", "others, cores"]);
        let mut first = None;
        for ((size, _), entry) in tasks.iter().zip(&entries) {
            let all = entry.median(&seconds).context("imago reported no time")?;
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

    fn measure(&self, contestant: &Contestant, task: &Task<'_>) -> Result<Value> {
        let mut command = self.command(contestant, task)?;
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

    /// The program with its own arguments.
    fn command(&self, contestant: &Contestant, task: &Task<'_>) -> Result<Command> {
        let script = match contestant.program {
            Program::Imago => {
                let program = self.imago.get(&contestant.features()).context("it was not built")?;
                let mut command = Command::new(program);
                command.args(["bench", &task.network.file(), "--json", "--device", contestant.device()]);
                command.args(task.set.iter().flat_map(|set| ["--set", set]));
                return Ok(command);
            }
            Program::Pytorch => "torch_peer.py",
            Program::Keras => "keras_peer.py",
        };
        let python = self.python.as_ref().map_err(|error| anyhow!("{error:#}"))?;
        let mut command = Command::new(python);
        // -B: the source folder must not fill with compiled files.
        command.arg("-B").arg(Path::new(PEERS).join(script));
        command.args(["--network", task.network.name(), "--data"]).arg(&self.data);
        command.args(["--device", if self.args.gpu { "cuda" } else { "cpu" }]).args(&contestant.words);
        Ok(command)
    }

    /// Sets the environment that all contestants share.
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
        if !self.args.gpu {
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
    fn alone() -> Self {
        let network = Network::ReportsVae;
        Self { network, batch: network.batch(), steps: 0, warm_up: 0, sample: "0", epoch: false, set: None }
    }
}
/// The JSON line of a process, or its error.
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

/// A summary of a run for people who wait.
fn outcome(run: &Result<Value>) -> String {
    match run {
        Ok(value) => {
            value["steps_per_s"].as_f64().map_or_else(String::new, |speed| format!("{} steps/s", figure(speed)))
        }
        Err(error) => format!("failed: {error:#}"),
    }
}

/// A run as written to the JSON file.
fn record(run: &Result<Value>, contestant: &str, round: usize, task: &Task<'_>) -> Value {
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
/// CPU seconds spent so far, except by this program's children: the load of other processes, which
/// the contestants lack.
#[cfg(target_os = "linux")]
fn others() -> Option<f64> {
    use nix::sys::resource::{UsageWho, getrusage};
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let ticks: Vec<f64> = stat.lines().next()?.split(' ').filter_map(|ticks| ticks.parse().ok()).collect();
    // User, nice, system, interrupts and steal, without idle and waiting. Linux counts in 1/100 s.
    let busy = (ticks.get(..3)?.iter().sum::<f64>() + ticks.get(5..8)?.iter().sum::<f64>()) / 100.0;
    let children = getrusage(UsageWho::RUSAGE_CHILDREN).ok()?;
    let time = [children.user_time(), children.system_time()];
    Some(busy - time.iter().map(|time| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6).sum::<f64>())
}

#[cfg(not(target_os = "linux"))]
fn others() -> Option<f64> {
    None
}
