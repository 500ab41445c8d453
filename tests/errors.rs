//! Bad input gives one clear error and a non-zero exit, loses nothing and never panics.

use imago_tests::{TINY, Workshop};

#[test]
fn a_wrong_key_is_named_with_its_place_and_a_suggestion() {
    let shop = Workshop::with("x.yaml", TINY.replace("latent:", "latnet:"));
    shop.refuses("train x.yaml", &["x.yaml:6:3\n", "did you mean `latent`?"]);
    assert!(!shop.path("runs").exists(), "a run folder was made for a pipeline that cannot be trained");
}

#[test]
fn a_shape_that_does_not_fit_is_shown_at_its_layer_with_a_fix() {
    let shop = Workshop::with("x.yaml", TINY.replace("linear: 196", "linear: 200"));
    let (place, values) = ("x.yaml:15:7\n", "`reshape: [4, 7, 7]` holds 196 values, but 200 reach it");
    shop.refuses("check x.yaml", &[place, values, "the `linear` before it must have 196 units"]);
}

#[test]
fn check_tells_the_problems_of_every_file() {
    let shop = Workshop::with("good.yaml", TINY);
    shop.write("a.yaml", TINY.replace("relu", "rleu"));
    shop.write("b.yaml", TINY.replace("batch: 32", "batch: 0"));
    let said = shop.refuses("check a.yaml good.yaml b.yaml", &["a.yaml:9:", "b.yaml:"]);
    assert!(!said.contains("good.yaml"), "{said}");
}

#[test]
fn missing_files_are_named() {
    let shop = Workshop::new();
    shop.refuses("train nowhere.yaml", &["cannot read nowhere.yaml"]);
    for command in ["sample nowhere", "export nowhere --to there"] {
        let said = shop.fails(command);
        let helps = ["nowhere is neither a run folder", "nowhere does not exist; `imago train` creates run folders"];
        assert!(helps.iter().any(|help| said.contains(help)), "{command}: {said}");
    }
    shop.refuses("train --resume nowhere", &["nowhere does not exist; `imago train` creates run folders"]);
    assert!(!shop.path("there").exists() && !shop.path("runs").exists());
}

#[test]
fn a_data_folder_without_the_set_says_what_is_missing() {
    let shop = Workshop::with("x.yaml", TINY.replace("synthetic-digits", "mnist"));
    shop.refuses("train x.yaml --data-dir .", &["train-images-idx3-ubyte"]);
    assert!(!shop.path("runs").exists());
}

#[test]
fn a_damaged_artifact_is_refused() {
    let shop = Workshop::with("tiny.yaml", TINY);
    shop.imago("train tiny.yaml --device cpu --run run --set train.epochs=1");
    shop.imago("export run --to artifact");
    let (manifest, weights) = (shop.read_text("artifact/model.ron"), shop.read("artifact/weights.bpk"));

    shop.write("artifact/weights.bpk", &weights[..weights.len() / 2]);
    shop.refuses("sample artifact", &["weights.bpk", "cut short"]);
    shop.write("artifact/weights.bpk", &weights);

    let hash = manifest.find("sha256: \"").unwrap() + 9;
    let mut changed = manifest.clone();
    let other = if &manifest[hash..=hash] == "0" { "1" } else { "0" };
    changed.replace_range(hash..=hash, other);
    shop.write("artifact/model.ron", changed);
    shop.refuses("sample artifact", &["does not belong to this model.ron"]);

    shop.write("artifact/model.ron", &manifest[..manifest.len() / 2]);
    shop.refuses("sample artifact", &["model.ron:"]);

    shop.write("artifact/model.ron", manifest);
    shop.imago("sample artifact");
}

#[test]
fn a_damaged_checkpoint_is_refused() {
    let shop = Workshop::with("tiny.yaml", TINY);
    shop.imago("train tiny.yaml --device cpu --run run --set train.epochs=1");
    let weights = shop.read("run/checkpoints/step-0000000003/weights.bpk");
    shop.write("run/checkpoints/step-0000000003/weights.bpk", &weights[..weights.len() - 1]);
    shop.refuses("export run --to artifact", &["weights.bpk was cut short or changed"]);
    assert!(!shop.path("artifact").exists());
}

#[test]
fn nothing_is_overwritten_unasked() {
    let shop = Workshop::with("tiny.yaml", TINY);
    shop.imago("train tiny.yaml --device cpu --run run --set train.epochs=1");
    shop.refuses("train tiny.yaml --device cpu --run run", &["--force"]);
    shop.imago("export run --to artifact");
    shop.refuses("export run --to artifact", &["--force"]);
    shop.imago("export run --to artifact --force");
    shop.write("precious.txt", "mine");
    shop.refuses("export run --to . --force", &["is not an artifact"]);
    shop.refuses("train tiny.yaml --run . --force", &["is not a run folder"]);
    assert_eq!(shop.read("precious.txt"), b"mine");
}

#[test]
fn a_half_written_checkpoint_beside_a_whole_one_is_passed_over() {
    let shop = Workshop::with("tiny.yaml", TINY);
    shop.imago("train tiny.yaml --device cpu --run run --set train.epochs=1");
    // A training that is killed while it saves leaves this behind.
    std::fs::create_dir(shop.path("run/checkpoints/.new-abc")).unwrap();
    shop.write("run/checkpoints/.new-abc/weights.bpk", "half");
    shop.imago("export run --to artifact");
    shop.imago("train --resume run --device cpu --set train.epochs=2");
}
