//! A model with every shape resolved.

use super::{Condition, Exported, Family, Model, Resolver, Role};
use crate::diagnostic::Problems;
use crate::inference::Output;
use crate::limits::Limits;
use crate::network::{Network, PlanBuilder};
use crate::spec::Data;

/// A model whose networks fit each other and the images.
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
    /// All problems.
    pub fn new(model: &Model, data: &Data) -> Result<Self, Problems> {
        let mut builder = PlanBuilder::new(Limits::DEFAULT, &[]);
        Self::build(model, data, &mut builder).ok_or(Problems(builder.problems))
    }

    /// Resolves `model` for the images of `data`; problems go to `builder`.
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

    /// The family.
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

    /// Number of classes of a conditional model, otherwise 0.
    pub fn sampled_classes(&self) -> usize {
        if self.condition.is_some() { self.classes } else { 0 }
    }

    /// How the networks are conditioned on the class.
    pub fn condition(&self) -> Option<Condition> {
        self.condition
    }

    /// Whether the moving average of the generator is exported.
    pub fn is_averaged(&self) -> bool {
        self.averaged
    }

    /// How the values of the generator become pixels.
    pub fn output(&self) -> Output {
        self.output
    }

    /// The networks that are used after training.
    pub fn exported(&self) -> Exported {
        self.exported
    }

    /// All networks in the order of the file; that of the class is last.
    pub fn networks(&self) -> impl Iterator<Item = &Network> {
        self.networks.iter().map(|(_, network)| network)
    }

    /// All networks with their roles.
    pub fn roles(&self) -> &[(Role, Network)] {
        &self.networks
    }

    /// The network of a role, if the model has it.
    pub fn network(&self, role: Role) -> Option<&Network> {
        self.networks.iter().find(|(other, _)| *other == role).map(|(_, network)| network)
    }

    /// The width of the source's latents: what the generator or decoder of a latent family outputs.
    pub fn source_latent(&self) -> usize {
        let network = self.exported.generator.and_then(|role| self.network(role));
        network.map_or(0, |network| network.output().len())
    }

    /// Number of parameters of all networks.
    pub fn parameters(&self) -> u64 {
        self.networks().map(Network::parameters).sum()
    }
}
