//! Long runs survive: kills, full disks, damaged files, changes, NaN losses.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use imago_tests::{TINY, Workshop};

fn tiny(steps: u64) -> String {
    TINY.replace("epochs: 2", &format!("steps: {steps}"))
}

/// The metrics of all epochs without the times.
fn losses(shop: &Workshop, run: &str) -> Vec<serde_json::Map<String, serde_json::Value>> {
    let mut lines = shop.metrics(run);
    lines.iter_mut().for_each(|line| line.retain(|key, _| !["seconds", "images_per_second"].contains(&key.as_str())));
    lines
}

/// A small deterministic pseudo-random generator.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// Kills the run from outside at any moment, and from within between any two steps of writing a
/// file. IMAGO_KILLS sets how often (default 25).
#[test]
fn a_run_that_is_killed_again_and_again_ends_with_the_same_bytes() {
    let kills: u64 = std::env::var("IMAGO_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(25);
    let shop = Workshop::with("tiny.yaml", tiny(20 * kills.min(100)));
    shop.imago("train tiny.yaml --device cpu --run whole --quiet");
    let mut dice = Dice(7);
    let (mut killed, mut crashed, mut finished) = (0, 0, 0);
    while killed + crashed < kills {
        let arguments = match shop.path("run").exists() {
            true => "train --resume run --device cpu --save-every 0 --quiet",
            false => "train tiny.yaml --run run --device cpu --save-every 0 --quiet",
        };
        let mut command = shop.command(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let from_within = dice.below(2) == 0;
        if from_within {
            // An epoch that saves every step passes some hundred of these points.
            command.env("IMAGO_CRASH_AT", (1 + dice.below(60)).to_string());
        }
        let mut child = command.spawn().unwrap();
        if !from_within {
            std::thread::sleep(Duration::from_millis(dice.below(400)));
            // It may have finished already.
            let _ = child.kill();
        }
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        match output.status.code() {
            // By a signal.
            None if from_within => crashed += 1,
            None => killed += 1,
            Some(0) => finished += 1,
            Some(code) => panic!("exit {code} after {killed} and {crashed} kills: {said}"),
        }
        assert!(finished <= kills, "the run is too short to be killed");
        if output.status.success() {
            // It finished: start again.
            assert!(shop.checkpoint("run") == shop.checkpoint("whole"));
            fs::remove_dir_all(shop.path("run")).unwrap();
        }
    }
    println!("killed {killed} times from outside and {crashed} times while writing; finished {finished} times");
    if !shop.path("run").exists() {
        shop.imago("train tiny.yaml --run run --device cpu --quiet");
    }
    shop.imago("train --resume run --device cpu --quiet");
    assert!(shop.checkpoint("run") == shop.checkpoint("whole"), "the weights are others");
    assert_eq!(losses(&shop, "run"), losses(&shop, "whole"));
    let left = shop.names("run/checkpoints");
    assert!(left.len() <= 3, "{left:?}");
}

/// Writing beyond a limit fails like a full disk, on any system and without privileges.
#[test]
fn a_full_disk_ends_the_training_with_the_last_checkpoint_kept() {
    let shop = Workshop::with("tiny.yaml", tiny(9));
    shop.imago("train tiny.yaml --device cpu --run whole");
    shop.imago("train tiny.yaml --device cpu --run run --set train.steps=3");
    let before = shop.checkpoint("run");
    let imago = shop.command("train --resume run --device cpu --set train.steps=9");
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$@\"", "sh"])
        .arg(imago.get_program())
        .args(imago.get_args());
    let output = command.current_dir(shop.path("")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("cannot write") && said.contains("File too large") && said.contains("run"), "{said}");
    assert!(shop.checkpoint("run") == before);
    shop.imago("train --resume run --device cpu --set train.steps=9");
    assert!(shop.checkpoint("run") == shop.checkpoint("whole"));
    assert_eq!(losses(&shop, "run"), losses(&shop, "whole"));
}

/// A file system that is really full, or really read-only, where users may mount one.
#[test]
fn a_small_file_system_that_is_full_or_read_only_harms_nothing() {
    let allowed = Command::new("unshare").args(["-rm", "true"]).output().is_ok_and(|output| output.status.success());
    if !allowed {
        println!("no file systems for anybody here; the test with the limit says the same of a full disk");
        return;
    }
    let shop = Workshop::with("tiny.yaml", tiny(9));
    shop.imago("train tiny.yaml --device cpu --run whole");
    fs::create_dir(shop.path("disk")).unwrap();
    let imago = shop.command("");
    let script = r#"
        set -u
        mount -t tmpfs -o size=2m disk disk
        "$1" train tiny.yaml --device cpu --run disk/run --set train.steps=3 || exit 10
        head -c 4m /dev/zero > disk/fill 2> /dev/null
        "$1" train --resume disk/run --device cpu --set train.steps=9 && exit 11
        rm disk/fill
        mount -o remount,ro disk
        "$1" train --resume disk/run --device cpu --set train.steps=9 && exit 12
        mount -o remount,rw disk
        "$1" train --resume disk/run --device cpu --set train.steps=9 || exit 13
        cp -r disk/run run
    "#;
    let output = Command::new("unshare")
        .args(["-rm", "sh", "-c", script, "sh"])
        .arg(imago.get_program())
        .current_dir(shop.path(""))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}: {said}", output.status.code());
    assert!(said.contains("No space left on device"), "{said}");
    assert!(said.contains("Read-only file system"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    assert!(shop.checkpoint("run") == shop.checkpoint("whole"));
}

#[test]
fn a_damaged_checkpoint_is_told_and_the_one_before_it_taken() {
    let shop = Workshop::with("tiny.yaml", tiny(9));
    shop.imago("train tiny.yaml --device cpu --run run");
    let whole = shop.checkpoint("run");
    let path = shop.path("run/checkpoints").join(&whole[0].0);
    let mut bytes = whole[0].1.clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let output = shop.imago("train --resume run --device cpu");
    let said = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
    assert!(said.contains("warning:") && said.contains("SHA-256") && said.contains("resuming from step 6"), "{said}");
    assert!(shop.checkpoint("run") == whole);
}

#[test]
fn a_pipeline_that_was_changed_under_a_run_is_told_and_refused() {
    let shop = Workshop::with("tiny.yaml", tiny(6));
    shop.imago("train tiny.yaml --device cpu --run run --set train.steps=3 --set train.seed=5");
    let written = shop.read_text("run/pipeline.yaml");
    assert_eq!(written, tiny(6), "the file is kept as it was written");
    // Overrides from the start of the run are no change.
    shop.imago("train --resume run --device cpu --set train.steps=4");
    shop.write("run/pipeline.yaml", written.replace("batch: 32", "batch: 32, optimizer: { adam: { lr: 0.01 } }"));
    let expected = ["train.optimizer.adam.lr: 0.001 → 0.01", "--accept-changes"];
    let said = shop.refuses("train --resume run --device cpu --set train.steps=5", &expected);
    assert!(!said.contains("train.steps:"), "{said}");
    shop.imago("train --resume run --device cpu --set train.steps=5 --accept-changes");
    // What was accepted once stays accepted.
    shop.imago("train --resume run --device cpu --set train.steps=6");
    shop.write("run/pipeline.yaml", written.replace("latent: 2", "latent: 3"));
    for told in ["", " --accept-changes", " --set model.latent=4"] {
        let command = format!("train --resume run --device cpu --set train.steps=7{told}");
        shop.refuses(&command, &["keeps its name, model, data and batch", "model.latent: 2 → "]);
    }
}

#[test]
fn a_run_is_trained_by_one_process_at_a_time() {
    let shop = Workshop::with("tiny.yaml", tiny(100_000));
    let mut first = shop.command("train tiny.yaml --device cpu --run run --save-every 0 --quiet").spawn().unwrap();
    while !shop.path("run/checkpoints").exists() {
        std::thread::sleep(Duration::from_millis(20));
    }
    let resumed = shop.fails("train --resume run --device cpu");
    let replaced = shop.fails("train tiny.yaml --device cpu --run run --force");
    first.kill().unwrap();
    first.wait().unwrap();
    for said in [resumed, replaced] {
        assert!(said.contains("is being trained by another process"), "{said}");
    }
}

#[test]
fn a_loss_that_is_no_number_ends_the_training_or_takes_it_back() {
    let shop = Workshop::with("tiny.yaml", tiny(12));
    shop.imago("train tiny.yaml --device cpu --run run --set train.steps=3");
    let before = shop.checkpoint("run");
    let wild = "train --resume run --device cpu --set train.steps=12 --set train.optimizer.adam.lr=1e30";
    let said = shop.refuses(wild, &["the last checkpoint is kept", "train.on_nan=rollback"]);
    assert!(said.contains(" at step 5") || said.contains(" at step 4"), "{said}");
    assert!(shop.checkpoint("run") == before);
    assert!(shop.read_text("run/run.ron").contains("Diverged"));
    let back = ["0.5", "0.00390625"].map(|rate| format!("back to step 3 with {rate} times the learning rate"));
    shop.refuses(&format!("{wild} --set train.on_nan=rollback"), &back.each_ref().map(String::as_str));
    shop.imago("train --resume run --device cpu --set train.steps=12 --set train.optimizer.adam.lr=0.001");
    // A less extreme learning rate.
    shop.imago("train tiny.yaml --device cpu --run other --set train.optimizer.adam.lr=20 --set train.on_nan=rollback");
    let state = shop.read_text("other/checkpoints/step-0000000012/state.ron");
    assert!(!state.contains("rollbacks: 0,") && !state.contains("rate: 1.0,"), "{state}");
    assert!(shop.read_text("other/run.ron").contains("Finished"));
}

#[test]
fn training_stops_early_when_nothing_becomes_better_and_the_best_is_kept() {
    let shop = Workshop::with("tiny.yaml", TINY.replace("limit: 96", "limit: 96, validation: 0.25"));
    // A learning rate at which the weights jump about.
    let said = shop.said(
        "train tiny.yaml --device cpu --run run --json --set train.epochs=60 --set train.optimizer.adam.lr=0.3 \
         --set train.early_stop.patience=3",
    );
    let lines: Vec<serde_json::Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let elbo: Vec<f64> = lines
        .iter()
        .map(|line| -line["validation/reconstruction"].as_f64().unwrap() - line["validation/kl"].as_f64().unwrap())
        .collect();
    let best = (0..elbo.len()).max_by(|a, b| elbo[*a].total_cmp(&elbo[*b])).unwrap();
    assert_eq!(lines.len(), best + 1 + 3, "three epochs behind the best: {elbo:?}");
    let tested = |line: &serde_json::Value| line.get("test/kl").is_some();
    assert!(lines[..best + 3].iter().all(|line| !tested(line)) && tested(&lines[best + 3]), "tested once, at the end");
    assert!(shop.read_text("run/run.ron").contains("StoppedEarly"));
    let state = shop.read_text("run/checkpoints/best/state.ron");
    assert!(state.contains(&format!("epoch: {},", best + 1)), "{state}");
    shop.imago("export run --to best --best");
    shop.imago("export run --to last");
    assert!(shop.read("best/weights.bpk") != shop.read("last/weights.bpk"));
    assert!(shop.said("train --resume run --device cpu").contains("was stopped early"));
}

#[test]
fn a_run_folder_tells_all_of_the_run() {
    let shop = Workshop::with("tiny.yaml", TINY.replace("epochs: 2", "epochs: 3, evaluate_every: 2"));
    let quiet = shop.imago("train tiny.yaml --device cpu --run run --quiet");
    assert!(quiet.get_output().stdout.is_empty() && quiet.get_output().stderr.is_empty());
    let lines = losses(&shop, "run");
    assert_eq!(lines.len(), 3);
    let evaluated: Vec<bool> = lines.iter().map(|line| line.contains_key("test/kl")).collect();
    assert_eq!(evaluated, [false, true, true]);
    for name in ["samples/epoch-0002.png", "samples/epoch-0003.png", "reconstructions.png", "manifold.png"] {
        assert!(image::load_from_memory(&shop.read(&format!("run/{name}"))).is_ok(), "{name}");
    }
    assert!(shop.read("run/samples.gif").starts_with(b"GIF89a"));
    assert!(!shop.path("run/samples/epoch-0001.png").exists());
    for name in ["curves.svg", "latent.svg"] {
        assert!(shop.read_text(&format!("run/{name}")).contains("</svg>"), "{name}");
    }
    assert_eq!(shop.names("run/events").len(), 1);
    let record = shop.read_text("run/run.ron");
    let keys = ["version", "burn: \"0.", "device: \"CPU", "seed: 42", "data_sha256", "peak_memory: Some(", "updated"];
    for key in keys.into_iter().chain(["outcome: Finished"]) {
        assert!(record.contains(key), "{key} is missing: {record}");
    }
}
