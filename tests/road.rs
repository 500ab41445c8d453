//! The whole workflow: declare, train, export, sample.

use imago_tests::{TINY, Workshop, workspace};

fn losses(shop: &Workshop, run: &str) -> Vec<Vec<f64>> {
    let parts = ["loss/reconstruction", "loss/kl"];
    shop.metrics(run).iter().map(|line| parts.iter().filter_map(|part| line.get(*part)?.as_f64()).collect()).collect()
}

#[test]
fn a_pipeline_becomes_a_run_an_artifact_and_pictures() {
    let shop = Workshop::with("tiny.yaml", TINY);
    let said = shop.said("train tiny.yaml --device cpu --run run");
    assert!(said.contains("epoch   2/2"), "{said}");
    for file in ["pipeline.yaml", "run.ron", "samples/epoch-0001.png", "checkpoints/step-0000000006/weights.bpk"] {
        assert!(shop.path("run").join(file).is_file(), "{file} is missing");
    }
    assert!(shop.read_text("run/run.ron").contains("Finished"));
    let losses = losses(&shop, "run");
    assert!(losses[1][0] < losses[0][0], "the reconstruction does not improve: {losses:?}");

    shop.imago("export run --to artifact");
    shop.imago("sample run --seed 7 --count 9 --columns 3 --out run.png --device cpu");
    let picture = image::load_from_memory(&shop.read("run.png")).unwrap();
    assert_eq!((picture.width(), picture.height()), (276, 276));
    shop.imago("sample run --seed 7 --count 4 --format npy --out run.npy --device cpu");
    shop.imago("sample artifact --seed 7 --count 4 --format npy --out artifact.npy --device cpu");
    let (run, artifact) = (pixels(&shop.read("run.npy")), pixels(&shop.read("artifact.npy")));
    assert_eq!(run.len(), 4 * 28 * 28);
    let difference = run.iter().zip(&artifact).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(difference < 2e-3, "16-bit weights move a pixel by {difference}");
    assert!(difference > 0.0, "the artifact is not in 16 bits");
}

/// The values of an .npy file of version 1.0.
fn pixels(npy: &[u8]) -> Vec<f32> {
    let header = 10 + usize::from(u16::from_le_bytes([npy[8], npy[9]]));
    npy[header..].as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

#[test]
fn the_same_seed_gives_the_same_weights_and_another_seed_others() {
    let shop = Workshop::with("tiny.yaml", TINY);
    for (run, seed) in [("a", 1), ("b", 1), ("c", 2)] {
        shop.imago(&format!("train tiny.yaml --device cpu --run {run} --set train.seed={seed} --set train.epochs=1"));
    }
    assert_eq!(losses(&shop, "a"), losses(&shop, "b"));
    assert_ne!(losses(&shop, "a"), losses(&shop, "c"));
    shop.imago("sample a --seed 1 --count 2 --format npy --out a.npy --device cpu");
    shop.imago("sample b --seed 1 --count 2 --format npy --out b.npy --device cpu");
    assert_eq!(shop.read("a.npy"), shop.read("b.npy"));
}

#[test]
fn a_run_that_was_stopped_goes_on_as_if_it_had_not_been() {
    let shop = Workshop::with("tiny.yaml", TINY);
    shop.imago("train tiny.yaml --device cpu --run whole");
    shop.imago("train tiny.yaml --device cpu --run parts --set train.epochs=1");
    shop.imago("train --resume parts --device cpu --set train.epochs=2");
    assert_eq!(losses(&shop, "whole"), losses(&shop, "parts"));
}

#[test]
#[cfg(unix)]
fn an_interrupted_training_saves_its_step_and_resumes_from_it() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    let shop = Workshop::with("tiny.yaml", TINY);
    shop.imago("train tiny.yaml --device cpu --run whole --set train.epochs=100");
    let mut training = shop.command("train tiny.yaml --device cpu --run parts --set train.epochs=100");
    let mut training = training.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(training.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.starts_with("epoch   2/")), "the training never came to its second epoch");
    assert!(Command::new("kill").args(["-INT", &training.id().to_string()]).status().unwrap().success());
    let rest: Vec<String> = lines.collect();
    assert_eq!(training.wait().unwrap().code(), Some(130), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("--resume parts")), "{rest:?}");
    assert!(shop.read_text("parts/run.ron").contains("Interrupted"));

    shop.imago("train --resume parts --device cpu");
    let (whole, parts) = (losses(&shop, "whole"), losses(&shop, "parts"));
    assert_eq!(whole.last(), parts.last(), "the resumed training took another way");
}

#[test]
fn an_autoencoder_samples_from_the_prior_fitted_to_its_codes() {
    let yaml = TINY.replace("family: vae\n  latent: 2", "family: autoencoder");
    let yaml = yaml.replace("    - flatten\n  decoder", "    - flatten\n    - linear: 3\n  decoder");
    let shop = Workshop::with("ae.yaml", yaml);
    shop.imago("train ae.yaml --device cpu --run run --set train.epochs=1");
    shop.imago("export run --to artifact --dtype f32");
    assert!(shop.read_text("artifact/model.ron").contains("Gaussian"));
    shop.imago("sample artifact --count 4 --out ae.png");
}

/// Runs where wgpu finds an adapter; a software driver such as Mesa's lavapipe will do.
#[test]
fn the_gpu_path_gives_the_losses_of_the_cpu_path() {
    let shop = Workshop::with("tiny.yaml", TINY);
    let settings = "--set train.epochs=1 --set data.limit=64";
    let mut gpu = shop.command(&format!("train tiny.yaml --device wgpu --run gpu {settings}"));
    let output = gpu.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("finds no adapter") {
        assert!(std::env::var_os("IMAGO_REQUIRE_ADAPTER").is_none(), "an adapter is required here: {said}");
        eprintln!("SKIPPED: wgpu finds no adapter on this machine");
        return;
    }
    assert!(output.status.success(), "{said}");
    let record = shop.read_text("gpu/run.ron");
    assert!(record.contains("driver: Some("), "{record}");
    shop.imago(&format!("train tiny.yaml --device cpu --run cpu {settings}"));
    let (gpu, cpu) = (losses(&shop, "gpu"), losses(&shop, "cpu"));
    for (gpu, cpu) in gpu.iter().flatten().zip(cpu.iter().flatten()) {
        assert!((gpu - cpu).abs() <= 1e-4 * cpu.abs().max(1.0), "{gpu} on the GPU, {cpu} on the CPU");
    }
}

#[test]
fn speed_is_measured_and_nothing_is_written() {
    let shop = Workshop::with("tiny.yaml", TINY);
    let options = "--sample 1,3 --epoch --threads 2 --set train.batch=16 --steps 2 --warm-up 1 --json";
    let said = shop.said(&format!("bench tiny.yaml --device cpu {options}"));
    let line: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(["program", "network"].map(|key| line[key].as_str()), ["imago", "tiny"].map(Some));
    assert_eq!(["threads", "batch", "steps"].map(|key| line[key].as_u64()), [2_u64, 16, 2].map(Some));
    let drawn = line["sample"].as_array().unwrap().iter().map(|drawn| drawn["images"].as_u64());
    assert_eq!(drawn.collect::<Vec<_>>(), [1_u64, 3].map(Some));
    let steps_per_second = line["steps_per_s"].as_f64().unwrap();
    assert!((line["images_per_s"].as_f64().unwrap() / steps_per_second - 16.0).abs() < 1e-6);
    // 96 images are 6 batches, which take longer than 2.
    assert!(line["epoch_s"].as_f64().unwrap() > 0.0 && line["first_step_s"].as_f64().unwrap() > 0.0);
    let said = shop.said("bench tiny.yaml --device cpu --steps 1 --warm-up 0 --sample 0 --batch 8");
    assert!(said.contains("8 images per batch") && said.contains("steps/s"), "{said}");
    assert_eq!(std::fs::read_dir(shop.path("")).unwrap().count(), 1, "only the pipeline is there");
    let latent = "name: l\ndata: { set: synthetic-digits }\nmodel: { family: latent-gan, from: runs/x, latent: 2, \
                  generator: [{ linear: 2 }], discriminator: [{ linear: 1 }] }\n";
    shop.write("latent.yaml", latent);
    shop.refuses("bench latent.yaml --device cpu", &["latents of another model"]);
    let pipeline = workspace().join("pipelines/synthetic/gan.yaml");
    let command = format!("bench {} --device cpu --set model.game.packing=2 --set data.limit=1", pipeline.display());
    shop.refuses(&command, &["2 images are scored together"]);
}
