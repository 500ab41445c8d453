//! What the page calls: opening a device, loading a model, drawing samples, walking among codes, telling classes.
//!
//! Two modules are built from this crate, one for the CPU and one for WebGPU; the page loads the small one first. All
//! errors reach JavaScript as `Error` objects whose message is for people. Those that are `RangeError` refuse what was asked
//! for: the model and the device are as they were.

#![cfg(target_arch = "wasm32")]

mod device;

use imago_core::artifact::{Artifact, Generator, Manifest, Networks, Programs};
use imago_core::inference::asked;
use imago_core::latent::{Draws, Prior};
use imago_core::program::{CpuExecutor, Program};
use imago_core::shape::Shape;
use imago_core::spec::PixelRange;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::js_sys::RangeError;

use device::Device;

/// Opens the device that this module was built for. Called once, before any model is loaded.
///
/// # Errors
/// There is no WebGPU adapter, or it refuses a device.
#[wasm_bindgen]
pub async fn start() -> Result<(), JsError> {
    std::panic::set_hook(Box::new(|panic| web_sys::console::error_1(&panic.to_string().into())));
    device::start().await
}

/// A model on the device.
#[wasm_bindgen]
pub struct Model {
    manifest: Manifest,
    plan: Networks,
    /// Makes images of codes; classifiers have none.
    generator: Option<Network>,
    /// Makes codes of the draws of a learned prior: always on the processor, since they are a few numbers.
    learned: Option<CpuExecutor>,
    /// Makes codes of images, where that is shipped.
    encoder: Option<Network>,
    /// Tells classes, if that is what the model does.
    classifier: Option<Network>,
}

/// A network, ready to run.
struct Network {
    /// With as few operations as possible.
    fast: Device,
    /// Layer by layer, for looking inside.
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

    /// The codes of the samples `first .. first + count` of `seed`: a `Float32Array` of `[count, latent]`, which [`Model::decode`] turns
    /// into pictures. Sample number i of a seed has the same code whatever `first` and `count` are.
    ///
    /// `label` is the number of the class that a conditional model draws; without it the classes come in turn. Other models have no
    /// use for it. With a `temperature` below 1, codes lie nearer to the middle of what they are drawn from.
    ///
    /// # Errors
    /// A `RangeError` for a classifier, a class that the model lacks, none or too many samples, or a temperature that is none.
    pub fn codes(
        &self,
        seed: u32,
        first: u32,
        count: u32,
        label: Option<u32>,
        temperature: f32,
    ) -> Result<Vec<f32>, JsValue> {
        let classes = self.classes_of(u64::from(first), count as usize, label)?;
        if !(0.0..=MAX_TEMPERATURE).contains(&temperature) {
            return Err(refusal(&format!("a temperature lies between 0 and {MAX_TEMPERATURE}, found {temperature}")));
        }
        let (seed, first, count) = (u64::from(seed), u64::from(first), count as usize);
        let draws = Draws { seed, first, count, classes: &classes, temperature };
        Ok(self.manifest.prior.codes(draws, self.latent() as usize, |drawn, _| match &self.learned {
            Some(learned) => learned.run(&drawn),
            None => Vec::new(),
        }))
    }

    /// The pictures of `codes`, a `Float32Array` of `[count, latent]`: a `Float32Array` of `[count, channels, height, width]` with
    /// pixels in 0 to 1. Picture number i has the class that sample `first + i` has in [`Model::codes`] with this `label`.
    ///
    /// # Errors
    /// A `RangeError` for a classifier, a class that the model lacks, and values that are no whole number of codes or too many;
    /// otherwise the device was lost.
    pub async fn decode(&self, codes: Vec<f32>, first: u32, label: Option<u32>) -> Result<Vec<f32>, JsValue> {
        let (generator, declared) = self.sampler()?;
        let (given, _) = self.given(&codes, u64::from(first), label)?;
        let mut pixels = generator.fast.run(given).await?;
        declared.output.develop(&mut pixels);
        Ok(pixels)
    }

    /// What an encoder makes of `pixels`, a `Float32Array` of `[count, channels, height, width]` in 0 to 1: the means of the codes and
    /// behind them their standard deviations, `[2, count, latent]`. Latents without deviations have zeros there.
    ///
    /// # Errors
    /// A `RangeError` for a model without an encoder, and for pixels that are no whole number of images or too many; otherwise the
    /// device was lost.
    pub async fn encode(&self, pixels: Vec<f32>) -> Result<Vec<f32>, JsValue> {
        let (Some(encoder), Some(declared)) = (&self.encoder, &self.manifest.encoder) else {
            return Err(refusal(&format!("{} has no encoder: it makes no codes of images", self.manifest.name)));
        };
        let values = encoder.fast.run(self.images(pixels, declared.range)?.0).await?;
        let latent = self.latent() as usize;
        let rows = values.chunks_exact(if declared.heads { 2 * latent } else { latent });
        let means = rows.clone().flat_map(|row| &row[..latent]).copied();
        let deviations = rows.flat_map(|row| match declared.heads {
            true => row[latent..].iter().map(|log_variance| (log_variance * 0.5).exp()).collect(),
            false => vec![0.0; latent],
        });
        Ok(means.chain(deviations).collect())
    }

    /// What each layer gives on the way of one code, `[latent]`, through the generator, or of one image, `[channels, height, width]` in
    /// 0 to 1, through a classifier: all values one layer behind the other. [`Model::layers`] has the shapes.
    ///
    /// # Errors
    /// A `RangeError` for a class that the model lacks, or other than one code or image; otherwise the device was lost.
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

    /// How likely a classifier takes each class to be: of `pixels`, a `Float32Array` of `[count, channels, height, width]` in 0
    /// to 1, a `Float32Array` of `[count, classes]`, where the row of every image sums to 1.
    ///
    /// # Errors
    /// A `RangeError` for a model that makes images, and for pixels that are no whole number of images or too many of them;
    /// otherwise the device was lost.
    pub async fn classify(&self, pixels: Vec<f32>) -> Result<Vec<f32>, JsValue> {
        let (Some(classifier), Some(declared)) = (&self.classifier, &self.manifest.classifier) else {
            return Err(refusal(&format!("{} is no classifier: it makes images", self.manifest.name)));
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

    /// What it learned from.
    #[wasm_bindgen(getter)]
    pub fn dataset(&self) -> String {
        self.manifest.data.set.clone()
    }

    /// What the classes are called, in the order of their labels.
    #[wasm_bindgen(getter)]
    pub fn classes(&self) -> Vec<String> {
        self.manifest.data.classes.clone()
    }

    /// Whether it can be told which class to draw.
    #[wasm_bindgen(getter)]
    pub fn conditional(&self) -> bool {
        self.manifest.generator.as_ref().is_some_and(|generator| generator.classes > 0)
    }

    /// Whether it makes codes of images.
    #[wasm_bindgen(getter)]
    pub fn encodes(&self) -> bool {
        self.encoder.is_some()
    }

    /// Every layer of every network that is shipped, in order, as JSON: `[{"network", "layer", "output": [..], "parameters"}, ..]`.
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

    /// What codes are drawn from: `normal` for N(0, I), otherwise `gaussian`, `mixture` or `learned`.
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

    /// What `history.png` shows, as JSON, `{"epochs": [..], "columns"}`; `null` if there is none.
    #[wasm_bindgen(getter)]
    pub fn history(&self) -> String {
        match &self.manifest.history {
            Some(history) => format!(r#"{{"epochs":{:?},"columns":{}}}"#, history.epochs, history.columns),
            None => "null".into(),
        }
    }

    /// Channels of every picture: 1 for grey, 3 for red, green and blue.
    #[wasm_bindgen(getter)]
    pub fn channels(&self) -> u32 {
        self.side(0)
    }

    /// Height of every picture, in pixels.
    #[wasm_bindgen(getter)]
    pub fn height(&self) -> u32 {
        self.side(1)
    }

    /// Width of every picture, in pixels.
    #[wasm_bindgen(getter)]
    pub fn width(&self) -> u32 {
        self.side(2)
    }

    /// Number of latent values; 0 for a classifier.
    #[wasm_bindgen(getter)]
    pub fn latent(&self) -> u32 {
        self.manifest.generator.as_ref().map_or(0, |generator| generator.latent as u32)
    }

    /// Trainable values of the whole model, the networks that only training needs included.
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
/// The highest temperature.
const MAX_TEMPERATURE: f32 = 10.0;

impl Model {
    /// What makes images, and what is declared of it.
    fn sampler(&self) -> Result<(&Network, &Generator), JsValue> {
        match (&self.generator, &self.manifest.generator) {
            (Some(network), Some(declared)) => Ok((network, declared)),
            _ => Err(refusal(&format!("{} is a classifier: it makes no images", self.manifest.name))),
        }
    }

    /// The classes of `count` samples from `first` on.
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
        Ok(asked(*classes, first, count, label))
    }

    /// What the generator is given for `codes`, `[count, latent]`: behind each code a row with a single 1, at the number of the class,
    /// if the model knows classes. And how many codes there are.
    fn given(&self, codes: &[f32], first: u64, label: Option<u32>) -> Result<(Vec<f32>, usize), JsValue> {
        let (_, Generator { latent, classes, .. }) = self.sampler()?;
        let count = whole(codes.len(), *latent as u64, &format!("codes of {latent} values"))?;
        let of = self.classes_of(first, count, label)?;
        let row = |(code, own): (&[f32], usize)| -> Vec<f32> {
            let told = (0..*classes).map(|class| if class == own { 1.0 } else { 0.0 });
            code.iter().copied().chain(told).collect()
        };
        Ok((codes.chunks_exact(*latent).zip(of).flat_map(row).collect(), count))
    }

    /// `pixels` in 0 to 1, `[count, channels, height, width]`, in the range that a network knows, and how many images they are.
    fn images(&self, mut pixels: Vec<f32>, range: Range) -> Result<(Vec<f32>, usize), JsValue> {
        let [channels, height, width] = self.manifest.data.image;
        // 64 bits wide: the product of three sides that a manifest may have is too large for 32.
        let each = channels as u64 * height as u64 * width as u64;
        let count = whole(pixels.len(), each, &format!("images of {channels} × {height} × {width} values"))?;
        range.see(&mut pixels);
        Ok((pixels, count))
    }

    fn side(&self, axis: usize) -> u32 {
        self.manifest.data.image[axis] as u32
    }
}

/// Makes probabilities of logits.
fn softmax(row: &mut [f32]) {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    row.iter_mut().for_each(|value| *value = (*value - largest).exp());
    let sum: f32 = row.iter().sum();
    row.iter_mut().for_each(|value| *value /= sum);
}

/// How many things of `each` values `found` values are; they must be a whole number, and not too many.
fn whole(found: usize, each: u64, what: &str) -> Result<usize, JsValue> {
    let found = found as u64;
    let count = found.checked_div(each).unwrap_or(0);
    if count * each != found || !(1..=u64::from(MAX_COUNT)).contains(&count) {
        return Err(refusal(&format!("expected 1 to {MAX_COUNT} {what}, found {found} values")));
    }
    Ok(count as usize)
}

/// The error for a call that this model will never answer.
fn refusal(message: &str) -> JsValue {
    RangeError::new(message).into()
}
