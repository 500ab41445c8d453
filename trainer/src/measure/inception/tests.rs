use std::sync::LazyLock;

use serde_json::Value as Json;

use super::*;

/// What pytorch-fid computes with the weights of [`formula`], from `tests/measures/inception.py`.
static EXPECTED: LazyLock<Json> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../../tests/measures/inception.json")).expect("the file is ours")
});

/// The upper bits of a pseudo-random number (splitmix64).
fn bits(tensor: u64, element: u64, count: u32) -> u64 {
    let mixed = (tensor << 32 | element).wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    (mixed ^ mixed >> 31) >> (64 - count)
}

/// The values of the tensor with this number in alphabetical order.
fn formula(tensor: u64, name: &str, shape: &[usize]) -> Vec<f32> {
    let fan_in: usize = shape[1..].iter().product();
    let value = |u: f64| match name.rsplit_once('.').map(|(layer, part)| (layer.ends_with("conv"), part)) {
        Some((true, _)) => (2.0 * u - 1.0) * (6.0 / fan_in as f64).sqrt(),
        Some((_, "weight" | "running_var")) => 1.0 + 0.2 * (u - 0.5),
        _ => 0.2 * (u - 0.5),
    };
    let count = shape.iter().product::<usize>() as u64;
    (0..count).map(|element| value(bits(tensor, element, 24) as f64 / f64::from(1 << 24)) as f32).collect()
}

type Given = (String, Dtype, Vec<usize>, Vec<u8>);

/// The weights of the formula, and some unused ones.
fn weights() -> Vec<Given> {
    let layout: Vec<(String, Vec<usize>)> = serde_json::from_value(EXPECTED["tensors"].clone()).unwrap();
    let used = layout.into_iter().zip(0..).map(|((name, shape), number)| {
        let values = formula(number, &name, &shape);
        (name, Dtype::F32, shape, values.iter().flat_map(|value| value.to_le_bytes()).collect())
    });
    let unused = [
        ("Conv2d_1a_3x3.bn.num_batches_tracked".into(), Dtype::I64, vec![], vec![0; 8]),
        ("fc.bias".into(), Dtype::F32, vec![1008], vec![0; 4 * 1008]),
    ];
    used.chain(unused).collect()
}

fn file(tensors: &[Given]) -> Vec<u8> {
    let views = tensors
        .iter()
        .map(|(name, dtype, shape, bytes)| (name.as_str(), TensorView::new(*dtype, shape.clone(), bytes).unwrap()));
    safetensors::serialize(views, None).unwrap()
}

/// Images 0 and 1 of the formula: `[2, 1, 28, 28]`.
fn images(device: &Device) -> Tensor<4> {
    let pixel = |at: u64| {
        let (image, y, x) = (at / 784, at / 28 % 28, at % 28);
        let (block, fine) = (bits(1000 + image, y / 4 * 7 + x / 4, 8), bits(2000 + image, 28 * y + x, 8));
        ((3 * block + fine) / 4) as f32 / 255.0
    };
    Tensor::from_data(TensorData::new((0..2 * 784).map(pixel).collect::<Vec<f32>>(), [2, 1, 28, 28]), device)
}

/// The relative error of `found`; relative to `usual` if `expected` is smaller.
fn apart(found: f32, expected: &Json, usual: f64) -> f64 {
    let expected = expected.as_f64().unwrap();
    (f64::from(found) - expected).abs() / expected.abs().max(usual)
}

#[test]
fn every_part_gives_what_pytorch_fid_finds() {
    let device = Device::flex();
    let network = Inception::read(&file(&weights()), &device).unwrap();
    let stages = EXPECTED["stages"].as_array().unwrap();
    let coloured = images(&device).repeat_dim(1, 3);
    let mut image = prepare(coloured.clone());
    assert_eq!(stages.len(), network.parts.len() + 1);
    for (place, stage) in stages.iter().enumerate() {
        if place > 0 {
            image = network.parts[place - 1].forward(image);
        }
        let [_, channels, height, width] = image.dims();
        assert_eq!(stage["shape"], serde_json::json!([2, channels, height, width]), "{}", stage["name"]);
        let values: Vec<f32> = image.to_data().iter().collect();
        for value in stage["values"].as_array().unwrap() {
            let [n, c, y, x] = [0, 1, 2, 3].map(|axis| value[axis].as_u64().unwrap() as usize);
            let found = values[((n * channels + c) * height + y) * width + x];
            assert!(apart(found, &value[4], 1.0) < 1e-4, "{}: {found}, expected {value}", stage["name"]);
        }
    }
    let usual = EXPECTED["float32"]["mean"].as_f64().unwrap();
    for pixels in [images(&device), coloured] {
        let features = network.features(pixels).into_data();
        assert_eq!(features.shape().as_slice(), [2, FEATURES]);
        let rows = EXPECTED["features"].as_array().unwrap();
        let expected: Vec<&Json> = rows.iter().flat_map(|row| row.as_array().unwrap()).collect();
        assert_eq!(expected.len(), 2 * FEATURES);
        for (place, (found, expected)) in features.iter::<f32>().zip(expected).enumerate() {
            assert!(apart(found, expected, usual) < 1e-4, "feature {place}: {found}, expected {expected}");
        }
    }
}

#[test]
fn weights_of_half_precision_are_read() {
    let bytes = [f16::from_f32(0.5), f16::from_f32(-2.0)].iter().flat_map(|value| value.to_le_bytes()).collect();
    let bytes = file(&[("some".into(), Dtype::F16, vec![2], bytes)]);
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let mut reader = Reader { tensors: tensors.iter().collect(), device: &Device::flex() };
    assert_eq!(reader.take("some".into(), &[2]).unwrap(), [0.5, -2.0]);
}

#[test]
fn a_file_of_other_weights_is_refused_with_what_is_wrong() {
    let fault = |bytes: &[u8]| format!("{:#}", Inception::read(bytes, &Device::flex()).unwrap_err());
    let others = "these are not the weights of pytorch-fid's Inception v3: ";
    assert!(fault(b"PK").starts_with("this is not a safetensors file: "));
    assert_eq!(fault(&file(&[])), format!("{others}`Conv2d_1a_3x3.conv.weight` is missing"));

    let first = |dtype: Dtype, shape: &[usize]| {
        let bytes = vec![0; shape.iter().product::<usize>() * dtype.bitsize() / 8];
        file(&[("Conv2d_1a_3x3.conv.weight".into(), dtype, shape.to_vec(), bytes)])
    };
    assert_eq!(
        fault(&first(Dtype::F32, &[32, 3, 5, 5])),
        format!("{others}`Conv2d_1a_3x3.conv.weight` has the shape [32, 3, 5, 5], expected [32, 3, 3, 3]")
    );
    assert_eq!(
        fault(&first(Dtype::F64, &[32, 3, 3, 3])),
        format!("{others}`Conv2d_1a_3x3.conv.weight` is of type F64, expected F32 or F16")
    );

    let mut tensors = weights();
    tensors.push(("AuxLogits.fc.bias".into(), Dtype::F32, vec![1], vec![0; 4]));
    assert_eq!(fault(&file(&tensors)), format!("{others}`AuxLogits.fc.bias` is unexpected"));
    tensors.retain(|(name, ..)| name != "Mixed_7c.branch_pool.bn.bias");
    assert_eq!(fault(&file(&tensors)), format!("{others}`Mixed_7c.branch_pool.bn.bias` is missing"));
    for (name, _, _, bytes) in &mut tensors {
        if name == "Conv2d_2a_3x3.bn.running_var" {
            bytes[..4].copy_from_slice(&(-1.0_f32).to_le_bytes());
        }
    }
    assert_eq!(fault(&file(&tensors)), format!("{others}`Conv2d_2a_3x3` has values that are not finite"));
}
