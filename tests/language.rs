//! The descriptions of the language are true: JSON Schema, layer reference, templates, classics.

use imago_core::family::Family;
use imago_core::spec::Set;
use imago_tests::{Workshop, bless, workspace, yaml_files};
use serde_json::Value;

fn said(arguments: &str) -> String {
    Workshop::new().said(arguments)
}

#[test]
fn the_schema_in_the_repository_is_the_programs() {
    bless(&workspace().join("schema/pipeline.schema.json"), &said("schema"));
}

#[test]
fn the_reference_in_the_repository_is_the_programs() {
    bless(&workspace().join("docs/layers.md"), &said("layers --all"));
}

#[test]
fn every_layer_has_a_page_with_an_example_that_can_be_read() {
    let pages = said("layers --all");
    for name in imago_core::layer::LayerSpec::NAMES {
        let page = said(&format!("layers {name}"));
        assert!(pages.contains(&page), "{page}");
        let example = page.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next());
        let example = example.unwrap_or_else(|| panic!("{name} has no example"));
        let layers: Vec<imago_core::layer::LayerSpec> = imago_core::yaml::part(example).unwrap();
        assert!(layers.iter().all(|layer| layer.name() == *name && layer.errors().is_empty()), "{example}");
    }
    Workshop::new().refuses("layers cov2d", &["did you mean `conv2d`?"]);
}

#[test]
fn every_pipeline_opens_with_its_schema_its_command_and_what_to_expect() {
    let sweeps = workspace().join("pipelines/sweeps");
    for path in yaml_files(&workspace().join("pipelines")).into_iter().filter(|path| !path.starts_with(&sweeps)) {
        let text = std::fs::read_to_string(&path).unwrap();
        let head: Vec<&str> = text.lines().take_while(|line| line.starts_with('#')).collect();
        let name = path.strip_prefix(workspace().join("pipelines")).unwrap().display().to_string();
        assert_eq!(head[0], "# yaml-language-server: $schema=../../schema/pipeline.schema.json", "{name}");
        let file = format!("pipelines/{}", name.replace('\\', "/"));
        let mut commands = head.iter().filter(|line| line.starts_with("#   imago "));
        assert!(commands.any(|command| command.contains(&file)), "{name}: no command");
        assert!(head.iter().any(|line| line.starts_with("# Expect: ")), "{name}");
    }
}

#[test]
fn every_family_and_set_has_a_starting_file_without_a_warning() {
    let shop = Workshop::new();
    for family in Family::ALL.iter().map(|family| family.name()) {
        for set in Set::ALL.iter().map(Set::name) {
            if (family, set) == ("classifier", "stacked-mnist") {
                shop.refuses("init classifier --data stacked-mnist", &["has no classes"]);
                continue;
            }
            let text = shop.said(&format!("init {family} --data {set}"));
            assert!(text.contains(&format!("set: {set}\n")), "{text}");
            assert!(text.starts_with("# yaml-language-server: $schema=pipeline.schema.json\n"), "{text}");
            shop.write("x.yaml", text);
            shop.imago("check --strict x.yaml");
        }
    }
}

/// Parameters of well-known networks, as the summaries of Keras and PyTorch count them.
#[test]
fn well_known_networks_have_the_parameters_that_are_known_of_them() {
    let classics = workspace().join("pipelines/classics");
    for (file, expected) in [
        ("lenet5", &[61_706][..]),
        ("keras-mnist-convnet", &[34_826]),
        ("keras-vae", &[69_076, 65_089]),
        ("tensorflow-cvae", &[28_036, 41_953]),
        // Keras' count of 2,330,944 includes the 25,472 moving averages of batch norm.
        ("tensorflow-dcgan", &[2_305_472, 212_865]),
        // For grey images; with three channels these are 3,576,704 and 2,765,568.
        ("pytorch-dcgan", &[3_574_656, 2_763_520]),
    ] {
        let path = classics.join(format!("{file}.yaml"));
        let summary: Value = serde_json::from_str(&said(&format!("summary --format json {}", path.display()))).unwrap();
        let networks = summary["networks"].as_array().unwrap().iter();
        let counts: Vec<u64> = networks.map(|network| network["parameters"].as_u64().unwrap()).collect();
        assert_eq!(counts, expected, "{file}");
    }
}

#[test]
fn a_summary_can_be_had_for_documents_programs_and_as_a_diagram() {
    let shop = Workshop::with("x.yaml", imago_tests::TINY);
    let text = |format: &str| shop.said(&format!("summary x.yaml --format {format}"));
    assert!(text("markdown").contains("| 0 | conv2d | [4, 14, 14] | 40 | 7,056 | 3.1 KiB |"), "{}", text("markdown"));
    assert!(text("mermaid").contains("encoder_0[\"conv2d<br>[4, 14, 14]<br>40 parameters\"]"), "{}", text("mermaid"));
    let json: Value = serde_json::from_str(&text("json")).unwrap();
    assert_eq!(json["networks"][0]["layers"][0]["multiply_adds"], 7_056);
}
