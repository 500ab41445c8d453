//! The families of models, each a file and an entry in the list below.

mod adversarial;
#[cfg(feature = "train")]
mod augment;
#[cfg(feature = "train")]
mod average;
mod definition;
#[cfg(feature = "train")]
mod discriminator;
#[cfg(feature = "yaml")]
mod lint;
#[cfg(feature = "train")]
mod loss;
#[cfg(feature = "train")]
mod optimizer;
mod plan;
mod resolver;
#[cfg(feature = "train")]
mod restore;
mod settings;
#[cfg(all(test, feature = "flex", feature = "train", feature = "yaml"))]
mod testing;
#[cfg(feature = "train")]
mod trainer;

pub use adversarial::{AdversarialLoss, Augmentation, Condition, Game, Penalty};
pub use definition::{Definition, Exported, Heads, Role, Traits};
#[cfg(feature = "yaml")]
pub(crate) use lint::Lint;
#[cfg(feature = "train")]
pub use loss::{absolute_error, bce_with_logits, cross_entropy, gaussian_kl, gaussian_nll, squared_error};
pub use plan::Plan;
pub use resolver::{Resolved, Resolver};
#[cfg(feature = "train")]
pub use restore::{Trained, restore};
use serde::{Deserialize, Serialize};
pub use settings::{Kl, Reconstruction};
#[cfg(feature = "train")]
pub use trainer::{Evaluator, Losses, Objective, ObjectiveTrainer, Saved, StepContext, Trainer, TrainerError, Unsaved};

use crate::spec::Metric;

/// Declares every family: its name in YAML, its module and the type of its settings.
macro_rules! families {
    ($($(#[doc = $about:literal])* $name:literal => $file:ident::$family:ident),* $(,)?) => {
        $(mod $file; pub use $file::$family;)*

        /// The kinds of model.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum Family {
            $($(#[doc = $about])* #[serde(rename = $name)] $family,)*
        }

        impl Family {
            /// All families.
            pub const ALL: &'static [Self] = &[$(Self::$family),*];

            /// The name in YAML.
            pub fn name(self) -> &'static str {
                match self { $(Self::$family => $name,)* }
            }

            /// See [`Definition::METRICS`].
            pub fn metrics(self) -> &'static [Metric] {
                match self { $(Self::$family => <$family as Definition>::METRICS,)* }
            }

            /// Calls `visitor` with the type of the family's settings.
            #[cfg(feature = "yaml")]
            pub(crate) fn visit<V: FamilyVisitor>(self, visitor: V) -> V::Output {
                match self { $(Self::$family => visitor.visit::<$family>(),)* }
            }
        }

        /// A model as declared.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
        #[serde(untagged)]
        pub enum Model {
            $(#[doc = concat!("`family: ", $name, "`")] $family($family),)*
        }

        $(impl From<$family> for Model {
            fn from(settings: $family) -> Self { Self::$family(settings) }
        })*

        impl Model {
            /// Which kind it is.
            pub fn family(&self) -> Family {
                match self { $(Self::$family(_) => Family::$family,)* }
            }

            /// See [`Definition::traits`].
            pub fn traits(&self) -> Traits<'_> {
                match self { $(Self::$family(settings) => settings.traits(),)* }
            }

            /// See [`Definition::resolve`].
            pub(crate) fn resolve(&self, resolver: &mut Resolver<'_, '_>) -> Resolved {
                match self { $(Self::$family(settings) => settings.resolve(resolver),)* }
            }

            /// See [`Definition::lint`].
            #[cfg(feature = "yaml")]
            pub(crate) fn lint(&self, lint: &mut Lint<'_>) {
                match self { $(Self::$family(settings) => settings.lint(lint),)* }
            }

            /// See [`Definition::trainer`].
            #[cfg(feature = "train")]
            pub fn trainer(&self, setup: &TrainerSetup<'_>) -> Box<dyn Trainer> {
                match self { $(Self::$family(settings) => settings.trainer(setup),)* }
            }
        }

        /// For each family a type with its name as the only value, for the key `family`.
        pub mod name {
            use serde::{Deserialize, Serialize};
            $(
                #[doc = concat!("`family: ", $name, "`")]
                #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
                #[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
                pub enum $family {
                    #[doc = concat!("`", $name, "`")]
                    #[default]
                    #[serde(rename = $name)]
                    Name,
                }
            )*
        }
    };
}

families! {
    /// Predicts the class of an image.
    "classifier" => classifier::Classifier,
    /// Encodes images as latents and decodes latents into images.
    "autoencoder" => autoencoder::Autoencoder,
    /// An autoencoder with normally distributed latents, from which new ones are sampled.
    "vae" => vae::Vae,
    /// A generator of images that a discriminator cannot tell from real ones.
    "gan" => gan::Gan,
    /// A VAE with a discriminator, whose features measure the reconstructions.
    "vae-gan" => vae_gan::VaeGan,
    /// A GAN of the latents of an already trained model, whose decoder turns them into images.
    "latent-gan" => latent_gan::LatentGan,
    /// A VAE of the latents of an already trained model, whose decoder turns them into images.
    "latent-vae" => latent_vae::LatentVae,
}

/// A function of the type of a family's settings.
#[cfg(feature = "yaml")]
pub(crate) trait FamilyVisitor {
    type Output;

    fn visit<M: serde::de::DeserializeOwned + Into<Model>>(self) -> Self::Output;
}

/// What a trainer is built from.
#[cfg(feature = "train")]
#[derive(Debug, Clone, Copy)]
pub struct TrainerSetup<'a> {
    /// The resolved model.
    pub plan: &'a Plan,
    /// The optimisers and the seed.
    pub train: &'a crate::spec::Train,
    /// An autodiff device.
    pub device: &'a burn::tensor::Device,
}

#[cfg(feature = "train")]
impl<'a> TrainerSetup<'a> {
    /// The initializer of a network, from the seed and the network's position in the model.
    pub(crate) fn initializer(&self, role: Role) -> crate::layer::Initializer<'a> {
        let place = self.plan.roles().iter().position(|(other, _)| *other == role);
        crate::layer::Initializer::seeded(self.train.seed, place.unwrap_or(0) as u64, self.device)
    }

    /// A network with initial weights, if the model has it.
    pub(crate) fn optional(&self, role: Role) -> Option<crate::network::Sequential> {
        let network = self.plan.network(role)?;
        Some(crate::network::Sequential::new(network, &mut self.initializer(role)))
    }

    /// A network with initial weights that the family always has.
    pub(crate) fn network(&self, role: Role) -> crate::network::Sequential {
        self.optional(role).expect("a plan has the networks that its family resolved")
    }
}
