//! Scores and comparisons on synthetic digits.

use imago_tests::{TINY, Workshop};
use serde_json::Value;

/// A classifier that recognises synthetic digits after a second of training.
const JUDGE: &str = "
name: judge
data: { set: synthetic-digits, limit: 2000 }
model:
  family: classifier
  layers:
    - flatten
    - linear: 32
    - relu
    - linear: 10
train: { epochs: 4, batch: 64, optimizer: { adam: { lr: 0.003 } } }
";

/// A generator that never learns: all of its samples are the same grey.
const COLLAPSED: &str = "
name: collapsed
data: { set: synthetic-digits, limit: 96, range: [-1, 1] }
model:
  family: gan
  latent: 2
  generator: [{ linear: { units: 784, init: zeros } }, { reshape: [1, 28, 28] }, tanh]
  discriminator: [flatten, { linear: 1 }]
train: { steps: 2, batch: 32, optimizer: { adam: { lr: 1e-9 } } }
";

/// Few samples, and an evaluator of our own, as none is built in for synthetic digits.
const SCALES: &str = "--evaluator runs/judge --count 200 --seeds 1..2 --bounded 10 --draws 4 --device cpu";

fn shop() -> Workshop {
    let shop = Workshop::new();
    let longer = "--set data.limit=2000 --set train.epochs=10";
    for (name, text, set) in [("judge", JUDGE, ""), ("tiny", TINY, longer), ("collapsed", COLLAPSED, "")] {
        shop.write(&format!("{name}.yaml"), text);
        shop.imago(&format!("train {name}.yaml --run runs/{name} --device cpu --quiet {set}"));
    }
    shop
}

fn json(shop: &Workshop, command: &str) -> Value {
    serde_json::from_str(&shop.said(command)).unwrap()
}

fn score<'a>(evaluation: &'a Value, measure: &str) -> &'a Value {
    let scores = evaluation["scores"].as_array().unwrap();
    scores.iter().find(|score| score["measure"] == measure).unwrap_or_else(|| panic!("no {measure} in {evaluation}"))
}

#[test]
fn a_model_is_measured_and_measured_again_to_the_same_digits() {
    let shop = shop();
    let command = format!("evaluate runs/tiny {SCALES} --json --save-features features");
    let (mut first, mut second) = (json(&shop, &command), json(&shop, &command));
    for evaluation in [&mut first, &mut second] {
        evaluation["seconds"] = Value::Null;
    }
    assert_eq!(first, second);
    assert_eq!((&first["count"], first["seeds"].as_array().unwrap().len()), (&200.into(), 2));
    assert!(first["evaluator"]["accuracy"].as_f64().unwrap() > 0.8, "{}", first["evaluator"]);
    let fid = score(&first, "Fid");
    assert_eq!(fid["values"].as_array().unwrap().len(), 2);
    let (model, floor) = (fid["values"][0].as_f64().unwrap(), fid["training"].as_f64().unwrap());
    assert!(floor > 0.0 && model > 5.0 * floor, "{model} against {floor}");
    for measure in
        ["Kid", "InceptionScore", "Precision", "Recall", "Density", "Coverage", "ClassesCovered", "Sharpness"]
    {
        assert!(score(&first, measure)["training"].is_f64(), "{measure}");
    }
    let value = |measure| score(&first, measure)["values"][0].as_f64().unwrap();
    assert!(value("Elbo") <= value("LikelihoodBound") + 20.0);
    assert!((value("Elbo") - value("Reconstruction") + value("LatentDivergence")).abs() < 1e-6);
    assert!(value("ActiveUnits") <= 2.0 && value("ReconstructionFid") > 0.0);
    assert!(first["warnings"].as_array().unwrap().is_empty());
    let few = json(
        &shop,
        "evaluate runs/tiny --evaluator runs/judge --count 32 --seeds 1 --bounded 2 --draws 1 --device cpu --json --out few.ron",
    );
    assert!(few["warnings"].to_string().contains("too few for 32 features"), "{few}");
    assert!(shop.read_text("runs/tiny/evaluation.ron").contains("Fid"));
    assert!(shop.read("runs/tiny/neighbours.png").starts_with(b"\x89PNG"));
    assert!(shop.read("features/samples.npy").starts_with(b"\x93NUMPY"));

    // A run and its export generate the same samples, up to half precision.
    shop.imago("export runs/tiny --to models/tiny --encoder");
    let exported = json(&shop, &format!("evaluate models/tiny {SCALES} --json"));
    let far = score(&exported, "Fid")["values"][0].as_f64().unwrap() / model;
    assert!((0.98..1.02).contains(&far), "{far}");
    assert!(score(&exported, "Elbo")["values"][0].is_f64());
}

#[test]
fn a_collapsed_generator_trips_the_alarm_and_a_comparison_tells_it() {
    let shop = shop();
    let found = json(&shop, &format!("evaluate runs/collapsed {SCALES} --json"));
    let alarm = found["alarm"].to_string();
    assert!(["missing_classes", "alike", "repeated", "uncovered"].iter().all(|sign| alarm.contains(sign)), "{alarm}");
    let said = shop.said(&format!("evaluate runs/collapsed {SCALES}"));
    assert!(said.contains("alarm: ") && said.contains("FID"), "{said}");

    let before = shop.read_text("runs/collapsed/evaluation.ron");
    let said = shop.said(&format!("compare runs/tiny runs/collapsed {SCALES} --html c.html --markdown c.md"));
    let expected = ["tiny", "collapsed", "covers more of the test images"];
    assert!(expected.iter().all(|part| said.contains(part)), "{said}");
    assert_eq!(shop.read_text("runs/collapsed/evaluation.ron"), before, "what was measured is not measured again");
    let harder = SCALES.replace("--draws 4", "--draws 5");
    shop.imago(&format!("compare runs/tiny runs/collapsed {harder} --html harder.html"));
    assert!(
        shop.read_text("runs/tiny/evaluation.ron").contains("draws: 5"),
        "what was measured otherwise is measured anew"
    );
    assert_eq!(shop.read_text("runs/collapsed/evaluation.ron"), before, "it has no likelihood");
    let page = shop.read_text("c.html");
    assert!(page.matches("data:image/png;base64,").count() >= 6);
    assert!(!page.contains("http://") && !page.contains("https://"), "nothing comes from elsewhere");
    let tables = shop.read_text("c.md");
    assert!(tables.contains("| FID") && tables.contains("parameters"), "{tables}");
    // The same result, whoever measured it.
    let again = json(&shop, &format!("compare runs/tiny runs/collapsed {SCALES} --html again.html --json"));
    assert_eq!(again["entries"][0]["evaluation"]["count"], 200);
    assert!(again["statements"].as_array().unwrap().len() > 2);
}

#[test]
fn what_cannot_be_measured_is_refused_with_a_reason() {
    let shop = shop();
    let quick = "--count 50 --seeds 1";
    for (command, reason) in [
        (format!("evaluate runs/tiny {quick}"), "there is no evaluator for synthetic-digits"),
        (format!("evaluate runs/judge --evaluator runs/judge {quick}"), "is a classifier"),
        (format!("evaluate runs/tiny --evaluator runs/tiny {quick}"), "is not a classifier"),
        (format!("evaluate runs/nothing {quick}"), "neither a run folder"),
        (
            format!("evaluate runs/tiny --evaluator runs/judge --inception none.safetensors {quick}"),
            "github.com/mseitzer/pytorch-fid",
        ),
        (format!("evaluate runs/tiny --evaluator runs/judge --inception tiny.yaml {quick}"), "tiny.yaml"),
        ("evaluate runs/tiny --seeds 2..1".to_owned(), "expected the lower seed first"),
        (format!("compare runs/tiny runs/judge --evaluator runs/judge {quick}"), "is a classifier"),
    ] {
        shop.refuses(&command, &[reason]);
    }
    assert!(!shop.path("runs/tiny/evaluation.ron").exists() && !shop.path("comparison.html").exists());
    shop.write("other.yaml", TINY.replace("synthetic-digits", "synthetic-clothing"));
    shop.imago("train other.yaml --run runs/other --device cpu --quiet");
    let expected = "was trained on synthetic-digits, but the images are of synthetic-clothing";
    shop.refuses(&format!("evaluate runs/other --evaluator runs/judge {quick}"), &[expected]);
    let expected = "only models of the same images can be compared";
    shop.refuses(&format!("compare runs/tiny runs/other --evaluator runs/judge {quick}"), &[expected]);
}
