//! A model from its files: sampling, encoding, classifying.

use imago_core::artifact::{Artifact, Generator, Manifest, Networks, Programs};
use imago_core::inference::sample_classes;
use imago_core::latent::{LatentRequest, Prior};
use imago_core::program::{CpuExecutor, Program};
use imago_core::shape::Shape;
use imago_core::spec::PixelRange;
use wasm_bindgen::prelude::*;

use crate::device::Device;
use crate::refusal;

/// A model on the device.
#[wasm_bindgen]
pub struct Model {
    manifest: Manifest,
    plan: Networks,
    generator: Option<Network>,
    /// The network of a learned prior, on the CPU since it is small.
    learned: Option<CpuExecutor>,
    encoder: Option<Network>,
    classifier: Option<Network>,
}

struct Network {
    /// With as few operations as possible.
    fast: Device,
    /// Layer by layer, for [`Model::inside`].
    plain: Program,
}

impl Network {
    fn new(program: Program) -> Result<Self, JsError> {
        Ok(Self { fast: Device::new(program.clone().folded())?, plain: program })
    }
}

#[wasm_bindgen]
impl Model {
    /// Loads a model from the text of `model.ron` and the bytes of `weights.bpk`.
    ///
    /// # Errors
    /// No device was opened, a file is damaged, or the two do not belong together.
    pub fn load(manifest: &str, weights: Vec<u8>) -> Result<Model, JsError> {
        let artifact = Artifact::read(manifest, weights)?;
        let Programs { generator, learned, encoder, classifier } = artifact.programs()?;
        let network = |program: Option<Program>| program.map(Network::new).transpose();
        Ok(Self {
            plan: artifact.manifest.plan()?,
            manifest: artifact.manifest,
            generator: network(generator)?,
            learned: learned.map(|program| CpuExecutor::new(program.folded())),
            encoder: network(encoder)?,
            classifier: network(classifier)?,
        })
    }

    /// The latents of the samples `first .. first + count` of `seed`, a `Float32Array` of
    /// `[count, latent]` for [`Model::decode`]. Sample `i` of a seed has the same latent whatever
    /// `first` and `count` are.
    ///
    /// `label` is the class for a conditional model, which without it takes the classes in turn;
    /// others ignore it. A `temperature` below 1 scales down the spread of the prior. Throws a
    /// `RangeError` for a classifier, an unknown class, no or too many samples, or a temperature
    /// out of range.
    pub fn latents(
        &self,
        seed: u32,
        first: u32,
        count: u32,
        label: Option<u32>,
        temperature: f32,
    ) -> Result<Vec<f32>, JsValue> {
        let classes = self.classes_of(u64::from(first), count as usize, label)?;
        if !(0.0..=MAX_TEMPERATURE).contains(&temperature) {
            return Err(refusal(&format!("temperature must be between 0 and {MAX_TEMPERATURE}, found {temperature}")));
        }
        let (seed, first, count) = (u64::from(seed), u64::from(first), count as usize);
        let request = LatentRequest { seed, first, count, classes: &classes, temperature };
        Ok(self.manifest.prior.latents(request, self.latent() as usize, |drawn, _| match &self.learned {
            Some(learned) => learned.run(&drawn),
            None => Vec::new(),
        }))
    }

    /// The images of `latents`, a `Float32Array` of `[count, latent]`: a `Float32Array` of
    /// `[count, channels, height, width]` with pixels in 0 to 1. Image `i` has the class of sample
    /// `first + i` in [`Model::latents`] with this `label`. Throws a `RangeError` for a classifier,
    /// an unknown class, and values that are not a whole number of latents or too many; otherwise
    /// the device was lost.
    pub async fn decode(&self, latents: Vec<f32>, first: u32, label: Option<u32>) -> Result<Vec<f32>, JsValue> {
        let (generator, declared) = self.sampler()?;
        let (given, _) = self.given(&latents, u64::from(first), label)?;
        let mut pixels = generator.fast.run(given).await?;
        declared.output.to_pixels(&mut pixels);
        Ok(pixels)
    }

    /// Encodes `pixels`, a `Float32Array` of `[count, channels, height, width]` in 0 to 1: the
    /// means of the latents, then their standard stds, or zeros without any,
    /// `[2, count, latent]`. Throws a `RangeError` for a model without an encoder, and for pixels
    /// that are not a whole number of images or too many; otherwise the device was lost.
    pub async fn encode(&self, pixels: Vec<f32>) -> Result<Vec<f32>, JsValue> {
        let (Some(encoder), Some(declared)) = (&self.encoder, &self.manifest.encoder) else {
            return Err(refusal(&format!("{} has no encoder: it cannot encode images", self.manifest.name)));
        };
        let values = encoder.fast.run(self.images(pixels, declared.range)?.0).await?;
        let latent = self.latent() as usize;
        let rows = values.chunks_exact(if declared.heads { 2 * latent } else { latent });
        let means = rows.clone().flat_map(|row| &row[..latent]).copied();
        let stds = rows.flat_map(|row| match declared.heads {
            true => row[latent..].iter().map(|log_variance| (log_variance * 0.5).exp()).collect(),
            false => vec![0.0; latent],
        });
        Ok(means.chain(stds).collect())
    }

    /// The outputs of all layers of the generator for one latent, `[latent]`, or of the classifier
    /// for one image, `[channels, height, width]` in 0 to 1, one after the other. [`Model::layers`]
    /// has the shapes. Throws a `RangeError` for an unknown class, or other than one latent or
    /// image; otherwise the device was lost.
    pub async fn inside(&self, values: Vec<f32>, label: Option<u32>) -> Result<Vec<f32>, JsValue> {
        let (network, (given, count)) = match (&self.classifier, &self.manifest.classifier) {
            (Some(classifier), Some(declared)) => (classifier, self.images(values, declared.range)?),
            _ => (self.sampler()?.0, self.given(&values, 0, label)?),
        };
        if count != 1 {
            return Err(refusal(&format!("expected one at a time, found {count}")));
        }
        Ok(Device::new(network.plain.clone())?.steps(given).await?)
    }

    /// The probability of each class for `pixels`, a `Float32Array` of
    /// `[count, channels, height, width]` in 0 to 1: a `Float32Array` of `[count, classes]`. Throws
    /// a `RangeError` for a model that is not a classifier, and for pixels that are not a whole
    /// number of images or too many; otherwise the device was lost.
    pub async fn classify(&self, pixels: Vec<f32>) -> Result<Vec<f32>, JsValue> {
        let (Some(classifier), Some(declared)) = (&self.classifier, &self.manifest.classifier) else {
            return Err(refusal(&format!("{} is not a classifier: it generates images", self.manifest.name)));
        };
        let mut values = classifier.fast.run(self.images(pixels, declared.range)?.0).await?;
        values.chunks_mut(self.manifest.data.classes.len().max(1)).for_each(softmax);
        Ok(values)
    }

    /// The pipeline's name.
    #[wasm_bindgen(getter)]
    pub fn name(&self) -> String {
        self.manifest.name.clone()
    }

    /// The kind of model.
    #[wasm_bindgen(getter)]
    pub fn family(&self) -> String {
        self.manifest.family.name().to_owned()
    }

    /// The training data.
    #[wasm_bindgen(getter)]
    pub fn dataset(&self) -> String {
        self.manifest.data.set.clone()
    }

    /// The names of the classes, in the order of their labels.
    #[wasm_bindgen(getter)]
    pub fn classes(&self) -> Vec<String> {
        self.manifest.data.classes.clone()
    }

    /// Whether it samples by class.
    #[wasm_bindgen(getter)]
    pub fn conditional(&self) -> bool {
        self.manifest.generator.as_ref().is_some_and(|generator| generator.classes > 0)
    }

    /// Whether it has an encoder.
    #[wasm_bindgen(getter)]
    pub fn encodes(&self) -> bool {
        self.encoder.is_some()
    }

    /// All layers of all shipped networks, as JSON:
    /// `[{"network", "layer", "output": [..], "parameters"}, ..]`.
    #[wasm_bindgen(getter)]
    pub fn layers(&self) -> String {
        let Networks { generator, learned, encoder, classifier } = &self.plan;
        let mut rows = Vec::new();
        for network in [learned, generator, encoder, classifier].into_iter().flatten() {
            for layer in network.layers() {
                let output = match layer.output {
                    Shape::Flat(values) => format!("[{values}]"),
                    Shape::Image([channels, height, width]) => format!("[{channels},{height},{width}]"),
                };
                let (name, parameters) = (layer.spec.name(), layer.total(|layer| layer.parameters));
                let network = network.name();
                rows.push(format!(
                    r#"{{"network":"{network}","layer":"{name}","output":{output},"parameters":{parameters}}}"#
                ));
            }
        }
        format!("[{}]", rows.join(","))
    }

    /// The prior: `normal` for N(0, I), otherwise `gaussian`, `mixture` or `learned`.
    #[wasm_bindgen(getter)]
    pub fn prior(&self) -> String {
        let name = match self.manifest.prior {
            Prior::Normal => "normal",
            Prior::Gaussian { .. } => "gaussian",
            Prior::Mixture(_) | Prior::ByClass(_) => "mixture",
            Prior::Learned { .. } => "learned",
        };
        name.to_owned()
    }

    /// The content of `history.png`, as JSON, `{"epochs": [..], "columns"}`; `null` without it.
    #[wasm_bindgen(getter)]
    pub fn history(&self) -> String {
        match &self.manifest.history {
            Some(history) => format!(r#"{{"epochs":{:?},"columns":{}}}"#, history.epochs, history.columns),
            None => "null".into(),
        }
    }

    /// Channels of every image: 1 for grey, 3 for red, green and blue.
    #[wasm_bindgen(getter)]
    pub fn channels(&self) -> u32 {
        self.side(0)
    }

    /// Height of every image, in pixels.
    #[wasm_bindgen(getter)]
    pub fn height(&self) -> u32 {
        self.side(1)
    }

    /// Width of every image, in pixels.
    #[wasm_bindgen(getter)]
    pub fn width(&self) -> u32 {
        self.side(2)
    }

    /// Number of latent values; 0 for a classifier.
    #[wasm_bindgen(getter)]
    pub fn latent(&self) -> u32 {
        self.manifest.generator.as_ref().map_or(0, |generator| generator.latent as u32)
    }

    /// Parameters of the whole model, including networks that only training needs.
    #[wasm_bindgen(getter)]
    pub fn parameters(&self) -> f64 {
        self.manifest.training.parameters as f64
    }

    /// One line on how it was trained.
    #[wasm_bindgen(getter)]
    pub fn summary(&self) -> String {
        let training = &self.manifest.training;
        let plural = if training.epochs == 1 { "" } else { "s" };
        let minutes = (training.seconds / 60.0).ceil();
        format!("{} epoch{plural} in {minutes} min on {}, seed {}", training.epochs, training.device, training.seed)
    }
}

/// The most images of one call, which bounds the memory.
const MAX_COUNT: u32 = 4096;
const MAX_TEMPERATURE: f32 = 10.0;

impl Model {
    fn sampler(&self) -> Result<(&Network, &Generator), JsValue> {
        match (&self.generator, &self.manifest.generator) {
            (Some(network), Some(declared)) => Ok((network, declared)),
            _ => Err(refusal(&format!("{} is a classifier: it generates no images", self.manifest.name))),
        }
    }

    fn classes_of(&self, first: u64, count: usize, label: Option<u32>) -> Result<Vec<usize>, JsValue> {
        let (_, Generator { classes, .. }) = self.sampler()?;
        if !(1..=MAX_COUNT as usize).contains(&count) {
            return Err(refusal(&format!("1 to {MAX_COUNT} samples at a time, asked for {count}")));
        }
        let label = label.map(|label| label as usize);
        if let Some(label) = label.filter(|label| *classes > 0 && label >= classes) {
            let (name, last) = (&self.manifest.name, classes - 1);
            return Err(refusal(&format!("{name} has the classes 0 to {last}, asked for {label}")));
        }
        Ok(sample_classes(*classes, first, count, label))
    }

    /// The input of the generator for `latents`, `[count, latent]`, each followed by the one-hot
    /// class if the model is conditional, and their number.
    fn given(&self, latents: &[f32], first: u64, label: Option<u32>) -> Result<(Vec<f32>, usize), JsValue> {
        let (_, Generator { latent, classes, .. }) = self.sampler()?;
        let count = whole(latents.len(), *latent as u64, &format!("latents of {latent} values"))?;
        let of = self.classes_of(first, count, label)?;
        let row = |(latent, own): (&[f32], usize)| -> Vec<f32> {
            let one_hot = (0..*classes).map(|class| if class == own { 1.0 } else { 0.0 });
            latent.iter().copied().chain(one_hot).collect()
        };
        Ok((latents.chunks_exact(*latent).zip(of).flat_map(row).collect(), count))
    }

    /// Brings `pixels` in 0 to 1, `[count, ..image]`, into `range`, and counts them.
    fn images(&self, mut pixels: Vec<f32>, range: PixelRange) -> Result<(Vec<f32>, usize), JsValue> {
        let [channels, height, width] = self.manifest.data.image;
        // The largest product of three sides overflows 32 bits.
        let each = channels as u64 * height as u64 * width as u64;
        let count = whole(pixels.len(), each, &format!("images of {channels} × {height} × {width} values"))?;
        range.scale_pixels(&mut pixels);
        Ok((pixels, count))
    }

    fn side(&self, axis: usize) -> u32 {
        self.manifest.data.image[axis] as u32
    }
}

fn softmax(row: &mut [f32]) {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    row.iter_mut().for_each(|value| *value = (*value - largest).exp());
    let sum: f32 = row.iter().sum();
    row.iter_mut().for_each(|value| *value /= sum);
}

/// The number of items of `each` values in `found` values: a whole number, and not too many.
fn whole(found: usize, each: u64, what: &str) -> Result<usize, JsValue> {
    let found = found as u64;
    let count = found.checked_div(each).unwrap_or(0);
    if count * each != found || !(1..=u64::from(MAX_COUNT)).contains(&count) {
        return Err(refusal(&format!("expected 1 to {MAX_COUNT} {what}, found {found} values")));
    }
    Ok(count as usize)
}
