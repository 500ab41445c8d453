//! The interface of a family.

#[cfg(feature = "yaml")]
use super::Lint;
use super::{Condition, Game, Resolved, Resolver};
#[cfg(feature = "train")]
use super::{Trainer, TrainerSetup};
use crate::latent::PriorKind;
use crate::spec::Metric;

/// The interface of a family. Nothing has a default, so that every family decides everything.
pub trait Definition {
    /// Metrics on held-out samples, the training objective first. None for adversarial families, as
    /// the losses of two opponents say nothing about the samples.
    const METRICS: &'static [Metric];

    /// What the rest of the program needs to know of the settings.
    fn traits(&self) -> Traits<'_>;

    /// Resolves the networks for the images; problems go to `resolver`.
    fn resolve(&self, resolver: &mut Resolver<'_, '_>) -> Resolved;

    /// Warns of what is valid but surely wrong.
    #[cfg(feature = "yaml")]
    fn lint(&self, lint: &mut Lint<'_>);

    /// The model before its first step.
    #[cfg(feature = "train")]
    fn trainer(&self, setup: &TrainerSetup<'_>) -> Box<dyn Trainer>;
}

/// What the rest of the program needs to know of a model's settings.
#[derive(Debug, Clone, Copy)]
pub struct Traits<'a> {
    /// The run or artifact whose latents are learned.
    pub source: Option<&'a str>,
    /// How the discriminator is trained.
    pub game: Option<&'a Game>,
    /// How the networks are conditioned on the class.
    pub condition: Option<Condition>,
    /// Whether the model learns to predict classes.
    pub learns_classes: bool,
    /// The prior.
    pub prior: PriorKind,
    /// A factor for the standard deviation of the prior.
    pub temperature: f64,
    /// The networks that are used after training.
    pub exported: Exported,
}

/// The networks that are used after training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exported {
    /// From images to logits.
    pub classifier: Option<Role>,
    /// From latents to images, or for the latent families to the latents of their source.
    pub generator: Option<Role>,
    /// The output of the encoder, if there is one.
    pub encoder: Option<Heads>,
}

/// The output of an encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heads {
    /// A latent.
    One,
    /// The mean and the log-variance of a latent.
    MeanAndLogVariance,
}

/// The role of a network in its model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// From images to logits.
    Classifier,
    /// From images to latents.
    Encoder,
    /// From latents to images.
    Decoder,
    /// From latents to samples.
    Generator,
    /// From samples to scores.
    Discriminator,
    /// From a class to an input of the other networks.
    Class,
}

impl Role {
    /// The name of the network.
    pub fn name(self) -> &'static str {
        match self {
            Self::Classifier => "classifier",
            Self::Encoder => "encoder",
            Self::Decoder => "decoder",
            Self::Generator => "generator",
            Self::Discriminator => "discriminator",
            Self::Class => "class",
        }
    }

    /// The key of its layers in YAML.
    pub fn key(self) -> &'static str {
        match self {
            Self::Classifier => "layers",
            Self::Class => "condition",
            _ => self.name(),
        }
    }

    /// The prefix of its weights in a checkpoint.
    #[cfg(feature = "train")]
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Classifier => "network",
            _ => self.name(),
        }
    }
}
