//! Every family end to end: trained, stopped and resumed, exported and sampled.

use std::collections::BTreeMap;
use std::fmt::Write;

use imago_core::hash::sha256;
use imago_tests::{Workshop, bless, workspace};

const ENCODER: &str = "[{ conv2d: { filters: 4, kernel: 3, stride: 2, padding: same } }, relu, flatten]";
const DECODER: &str = "[{ linear: 196 }, batch_norm, relu, { reshape: [4, 7, 7] }, { upsample: 4 }, \
                       { conv2d: { filters: 1, kernel: 3, padding: same } }]";
const GENERATOR: &str = "[{ linear: 196 }, batch_norm, relu, { reshape: [4, 7, 7] }, { upsample: 4 }, \
                         { conv2d: { filters: 1, kernel: 3, padding: same } }, tanh]";
const CRITIC: &str = "[{ conv2d: { filters: 4, kernel: 4, stride: 4, spectral_norm: true } }, { leaky_relu: 0.2 }, \
                      { dropout: 0.2 }, flatten, { linear: 1 }]";
const STEADY_CRITIC: &str =
    "[{ conv2d: { filters: 4, kernel: 4, stride: 4 } }, { leaky_relu: 0.2 }, flatten, { linear: 1 }]";

/// A family, or one way to train it, with its pipeline.
struct Case {
    name: &'static str,
    yaml: String,
}

/// All families; the latent ones learn the latents of the run called `vae`.
fn cases() -> Vec<Case> {
    let case = |name: &'static str, range: &str, model: String| Case {
        name,
        yaml: format!(
            "name: {name}\n\
             data: {{ set: synthetic-digits, limit: 96, range: {range}, augment: {{ shift: 1 }} }}\n\
             model: {{ {model} }}\n\
             train: {{ steps: 8, batch: 32, optimizer: {{ adam: {{ lr: 0.002, beta_1: 0.5 }} }} }}\n"
        ),
    };
    let unit = |name, model| case(name, "[0, 1]", model);
    let signed = |name, model| case(name, "[-1, 1]", model);
    let dense = "discriminator: [{ linear: 8 }, relu, { linear: 1 }]";
    vec![
        unit("vae", format!("family: vae, latent: 3, encoder: {ENCODER}, decoder: {DECODER}, prior: {{ mixture: 2 }}")),
        unit(
            "classifier",
            "family: classifier, layers: [flatten, { linear: 16 }, relu, { dropout: 0.2 }, { linear: 10 }]".into(),
        ),
        unit(
            "denoising",
            "family: autoencoder, encoder: [flatten, { gaussian_noise: 0.3 }, { linear: 4 }], \
             decoder: [{ linear: 784 }, { reshape: [1, 28, 28] }]"
                .into(),
        ),
        unit(
            "conditional-vae",
            format!(
                "family: vae, latent: 3, condition: class, encoder: {ENCODER}, decoder: {DECODER}, \
                 loss: {{ reconstruction: gaussian, kl: {{ warm_up: 6 }} }}"
            ),
        ),
        signed(
            "gan",
            format!(
                "family: gan, latent: 4, generator: {GENERATOR}, discriminator: {CRITIC}, \
                 game: {{ ema: 0.5, discriminator_steps: 2, augment: [translate, cutout], instance_noise: 0.1 }}"
            ),
        ),
        signed(
            "conditional-gan",
            format!(
                "family: gan, latent: 4, condition: projection, generator: {GENERATOR}, \
                 discriminator: {STEADY_CRITIC}, loss: hinge, game: {{ penalty: {{ r1: 1 }} }}"
            ),
        ),
        signed(
            "packed-wasserstein-gan",
            format!(
                "family: gan, latent: 4, condition: class, generator: {GENERATOR}, discriminator: {STEADY_CRITIC}, \
                 loss: wasserstein, game: {{ packing: 2, penalty: {{ gradient: 10 }} }}"
            ),
        ),
        signed(
            "vae-gan",
            format!(
                "family: vae-gan, latent: 3, encoder: {ENCODER}, decoder: {GENERATOR}, discriminator: {CRITIC}, \
                 game: {{ ema: 0.5 }}"
            ),
        ),
        unit(
            "latent-gan",
            format!(
                "family: latent-gan, from: vae, latent: 2, generator: [{{ linear: 8 }}, relu, {{ linear: 3 }}], {dense}"
            ),
        ),
        unit(
            "latent-vae",
            "family: latent-vae, from: vae, latent: 2, encoder: [{ linear: 8 }, relu], \
             decoder: [{ linear: 8 }, relu, { linear: 3 }]"
                .into(),
        ),
    ]
}

/// Eight steps, in three epochs of which the last is cut short: stopped within the second epoch and
/// resumed, and run again from the start.
#[test]
fn every_family_repeats_itself_and_resumes_to_the_byte() {
    let shop = Workshop::new();
    for Case { name, yaml } in cases() {
        shop.write(&format!("{name}.yaml"), yaml);
        shop.imago(&format!("train {name}.yaml --device cpu --run {name}"));
        shop.imago(&format!("train {name}.yaml --device cpu --run again"));
        let whole = shop.checkpoint(name);
        assert!(whole[0].0.starts_with("step-0000000008/"), "{name} took other steps: {}", whole[0].0);
        assert!(whole == shop.checkpoint("again"), "{name} does not repeat itself");
        shop.imago(&format!("train {name}.yaml --device cpu --run parts --set train.steps=4"));
        let bytes = |files: &[(String, Vec<u8>)]| files.iter().map(|(_, bytes)| bytes.clone()).collect::<Vec<_>>();
        let half = bytes(&shop.checkpoint("parts"));
        assert!(bytes(&whole) != half, "{name} learns nothing behind its fourth step");
        shop.imago("train --resume parts --device cpu --set train.steps=8");
        assert!(whole == shop.checkpoint("parts"), "{name} resumed goes another way");
        for run in ["again", "parts"] {
            std::fs::remove_dir_all(shop.path(run)).unwrap();
        }
    }
}

/// Every loss of twenty one-step epochs, and hashes of the final weights, optimisers and samples.
/// The last bits differ between processors; with other vectors than the record's, losses need only
/// be close.
#[test]
fn every_family_trains_as_it_was_recorded() {
    let (shop, file) = (Workshop::new(), workspace().join("tests/families.tsv"));
    let mut found = format!("vectors\t{}\n", vectors());
    for Case { name, yaml } in cases() {
        shop.write(&format!("{name}.yaml"), yaml);
        let steps = "--set train.steps=20 --set data.limit=32 --set train.evaluate_every=20";
        shop.imago(&format!("train {name}.yaml --device cpu --run {name} {steps}"));
        let mut losses: BTreeMap<String, String> = BTreeMap::new();
        for (key, value) in shop.metrics(name).iter().flatten().filter(|(key, _)| key.contains('/')) {
            let _ = write!(losses.entry(key.clone()).or_default(), "\t{value}");
        }
        losses.iter().for_each(|(key, values)| found.push_str(&format!("{name}\t{key}{values}\n")));
        let mut bytes: Vec<Vec<u8>> = shop.checkpoint(name).into_iter().map(|(_, bytes)| bytes).collect();
        if name != "classifier" {
            shop.imago(&format!("sample {name} --seed 3 --count 20 --format npy --out {name}.npy --device cpu"));
            bytes.push(shop.read(&format!("{name}.npy")));
        }
        let _ = writeln!(found, "{name}\tsha256\t{}", sha256(&bytes.concat()));
    }
    let recorded = std::fs::read_to_string(&file).unwrap_or_default();
    if recorded.lines().next() == found.lines().next() || std::env::var_os("IMAGO_BLESS").is_some() {
        return bless(&file, &found);
    }
    assert_eq!(found.lines().count(), recorded.lines().count());
    for (found, recorded) in found.lines().zip(recorded.lines()).skip(1).filter(|(line, _)| !line.contains("sha256")) {
        assert_eq!(found.split('\t').count(), recorded.split('\t').count(), "{found}");
        for (found, recorded) in found.split('\t').zip(recorded.split('\t')) {
            let close = match (found.parse::<f64>(), recorded.parse::<f64>()) {
                (Ok(found), Ok(recorded)) => (found - recorded).abs() <= 0.02 * recorded.abs().max(1.0),
                _ => found == recorded,
            };
            assert!(close, "found {found}, recorded {recorded}");
        }
    }
}

/// The widest vector instructions of this processor.
fn vectors() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    match (std::arch::is_x86_feature_detected!("avx512f"), std::arch::is_x86_feature_detected!("fma")) {
        (true, _) => return "avx512",
        (_, true) => return "avx2",
        _ => {}
    }
    "others"
}

#[test]
fn every_family_exports_what_it_samples() {
    let shop = Workshop::new();
    for Case { name, yaml } in cases() {
        shop.write(&format!("{name}.yaml"), yaml);
        shop.imago(&format!("train {name}.yaml --device cpu --run {name} --set train.steps=3"));
        assert!(image::load_from_memory(&shop.read(&format!("{name}/samples/epoch-0001.png"))).is_ok(), "{name}");
        shop.imago(&format!("export {name} --to {name}-artifact --dtype f32"));
        if name == "classifier" {
            shop.refuses("sample classifier-artifact", &["is a classifier: it generates no images"]);
            continue;
        }
        for source in [name.to_owned(), format!("{name}-artifact")] {
            shop.imago(&format!("sample {source} --seed 3 --count 20 --format npy --out {source}.npy --device cpu"));
        }
        let samples = shop.read(&format!("{name}.npy"));
        assert!(samples == shop.read(&format!("{name}-artifact.npy")), "{name} samples otherwise once exported");
        assert_eq!(samples.len(), 128 + 20 * 784 * 4, "{name}");
        let asked = format!("sample {name} --seed 3 --count 20 --format npy --out class.npy --device cpu --class 4");
        if name.contains("conditional") || name.contains("packed") {
            shop.imago(&asked);
            let (all, fours) = (&samples[128..], &shop.read("class.npy")[128..]);
            let same = |index: usize| all[index * 3136..][..3136] == fours[index * 3136..][..3136];
            let same: Vec<usize> = (0..20).filter(|index| same(*index)).collect();
            assert_eq!(same, [4, 14], "{name}: classes in turn");
            shop.refuses(&asked.replace("--class 4", "--class 10"), &["there is no class 10"]);
        } else {
            shop.refuses(&asked, &["is not conditional"]);
        }
    }
}

#[test]
fn a_latent_model_refuses_a_source_that_it_cannot_learn_from() {
    let shop = Workshop::new();
    let all = cases();
    let yaml = |name: &str| all.iter().find(|case| case.name == name).unwrap().yaml.clone();
    for name in ["vae", "conditional-vae", "gan", "classifier"] {
        shop.write("x.yaml", yaml(name));
        shop.imago(&format!("train x.yaml --device cpu --run {name} --set train.steps=1"));
    }
    let refused = |from: &str, change: [&str; 2], expected: &str| {
        let latent = yaml("latent-gan").replace("from: vae", &format!("from: {from}"));
        shop.write("latent.yaml", latent.replace(change[0], change[1]));
        shop.refuses("train latent.yaml --device cpu --run latent", &[expected]);
        assert!(!shop.path("latent").exists(), "{from}: a run folder was left behind");
    };
    refused("nowhere", ["", ""], "nowhere");
    refused("gan", ["", ""], "has no encoder");
    refused("conditional-vae", ["", ""], "is conditional");
    refused("classifier", ["", ""], "is a classifier: it has no latents");
    refused("vae", ["linear: 3", "linear: 5"], "the latents of vae have 3 values, but the model outputs 5");
    refused("vae", ["synthetic-digits", "synthetic-clothing"], "`data` must be the same");
    shop.imago("export vae --to artifact");
    refused("artifact", ["", ""], "--encoder");
    shop.imago("export vae --to artifact --encoder --force");
    shop.write("latent.yaml", yaml("latent-gan").replace("from: vae", "from: artifact"));
    shop.imago("train latent.yaml --device cpu --run latent --set train.steps=1");
    // The run no longer needs its source.
    for source in ["vae", "artifact"] {
        std::fs::remove_dir_all(shop.path(source)).unwrap();
    }
    shop.imago("train --resume latent --device cpu --set train.steps=2");
    shop.imago("sample latent --seed 1 --count 2 --out latent.png");
}
