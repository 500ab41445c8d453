//! A model with every shape resolved.

use super::{Condition, Exported, Family, Model, Resolver, Role};
use crate::diagnostic::Problems;
use crate::inference::Output;
use crate::limits::Limits;
use crate::network::{Network, PlanBuilder};
use crate::spec::Data;

/// A model whose networks fit one another and the images.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    family: Family,
    image: [usize; 3],
    latent: usize,
    classes: usize,
    condition: Option<Condition>,
    averaged: bool,
    output: Output,
    exported: Exported,
    networks: Vec<(Role, Network)>,
}

impl Plan {
    /// Resolves `model` for the images of `data`.
    ///
    /// # Errors
    /// Everything that does not fit.
    pub fn new(model: &Model, data: &Data) -> Result<Self, Problems> {
        let mut builder = PlanBuilder::new(Limits::DEFAULT, &[]);
        Self::build(model, data, &mut builder).ok_or(Problems(builder.problems))
    }

    /// Resolves `model` for the images of `data` as far as it can be; what does not fit is noted in `builder`.
    pub fn build(model: &Model, data: &Data, builder: &mut PlanBuilder<'_>) -> Option<Self> {
        let before = builder.problems.len();
        let mut resolver = Resolver::new(data, builder);
        let resolved = model.resolve(&mut resolver);
        let image = resolver.image;
        let known = |(role, network): (Role, Option<Network>)| Some((role, network?));
        let networks: Vec<(Role, Network)> = resolved.networks.into_iter().map(known).collect::<Option<_>>()?;
        let whole = builder.problems.len() == before;
        let (latent, image) = resolved.latent.filter(|_| whole).zip(image)?;
        let traits = model.traits();
        Some(Self {
            family: model.family(),
            image,
            latent,
            classes: data.class_names().len(),
            condition: traits.condition,
            averaged: traits.game.is_some_and(|game| game.ema > 0.0),
            output: resolved.output,
            exported: traits.exported,
            networks,
        })
    }

    /// Which kind of model it is.
    pub fn family(&self) -> Family {
        self.family
    }

    /// Channels, height and width of the images.
    pub fn image(&self) -> [usize; 3] {
        self.image
    }

    /// Number of latent values; 0 for a classifier.
    pub fn latent(&self) -> usize {
        self.latent
    }

    /// Number of classes of the images.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Number of classes that samples can be asked for; 0 for a model without a condition.
    pub fn sampled_classes(&self) -> usize {
        if self.condition.is_some() { self.classes } else { 0 }
    }

    /// How the class reaches the networks, if it does.
    pub fn condition(&self) -> Option<Condition> {
        self.condition
    }

    /// Whether a moving average of the generator is what is used.
    pub fn is_averaged(&self) -> bool {
        self.averaged
    }

    /// What turns the values of the network that makes images into pixels.
    pub fn output(&self) -> Output {
        self.output
    }

    /// The networks that are of use once the model is trained.
    pub fn exported(&self) -> Exported {
        self.exported
    }

    /// All networks as the file lists them; that of the class comes last.
    pub fn networks(&self) -> impl Iterator<Item = &Network> {
        self.networks.iter().map(|(_, network)| network)
    }

    /// The same with what each is for.
    pub fn roles(&self) -> &[(Role, Network)] {
        &self.networks
    }

    /// The network of a role, if the model has it.
    pub fn network(&self, role: Role) -> Option<&Network> {
        self.networks.iter().find(|(other, _)| *other == role).map(|(_, network)| network)
    }

    /// The length of the latents that a latent family learns: what its generator or decoder gives.
    pub fn code(&self) -> usize {
        let network = self.exported.generator.and_then(|role| self.network(role));
        network.map_or(0, |network| network.output().len())
    }

    /// Number of trainable values of all networks.
    pub fn parameters(&self) -> u64 {
        self.networks().map(Network::parameters).sum()
    }
}
