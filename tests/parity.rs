//! Every layer against PyTorch: outputs, gradients and moving values, on the CPU and on wgpu if it
//! finds an adapter. `parity/reference.py` computes the values in `parity/reference.json`.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use imago_core::layer::{Initializer, LayerSpec, Value};
use imago_core::limits::Limits;
use imago_core::network::{Network, Sequential};
use imago_core::shape::Shape;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// How far results may differ, relative to the largest value.
#[derive(Debug, Clone, Copy)]
struct Approximation(f32);

/// Sums in another order.
const CLOSE: Approximation = Approximation(2e-5);
/// A GPU's own exponential functions and fused operations.
const GPU: Approximation = Approximation(2e-4);
/// On a GPU, Burn's gradient of gelu is that of the tanh approximation.
const GELU_ON_A_GPU: Approximation = Approximation(1e-3);

#[derive(Deserialize)]
struct Case {
    name: String,
    #[serde(deserialize_with = "layer")]
    layer: LayerSpec,
    training: bool,
    input: Values,
    weights: BTreeMap<String, Values>,
    output: Values,
    upstream: Values,
    input_gradient: Option<Values>,
    gradients: BTreeMap<String, Values>,
    #[serde(default)]
    after: BTreeMap<String, Values>,
}

#[derive(Deserialize)]
struct Values {
    #[serde(default)]
    shape: Vec<usize>,
    values: Vec<f32>,
}

impl Values {
    fn data(&self) -> TensorData {
        TensorData::new(self.values.clone(), self.shape.clone())
    }
}

/// Reads a layer as it is written in YAML, short forms included.
fn layer<'de, D: Deserializer<'de>>(value: D) -> Result<LayerSpec, D::Error> {
    let json = serde_json::Value::deserialize(value)?;
    imago_core::yaml::part(&json.to_string()).map_err(D::Error::custom)
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("parity/reference.json")).expect("the reference values can be read")
}

/// The gradients and the present values of all parameters by name.
#[derive(Default)]
struct Parameters<'a> {
    path: Vec<String>,
    gradients: Option<&'a Gradients>,
    found: BTreeMap<String, Vec<f32>>,
    values: BTreeMap<String, Vec<f32>>,
}

impl ModuleVisitor for Parameters<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        // `layers.0.Linear.weight` is called `weight`; variants are no part of a name.
        let lower = |part: &&String| !part.starts_with(char::is_uppercase);
        let name = self.path.iter().filter(lower).skip(2).cloned().collect::<Vec<_>>().join(".");
        if let Some(gradient) = self.gradients.and_then(|gradients| param.val().grad(gradients)) {
            self.found.insert(name.clone(), floats(gradient));
        }
        self.values.insert(name, floats(param.val()));
    }
}

fn floats<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter().collect()
}

fn compare(what: &str, found: &[f32], expected: &[f32], Approximation(close): Approximation) -> Result<(), String> {
    if found.len() != expected.len() {
        return Err(format!("{what}: {} values, expected {}", found.len(), expected.len()));
    }
    let scale = expected.iter().fold(1e-1_f32, |scale, value| scale.max(value.abs()));
    let difference = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
    // NaN counts as a difference.
    match difference.clone().all(|difference| difference <= close * scale) {
        true => Ok(()),
        false => Err(format!("{what}: off by {} of {scale}", difference.fold(0.0, f32::max))),
    }
}

fn check(case: &Case, device: &Device, close: Approximation) -> Result<(), String> {
    let sample = match case.input.shape[1..] {
        [values] => Shape::Flat(values),
        [channels, height, width] => Shape::Image([channels, height, width]),
        _ => return Err("the input has another rank".into()),
    };
    let plan = Network::new("layer", sample, std::slice::from_ref(&case.layer), Limits::DEFAULT)
        .map_err(|problems| problems.to_string())?;
    let expected = case.output.shape[1..].to_vec();
    if plan.output().sizes() != expected {
        return Err(format!("the plan says {}, expected {expected:?}", plan.output()));
    }
    let trainable: usize = case.gradients.values().map(|gradient| gradient.values.len()).sum();
    if plan.parameters() != trainable as u64 {
        return Err(format!("the plan counts {} parameters, expected {trainable}", plan.parameters()));
    }
    let device = if case.training { device.clone().autodiff() } else { device.clone() };
    let weights = case.weights.iter().map(|(name, values)| (format!("layers.0.{name}"), values.data()));
    let mut initializer = Initializer::loaded(weights.collect(), &device);
    let network = Sequential::new(&plan, &mut initializer);
    initializer.finish().map_err(|error| error.to_string())?;
    match sample {
        Shape::Flat(_) => run(case, &network, &device, close, Value::Flat),
        Shape::Image(_) => run(case, &network, &device, close, Value::Image),
    }
}

fn run<const D: usize>(
    case: &Case,
    network: &Sequential,
    device: &Device,
    close: Approximation,
    value: fn(Tensor<D>) -> Value,
) -> Result<(), String> {
    let mut input = Tensor::<D>::from_data(case.input.data(), device);
    if case.training {
        input = input.require_grad();
    }
    let output = network.forward(value(input.clone())).flat();
    compare("output", &floats(output.clone()), &case.output.values, close)?;
    if !case.training {
        return Ok(());
    }
    let upstream = Tensor::<2>::from_data(TensorData::new(case.upstream.values.clone(), output.dims()), device);
    let gradients = (output * upstream).sum().backward();
    if let Some(expected) = &case.input_gradient {
        let found = input.grad(&gradients).map(floats).ok_or("the input has no gradient")?;
        compare("gradient of the input", &found, &expected.values, close)?;
    }
    let mut parameters = Parameters { gradients: Some(&gradients), ..Parameters::default() };
    network.visit(&mut parameters);
    for (name, expected) in &case.gradients {
        let found = parameters.found.get(name).ok_or_else(|| format!("{name} has no gradient"))?;
        compare(&format!("gradient of {name}"), found, &expected.values, close)?;
    }
    let mut parameters = Parameters::default();
    network.valid().visit(&mut parameters);
    for (name, expected) in &case.after {
        let found = parameters.values.get(name).ok_or_else(|| format!("there is no {name}"))?;
        compare(&format!("{name} afterwards"), found, &expected.values, close)?;
    }
    Ok(())
}

fn check_all(device: &Device, close: impl Fn(&Case) -> Approximation) {
    let failures: Vec<String> = cases()
        .iter()
        .filter_map(|case| check(case, device, close(case)).err().map(|error| format!("{}: {error}", case.name)))
        .collect();
    assert!(failures.is_empty(), "{} cases:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn every_layer_has_a_reference_value() {
    let cases = cases();
    for name in LayerSpec::NAMES {
        assert!(cases.iter().any(|case| case.layer.name() == *name), "{name} has none");
    }
}

#[test]
fn layers_agree_with_pytorch_on_the_cpu() {
    check_all(&Device::flex(), |_| CLOSE);
}

/// Runs where wgpu finds an adapter; a software driver such as Mesa's lavapipe will do.
#[test]
fn layers_agree_with_pytorch_on_wgpu() {
    match Device::wgpu_options().init() {
        Ok(device) => check_all(&device, |case| match case.layer.name() {
            "gelu" => GELU_ON_A_GPU,
            _ => GPU,
        }),
        Err(error) => {
            assert!(std::env::var_os("IMAGO_REQUIRE_ADAPTER").is_none(), "an adapter is required here: {error}");
            eprintln!("SKIPPED: wgpu finds no adapter on this machine");
        }
    }
}
