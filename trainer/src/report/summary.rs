//! Layer tables of every network, in several formats.

use std::fmt::Write;

use imago_core::family::Plan;
use imago_core::format::{readable, thousands};
use imago_core::network::{Network, PlannedLayer};
use imago_core::pipeline::Pipeline;
use serde_json::{Value, json};

use super::columns;

const HEADS: [&str; 6] = ["name", "layer", "output", "parameters", "multiply-adds", "activations"];

/// The cells of each layer and of those within it. The name is the position in the list of layers:
/// `3`, or `3.0` within another layer.
fn rows(layers: &[PlannedLayer], within: &str, depth: usize) -> Vec<[String; 6]> {
    let row = |(index, layer): (usize, &PlannedLayer)| {
        let name = format!("{within}{index}");
        let inside = rows(&layer.inside, &format!("{name}."), depth + 1);
        let kind = format!("{}{}", "  ".repeat(depth), layer.spec.name());
        let [parameters, macs] = [layer.parameters, layer.macs].map(thousands);
        let own = [name, kind, layer.output.to_string(), parameters, macs, readable(layer.output.bytes())];
        [vec![own], inside].concat()
    };
    layers.iter().enumerate().flat_map(row).collect()
}

fn total(network: &Network) -> [String; 6] {
    let empty = String::new();
    let (parameters, macs) = (thousands(network.parameters()), thousands(network.macs()));
    [empty.clone(), "total".into(), empty, parameters, macs, readable(network.activations())]
}

fn all(plan: &Plan) -> String {
    let macs = plan.networks().map(Network::macs).sum();
    let latent = match plan.latent() {
        0 => String::new(),
        1 => ", 1 latent value".into(),
        latent => format!(", {latent} latent values"),
    };
    format!(
        "{} parameters and {} multiply-adds per image in total{latent}",
        thousands(plan.parameters()),
        thousands(macs)
    )
}

pub fn table(pipeline: &Pipeline, plan: &Plan) -> String {
    let mut text = format!("{}: {} on {}\n", pipeline.name, plan.family().name(), pipeline.data.set.name());
    for network in plan.networks() {
        let rows = [vec![HEADS.map(str::to_owned)], rows(network.layers(), "", 0), vec![total(network)]].concat();
        let lines = columns(&rows, |column| column > 2);
        let rule = "─".repeat(lines.lines().next().map_or(0, |line| line.chars().count()));
        let _ = writeln!(text, "\n{} (input {})\n{rule}", network.name(), network.input());
        for (index, line) in lines.lines().enumerate() {
            // Below the head and above the total.
            let ruled = if [0, rows.len() - 2].contains(&index) { format!("\n{rule}") } else { String::new() };
            let _ = writeln!(text, "{line}{ruled}");
        }
    }
    text + "\n" + &all(plan)
}

pub fn markdown(pipeline: &Pipeline, plan: &Plan) -> String {
    let mut text = format!("## {}\n\n{} on {}\n", pipeline.name, plan.family().name(), pipeline.data.set.name());
    for network in plan.networks() {
        let _ = writeln!(text, "\n### {} (input {})\n", network.name(), network.input());
        let _ = writeln!(text, "| {} |\n| --- | --- | --- | ---: | ---: | ---: |", HEADS.join(" | "));
        for row in rows(network.layers(), "", 0) {
            let _ = writeln!(text, "| {} |", row.map(|cell| cell.trim().to_owned()).join(" | "));
        }
        let _ = writeln!(text, "| {} |", total(network).join(" | "));
    }
    text + "\n" + &all(plan)
}

pub fn to_json(pipeline: &Pipeline, plan: &Plan) -> Value {
    fn one(layer: &PlannedLayer) -> Value {
        json!({
            "layer": layer.spec.name(),
            "input": layer.input.sizes(),
            "output": layer.output.sizes(),
            "parameters": layer.parameters,
            "multiply_adds": layer.macs,
            "activation_bytes": layer.output.bytes(),
            "inside": layer.inside.iter().map(one).collect::<Vec<_>>(),
        })
    }
    let networks = plan.networks().map(|network| {
        json!({
            "name": network.name(),
            "input": network.input().sizes(),
            "output": network.output().sizes(),
            "parameters": network.parameters(),
            "multiply_adds": network.macs(),
            "activation_bytes": network.activations(),
            "layers": network.layers().iter().map(one).collect::<Vec<_>>(),
        })
    });
    json!({
        "name": pipeline.name,
        "family": plan.family().name(),
        "data": pipeline.data.set.name(),
        "image": plan.image(),
        "latent": plan.latent(),
        "parameters": plan.parameters(),
        "networks": networks.collect::<Vec<_>>(),
    })
}

/// A Mermaid diagram, as GitHub renders.
pub fn mermaid(plan: &Plan) -> String {
    fn draw(text: &mut String, id: &str, layers: &[PlannedLayer], indent: &str, mut before: String) -> String {
        for (index, layer) in layers.iter().enumerate() {
            let id = format!("{id}_{index}");
            let name = layer.spec.name();
            if layer.inside.is_empty() {
                let parameters = match layer.parameters {
                    0 => String::new(),
                    count => format!("<br>{} parameters", thousands(count)),
                };
                let _ = writeln!(text, "{indent}{id}[\"{name}<br>{}{parameters}\"]", layer.output);
                let _ = writeln!(text, "{indent}{before} --> {id}");
                before = id;
            } else {
                let _ = writeln!(text, "{indent}subgraph {id} [\"{name}\"]");
                let last = draw(text, &id, &layer.inside, &format!("{indent}  "), before.clone());
                let _ = writeln!(text, "{indent}end");
                if name == "residual" {
                    let _ = writeln!(text, "{indent}{id}_sum((\"+\"))\n{indent}{last} --> {id}_sum");
                    let _ = writeln!(text, "{indent}{before} --> {id}_sum");
                    before = format!("{id}_sum");
                } else {
                    before = last;
                }
            }
        }
        before
    }
    let mut text = "flowchart TD\n".to_owned();
    for network in plan.networks() {
        let name = network.name();
        let _ = writeln!(text, "  subgraph {name}");
        let _ = writeln!(text, "    {name}_in([\"{}\"])", network.input());
        draw(&mut text, name, network.layers(), "    ", format!("{name}_in"));
        let _ = writeln!(text, "  end");
    }
    text.trim_end().to_owned()
}
