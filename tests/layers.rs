//! Random networks: their plan has the shapes and counts of Burn's module, and their program
//! computes the same.

use std::collections::BTreeSet;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor, TensorData, read_sync};
use imago_core::layer::{Initializer, LayerSpec, Value};
use imago_core::limits::Limits;
use imago_core::network::{Network, Sequential};
use imago_core::noise::Noise;
use imago_core::program::{Array, CpuExecutor, Program};
use imago_core::shape::Shape;
use imago_core::weights::{Pack, Precision, tensors};
use serde_json::{Value as Json, json};

/// How many networks are tried.
const NETWORKS: u64 = 10_000;
/// Larger samples are not tried, which keeps the test short.
const MOST_VALUES: usize = 600;
/// Layers that no program computes.
const ONLY_IN_TRAINING: [&str; 2] = ["embedding", "minibatch_stddev"];

/// A random layer, which may or may not fit `input`.
fn layer(noise: &mut Noise, input: Shape, depth: usize) -> Json {
    let name = LayerSpec::NAMES[noise.below(LayerSpec::NAMES.len() as u32) as usize];
    let mut number = |from: u32, to: u32| from + noise.below(to - from + 1);
    let pair = |a: u32, b: u32| if a == b { json!(a) } else { json!([a, b]) };
    let kernel = pair(number(1, 4), number(1, 4));
    let stride = pair(number(1, 3), number(1, 3));
    let dilation = if number(0, 3) == 0 { pair(number(1, 2), number(1, 2)) } else { json!(1) };
    let padding = [json!("valid"), json!("same"), json!(1), json!(0)][number(0, 3) as usize].clone();
    let groups = [1, 1, 2, input.channels() as u32][number(0, 3) as usize];
    let filters = number(1, 3) * if number(0, 1) == 0 { groups.clamp(1, 8) } else { 1 };
    let bias = number(0, 1) == 0;
    let spectral_norm = number(0, 4) == 0;
    let init =
        [json!("glorot"), json!("he-normal"), json!("lecun"), json!({ "normal": 0.1 })][number(0, 3) as usize].clone();
    let fields = match name {
        "linear" => json!({ "units": number(1, 12), "bias": bias, "init": init, "spectral_norm": spectral_norm }),
        "conv2d" => json!({
            "filters": filters, "kernel": kernel, "stride": stride, "dilation": dilation, "padding": padding,
            "groups": groups, "bias": bias, "init": init, "spectral_norm": spectral_norm
        }),
        "conv_transpose2d" => json!({
            "filters": filters, "kernel": kernel, "stride": stride, "dilation": dilation, "padding": padding,
            "output_padding": if number(0, 3) == 0 { 1 } else { 0 },
            "groups": groups, "bias": bias, "init": init, "spectral_norm": spectral_norm
        }),
        "embedding" => json!({ "count": number(1, 5), "size": number(1, 4) }),
        // With a large epsilon, a norm does not amplify rounding errors where all values are the
        // same.
        "layer_norm" => json!({ "epsilon": 0.1 }),
        "group_norm" => json!({ "groups": groups, "epsilon": 0.1 }),
        "instance_norm" => json!({ "affine": bias, "epsilon": 0.1 }),
        "dropout" => json!({ "rate": 0.3 }),
        "gaussian_noise" => json!({ "std": 0.3 }),
        "minibatch_stddev" => json!({ "group": number(2, 4) }),
        "max_pool2d" => json!({ "kernel": kernel, "stride": stride, "dilation": dilation, "padding": padding }),
        "avg_pool2d" => json!({ "kernel": kernel, "stride": stride, "padding": padding }),
        "upsample" => {
            json!({ "scale": pair(number(1, 2), number(1, 3)), "mode": if bias { "nearest" } else { "bilinear" } })
        }
        "pixel_shuffle" => json!({ "factor": number(1, 2) }),
        "reshape" => {
            let sides = [[input.len(), 1, 1], [1, input.len(), 1], [2, input.len() / 2, 1], [input.len() / 9, 3, 3]];
            json!(sides[number(0, 3) as usize])
        }
        "prelu" => json!({ "per_channel": bias }),
        "residual" | "repeat" if depth > 1 => return json!({ "relu": {} }),
        "residual" => json!(layers(noise, input, depth + 1)),
        "repeat" => json!({ "times": number(1, 3), "layers": layers(noise, input, depth + 1) }),
        _ => json!({}),
    };
    json!({ name: fields })
}

/// A few layers that fit one after another.
fn layers(noise: &mut Noise, input: Shape, depth: usize) -> Vec<Json> {
    let (mut chosen, mut shape) = (Vec::new(), input);
    let wanted = 1 + noise.below(if depth == 0 { 6 } else { 3 });
    for _ in 0..40 {
        let candidate = layer(noise, shape, depth);
        let Ok(spec) = serde_json::from_value::<LayerSpec>(candidate.clone()) else { continue };
        if let Ok(network) = Network::new("tried", shape, &[spec], Limits::DEFAULT)
            && (1..=MOST_VALUES).contains(&network.output().len())
        {
            shape = network.output();
            chosen.push(candidate);
        }
        if chosen.len() == wanted as usize {
            break;
        }
    }
    chosen
}

/// Counts what a gradient trains: everything but moving values.
#[derive(Default)]
struct Count {
    path: Vec<String>,
    trainable: usize,
}

impl ModuleVisitor for Count {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if !self.path.iter().any(|part| part.starts_with("running_") || part == "spectral") {
            self.trainable += param.val().shape().num_elements();
        }
    }
}

fn value(samples: &[f32], shape: Shape, device: &Device) -> Value {
    let count = samples.len() / shape.len();
    let data = TensorData::new(samples.to_vec(), [vec![count], shape.sizes()].concat());
    match shape {
        Shape::Flat(_) => Value::Flat(Tensor::from_data(data, device)),
        Shape::Image(_) => Value::Image(Tensor::from_data(data, device)),
    }
}

fn dims(value: &Value) -> Vec<usize> {
    match value {
        Value::Flat(tensor) => tensor.dims().to_vec(),
        Value::Image(tensor) => tensor.dims().to_vec(),
    }
}

/// Compares the program of a network with its module, outside of training.
fn compare(network: &Network, built: &Sequential, samples: &[f32], what: &str) {
    let mut pack = Pack::new(Precision::F32);
    pack.add("", built);
    let array = |data: TensorData| Array { shape: data.shape().to_vec(), values: data.iter().collect() };
    let weights = tensors(&read_sync(pack.read()).unwrap()).unwrap();
    let program = Program::new(network, weights.into_iter().map(|(name, data)| (name, array(data))).collect());
    let program = program.unwrap_or_else(|error| panic!("{what}: {error}"));
    let output = built.valid().forward(value(samples, network.input(), &Device::flex())).flat();
    let expected: Vec<f32> = output.into_data().iter().collect();
    let scale = expected.iter().fold(1.0_f32, |scale, value| scale.max(value.abs()));
    for (kind, program) in [("plain", program.clone()), ("folded", program.folded())] {
        let found = CpuExecutor::new(program).run(samples);
        assert_eq!(found.len(), expected.len(), "{kind}: {what}");
        let close = found.iter().zip(&expected).all(|(found, expected)| (found - expected).abs() <= 1e-3 * scale);
        assert!(close, "{kind}: {what}: {found:?} is not {expected:?}");
    }
}

#[test]
fn random_networks_are_as_planned_and_run_as_programs() {
    let (mut seen, mut compared) = (BTreeSet::new(), 0);
    for seed in 0..NETWORKS {
        let mut noise = Noise::new(seed, 0);
        let input = match noise.below(3) {
            0 => Shape::Flat(1 + noise.below(12) as usize),
            _ => Shape::Image([1, 1, 1].map(|least| least + noise.below(6) as usize)),
        };
        let declared = json!(layers(&mut noise, input, 0));
        let what = format!("seed {seed}, {input}, {declared}");
        let specs: Vec<LayerSpec> = serde_json::from_value(declared.clone()).unwrap();
        let network = Network::new("random", input, &specs, Limits::DEFAULT)
            .unwrap_or_else(|problems| panic!("{what}: {problems}"));
        let mut names = BTreeSet::new();
        collect(&declared, &mut names);
        // Every tenth is trained for a step as well.
        let device = if seed % 10 == 0 { Device::flex().autodiff() } else { Device::flex() };
        let built = Sequential::new(&network, &mut Initializer::seeded(seed, 0, &device));
        let count = 1 + noise.below(4) as usize;
        let samples = noise.normals(count * input.len());
        let output = built.forward(value(&samples, input, &device));
        let expected: Vec<usize> = [vec![count], network.output().sizes()].concat();
        assert_eq!(dims(&output), expected, "{what}");
        let mut counted = Count::default();
        built.visit(&mut counted);
        assert_eq!(counted.trainable as u64, network.parameters(), "{what}");
        if seed % 10 == 0 {
            let output = output.flat();
            if output.is_require_grad() || network.parameters() > 0 {
                output.sum().backward();
            }
        }
        if !ONLY_IN_TRAINING.iter().any(|name| names.contains(*name)) {
            compare(&network, &built, &samples, &what);
            compared += 1;
        }
        seen.append(&mut names);
    }
    let missing: Vec<&&str> = LayerSpec::NAMES.iter().filter(|name| !seen.contains(**name)).collect();
    assert!(missing.is_empty(), "never tried: {missing:?}");
    assert!(compared > NETWORKS / 4, "only {compared} networks ran as programs");
}

/// Notes the names of all layers in a list.
fn collect(list: &Json, names: &mut BTreeSet<String>) {
    for (name, fields) in list.as_array().into_iter().flatten().filter_map(Json::as_object).flatten() {
        names.insert(name.clone());
        collect(fields.get("layers").unwrap_or(fields), names);
    }
}
