//! Samples an exported model and prints the images: `cargo run --release --example sample FOLDER`.

use std::error::Error;
use std::path::PathBuf;

use burn::tensor::Device;
use imago_core::artifact::{Artifact, MANIFEST, WEIGHTS};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).map_or_else(|| "www/models/mnist-vae".into(), PathBuf::from);
    let manifest = std::fs::read_to_string(folder.join(MANIFEST))?;
    let artifact = Artifact::read(&manifest, std::fs::read(folder.join(WEIGHTS))?)?;
    let sampler = artifact.sampler(&Device::flex())?;
    let images = sampler.sample(7, 0, 2, None);
    let [_, channels, height, width] = images.dims();
    let pixels: Vec<f32> = images.into_data().iter().collect();
    for image in pixels.chunks(channels * height * width) {
        for row in image[..height * width].chunks(width) {
            println!("{}", row.iter().map(|pixel| [' ', '.', '+', '#'][(pixel * 3.99) as usize]).collect::<String>());
        }
    }
    Ok(())
}
