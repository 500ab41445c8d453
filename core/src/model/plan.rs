//! A model with every shape resolved.

use crate::layer::{LayerSpec, Linear};
use crate::plan::{Network, Problem, Problems, Shape, Step, thousands};
use crate::spec::{Family, Model, Reconstruction};

/// The largest number of latent values.
const MAX_LATENT: usize = 4096;

/// A model whose networks fit one another and the images.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    family: Family,
    image: [usize; 3],
    latent: usize,
    encoder: Network,
    decoder: Network,
}

impl Plan {
    /// Resolves `model` for images of shape `image` (channels, height, width).
    ///
    /// # Errors
    /// Every network that does not fit, each with the first layer at fault.
    pub fn new(model: &Model, image: [usize; 3]) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let (encoder, decoder, latent) = match model {
            Model::Autoencoder(model) => {
                let encoder = encoder(image, &model.encoder);
                let latent = encoder.as_ref().ok().map(|encoder| encoder.output().len());
                (encoder, &model.decoder, latent)
            }
            Model::Vae(model) => {
                let latent = model.latent;
                if !(1..=MAX_LATENT).contains(&latent) {
                    let found = format!("latent must lie between 1 and {MAX_LATENT}, found {latent}");
                    problems.push(Problem::new(path("latent"), found));
                }
                let mut layers = model.encoder.clone();
                // The heads: mean and log-variance of every latent value.
                layers.push(Linear::new(latent.clamp(1, MAX_LATENT) * 2).into());
                (encoder(image, &layers), &model.decoder, Some(latent))
            }
        };
        // Without a code there is nothing to judge a decoder by; the encoder's problem comes first.
        let decoder = latent.map(|latent| generator("decoder", &path("decoder"), latent, decoder, image));
        match (encoder, decoder) {
            (Ok(encoder), Some(Ok(decoder))) if problems.is_empty() => {
                Ok(Self { family: model.family(), image, latent: latent.unwrap_or_default(), encoder, decoder })
            }
            (encoder, decoder) => {
                problems.extend(encoder.err());
                problems.extend(decoder.and_then(Result::err));
                Err(Problems(problems))
            }
        }
    }

    /// Which kind of model it is.
    pub fn family(&self) -> Family {
        self.family
    }

    /// Channels, height and width of the images.
    pub fn image(&self) -> [usize; 3] {
        self.image
    }

    /// Number of latent values.
    pub fn latent(&self) -> usize {
        self.latent
    }

    /// From image to code; for a VAE to the means followed by the log-variances.
    pub fn encoder(&self) -> &Network {
        &self.encoder
    }

    /// From latent values to image.
    pub fn decoder(&self) -> &Network {
        &self.decoder
    }

    /// All networks, in the order in which data passes them.
    pub fn networks(&self) -> [&Network; 2] {
        [&self.encoder, &self.decoder]
    }

    /// Number of trainable values of all networks.
    pub fn parameters(&self) -> u64 {
        self.networks().iter().map(|network| network.parameters()).sum()
    }
}

/// Printing a plan gives the table of each network and the total.
impl std::fmt::Display for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for network in self.networks() {
            writeln!(f, "{network}")?;
        }
        write!(f, "{} parameters in all, {} latent values", thousands(self.parameters()), self.latent)
    }
}

/// What turns the decoder's output into pixels, by the loss that it is trained with.
impl From<Reconstruction> for super::Output {
    fn from(reconstruction: Reconstruction) -> Self {
        match reconstruction {
            Reconstruction::Bce => Self::Sigmoid,
            Reconstruction::Mse => Self::Identity,
        }
    }
}

fn path(network: &str) -> Vec<Step> {
    vec![Step::key("model"), Step::key(network)]
}

/// From image to a row of values.
fn encoder(image: [usize; 3], layers: &[LayerSpec]) -> Result<Network, Problem> {
    let path = path("encoder");
    let network = Network::new("encoder", &path, Shape::Image(image), layers);
    let Err(problem) = network else {
        return network.and_then(|network| match network.output() {
            Shape::Flat(1..=MAX_LATENT) => Ok(network),
            Shape::Flat(values) => {
                Err(Problem::new(path, format!("the encoder gives {values} values, expected 1 to {MAX_LATENT}")))
            }
            output @ Shape::Image(_) => {
                Err(Problem::new(path, format!("the encoder ends with an image {output}, expected values in a row"))
                    .suggest(Some("`flatten` as its last layer".into())))
            }
        });
    };
    // The heads of a VAE are no line of the file: what does not fit there is the end of the encoder.
    let heads = problem.path.last() == layers.len().checked_sub(1).map(Step::Index).as_ref();
    Err(match heads {
        true => Problem { path, ..problem },
        false => problem,
    })
}

/// A network from `latent` values to an image: the decoder or generator of any family.
///
/// # Errors
/// A layer does not fit, or the last one gives another shape than `image`.
pub(crate) fn generator(
    name: &'static str,
    path: &[Step],
    latent: usize,
    layers: &[LayerSpec],
    image: [usize; 3],
) -> Result<Network, Problem> {
    let network = Network::new(name, path, Shape::Flat(latent), layers)?;
    if network.output() == Shape::Image(image) {
        return Ok(network);
    }
    let (found, expected) = (network.output(), Shape::Image(image));
    let fix = match found {
        Shape::Flat(values) if values == expected.len() => Some(format!("`reshape: {expected}` as its last layer")),
        Shape::Image([_, height, width]) if [height, width] == image[1..] => {
            Some(format!("{} filters in its last convolution", image[0]))
        }
        _ => None,
    };
    let found = format!("the {name} gives {found}, but the images are {expected}");
    Err(Problem::new(path.to_vec(), found).suggest(fix))
}
