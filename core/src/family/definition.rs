//! What every family says of itself.

#[cfg(feature = "yaml")]
use super::Lint;
use super::{Condition, Game, Resolved, Resolver};
#[cfg(feature = "train")]
use super::{Start, Trainer};
use crate::latent::PriorKind;
use crate::spec::Metric;

/// What every family says of itself. No method has a default: a family that has nothing to say says so.
pub trait Definition {
    /// The metrics that say on samples that were not learned from how good a model is, what the family minimises first. None where two
    /// networks compete: what they reach against each other says nothing about the samples.
    const METRICS: &'static [Metric];

    /// What others than the family ask of its settings.
    fn traits(&self) -> Traits<'_>;

    /// Resolves the networks for the images of the data; what does not fit is noted in `resolver`.
    fn resolve(&self, resolver: &mut Resolver<'_, '_>) -> Resolved;

    /// Notes what is legal but surely wrong.
    #[cfg(feature = "yaml")]
    fn lint(&self, lint: &mut Lint<'_>);

    /// The model at the beginning of its training.
    #[cfg(feature = "train")]
    fn trainer(&self, start: &Start<'_>) -> Box<dyn Trainer>;
}

/// What others than the family ask of a model's settings.
#[derive(Debug, Clone, Copy)]
pub struct Traits<'a> {
    /// The run or artifact whose latents are learned.
    pub source: Option<&'a str>,
    /// How a discriminator is trained.
    pub game: Option<&'a Game>,
    /// How the class of an image reaches the networks.
    pub condition: Option<Condition>,
    /// Whether the classes of the images are what the model learns.
    pub learns_classes: bool,
    /// What new latents are drawn from.
    pub prior: PriorKind,
    /// How far from the likeliest ones latents are drawn: a factor of their standard deviation.
    pub temperature: f64,
    /// The networks that are of use once the model is trained.
    pub exported: Exported,
}

/// The networks that are of use once a model is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exported {
    /// The network that tells classes.
    pub classifier: Option<Role>,
    /// The network that turns latents into images, or for the latent families into latents of their source.
    pub generator: Option<Role>,
    /// Whether there is an encoder, and whether it gives means and log-variances.
    pub encoder: Option<Heads>,
}

/// What an encoder gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heads {
    /// A latent.
    One,
    /// The mean and the logarithm of the variance of a latent.
    MeanAndLogVariance,
}

/// What a network is for.
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
    /// From a class to what the other networks are given of it.
    Class,
}

impl Role {
    /// What a network of that role is called.
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

    /// What stands before the names of its weights in a checkpoint.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Classifier => "network",
            _ => self.name(),
        }
    }
}
