//! Layer tables of every network, in several formats.

use std::fmt::Write;

use imago_core::family::Plan;
use imago_core::format::{readable, thousands};
use imago_core::network::{Network, PlannedLayer};
use imago_core::pipeline::Pipeline;
use serde_json::{Value, json};

struct Row {
    /// The position in the list of layers: `3`, or `3.0` within another layer.
    name: String,
    depth: usize,
    kind: &'static str,
    output: String,
    parameters: u64,
    macs: u64,
    activations: u64,
}

fn rows(layers: &[PlannedLayer], within: &str, depth: usize, rows: &mut Vec<Row>) {
    for (index, layer) in layers.iter().enumerate() {
        let name = format!("{within}{index}");
        rows.push(Row {
            depth,
            kind: layer.spec.name(),
            output: layer.output.to_string(),
            parameters: layer.parameters,
            macs: layer.macs,
            activations: layer.output.bytes(),
            name: name.clone(),
        });
        self::rows(&layer.inside, &format!("{name}."), depth + 1, rows);
    }
}

fn all_rows(network: &Network) -> Vec<Row> {
    let mut all = Vec::new();
    rows(network.layers(), "", 0, &mut all);
    all
}

const HEADS: [&str; 6] = ["name", "layer", "output", "parameters", "multiply-adds", "activations"];

fn cells(row: &Row) -> [String; 6] {
    [
        row.name.clone(),
        format!("{}{}", "  ".repeat(row.depth), row.kind),
        row.output.clone(),
        thousands(row.parameters),
        thousands(row.macs),
        readable(row.activations),
    ]
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
        let mut lines = vec![HEADS.map(str::to_owned)];
        lines.extend(all_rows(network).iter().map(cells));
        lines.push(total(network));
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 6] = std::array::from_fn(width);
        let rule = "─".repeat(widths.iter().sum::<usize>() + 2 * (widths.len() - 1));
        let _ = writeln!(text, "\n{} (input {})\n{rule}", network.name(), network.input());
        let last = lines.len() - 1;
        for (index, line) in lines.iter().enumerate() {
            if index == last {
                let _ = writeln!(text, "{rule}");
            }
            let aligned: Vec<String> = (line.iter().zip(widths).enumerate())
                .map(|(column, (cell, width))| match column {
                    0..=2 => format!("{cell:<width$}"),
                    _ => format!("{cell:>width$}"),
                })
                .collect();
            let _ = writeln!(text, "{}", aligned.join("  ").trim_end());
            if index == 0 {
                let _ = writeln!(text, "{rule}");
            }
        }
    }
    text + "\n" + &all(plan)
}

pub fn markdown(pipeline: &Pipeline, plan: &Plan) -> String {
    let mut text = format!("## {}\n\n{} on {}\n", pipeline.name, plan.family().name(), pipeline.data.set.name());
    for network in plan.networks() {
        let _ = writeln!(text, "\n### {} (input {})\n", network.name(), network.input());
        let _ = writeln!(text, "| {} |\n| --- | --- | --- | ---: | ---: | ---: |", HEADS.join(" | "));
        for row in all_rows(network) {
            let _ = writeln!(text, "| {} |", cells(&row).map(|cell| cell.trim().to_owned()).join(" | "));
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
