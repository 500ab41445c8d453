//! The images and metrics after every epoch.

use anyhow::{Context, Result};
use burn::tensor::{Tensor, TensorData, read_sync};
use imago_core::data::{Images, encode, plain};
use imago_core::family::Trained;
use imago_core::inference::{Encoder, Output, Sampler};
use imago_core::latent::{Prior, mean_and_std};
use imago_core::network::Sequential;
use imago_core::noise::normal_quantile;
use imago_core::training::Run;

use super::training::title;
use crate::report::{Line, Panel, animation, confusion_png, curves_svg, png_grid, scatter_svg};
use crate::run::RunFolder;

const SAMPLE_SEED: u64 = 0;
/// Rows and columns of those samples; a conditional model has one column per class.
const GRID_SIDE: usize = 8;
pub const SAMPLE_SCALE: u32 = 2;
const BATCH: usize = 500;
const RECONSTRUCTIONS: usize = 30;
const RECONSTRUCTION_COLUMNS: usize = 10;
const SCATTERED: usize = 5_000;
const FRAME_SECONDS: f64 = 0.4;

/// Writes the samples before the first step. A classifier has none.
pub fn open(run: &mut Run, folder: &RunFolder) -> Result<()> {
    if run.plan().exported().generator.is_none() {
        return Ok(());
    }
    let snapshot = read_sync(run.snapshot(0.0))?;
    let untrained = run.trained(&snapshot)?;
    read_sync(run.fit_prior(&untrained))?;
    folder.write_samples(0, &RunReporter { run, folder }.image(&untrained)?)
}

pub struct RunReporter<'a> {
    pub run: &'a Run,
    pub folder: &'a RunFolder,
}

impl RunReporter<'_> {
    /// Writes the files of an evaluation and, if it is the `last`, those of the whole training.
    /// Returns the image of the samples.
    pub fn publish(&self, trained: &Trained, last: bool) -> Result<Vec<u8>> {
        let (run, state, test) = (self.folder, self.run.state(), &self.run.sets().test);
        let image = self.image(trained)?;
        run.write_samples(state.epoch, &image)?;
        run.write("curves.svg", curves_svg(&panels(&run.metrics()?))?.as_bytes())?;
        // A classifier, or a model of latents, does not reconstruct images.
        let encoder = trained.encoder.as_ref().filter(|_| self.run.source().is_none());
        if let (Some(encoder), true) = (encoder, trained.generator.is_some()) {
            let sampler = self.run.sampler(trained, &state.prior)?;
            run.write("reconstructions.png", &self.reconstructions(encoder, &sampler, test.images())?)?;
            if last && [2, 3].contains(&self.run.plan().latent()) {
                let latents = read_sync(encode(test.images(), SCATTERED, encoder, self.run.device()))?.0;
                let set = test.images();
                let labels = &set.labels()[..set.count().min(SCATTERED)];
                let classes: Vec<&str> = set.classes().iter().map(String::as_str).collect();
                let map = scatter_svg(&latents, self.run.plan().latent(), labels, &classes)?;
                run.write("latent.svg", map.as_bytes())?;
                if sampler.classes == 0 {
                    run.write("manifold.png", &self.manifold(&sampler, &latents)?)?;
                }
            }
        }
        if last {
            let frames: Vec<Vec<u8>> = run.samples()?.into_values().collect();
            run.write("samples.gif", &animation(&frames, FRAME_SECONDS)?)?;
        }
        Ok(image)
    }

    fn reconstructions(&self, encoder: &Encoder, sampler: &Sampler, test: &Images) -> Result<Vec<u8>> {
        let mut pixels: Vec<f32> = Vec::new();
        let all: Vec<usize> = (0..test.count().min(RECONSTRUCTIONS)).collect();
        for indices in all.chunks(RECONSTRUCTION_COLUMNS) {
            let batch = plain(test, indices, self.run.device());
            let latents = encoder.encode(batch.samples.clone(), &batch.classes).0;
            let classes: Vec<usize> = indices.iter().map(|index| usize::from(test.labels()[*index])).collect();
            let shown = Output::pixels_of(test.range()).pixels(batch.samples.image());
            pixels.extend(shown.into_data().iter::<f32>());
            pixels.extend(sampler.decode(latents, &classes).into_data().iter::<f32>());
        }
        png_grid(&pixels, self.run.plan().image(), RECONSTRUCTION_COLUMNS.min(all.len()), 2)
            .context("the image of the reconstructions")
    }

    /// Decodes a grid of latents: the first value grows to the right, the second upwards, and a
    /// third from block to block. Unless the prior is N(0, I), the grid spans the latents of test
    /// images.
    fn manifold(&self, sampler: &Sampler, latents: &[f32]) -> Result<Vec<u8>> {
        let latent = self.run.plan().latent();
        let (mean, std) = match sampler.prior {
            Prior::Normal => (vec![0.0; latent], vec![1.0; latent]),
            _ => mean_and_std(latents, latent),
        };
        let (side, blocks) = if latent == 2 { (20, 1) } else { (12, 3) };
        let quantile = |index: usize, count: usize| normal_quantile((index as f64 + 0.5) / count as f64) as f32;
        let mut pixels: Vec<f32> = Vec::new();
        for row in (0..side).rev() {
            let mut values = Vec::with_capacity(blocks * side * latent);
            for (block, column) in (0..blocks).flat_map(|block| (0..side).map(move |column| (block, column))) {
                let z = [quantile(column, side), quantile(row, side), quantile(block, blocks)];
                values.extend((0..latent).map(|value| mean[value] + std[value] * z[value]));
            }
            let latents = TensorData::new(values, [blocks * side, latent]);
            pixels.extend(sampler.decode(Tensor::from_data(latents, self.run.device()), &[]).into_data().iter::<f32>());
        }
        png_grid(&pixels, self.run.plan().image(), blocks * side, 1).context("the image of the manifold")
    }

    /// The same samples for every epoch, or a classifier's confusion matrix.
    fn image(&self, trained: &Trained) -> Result<Vec<u8>> {
        if let Some(classifier) = &trained.classifier {
            return self.confusion(&classifier.network, self.run.sets().test.images());
        }
        let sampler = self.run.sampler(trained, &self.run.state().prior)?;
        let columns = if sampler.classes > 0 { sampler.classes } else { GRID_SIDE };
        let samples = sampler.sample(SAMPLE_SEED, 0, columns * GRID_SIDE, None).into_data();
        let pixels: Vec<f32> = samples.iter().collect();
        png_grid(&pixels, self.run.plan().image(), columns, SAMPLE_SCALE).context("the image of the samples")
    }

    fn confusion(&self, classifier: &Sequential, test: &Images) -> Result<Vec<u8>> {
        let classes = test.classes().len();
        let mut counts = vec![0_u32; classes * classes];
        let all: Vec<usize> = (0..test.count()).collect();
        for indices in all.chunks(BATCH) {
            let batch = plain(test, indices, self.run.device());
            let predicted = classifier.forward(batch.samples).flat().argmax(1).into_data();
            for (index, predicted) in indices.iter().zip(predicted.iter::<i64>()) {
                let cell = usize::from(test.labels()[*index]) * classes + predicted as usize;
                if let Some(count) = counts.get_mut(cell) {
                    *count += 1;
                }
            }
        }
        confusion_png(&counts, classes)
    }
}

/// A panel for each part of the loss, with training and test metrics of all epochs.
fn panels(metrics: &[serde_json::Value]) -> Vec<Panel> {
    let mut panels: Vec<Panel> = Vec::new();
    for line in metrics {
        let Some(epoch) = line["epoch"].as_f64() else { continue };
        for (key, value) in line.as_object().into_iter().flatten() {
            let Some((kind, part)) = key.split_once('/') else { continue };
            let (part, name) = (title(part), if kind == "loss" { "training" } else { kind });
            let point = (epoch, value.as_f64().unwrap_or(f64::NAN));
            let index = panels.iter().position(|panel| panel.title == part).unwrap_or_else(|| {
                panels.push(Panel { title: part.to_owned(), lines: Vec::new() });
                panels.len() - 1
            });
            let lines = &mut panels[index].lines;
            match lines.iter_mut().find(|line| line.name == name) {
                Some(line) => line.points.push(point),
                None => lines.push(Line { name: name.to_owned(), points: vec![point] }),
            }
        }
    }
    panels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_the_loss_has_a_panel_with_a_line_for_training_and_test() {
        let line = |epoch: u64, test: Option<f64>| {
            let mut line = serde_json::json!({ "epoch": epoch, "step": 9, "loss/kl": 2.0, "loss/accuracy": epoch });
            if let Some(test) = test {
                line["test/accuracy"] = test.into();
            }
            line
        };
        let panels = panels(&[line(1, None), line(2, Some(0.5))]);
        let mut titles: Vec<&str> = panels.iter().map(|panel| panel.title.as_str()).collect();
        titles.sort_unstable();
        assert_eq!(titles, ["accuracy", "kl"]);
        let accuracy = panels.iter().find(|panel| panel.title == "accuracy").unwrap();
        assert_eq!(accuracy.lines[0].points, [(1.0, 1.0), (2.0, 2.0)]);
        assert_eq!(
            (accuracy.lines[1].name.as_str(), accuracy.lines[1].points.as_slice()),
            ("test", [(2.0, 0.5)].as_slice())
        );
    }
}
