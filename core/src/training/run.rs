//! A training run, one step at a time.

use burn::tensor::{Device, Tensor, TensorData};

use super::sets::{Sets, samples};
use super::{Export, Meter, NonFinite, Snapshot, Source, State, TrainingError, export, fit_prior};
use crate::artifact::Artifact;
use crate::data::{Images, Samples};
use crate::family::{Losses, Plan, Saved, StepContext, Trained, Trainer, TrainerSetup, restore};
use crate::inference::Sampler;
use crate::latent::Prior;
use crate::noise::{Noise, Purpose};
use crate::pipeline::Pipeline;
use crate::spec::Metric;

const EVALUATION_BATCH: usize = 500;
/// Training images that a prior is fitted to during training, and at its end.
const PRIOR_IMAGES: [usize; 2] = [2_000, 20_000];

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// All steps are done.
    Finished,
    /// The metric no longer improved.
    StoppedEarly,
}

/// A training run of any family, one step at a time: everything but files, clocks and progress.
///
/// ```text
/// until run.end():
///     run.step()
///     now and then: run.read(), run.evaluate(), run.snapshot()
/// ```
pub struct Run {
    pipeline: Pipeline,
    plan: Plan,
    /// Without gradients.
    device: Device,
    /// With gradients, for the weights.
    training_device: Device,
    sets: Sets<Samples>,
    source: Option<Source>,
    /// `None` only during a step.
    trainer: Option<Box<dyn Trainer>>,
    state: State,
    meter: Meter,
    /// An epoch, and the order of its samples.
    order: (usize, Vec<usize>),
    steps_per_epoch: u64,
}

impl Run {
    /// A run of `pipeline` before its first step. The latent families need their `source`. With
    /// `resident`, which suits a GPU, the images stay on the device if they are not too many.
    ///
    /// # Errors
    /// There are too few images, or the device cannot be read.
    pub async fn new(
        pipeline: Pipeline,
        plan: Plan,
        images: Sets<Images>,
        mut source: Option<Source>,
        device: &Device,
        resident: bool,
    ) -> Result<Self, TrainingError> {
        let training_device = device.clone().autodiff();
        let packing = pipeline.model.traits().game.map_or(1, |game| game.packing);
        if images.training.count() < packing {
            return Err(TrainingError::Packing { packing, images: images.training.count() });
        }
        let sets = samples(images, &mut source, plan.source_latent(), device, resident).await?;
        let setup = TrainerSetup { plan: &plan, train: &pipeline.train, device: &training_device };
        let trainer = pipeline.model.trainer(&setup);
        let (count, batch) = (sets.training.count(), pipeline.train.batch);
        Ok(Self {
            steps_per_epoch: steps_per_epoch(count, batch, trainer.drops_last()),
            trainer: Some(trainer),
            device: device.clone(),
            training_device,
            sets,
            source,
            state: State::new(),
            meter: Meter::default(),
            order: (0, Vec::new()),
            pipeline,
            plan,
        })
    }

    /// The pipeline.
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// The resolved model.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The device, without gradients.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The samples.
    pub fn sets(&self) -> &Sets<Samples> {
        &self.sets
    }

    /// The model whose latents are learned.
    pub fn source(&self) -> Option<&Source> {
        self.source.as_ref()
    }

    /// The state of training; its losses are up to date after [`Self::snapshot`].
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Steps per epoch.
    pub fn steps_per_epoch(&self) -> u64 {
        self.steps_per_epoch
    }

    /// Steps of the whole run.
    pub fn steps(&self) -> u64 {
        let Self { pipeline, steps_per_epoch, .. } = self;
        pipeline.train.steps.unwrap_or(pipeline.train.epochs as u64 * steps_per_epoch)
    }

    /// Epochs of the whole run; the last may be cut short.
    pub fn epochs(&self) -> usize {
        self.steps().div_ceil(self.steps_per_epoch) as usize
    }

    /// Whether an epoch or the whole run ends here.
    pub fn is_at_end_of_epoch(&self) -> bool {
        self.state.steps == self.steps() || self.state.steps.is_multiple_of(self.steps_per_epoch)
    }

    /// Whether the model is evaluated here.
    pub fn is_evaluated_here(&self) -> bool {
        let every = self.pipeline.train.evaluate_every;
        self.is_at_end_of_epoch() && (self.state.steps == self.steps() || self.state.epoch.is_multiple_of(every))
    }

    /// Why the run has ended, if it has.
    pub fn end(&self) -> Option<End> {
        let patience = self.pipeline.train.early_stop.as_ref().map(|stop| stop.patience);
        match patience {
            _ if self.state.steps >= self.steps() => Some(End::Finished),
            Some(patience) if self.state.stale >= patience => Some(End::StoppedEarly),
            _ => None,
        }
    }

    /// Takes one step; the losses stay on the device.
    pub fn step(&mut self) -> Losses {
        let (train, step) = (&self.pipeline.train, self.state.steps);
        let epoch = (step / self.steps_per_epoch) as usize + 1;
        if self.order.0 != epoch {
            let mut noise = Noise::of(Purpose::Shuffle, train.seed, epoch as u64);
            self.order = (epoch, self.sets.training.images().shuffled(&mut noise));
            self.meter = Meter::resume(&self.state.sums);
        }
        self.state.epoch = epoch;
        let first = (step % self.steps_per_epoch) as usize * train.batch;
        let indices = &self.order.1[first..self.order.1.len().min(first + train.batch)];
        self.training_device.seed(train.seed.wrapping_add(step));
        let mut noise = Noise::of(Purpose::Batch, train.seed, step);
        let batch = self.sets.training.batch(indices, &mut noise, &self.training_device);
        let rate = self.state.rate * train.rate(step, self.steps());
        let mut context = StepContext::new(train.seed, step, rate);
        let trainer = self.trainer.take().expect("the trainer is put back at the end of every step");
        let (trainer, losses) = trainer.step(batch, &mut context);
        self.trainer = Some(trainer);
        self.state.steps += 1;
        self.meter.add(self.state.steps, losses.clone(), 1.0);
        if self.state.steps.is_multiple_of(self.steps_per_epoch) {
            self.state.sums = Vec::new();
        }
        losses
    }

    /// Number of steps with unread losses.
    pub fn unread(&self) -> usize {
        self.meter.pending()
    }

    /// Reads the unread losses and returns their means.
    ///
    /// # Errors
    /// A loss is not finite, or the device cannot be read.
    pub async fn read(&mut self) -> Result<Vec<(String, f64)>, TrainingError> {
        self.meter.read().await
    }

    /// All that is needed to continue from here, after `seconds` of training.
    ///
    /// # Errors
    /// A loss or a weight is not finite, or the device cannot be read.
    pub async fn snapshot(&mut self, seconds: f64) -> Result<Snapshot, TrainingError> {
        self.meter.read().await?;
        let state = &mut self.state;
        state.seconds = seconds;
        if state.steps > 0 {
            state.losses = self.meter.means();
            let whole = state.steps.is_multiple_of(self.steps_per_epoch);
            state.sums = if whole { Vec::new() } else { self.meter.sums() };
            self.state.partial = !self.is_at_end_of_epoch();
        }
        let saved = self.trainer().save().read().await?;
        match saved.is_finite()? {
            true => Ok(Snapshot { state: self.state.clone(), saved }),
            false => Err(NonFinite { name: "a weight".into(), step: self.state.steps, value: f64::NAN }.into()),
        }
    }

    /// Continues from a snapshot, bit for bit.
    ///
    /// # Errors
    /// It is of another model.
    pub fn restore(&mut self, snapshot: &Snapshot) -> Result<(), TrainingError> {
        let setup = TrainerSetup { plan: &self.plan, train: &self.pipeline.train, device: &self.training_device };
        self.trainer = Some(self.pipeline.model.trainer(&setup).restore(&snapshot.saved)?);
        self.state = snapshot.state.clone();
        self.meter = Meter::resume(&self.state.sums);
        self.order = (0, Vec::new());
        Ok(())
    }

    /// Goes back to a snapshot with half the learning rates.
    ///
    /// # Errors
    /// It is of another model.
    pub fn roll_back(&mut self, snapshot: &Snapshot) -> Result<(), TrainingError> {
        let State { rate, rollbacks, .. } = self.state;
        self.restore(snapshot)?;
        (self.state.rate, self.state.rollbacks) = (rate * 0.5, rollbacks + 1);
        Ok(())
    }

    /// Evaluates the model on the validation images if there are any, and then on the test images
    /// at the end only. Returns whether it is the best so far.
    ///
    /// # Errors
    /// The device cannot be read.
    pub async fn evaluate(&mut self) -> Result<bool, TrainingError> {
        let measured = match &self.sets.validation {
            Some(validation) => {
                self.state.validation = self.measure(validation).await?;
                self.state.test = Vec::new();
                &self.state.validation
            }
            None => {
                self.state.test = self.measure(&self.sets.test).await?;
                &self.state.test
            }
        };
        let better = match self.metric().and_then(|metric| Some((metric, metric.of(measured)?))) {
            Some((metric, value)) => {
                let better = |best: f64| if metric.higher_is_better() { value > best } else { value < best };
                let better = value.is_finite() && self.state.best.is_none_or(|(best, _)| better(best));
                (self.state.best, self.state.stale) = match better {
                    true => (Some((value, self.state.steps)), 0),
                    false => (self.state.best, self.state.stale + 1),
                };
                better
            }
            None => false,
        };
        if self.end().is_some() && self.sets.validation.is_some() {
            self.state.test = self.measure(&self.sets.test).await?;
        }
        Ok(better)
    }

    /// The metric that decides which evaluation is the best, if there is one.
    fn metric(&self) -> Option<Metric> {
        let declared = self.pipeline.train.early_stop.as_ref().and_then(|stop| stop.metric);
        declared.or_else(|| self.plan.family().metrics().first().copied())
    }

    /// The mean losses on all `samples`, finite or not; none for a family without an evaluator.
    async fn measure(&self, samples: &Samples) -> Result<Vec<(String, f64)>, TrainingError> {
        let Some(evaluator) = self.trainer().evaluator() else { return Ok(Vec::new()) };
        let (train, step) = (&self.pipeline.train, self.state.steps);
        let all: Vec<usize> = (0..samples.count()).collect();
        let mut meter = Meter::default();
        for (index, indices) in all.chunks(train.batch.min(EVALUATION_BATCH)).enumerate() {
            let noise = Noise::of(Purpose::Evaluation, train.seed, index as u64);
            let losses = evaluator(samples.plain(indices, &self.device), &mut StepContext { step, rate: 0.0, noise });
            meter.add(step, losses, indices.len() as f64);
        }
        match meter.read().await {
            Ok(_) | Err(TrainingError::NonFinite(_)) => Ok(meter.means()),
            Err(error) => Err(error),
        }
    }

    /// The exported networks with the weights of a snapshot.
    ///
    /// # Errors
    /// It is of another model.
    pub fn trained(&self, snapshot: &Snapshot) -> Result<Trained, TrainingError> {
        Ok(restore(&self.plan, &snapshot.saved.weights, &self.device)?)
    }

    /// Fits the prior, which is kept in the state: see [`fit_prior`].
    ///
    /// # Errors
    /// The device cannot be read.
    pub async fn fit_prior(&mut self, trained: &Trained) -> Result<Prior, TrainingError> {
        let count = PRIOR_IMAGES[usize::from(self.end().is_some())];
        let scale = self.source.as_ref().and_then(|source| source.scale.as_ref());
        let images = self.sets.training.images();
        let prior = fit_prior(&self.pipeline, &self.plan, trained, scale, images, count, &self.device).await?;
        self.state.prior = prior.clone();
        Ok(prior)
    }

    /// The sampler of the model.
    ///
    /// # Errors
    /// The model is a classifier, or its source cannot be used.
    pub fn sampler(&self, trained: &Trained, prior: &Prior) -> Result<Sampler, TrainingError> {
        let Some(generator) = &trained.generator else { return Err(TrainingError::NoImages) };
        let (prior, network) = (prior.clone(), generator.network.clone());
        Ok(match &self.source {
            Some(source) => Sampler { prior, learned: Some(network), ..source.artifact.sampler(&self.device)? },
            None => Sampler {
                generator: network,
                latent: self.plan.latent(),
                classes: self.plan.sampled_classes(),
                prior,
                learned: None,
                output: self.plan.output(),
                device: self.device.clone(),
            },
        })
    }

    /// Decodes latents with the current weights, and the class of each if the model is conditional:
    /// pixels in 0 to 1, one image after another.
    ///
    /// # Errors
    /// The model is a classifier, the latents are not whole rows with a class each, or the device
    /// cannot be read.
    pub async fn sample(&self, latents: Vec<f32>, classes: &[usize]) -> Result<Vec<f32>, TrainingError> {
        // The weights alone: the optimisers, which are twice as large, stay where they are.
        let weights = self.trainer().save().weights.read().await?;
        let sampler = self.sampler(&restore(&self.plan, &weights, &self.device)?, &self.state.prior)?;
        let (values, width) = (latents.len(), sampler.latent().max(1));
        let rows = values / width;
        if !values.is_multiple_of(width) || (sampler.classes() > 0 && classes.len() != rows) {
            return Err(TrainingError::Latents { values, width, classes: classes.len() });
        }
        let latents = Tensor::from_data(TensorData::new(latents, [rows, width]), &self.device);
        Ok(sampler.decode(latents, classes).into_data_async().await?.iter::<f32>().collect())
    }

    /// The current model as an artifact, with the prior fitted to its latents.
    ///
    /// # Errors
    /// The device cannot be read.
    pub async fn artifact(&mut self, options: Export<'_>) -> Result<Artifact, TrainingError> {
        self.state.losses = self.meter.means();
        let saved = Saved { weights: self.trainer().save().weights.read().await?, optimizers: Vec::new() };
        let trained = restore(&self.plan, &saved.weights, &self.device)?;
        self.fit_prior(&trained).await?;
        let snapshot = Snapshot { state: self.state.clone(), saved };
        let source = self.source.as_ref().map(|source| &source.artifact);
        export(&self.pipeline, &self.plan, &snapshot, source, options, &self.device).await
    }

    fn trainer(&self) -> &dyn Trainer {
        self.trainer.as_deref().expect("the trainer is put back at the end of every step")
    }
}

pub(super) fn steps_per_epoch(samples: usize, batch: usize, drops_last: bool) -> u64 {
    let steps = if drops_last { samples / batch } else { samples.div_ceil(batch) };
    steps.max(1) as u64
}
