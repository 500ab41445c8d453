//! From a training's weights to the network that is shipped.

use burn::tensor::Device;

use super::{Autoencoder, Objective, Plan, Vae};
use crate::artifact::{ArtifactError, unpack};
use crate::layer::LayerSpec;
use crate::nn::{Sequential, Start};
use crate::spec::Model;

/// Loads the packed weights of a whole model and takes out its decoder: the network and its layers as declared.
///
/// # Errors
/// The weights are not those of this model, or it has no such network.
pub fn restore(
    model: &Model,
    plan: &Plan,
    weights: &[u8],
    device: &Device,
) -> Result<(Sequential, Vec<LayerSpec>), ArtifactError> {
    let starts = [Start::zeros(device), Start::zeros(device)];
    match model {
        Model::Autoencoder(spec) => Ok(decoder(Autoencoder::new(spec, plan, starts), &spec.decoder, weights)?),
        Model::Vae(spec) => Ok(decoder(Vae::new(spec, plan, starts), &spec.decoder, weights)?),
        Model::Classifier(_) | Model::Gan(_) => {
            Err(ArtifactError::Weights(format!("nothing trains the family `{}` yet", model.family().name())))
        }
    }
}

fn decoder<M: Objective>(
    mut model: M,
    layers: &[LayerSpec],
    weights: &[u8],
) -> Result<(Sequential, Vec<LayerSpec>), ArtifactError> {
    unpack(&mut model, weights)?;
    Ok((model.decoder().clone(), layers.to_vec()))
}
