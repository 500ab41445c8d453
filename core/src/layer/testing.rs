use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};

use super::{Initializer, LayerSpec, Value};
use crate::limits::Limits;
use crate::network::{Network, Sequential};
use crate::program::{Array, CpuExecutor, Program};
use crate::shape::Shape;
use crate::yaml::part;

/// Asserts that outside of training, a layer turns a few samples into the expected outputs, with
/// Burn and as a program: `agrees!("linear: 1", [2], "weight": [1.0, 2.0]; [3.0, 4.0] => [11.0])`.
/// Weights have their stored names.
macro_rules! agrees {
    ($yaml:expr, $input:expr $(, $name:literal: $weight:expr)*; $samples:expr => $outputs:expr) => {
        $crate::layer::testing::check($yaml, &$input, &[$(($name, &$weight)),*], &$samples, &$outputs)
    };
}
pub(super) use agrees;

/// A test with such cases, below the lines of PyTorch that give their outputs.
macro_rules! reference {
    ($($yaml:expr, $input:expr $(, $name:literal: $weight:expr)*; $samples:expr => $outputs:expr;)*) => {
        #[test]
        fn agrees_with_pytorch() {
            $($crate::layer::testing::agrees!($yaml, $input $(, $name: $weight)*; $samples => $outputs);)*
        }
    };
}
pub(super) use reference;

/// See [`agrees!`].
#[track_caller]
pub fn check(yaml: &str, input: &[usize], weights: &[(&str, &[f32])], values: &[f32], expected: &[f32]) {
    let input = match *input {
        [values] => Shape::Flat(values),
        [channels, height, width] => Shape::Image([channels, height, width]),
        _ => panic!("{input:?} is no shape"),
    };
    let spec: LayerSpec = part(yaml).expect("the layer can be read");
    let plan = Network::new("layer", input, &[spec], Limits::DEFAULT).expect("the layer fits");
    let device = Device::flex();
    let shapes = shapes(&plan, &device);
    let tensor = |(name, values): &(&str, &[f32])| {
        let name = format!("layers.0.{name}");
        let shape = shapes.get(&name).unwrap_or_else(|| panic!("the layer has no {name}, only {shapes:?}"));
        (name, TensorData::new(values.to_vec(), shape.clone()))
    };
    let arrays: BTreeMap<String, TensorData> = weights.iter().map(tensor).collect();
    let program = Program::new(&plan, arrays.iter().map(|(name, data)| (name.clone(), array(data))).collect());
    let mut initializer = Initializer::loaded(arrays, &device);
    let network = Sequential::new(&plan, &mut initializer);
    initializer.finish().expect("all weights are given");
    let data = TensorData::new(values.to_vec(), [vec![values.len() / input.len()], input.sizes()].concat());
    let batch = match input {
        Shape::Flat(_) => Value::Flat(Tensor::from_data(data, &device)),
        Shape::Image(_) => Value::Image(Tensor::from_data(data, &device)),
    };
    let output: Vec<f32> = network.forward(batch).flat().into_data().iter().collect();
    close(&output, expected);
    match program {
        Ok(program) => {
            close(&CpuExecutor::new(program.clone()).run(values), &output);
            close(&CpuExecutor::new(program.folded()).run(values), &output);
        }
        Err(error) => assert!(error.to_string().contains("exists only in training"), "{error}"),
    }
}

fn array(data: &TensorData) -> Array {
    Array { shape: data.shape().to_vec(), values: data.iter().collect() }
}

/// The shapes of all weights by name.
fn shapes(plan: &Network, device: &Device) -> BTreeMap<String, Vec<usize>> {
    use burn::module::{Module, ModuleVisitor, Param};

    #[derive(Default)]
    struct Shapes {
        path: Vec<String>,
        found: BTreeMap<String, Vec<usize>>,
    }

    impl ModuleVisitor for Shapes {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.push(name.to_owned());
        }

        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.pop();
        }

        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let named = self.path.iter().filter(|part| !part.starts_with(char::is_uppercase));
            let name = named.cloned().collect::<Vec<_>>().join(".");
            self.found.insert(name, param.val().dims().to_vec());
        }
    }

    let mut shapes = Shapes::default();
    Sequential::new(plan, &mut Initializer::seeded(0, 0, device)).visit(&mut shapes);
    shapes.found
}

/// Agreement to five digits.
#[track_caller]
fn close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{found:?} and {expected:?}");
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= 1e-5 * b.abs().max(1.0), "{found:?} is not {expected:?}");
    }
}
