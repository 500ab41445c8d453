//! Checks a pipeline and prints what it means: `cargo run --example check FILE`.

use std::error::Error;

use imago_core::limits::Limits;
use imago_core::yaml::read;

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().nth(1).unwrap_or_else(|| "pipelines/mnist/vae.yaml".into());
    let reading = read(&std::fs::read(&file)?, &[], Limits::DEFAULT);
    for finding in &reading.findings {
        println!("{file}:{finding}");
    }
    let (pipeline, plan) = reading.pipeline.ok_or("nothing can be trained")?;
    println!("{}: a {} with {} parameters", pipeline.name, plan.family().name(), plan.parameters());
    for network in plan.networks() {
        println!("  {} {} → {}", network.name(), network.input(), network.output());
    }
    Ok(())
}
