//! Shipped models: their files belong together, and their samples match the published scores.

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use imago_core::artifact::{Artifact, HISTORY};
use imago_core::family::{Family, Model};
use imago_core::latent::Prior;
use imago_core::layer::LayerSpec;
use imago_core::pipeline::Pipeline;
use imago_core::spec::{Data, Set};

use super::classes::{divergence, histogram};
use super::evaluation_job::draw;
use super::evaluator::{Evaluator, Pixels, accuracy};
use super::frechet::{Moments, frechet_distance};
use super::{Evaluation, EvaluationProgress, Metric};
use crate::data::Search;
use crate::pipeline_file::PipelineFile;
use crate::run::{EVALUATION, LATENTS, TESTS, open_artifact};

const SAMPLES: usize = 600;
const BUDGET: u64 = 6_000_000;

struct Shipped {
    folder: PathBuf,
    artifact: Artifact,
    evaluation: Evaluation,
}

impl Shipped {
    fn name(&self) -> &str {
        &self.artifact.manifest.name
    }

    fn set(&self) -> Set {
        Set::ALL.into_iter().find(|set| set.title() == self.artifact.manifest.data.set).unwrap()
    }

    fn claim(&self, measure: Metric) -> Option<f64> {
        self.evaluation.score(measure).map(super::Score::mean)
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Everything under `www/models` with scores. Reading an artifact verifies its weights and plans
/// its networks.
fn shipped() -> Vec<Shipped> {
    let mut folders: Vec<PathBuf> =
        fs::read_dir(root().join("www/models")).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.retain(|folder| folder.join(EVALUATION).is_file());
    folders.sort();
    let open = |folder: PathBuf| {
        let artifact = open_artifact(&folder, true).unwrap();
        let evaluation = fs::read_to_string(folder.join(EVALUATION)).unwrap();
        Shipped { evaluation: ron::from_str(&evaluation).unwrap(), artifact, folder }
    };
    folders.into_iter().map(open).collect()
}

fn pipeline(name: &str) -> Pipeline {
    for folder in ["mnist", "fashion-mnist"] {
        for entry in fs::read_dir(root().join("pipelines").join(folder)).unwrap() {
            let source = PipelineFile::open(&entry.unwrap().path()).unwrap();
            if let Some((pipeline, _)) = source.read(&[], imago_core::limits::Limits::DEFAULT).pipeline
                && pipeline.name == name
            {
                return pipeline;
            }
        }
    }
    panic!("no pipeline has the name {name}")
}

fn declared(model: &Model) -> &[LayerSpec] {
    match model {
        Model::Classifier(model) => &model.layers,
        Model::Autoencoder(model) => &model.decoder,
        Model::Vae(model) => &model.decoder,
        Model::Gan(model) => &model.generator,
        Model::VaeGan(model) => &model.decoder,
        Model::LatentGan(model) => &model.generator,
        Model::LatentVae(model) => &model.decoder,
    }
}

#[test]
fn artifact_scores_and_pipeline_of_a_shipped_model_belong_together() {
    let mut bytes = 0;
    for model in shipped() {
        let (name, manifest, evaluation) = (model.name(), &model.artifact.manifest, &model.evaluation);
        assert_eq!(model.folder.file_name().unwrap().to_string_lossy(), name);
        let scores_of = (&evaluation.name, evaluation.family, &evaluation.set, &evaluation.weights_sha256);
        assert_eq!(scores_of, (&manifest.name, manifest.family, &manifest.data.set, &manifest.weights.sha256));
        let pipeline = pipeline(name);
        assert_eq!((pipeline.model.family(), pipeline.train.seed), (manifest.family, manifest.training.seed), "{name}");
        let (own, generator) = (manifest.classifier.as_ref().map(|reader| &reader.layers), manifest.generator.as_ref());
        let layers = match &manifest.prior {
            Prior::Learned { layers, .. } => layers,
            _ => own.or(generator.map(|generator| &generator.layers)).unwrap(),
        };
        assert_eq!(layers, declared(&pipeline.model), "{name}: the artifact is from another pipeline");
        if manifest.family == Family::Classifier {
            assert!(model.claim(Metric::Accuracy).is_some(), "{name}");
        } else {
            let evaluator = Evaluator::open(None, &Data::new(model.set()), &Device::flex()).unwrap();
            assert_eq!(evaluation.evaluator.sha256, evaluator.sha256(), "{name}: scored by another evaluator");
            assert_eq!((evaluation.count, evaluation.seeds.len()), (10_000, 3), "{name}");
            let history = manifest.history.as_ref().unwrap_or_else(|| panic!("{name} has no history"));
            let [_, height, width] = manifest.data.image;
            let image = image::open(model.folder.join(HISTORY)).unwrap();
            let sides =
                [history.columns * width, history.epochs.len() * height].map(|side| u32::try_from(side).unwrap());
            assert_eq!([image.width(), image.height()], sides, "{name}");
            assert_eq!(history.epochs.last(), Some(&manifest.training.epochs), "{name}");
            if manifest.encoder.is_some() {
                let latent = manifest.generator.as_ref().unwrap().latent;
                let latents = fs::read(model.folder.join(LATENTS)).unwrap();
                let records: Vec<&[u8]> = latents.chunks(1 + 2 * latent).collect();
                assert_eq!((records.len(), latents.len() % (1 + 2 * latent)), (2_000, 0), "{name}");
                assert!(records.iter().all(|record| usize::from(record[0]) < manifest.data.classes.len()), "{name}");
                let tests = image::open(model.folder.join(TESTS)).unwrap();
                assert_eq!([tests.width(), tests.height()], [10 * width, 6 * height].map(|side| side as u32), "{name}");
            }
        }
        for entry in fs::read_dir(&model.folder).unwrap() {
            bytes += entry.unwrap().metadata().unwrap().len();
        }
    }
    assert!(bytes < BUDGET, "the shipped models weigh {bytes} bytes");
}

/// With fewer samples than the scores, so within statistical error.
#[test]
fn samples_of_shipped_models_are_as_good_as_their_scores_claim() {
    let (device, progress) = (Device::flex(), EvaluationProgress::new(false));
    let search = std::env::var_os("IMAGO_DATA_DIR").map(|data| root().join(data));
    if search.is_none() {
        eprintln!("SKIPPED: the distance to real images, as IMAGO_DATA_DIR is not set");
    }
    for set in [Set::Mnist, Set::FashionMnist] {
        let data = Data::new(set.clone());
        let evaluator = Evaluator::open(None, &data, &device).unwrap();
        let real = search.as_ref().map(|folder| {
            let search = Search { data_dir: Some(folder.clone()), ..Search::default() };
            let test = crate::data::test(&data, &search).unwrap();
            let all: Vec<usize> = (0..2_000).collect();
            Moments::of(&evaluator.predict(&Pixels::of(&test, &all), &progress).features)
        });
        let models =
            shipped().into_iter().filter(|model| model.set() == set && model.artifact.manifest.generator.is_some());
        for model in models {
            let (name, sampler) = (model.name(), model.artifact.sampler(&device).unwrap());
            let pixels = draw(&sampler, model.artifact.manifest.data.image, 1, SAMPLES, &progress);
            let predictions = evaluator.predict(&pixels, &progress);
            let predicted = predictions.classes();
            if let Some(claim) = model.claim(Metric::ClassAccuracy) {
                let requested: Vec<usize> = (0..SAMPLES).map(|sample| sample % sampler.classes()).collect();
                let agreed = accuracy(&predicted, &requested);
                let chance = 4.0 * (claim * (1.0 - claim) / SAMPLES as f64).sqrt() + 0.002;
                assert!((agreed - claim).abs() < chance, "{name}: a class accuracy of {agreed}, not {claim}");
            }
            let claimed: Vec<f64> = model.evaluation.classes.iter().map(|class| class.share).collect();
            // Twice the divergence of counts is nearly χ² with 9 degrees of freedom: above 28
            // once in a thousand.
            let far = 2.0 * SAMPLES as f64 * divergence(&histogram(&predicted, claimed.len()), &claimed);
            assert!(far < 28.0, "{name}: the class frequencies differ from the scores ({far})");
            if let (Some(real), Some(claim)) = (&real, model.claim(Metric::Fid)) {
                let found = frechet_distance(&Moments::of(&predictions.features), real);
                // Fewer images lie further apart.
                assert!(
                    (0.9 * claim..1.2 * claim + 2.0).contains(&found),
                    "{name} has an FID of {found}, not of {claim}"
                );
            }
        }
    }
}
