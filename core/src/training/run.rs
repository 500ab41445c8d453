//! A training, one step at a time.

use burn::tensor::{Device, Tensor, TensorData};

use super::{Export, Meter, NonFinite, Snapshot, Source, State, TrainingError, export, fit_prior};
use crate::artifact::Artifact;
use crate::data::{Images, Latents, Samples};
use crate::family::{Losses, Plan, Start, StepContext, Trained, Trainer, restore};
use crate::inference::Sampler;
use crate::latent::Prior;
use crate::noise::{Noise, Purpose};
use crate::pipeline::Pipeline;
use crate::spec::Metric;

/// How many samples are tested at a time.
const TESTED: usize = 500;
/// How many training images a prior is fitted to while training goes on, and at its end.
const PRIOR_IMAGES: [usize; 2] = [2_000, 20_000];

/// The images of a set by what they are for.
#[derive(Debug, Clone)]
pub struct Sets<T> {
    /// To learn from.
    pub training: T,
    /// Kept out of training, if the data ask for that.
    pub validation: Option<T>,
    /// To test with.
    pub test: T,
}

/// Why a training has come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It has taken all of its steps.
    Finished,
    /// Evaluations no longer became better.
    StoppedEarly,
}

/// A training of any family, one step at a time: everything but files, clocks and progress.
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
    /// The same with gradients, where the weights live.
    training_device: Device,
    sets: Sets<Samples>,
    source: Option<Source>,
    /// There but while a step is taken.
    trainer: Option<Box<dyn Trainer>>,
    state: State,
    meter: Meter,
    /// The samples in the order of an epoch, and its number.
    order: (usize, Vec<usize>),
    steps_per_epoch: u64,
}

impl Run {
    /// The beginning of the training that `pipeline` describes. A family that learns the latents of another model needs that as its
    /// `source`. With `resident`, images stay on the device if they are not too many: the way for a GPU.
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
        let Sets { training, validation, test } = images;
        let training = match &mut source {
            // The scale of all latents is that of the training images.
            Some(source) => {
                let latents = Latents::of(training, &source.encoder, plan.code(), None, device).await?;
                source.scale = Some(latents.scale().clone());
                Samples::Latents(latents)
            }
            None if resident => Samples::resident(training, &training_device),
            None => Samples::images_of(training),
        };
        let measured = async |images: Images| match &source {
            Some(Source { encoder, scale, .. }) => {
                Ok(Samples::Latents(Latents::of(images, encoder, plan.code(), scale.clone(), device).await?))
            }
            None => Ok::<_, TrainingError>(Samples::images_of(images)),
        };
        let validation = match validation {
            Some(images) => Some(measured(images).await?),
            None => None,
        };
        let sets = Sets { training, validation, test: measured(test).await? };
        let start = Start { plan: &plan, train: &pipeline.train, device: &training_device };
        let trainer = pipeline.model.trainer(&start);
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

    /// What is trained.
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// The networks that are trained.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What computes, without gradients.
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

    /// Where the training stands; what concerns losses is up to date behind [`Self::snapshot`].
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Steps of an epoch.
    pub fn steps_per_epoch(&self) -> u64 {
        self.steps_per_epoch
    }

    /// Steps of the whole training.
    pub fn steps(&self) -> u64 {
        let Self { pipeline, steps_per_epoch, .. } = self;
        pipeline.train.steps.unwrap_or(pipeline.train.epochs as u64 * steps_per_epoch)
    }

    /// Epochs of the whole training, the last of which may be cut short.
    pub fn epochs(&self) -> usize {
        self.steps().div_ceil(self.steps_per_epoch) as usize
    }

    /// Whether an epoch, or the whole training, ends here.
    pub fn is_at_end_of_epoch(&self) -> bool {
        self.state.steps == self.steps() || self.state.steps.is_multiple_of(self.steps_per_epoch)
    }

    /// Whether the model is evaluated here.
    pub fn is_evaluated_here(&self) -> bool {
        let every = self.pipeline.train.evaluate_every;
        self.is_at_end_of_epoch() && (self.state.steps == self.steps() || self.state.epoch.is_multiple_of(every))
    }

    /// Whether nothing is left to do, and why.
    pub fn end(&self) -> Option<End> {
        let patience = self.pipeline.train.early_stop.as_ref().map(|stop| stop.patience);
        match patience {
            _ if self.state.steps >= self.steps() => Some(End::Finished),
            Some(patience) if self.state.stale >= patience => Some(End::StoppedEarly),
            _ => None,
        }
    }

    /// Takes one step; what it measured is still on the device.
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

    /// Steps whose losses were not read yet.
    pub fn unread(&self) -> usize {
        self.meter.pending()
    }

    /// Reads the losses of the steps since the last reading; their means.
    ///
    /// # Errors
    /// A loss is no finite number, or the device cannot be read.
    pub async fn read(&mut self) -> Result<Vec<(String, f64)>, TrainingError> {
        self.meter.read().await
    }

    /// All that has to be kept to go on from here, after `seconds` of training.
    ///
    /// # Errors
    /// A loss or a weight is no finite number, or the device cannot be read.
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

    /// Goes on from a snapshot as if nothing had happened between.
    ///
    /// # Errors
    /// It is of another model.
    pub fn restore(&mut self, snapshot: &Snapshot) -> Result<(), TrainingError> {
        let start = Start { plan: &self.plan, train: &self.pipeline.train, device: &self.training_device };
        self.trainer = Some(self.pipeline.model.trainer(&start).restore(&snapshot.saved)?);
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

    /// Measures the model on images that it did not learn from, and whether it is better than ever before. The test images are
    /// measured at the end if others were kept out of training.
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

    /// The metric by which a model is better or worse than another of its family, if there is one.
    fn metric(&self) -> Option<Metric> {
        let asked = self.pipeline.train.early_stop.as_ref().and_then(|stop| stop.metric);
        asked.or_else(|| self.plan.family().metrics().first().copied())
    }

    /// What the model measures on all of these samples, if it measures anything there. What is no number shows as such.
    async fn measure(&self, samples: &Samples) -> Result<Vec<(String, f64)>, TrainingError> {
        let Some(evaluator) = self.trainer().evaluator() else { return Ok(Vec::new()) };
        let (train, step) = (&self.pipeline.train, self.state.steps);
        let all: Vec<usize> = (0..samples.count()).collect();
        let mut meter = Meter::default();
        for (index, indices) in all.chunks(train.batch.min(TESTED)).enumerate() {
            let noise = Noise::of(Purpose::Evaluation, train.seed, index as u64);
            let losses = evaluator(samples.plain(indices, &self.device), &mut StepContext { step, rate: 0.0, noise });
            meter.add(step, losses, indices.len() as f64);
        }
        match meter.read().await {
            Ok(_) | Err(TrainingError::NonFinite(_)) => Ok(meter.means()),
            Err(error) => Err(error),
        }
    }

    /// The networks of use with the weights of a snapshot.
    ///
    /// # Errors
    /// It is of another model.
    pub fn trained(&self, snapshot: &Snapshot) -> Result<Trained, TrainingError> {
        Ok(restore(&self.plan, &snapshot.saved.weights, &self.device)?)
    }

    /// What latents are drawn from: see [`fit_prior`]. It is kept in the state.
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

    /// What draws samples from the model.
    ///
    /// # Errors
    /// The model makes no images, or its source cannot be used.
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

    /// The images of latents, rows of the width that the decoder or generator takes, with the weights of now: pixels in 0 to 1, one
    /// image after another. A conditional model takes the class of each.
    ///
    /// # Errors
    /// The model makes no images, or the device cannot be read.
    pub async fn sample(&mut self, latents: Vec<f32>, classes: &[usize]) -> Result<Vec<f32>, TrainingError> {
        let seconds = self.state.seconds;
        let snapshot = self.snapshot(seconds).await?;
        let sampler = self.sampler(&self.trained(&snapshot)?, &self.state.prior)?;
        let width = sampler.latent().max(1);
        let rows = latents.len() / width;
        let latents = Tensor::from_data(TensorData::new(latents, [rows, width]), &self.device);
        Ok(sampler.decode(latents, classes).into_data_async().await?.iter::<f32>().collect())
    }

    /// The model of now as an artifact.
    ///
    /// # Errors
    /// The device cannot be read.
    pub async fn artifact(&mut self, options: Export<'_>) -> Result<Artifact, TrainingError> {
        let snapshot = self.snapshot(self.state.seconds).await?;
        let source = self.source.as_ref().map(|source| &source.artifact);
        export(&self.pipeline, &self.plan, &snapshot, source, options).await
    }

    fn trainer(&self) -> &dyn Trainer {
        self.trainer.as_deref().expect("the trainer is put back at the end of every step")
    }
}

/// How many steps an epoch of so many samples has.
pub(super) fn steps_per_epoch(samples: usize, batch: usize, drops_last: bool) -> u64 {
    let steps = if drops_last { samples / batch } else { samples.div_ceil(batch) };
    steps.max(1) as u64
}
