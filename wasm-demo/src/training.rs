//! A training run, one step at a time.
//!
//! ```text
//! const run = await Training.open(yaml, images, source, snapshot);
//! until run.ended:
//!     if (run.step()) await run.losses();
//!     now and then: await run.losses(), await run.snapshot(seconds), await run.artifact()
//! ```

use imago_core::artifact::Artifact;
use imago_core::data::{Images, Split};
use imago_core::family::Plan;
use imago_core::limits::Limits;
use imago_core::pipeline::Pipeline;
use imago_core::spec::{OnNan, Set};
use imago_core::training::{End, Export, Run, Sets, Snapshot, Source, TrainingError};
use imago_core::weights::Precision;
use imago_core::yaml::{Finding, Place, Reading, read, text};
use serde_json::{Value, json};
use wasm_bindgen::prelude::*;

use crate::images::{TrainingImages, resize};
use crate::refusal;
use crate::training_device::{NAME, RESIDENT, device};

/// Losses are read after at most this many steps.
const MAX_UNREAD: usize = 100;
const MAX_ROLLBACKS: u32 = 8;

/// Reads a pipeline as `imago check` does, within the limits of a page: JSON with all `findings`
/// and, without errors, the `pipeline`. Offsets count UTF-16 units, as JavaScript does.
#[wasm_bindgen]
pub fn check(yaml: &str) -> String {
    let Reading { pipeline, findings } = read(yaml.as_bytes(), &[], Limits::PAGE);
    let findings: Vec<Value> = findings.iter().map(|finding| described(finding, &text(yaml.as_bytes()))).collect();
    let pipeline = pipeline.map(|(pipeline, plan)| facts(&pipeline, &plan));
    json!({ "findings": findings, "pipeline": pipeline }).to_string()
}

fn described(finding: &Finding, text: &str) -> Value {
    let Finding { severity, problem, place } = finding;
    let (line, column, span) = match place {
        Place::Text { line, column, span } => (*line, *column, span.clone()),
        Place::Override(_) => (1, 1, 0..0),
    };
    let units = |end: usize| text.get(..end).map_or(0, |before| before.encode_utf16().count());
    json!({
        "severity": severity, "line": line, "column": column, "start": units(span.start), "end": units(span.end),
        "path": finding.path(), "found": problem.found, "expected": problem.expected, "note": problem.note,
        "suggestion": problem.suggestion,
    })
}

fn facts(pipeline: &Pipeline, plan: &Plan) -> Value {
    let (data, train, traits) = (&pipeline.data, &pipeline.train, pipeline.model.traits());
    let folder = match &data.set {
        Set::Folder(folder) => Some(folder),
        _ => None,
    };
    let networks: Vec<Value> =
        plan.networks().map(|network| json!({ "name": network.name(), "parameters": network.parameters() })).collect();
    json!({
        "name": pipeline.name, "family": plan.family().name(), "parameters": plan.parameters(), "networks": networks,
        "set": data.set.name(), "folder": folder, "size": data.size, "channels": data.channels(),
        "classes": data.classes, "latent": plan.latent(), "from": traits.source, "batch": train.batch,
        "epochs": train.epochs, "steps": train.steps, "limit": data.limit,
    })
}

/// A run. After an `Error` from any method but [`Training::open`] its last snapshot is intact, but
/// the run itself may not go on.
#[wasm_bindgen]
pub struct Training {
    run: Run,
    /// The target of a rollback.
    last: Option<Snapshot>,
}

#[wasm_bindgen]
impl Training {
    /// Starts the run of a pipeline, or continues it from a snapshot. Sets that are not drawn need
    /// their `images`; the latent families need the two files of the model whose latents they
    /// learn.
    ///
    /// # Errors
    /// The pipeline has errors, or does not go together with what else was given.
    pub async fn open(
        yaml: &str,
        images: Option<TrainingImages>,
        manifest: Option<String>,
        weights: Option<Vec<u8>>,
        snapshot: Option<Vec<u8>>,
    ) -> Result<Training, JsError> {
        let Reading { pipeline, findings } = read(yaml.as_bytes(), &[], Limits::PAGE);
        let Some((pipeline, plan)) = pipeline else {
            return Err(JsError::new(&findings.first().map(ToString::to_string).unwrap_or_default()));
        };
        let open = |split| match (Images::synthetic(&pipeline.data, split, resize), &images) {
            (Some(images), _) => images.map_err(JsError::from),
            (None, Some(images)) => images.open(&pipeline.data, split),
            (None, None) => Err(JsError::new(&format!("the images of {} are needed", pipeline.data.set.name()))),
        };
        let (training, validation) = open(Split::Training)?.hold_out()?;
        let images = Sets { training, validation, test: open(Split::Test)? };
        let device = device()?;
        let source = match (pipeline.model.traits().source, manifest, weights) {
            (None, ..) => None,
            (Some(from), Some(manifest), Some(weights)) => {
                let artifact = Artifact::read(&manifest, weights)?;
                Some(Source::new(artifact, from, plan.source_latent(), &images.training, &device)?)
            }
            (Some(from), ..) => return Err(JsError::new(&format!("the model `{from}` is needed"))),
        };
        let rolls_back = pipeline.train.on_nan == OnNan::Rollback;
        let mut run = Run::new(pipeline, plan, images, source, &device, RESIDENT).await?;
        let last = match snapshot {
            Some(bytes) => {
                let snapshot = Snapshot::from_bytes(&bytes)?;
                run.restore(&snapshot)?;
                Some(snapshot)
            }
            None if rolls_back => Some(run.snapshot(0.0).await?),
            None => None,
        };
        Ok(Self { run, last })
    }

    /// Takes one step. True at the end of an epoch, and when many losses are unread: then
    /// [`Training::losses`] must be next.
    ///
    /// # Errors
    /// The run has ended.
    pub fn step(&mut self) -> Result<bool, JsValue> {
        if self.run.end().is_some() {
            return Err(refusal("all steps of this run are done"));
        }
        self.run.step();
        Ok(self.run.is_at_end_of_epoch() || self.run.unread() >= MAX_UNREAD)
    }

    /// The means of the losses since the last call, as JSON: `[[name, value], ..]`. At the end of
    /// an epoch the model is evaluated where its pipeline says so.
    ///
    /// # Errors
    /// A loss is not finite and cannot be rolled back, or the device was lost.
    pub async fn losses(&mut self) -> Result<String, JsError> {
        let means = match self.run.read().await {
            Ok(means) => means,
            Err(TrainingError::NonFinite(what)) => {
                self.roll_back(&what)?;
                Vec::new()
            }
            Err(error) => return Err(error.into()),
        };
        if !means.is_empty() && self.run.is_evaluated_here() {
            self.run.evaluate().await?;
        }
        Ok(json!(means).to_string())
    }

    fn roll_back(&mut self, what: &dyn std::error::Error) -> Result<(), JsError> {
        let may = self.run.pipeline().train.on_nan == OnNan::Rollback && self.run.state().rollbacks < MAX_ROLLBACKS;
        match &self.last {
            Some(last) if may => Ok(self.run.roll_back(last)?),
            _ => Err(JsError::new(&format!(
                "{what}: training diverged. A lower `lr` or `clip_norm: 1` may help, or `on_nan: rollback`"
            ))),
        }
    }

    /// All that is needed to continue from here, bit for bit, after `seconds` of training.
    ///
    /// # Errors
    /// A loss or a weight is not finite, or the device was lost.
    pub async fn snapshot(&mut self, seconds: f64) -> Result<Vec<u8>, JsError> {
        let snapshot = self.run.snapshot(seconds).await?;
        let bytes = snapshot.to_bytes()?;
        self.last = Some(snapshot);
        Ok(bytes)
    }

    /// The model as it is now: the text of `model.ron` and the bytes of `weights.bpk`, at half
    /// precision and with its encoder.
    ///
    /// # Errors
    /// The device was lost.
    pub async fn artifact(&mut self) -> Result<Files, JsError> {
        let options = Export { precision: Precision::F16, encoder: true, device: NAME };
        let artifact = self.run.artifact(options).await?;
        Ok(Files { manifest: artifact.manifest_text()?, weights: artifact.weights })
    }

    /// Steps done.
    #[wasm_bindgen(getter)]
    pub fn done(&self) -> f64 {
        self.run.state().steps as f64
    }

    /// Steps of the whole run.
    #[wasm_bindgen(getter)]
    pub fn steps(&self) -> f64 {
        self.run.steps() as f64
    }

    /// Seconds of training up to the last snapshot.
    #[wasm_bindgen(getter)]
    pub fn seconds(&self) -> f64 {
        self.run.state().seconds
    }

    /// Why the run has ended: `finished` or `stopped early`; undefined before.
    #[wasm_bindgen(getter)]
    pub fn ended(&self) -> Option<String> {
        let why = match self.run.end()? {
            End::Finished => "finished",
            End::StoppedEarly => "stopped early",
        };
        Some(why.to_owned())
    }

    /// The rest of the state, as JSON: `{ epoch, epochs, rollbacks, rate, validation, test }`.
    #[wasm_bindgen(getter)]
    pub fn state(&self) -> String {
        let state = self.run.state();
        json!({
            "epoch": state.epoch, "epochs": self.run.epochs(), "rollbacks": state.rollbacks, "rate": state.rate,
            "validation": state.validation, "test": state.test,
        })
        .to_string()
    }
}

/// The two files of a model.
#[wasm_bindgen(getter_with_clone)]
pub struct Files {
    /// The text of `model.ron`.
    pub manifest: String,
    /// The bytes of `weights.bpk`.
    pub weights: Vec<u8>,
}
