//! Programs against Burn's networks.

use std::collections::BTreeSet;

use burn::tensor::{Device, Tensor, TensorData, read_sync};

use super::{Network, Sequential};
use crate::layer::{Initializer, LayerSpec, Value};
use crate::limits::Limits;
use crate::noise::Noise;
use crate::program::{Array, Arrays, CpuExecutor, Program};
use crate::shape::Shape;
use crate::weights::{Pack, Precision, tensors};
use crate::yaml::part;

const IMAGE: Shape = Shape::Image([6, 7, 5]);
const ROW: Shape = Shape::Flat(10);

/// Networks of every kind of layer, with shapes that are hard for kernels.
const NETWORKS: &[(Shape, &str)] = &[
    (ROW, "[linear: 7, relu, linear: { units: 4, bias: false }, tanh, linear: 1]"),
    (ROW, "[linear: { units: 9, spectral_norm: true }, batch_norm, sigmoid, layer_norm, softmax]"),
    (ROW, "[linear: { units: 60, bias: false }, reshape: [5, 4, 3], batch_norm, leaky_relu: 0.2, flatten, linear: 3]"),
    (
        ROW,
        "[linear: 96, reshape: [8, 4, 3], batch_norm, relu, conv2d: { filters: 8, kernel: 2 }, gelu, flatten, linear: 3]",
    ),
    (
        ROW,
        "[group_norm: 2, prelu: { per_channel: true }, elu: 0.5, residual: [linear: 10, relu], residual: [linear: 4]]",
    ),
    (
        IMAGE,
        "[conv2d: { filters: 8, kernel: 3, padding: same }, batch_norm, relu, conv2d: { filters: 1, kernel: [2, 3] }]",
    ),
    (
        IMAGE,
        "[conv2d: { filters: 5, kernel: 4, stride: 2, padding: same, bias: false }, gelu, flatten, linear: 20, silu]",
    ),
    (IMAGE, "[conv2d: { filters: 4, kernel: 3, dilation: 2, padding: 3, groups: 2, spectral_norm: true }, softplus]"),
    (IMAGE, "[conv2d: { filters: 12, kernel: [1, 2], stride: [3, 1], groups: 6 }, batch_norm, selu, softmax]"),
    (IMAGE, "[conv_transpose2d: { filters: 9, kernel: 4, stride: 2, padding: same, bias: false }, batch_norm, tanh]"),
    (IMAGE, "[conv_transpose2d: { filters: 1, kernel: 3, stride: 2, padding: 1, output_padding: 1 }, sigmoid]"),
    (IMAGE, "[conv_transpose2d: { filters: 4, kernel: 2, stride: [3, 2], dilation: 2, groups: 2 }, batch_norm, relu]"),
    (
        IMAGE,
        "[conv_transpose2d: { filters: 3, kernel: 5, padding: 2, spectral_norm: true }, instance_norm: { affine: true }]",
    ),
    (IMAGE, "[max_pool2d: { kernel: 3, stride: 2, padding: same }, group_norm: 3, prelu, upsample: [2, 3]]"),
    (IMAGE, "[avg_pool2d: { kernel: 2, padding: 1 }, layer_norm, upsample: { scale: [3, 2], mode: bilinear }]"),
    (IMAGE, "[avg_pool2d: { kernel: [3, 2], padding: same }, instance_norm, max_pool2d: { kernel: 2, dilation: 2 }]"),
    (IMAGE, "[conv2d: { filters: 8, kernel: 1 }, pixel_shuffle: 2, dropout: 0.5, global_avg_pool, linear: 6]"),
    (
        IMAGE,
        "[residual: [conv2d: { filters: 6, kernel: 3, padding: same }, relu], gaussian_noise: 1, flatten, softmax]",
    ),
    (
        IMAGE,
        "[residual: [conv2d: { filters: 9, kernel: 3, stride: 2, padding: same }, batch_norm], residual: [upsample: 2, \
         residual: [conv2d: { filters: 4, kernel: 1 }]], repeat: { times: 2, layers: [conv2d: { filters: 4, kernel: 3 }, relu] }]",
    ),
];

/// The program of a network, random samples, and Burn's output of each layer.
fn case(input: Shape, yaml: &str) -> (Program, Vec<f32>, Vec<Vec<f32>>) {
    const BATCH: usize = 3;
    let layers: Vec<LayerSpec> = part(yaml).expect(yaml);
    let plan = Network::new("network", input, &layers, Limits::DEFAULT).expect(yaml);
    let device = Device::flex();
    let mut pack = Pack::new(Precision::F32);
    pack.add("", &Sequential::new(&plan, &mut Initializer::seeded(1, 0, &device)));
    let mut noise = Noise::new(2, 0);
    // Averages and biases other than the initial ones.
    let mut arrays = Arrays::new();
    for (name, data) in tensors(&read_sync(pack.read()).expect("packs")).expect("reads") {
        let values = data.iter::<f32>().map(|value| (value + 0.2 * noise.normal()).abs()).zip(data.iter::<f32>());
        let values = match name.ends_with("running_var") {
            true => values.map(|(moved, _)| moved + 0.5).collect(),
            false => values.map(|(moved, value)| if value < 0.0 { -moved } else { moved }).collect(),
        };
        arrays.insert(name, Array { shape: data.shape().to_vec(), values });
    }
    let data = |array: &Array| TensorData::new(array.values.clone(), array.shape.clone());
    let mut initializer =
        Initializer::loaded(arrays.iter().map(|(name, array)| (name.clone(), data(array))).collect(), &device);
    let network = Sequential::new(&plan, &mut initializer);
    initializer.finish().expect(yaml);
    let samples = noise.normals(BATCH * input.len());
    let tensor = TensorData::new(samples.clone(), [&[BATCH][..], &input.sizes()].concat());
    let value = match input {
        Shape::Flat(_) => Value::Flat(Tensor::from_data(tensor, &device)),
        Shape::Image(_) => Value::Image(Tensor::from_data(tensor, &device)),
    };
    let steps = network.steps(value).into_iter().map(|step| step.flat().into_data().iter().collect()).collect();
    (Program::new(&plan, arrays).expect(yaml), samples, steps)
}

#[track_caller]
fn close(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let away = found.iter().zip(expected).map(|(a, b)| (a - b).abs() / b.abs().max(1.0)).fold(0.0, f32::max);
    assert!(away < 2e-5, "{what}: away by {away}");
}

#[test]
fn the_cpu_agrees_with_burn() {
    for (input, yaml) in NETWORKS {
        let (program, samples, expected) = case(*input, yaml);
        let plain = CpuExecutor::new(program.clone()).steps(&samples);
        assert_eq!(plain.len(), expected.len());
        plain.iter().zip(&expected).for_each(|(found, expected)| close(found, expected, yaml));
        let folded = CpuExecutor::new(program.folded());
        close(&folded.run(&samples), &expected[expected.len() - 1], yaml);
        assert!(folded.run(&[]).is_empty());
    }
}

#[test]
fn every_layer_is_compared_but_those_that_exist_only_in_training() {
    fn collect(layers: &[LayerSpec], names: &mut BTreeSet<&'static str>) {
        for layer in layers {
            names.insert(layer.name());
            if let Some(inside) = layer.inside() {
                collect(inside.layers, names);
            }
        }
    }

    let (mut compared, mut refused) = (BTreeSet::new(), BTreeSet::new());
    for (_, yaml) in NETWORKS {
        collect(&part::<Vec<LayerSpec>>(yaml).expect(yaml), &mut compared);
    }
    for yaml in ["embedding: { count: 3, size: 2 }", "minibatch_stddev"] {
        let layer: LayerSpec = part(yaml).expect(yaml);
        let plan = Network::new("network", ROW, std::slice::from_ref(&layer), Limits::DEFAULT).expect(yaml);
        let error = Program::new(&plan, Arrays::new()).unwrap_err();
        assert_eq!(error.0, [format!("`{}` exists only in training: no program computes it", layer.name())]);
        refused.insert(layer.name());
    }
    assert!(compared.is_disjoint(&refused));
    assert_eq!(&compared | &refused, LayerSpec::NAMES.iter().copied().collect());
}

#[test]
fn dividing_a_batch_changes_nothing() {
    let (program, samples, expected) =
        case(IMAGE, "[conv2d: { filters: 8, kernel: 3, padding: same }, relu, conv2d: { filters: 1, kernel: 2 }]");
    let mut executor = CpuExecutor::new(program.folded());
    executor.together = 2;
    close(&executor.run(&samples), &expected[expected.len() - 1], "two at a time");
}

#[test]
fn constant_factors_and_functions_are_merged() {
    let (program, ..) = case(ROW, NETWORKS[2].1);
    assert_eq!(program.operations.len(), 6);
    assert_eq!(program.folded().operations.len(), 4, "matrix, image, row, matrix");
}

#[test]
fn weights_that_are_missing_or_of_another_shape_are_reported() {
    let layers: Vec<LayerSpec> = part("[linear: 2, relu]").unwrap();
    let plan = Network::new("network", ROW, &layers, Limits::DEFAULT).unwrap();
    let array = |shape: &[usize]| Array { shape: shape.to_vec(), values: vec![0.0; shape.iter().product()] };
    let arrays = [("layers.0.weight", array(&[9, 2])), ("layers.1.alpha", array(&[1]))];
    let why = Program::new(&plan, arrays.map(|(name, array)| (name.into(), array)).into()).unwrap_err();
    assert_eq!(
        why.to_string(),
        "`layers.0.weight` has the shape [9, 2], expected [10, 2]; `layers.0.bias` is missing; `layers.1.alpha` is no weight \
         of this network"
    );
}

#[cfg(feature = "gpu")]
#[test]
fn shaders_agree_with_burn() {
    use crate::program::gpu::{Gpu, GpuExecutor};

    let gpu = match block_on(Gpu::open()) {
        Ok(gpu) => gpu,
        Err(why) => {
            assert!(std::env::var_os("IMAGO_REQUIRE_ADAPTER").is_none(), "an adapter is required here: {why}");
            return eprintln!("SKIPPED: wgpu finds no adapter on this machine");
        }
    };
    for (input, yaml) in NETWORKS {
        let (program, samples, expected) = case(*input, yaml);
        let plain = GpuExecutor::new(&gpu, program.clone());
        let folded = GpuExecutor::new(&gpu, program.folded());
        let steps = block_on(plain.steps(&samples)).expect(yaml);
        assert_eq!(steps.len(), expected.len());
        steps.iter().zip(&expected).for_each(|(found, expected)| close(found, expected, yaml));
        // Batches of another size, and of the same one again.
        let one = input.len();
        let first = block_on(folded.run(&samples[..one])).expect(yaml);
        let all = block_on(folded.run(&samples)).expect(yaml);
        let again = block_on(folded.run(&samples)).expect(yaml);
        close(&all, &expected[expected.len() - 1], yaml);
        close(&first, &all[..first.len()], yaml);
        assert_eq!(all, again);
    }
}

/// Polls until the future is ready; outside of a browser, it is when a call returns.
#[cfg(feature = "gpu")]
fn block_on<T>(future: impl Future<Output = T>) -> T {
    use std::task::{Context, Poll, Waker};

    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return value;
        }
    }
}
