//! Builds a comparison from the folders of models.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Result, bail};
use burn::tensor::{Tensor, TensorData};
use imago_core::inference::Sampler;
use imago_core::latent::Prior;
use imago_core::network::Network;

use super::statements::statements;
use super::{Comparison, Cost, Entry, ModelImages};
use crate::data::Images;
use crate::device::within_threads;
use crate::files;
use crate::measure::{EvaluatedModel, Evaluation, EvaluationJob, Evaluator, Pixels, ReferenceSet};
use crate::report::png_grid;
use crate::run::{CURVES, EVALUATION, NEIGHBOURS, RECONSTRUCTIONS, RunFolder};

const SIDE: usize = 8;
const ROWS: usize = 5;
const STEPS: usize = 12;
/// Batch size and repetitions of the timed sampling.
const TIMED: usize = 64;
const TIMES: usize = 5;

pub struct ComparisonBuilder<'a> {
    pub evaluator: &'a Evaluator,
    /// Builds the reference set, only needed when a model has no scores yet.
    pub reference_set: &'a dyn Fn() -> Result<ReferenceSet>,
    pub inception_sha256: Option<&'a str>,
    pub job: EvaluationJob<'a>,
    pub seed: u64,
}

impl ComparisonBuilder<'_> {
    /// Compares the opened models in these folders. Those without scores of the same kind are
    /// evaluated, and their scores written into their folders.
    pub fn compare(&self, models: &[(PathBuf, EvaluatedModel)], command: String) -> Result<Comparison> {
        let mut reference_set: Option<ReferenceSet> = None;
        let mut entries: Vec<Entry> = Vec::new();
        for (path, model) in models {
            let (evaluation, neighbours) = match self.measured(path, model) {
                Some(found) => found,
                None => {
                    let real = match &mut reference_set {
                        Some(real) => real,
                        none => none.insert((self.reference_set)()?),
                    };
                    self.measure(path, model, real)?
                }
            };
            let name = unique(&model.artifact.manifest.name, path, &entries);
            self.job.progress.begin(format!("{name}: images"), 1);
            let images = self.images(path, model, neighbours)?;
            entries.push(Entry { name, cost: self.cost(path, model)?, evaluation, images });
        }
        let Some((_, first)) = models.first() else { bail!("there is no model") };
        let test = crate::data::test(&first.data, self.job.search)?;
        let classes = models.iter().map(|(_, model)| model.sampler.classes()).max().unwrap_or(0);
        Ok(Comparison {
            set: first.data.set.title().to_owned(),
            image: first.data.image(),
            statements: statements(&entries),
            real: real(&test, classes)?,
            entries,
            command,
            seed: self.seed,
        })
    }

    /// The scores in a model's folder if they were measured in the same way, with the image beside
    /// them.
    fn measured(&self, path: &Path, model: &EvaluatedModel) -> Option<(Evaluation, Vec<u8>)> {
        let evaluation: Evaluation = ron::from_str(&fs::read_to_string(path.join(EVALUATION)).ok()?).ok()?;
        let same = evaluation.version == env!("CARGO_PKG_VERSION")
            && evaluation.weights_sha256 == model.artifact.manifest.weights.sha256
            && evaluation.evaluator.sha256 == self.evaluator.sha256()
            && evaluation.inception_sha256.as_deref() == self.inception_sha256
            && (evaluation.count, evaluation.seeds.as_slice()) == (self.job.count, self.job.seeds)
            // Without a likelihood, importance samples make no difference.
            && (model.density.is_none() || evaluation.importance_samples == self.job.importance_samples);
        Some((evaluation, fs::read(path.join(NEIGHBOURS)).ok()?)).filter(|_| same)
    }

    fn measure(&self, path: &Path, model: &EvaluatedModel, real: &ReferenceSet) -> Result<(Evaluation, Vec<u8>)> {
        let (evaluation, outputs) = self.job.measure(model, real)?;
        files::write(&path.join(EVALUATION), files::ron(&evaluation)?.as_bytes())?;
        files::write(&path.join(NEIGHBOURS), &outputs.neighbours)?;
        Ok((evaluation, outputs.neighbours))
    }

    fn cost(&self, path: &Path, model: &EvaluatedModel) -> Result<Cost> {
        let manifest = &model.artifact.manifest;
        let networks = manifest.plan()?;
        let drawing = || networks.generator.iter().chain(&networks.learned);
        let training = &manifest.training;
        let images_per_second = match &model.record {
            Some(record) if record.seconds > 0.0 => {
                let batch = RunFolder::open(path)?.pipeline()?.0.train.batch;
                Some(record.steps as f64 * batch as f64 / record.seconds)
            }
            _ => None,
        };
        Ok(Cost {
            parameters: training.parameters,
            drawing_parameters: drawing().map(Network::parameters).sum(),
            drawing_macs: drawing().map(Network::macs).sum(),
            bytes: model.bytes,
            epochs: training.epochs,
            seconds: training.seconds,
            images_per_second,
            peak_memory: model.record.as_ref().and_then(|record| record.peak_memory),
            device: training.device.clone(),
            milliseconds_per_sample: milliseconds_per_sample(&model.sampler, self.seed),
        })
    }

    fn images(&self, path: &Path, model: &EvaluatedModel, neighbours: Vec<u8>) -> Result<ModelImages> {
        let (sampler, shape, seed) = (&model.sampler, model.data.image(), self.seed);
        let columns = if sampler.classes() > 0 { sampler.classes() } else { SIDE };
        let pixels = |images: Tensor<4>| -> Vec<f32> { images.into_data().iter().collect() };
        let grid = within_threads(|| pixels(sampler.sample(seed, 0, columns * SIDE, None)));
        let between = within_threads(|| pixels(interpolation(sampler, seed)));
        Ok(ModelImages {
            grid: png_grid(&grid, shape, columns, 2)?,
            interpolation: png_grid(&between, shape, STEPS, 2)?,
            neighbours,
            reconstructions: fs::read(path.join(RECONSTRUCTIONS)).ok(),
            curves: fs::read_to_string(path.join(CURVES)).ok(),
        })
    }
}

fn real(test: &Images, classes: usize) -> Result<Vec<u8>> {
    let of_class =
        |class: usize| test.labels().iter().enumerate().filter(move |(_, label)| usize::from(**label) == class);
    let chosen: Vec<usize> = match classes {
        0 => (0..test.count().min(SIDE * SIDE)).collect(),
        _ => {
            (0..SIDE).flat_map(|row| (0..classes).filter_map(move |class| Some(of_class(class).nth(row)?.0))).collect()
        }
    };
    let pixels = Pixels::of(test, &chosen);
    png_grid(&pixels.numbers(0..pixels.count()), test.shape(), if classes > 0 { classes } else { SIDE }, 2)
}

/// A unique name: the model's own, or if that is taken its folder's.
fn unique(name: &str, path: &Path, others: &[Entry]) -> String {
    let taken = |name: &str| others.iter().any(|other| other.name == name);
    let folder =
        path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
    let numbered = (2..).map(|number| format!("{folder} ({number})"));
    let mut names = [name.to_owned(), folder.clone()].into_iter().chain(numbered);
    names.find(|name| !taken(name)).unwrap_or(folder)
}

/// Interpolations between consecutive samples, a row for each pair; a conditional model keeps the
/// class of the first. Latents from N(0, I) move on the sphere (White, "Sampling Generative
/// Networks", 2016), others on the line.
fn interpolation(sampler: &Sampler, seed: u64) -> Tensor<4> {
    let latent = sampler.latent();
    let classes: Vec<usize> = (0..=ROWS).map(|row| row % sampler.classes().max(1)).collect();
    let drawn = sampler.latents(seed, 0, &classes, 1.0).into_data();
    let drawn: Vec<f32> = drawn.iter().collect();
    let ends: Vec<&[f32]> = drawn.chunks_exact(latent.max(1)).collect();
    let mut latents = Vec::new();
    for pair in ends.windows(2) {
        for step in 0..STEPS {
            let share = step as f32 / (STEPS - 1) as f32;
            latents.extend(between(pair[0], pair[1], share, sampler.prior == Prior::Normal));
        }
    }
    let classes: Vec<usize> = (0..ROWS * STEPS).map(|index| classes[index / STEPS]).collect();
    sampler.decode(Tensor::from_data(TensorData::new(latents, [ROWS * STEPS, latent]), &sampler.device), &classes)
}

/// The latent at `share` of the way between two, on the sphere or the line.
fn between(from: &[f32], to: &[f32], share: f32, sphere: bool) -> Vec<f32> {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let cosine = dot(from, to) / (dot(from, from) * dot(to, to)).sqrt();
    let angle = cosine.clamp(-1.0, 1.0).acos();
    let (first, second) = match sphere && angle.sin() > 1e-3 {
        true => (((1.0 - share) * angle).sin() / angle.sin(), (share * angle).sin() / angle.sin()),
        false => (1.0 - share, share),
    };
    from.iter().zip(to).map(|(from, to)| first * from + second * to).collect()
}

fn milliseconds_per_sample(sampler: &Sampler, seed: u64) -> f64 {
    let mut times: Vec<f64> = (0..=TIMES)
        .map(|_| {
            let began = Instant::now();
            within_threads(|| drop(sampler.sample(seed, 0, TIMED, None).into_data()));
            began.elapsed().as_secs_f64() * 1e3 / TIMED as f64
        })
        .skip(1)
        .collect();
    times.sort_by(f64::total_cmp);
    times[TIMES / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latents_on_the_sphere_keep_their_length_and_those_on_the_line_do_not() {
        let (from, to) = ([1.0, 0.0], [0.0, 1.0]);
        let length = |latent: &[f32]| latent.iter().map(|value| value * value).sum::<f32>().sqrt();
        assert!((length(&between(&from, &to, 0.5, true)) - 1.0).abs() < 1e-6);
        assert_eq!(between(&from, &to, 0.5, false), [0.5, 0.5]);
        for sphere in [true, false] {
            assert_eq!(between(&from, &to, 0.0, sphere), from);
            let end = between(&from, &to, 1.0, sphere);
            assert!(end[0].abs() < 1e-6 && (end[1] - 1.0).abs() < 1e-6);
            assert!(between(&from, &from, 0.3, sphere).iter().zip(from).all(|(a, b)| (a - b).abs() < 1e-6));
        }
    }
}
