//! Trains a pipeline for ten steps on drawn digits: `cargo run --release --example train FILE`.

use std::error::Error;

use burn::tensor::{Device, read_sync};
use imago_core::data::{Images, Split};
use imago_core::limits::Limits;
use imago_core::training::{Run, Sets};
use imago_core::yaml::{Override, read};

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().nth(1).unwrap_or_else(|| "pipelines/mnist/vae.yaml".into());
    let overrides = ["data.set=synthetic-digits", "train.steps=10"].map(Override::parse);
    let overrides = overrides.into_iter().collect::<Result<Vec<_>, _>>()?;
    let reading = read(&std::fs::read(&file)?, &overrides, Limits::DEFAULT);
    let (pipeline, plan) = reading.pipeline.ok_or("the pipeline has errors")?;

    // Drawn images have 28 by 28 pixels; those of another size would have to be scaled.
    let open = |split| Images::synthetic(&pipeline.data, split, |pixels, _, _| pixels.to_vec()).ok_or("no such set");
    let images = Sets { training: open(Split::Training)??, validation: None, test: open(Split::Test)?? };

    // A browser would await what blocks here.
    let mut run = read_sync(Run::new(pipeline, plan, images, None, &Device::flex(), false))?;
    while run.end().is_none() {
        run.step();
        let losses = read_sync(run.read())?;
        println!("step {}: {losses:?}", run.state().steps);
    }
    Ok(())
}
