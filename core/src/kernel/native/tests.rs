//! Our kernels against Burn's, with all instructions of this CPU.

use burn::tensor::module::{conv_transpose2d, conv2d, max_pool2d};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions, MaxPoolOptions};
use burn::tensor::{Device, Tensor, activation};

use super::{Window, activate, batch_norm, dropout};
use crate::activation::Activation;
use crate::kernel::slices::with_each;

const ACTIVATIONS: [Activation; 5] = [
    Activation::Identity,
    Activation::Rectify { slope: 0.0 },
    Activation::Rectify { slope: 0.2 },
    Activation::Tanh,
    Activation::Sigmoid,
];

fn device() -> Device {
    Device::flex().autodiff()
}

/// Pseudorandom numbers between −1 and 1.
fn numbers<const D: usize>(shape: [usize; D], salt: u32) -> Tensor<D> {
    let mut state = salt.wrapping_mul(2_654_435_761).max(1);
    let count = shape.iter().product();
    let values: Vec<f32> = (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state % 2001) as f32 / 1000.0 - 1.0
        })
        .collect();
    Tensor::<1>::from_floats(&values[..], &device()).reshape(shape)
}

/// The same values with the channels of a pixel adjacent in memory.
fn channels_last(images: Tensor<4>) -> Tensor<4> {
    let moved = images.permute([0, 2, 3, 1]);
    let [batch, height, width, channels] = moved.dims();
    let flat: Vec<f32> = moved.into_data().iter::<f32>().collect();
    Tensor::<1>::from_floats(&flat[..], &device()).reshape([batch, height, width, channels]).permute([0, 3, 1, 2])
}

fn plain(activation: Activation, input: Tensor<4>) -> Tensor<4> {
    match activation {
        Activation::Identity => input,
        Activation::Rectify { slope } => activation::leaky_relu(input, f64::from(slope)),
        Activation::Tanh => activation::tanh(input),
        Activation::Sigmoid => activation::sigmoid(input),
    }
}

#[track_caller]
fn close<const D: usize>(found: &Tensor<D>, expected: &Tensor<D>, what: &str) {
    assert_eq!(found.dims(), expected.dims(), "{what}");
    let (found, expected) = (found.clone().into_data(), expected.clone().into_data());
    let most = expected.iter::<f32>().fold(1.0f32, |most, value| most.max(value.abs()));
    for (found, expected) in found.iter::<f32>().zip(expected.iter::<f32>()) {
        assert!((found - expected).abs() <= 2e-6 * most, "{what}: {found} but {expected}, the largest is {most}");
    }
}

/// Compares results, and the gradients of all inputs.
#[track_caller]
fn agree(
    what: &str,
    inputs: (Tensor<4>, Tensor<4>, Option<Tensor<1>>),
    ours: impl Fn(&Tensor<4>, &Tensor<4>, Option<&Tensor<1>>) -> Tensor<4>,
    burns: impl Fn(Tensor<4>, Tensor<4>, Option<Tensor<1>>) -> Tensor<4>,
) {
    let tracked = || {
        let (image, weight, bias) = inputs.clone();
        (image.require_grad(), weight.require_grad(), bias.map(Tensor::require_grad))
    };
    let (image, weight, bias) = tracked();
    let found = ours(&image, &weight, bias.as_ref());
    let pull = numbers(found.dims(), 99);
    let gradients = (found.clone() * pull.clone()).sum().backward();
    let (other_image, other_weight, other_bias) = tracked();
    let expected = burns(other_image.clone(), other_weight.clone(), other_bias.clone());
    let others = (expected.clone() * pull).sum().backward();
    close(&found, &expected, what);
    let of = |tensor: &Tensor<4>, gradients| tensor.grad(gradients).expect("a gradient");
    close(&of(&image, &gradients), &of(&other_image, &others), &format!("{what}, gradient of the input"));
    close(&of(&weight, &gradients), &of(&other_weight, &others), &format!("{what}, gradient of the weight"));
    if let (Some(bias), Some(other)) = (bias, other_bias) {
        let (found, expected) = (bias.grad(&gradients).unwrap(), other.grad(&others).unwrap());
        close(&found, &expected, &format!("{what}, gradient of the bias"));
    }
}

/// `(channels, sides, filters, kernel, stride, dilation, padding before and after)`
type Case = (usize, [usize; 2], usize, [usize; 2], [usize; 2], [usize; 2], [[usize; 2]; 2]);

const CASES: [Case; 12] = [
    (1, [11, 11], 33, [3, 3], [2, 2], [1, 1], [[0, 0], [0, 0]]),
    (32, [7, 7], 20, [3, 3], [2, 2], [1, 1], [[0, 1], [0, 1]]),
    (20, [8, 6], 40, [4, 4], [2, 2], [1, 1], [[1, 1], [1, 1]]),
    (6, [9, 11], 17, [3, 5], [2, 3], [1, 1], [[1, 0], [2, 1]]),
    (5, [9, 7], 3, [3, 2], [1, 2], [1, 1], [[1, 1], [0, 0]]),
    (4, [6, 6], 9, [3, 3], [1, 1], [2, 2], [[2, 2], [2, 2]]),
    (16, [5, 5], 8, [1, 1], [1, 1], [1, 1], [[0, 0], [0, 0]]),
    (3, [7, 7], 7, [2, 2], [3, 3], [1, 1], [[0, 0], [0, 0]]),
    (16, [7, 7], 5, [3, 3], [2, 2], [3, 2], [[3, 3], [2, 2]]),
    (18, [3, 3], 1, [3, 3], [1, 1], [1, 1], [[0, 0], [0, 0]]),
    (1, [9, 9], 1, [3, 3], [1, 1], [1, 1], [[1, 1], [1, 1]]),
    (2, [2, 2], 64, [2, 2], [1, 1], [1, 1], [[0, 0], [0, 0]]),
];

#[test]
fn convolutions_agree_with_burns() {
    with_each(|| {
        for (index, &(channels, sides, filters, kernel, stride, dilation, padding)) in CASES.iter().enumerate() {
            let activation = ACTIVATIONS[index % ACTIVATIONS.len()];
            let image = numbers([3, channels, sides[0], sides[1]], 1);
            let image = if index % 2 == 0 { image } else { channels_last(image) };
            let weight = numbers([filters, channels, kernel[0], kernel[1]], 2) * 0.3;
            let bias = (index % 3 != 0).then(|| numbers([filters], 3));
            let size = [0, 1].map(|axis| {
                (sides[axis] + padding[axis][0] + padding[axis][1] - dilation[axis] * (kernel[axis] - 1) - 1)
                    / stride[axis]
                    + 1
            });
            let window = Window { stride, dilation, before: padding.map(|[before, _]| before), size };
            let what = format!("conv2d case {index} {activation:?}");
            agree(
                &what,
                (image, weight, bias),
                |image, weight, bias| super::conv2d(image, weight, bias, window, activation).expect("on the CPU"),
                |image, weight, bias| {
                    let padding = padding.map(|[before, after]| (before, after));
                    let options = ConvOptions::new_with_padding(stride, padding, dilation, 1);
                    plain(activation, conv2d(image, weight, bias, options))
                },
            );
        }
    });
}

#[test]
fn transposed_convolutions_agree_with_burns() {
    with_each(|| {
        for (index, &(filters, _, channels, kernel, stride, dilation, _)) in CASES.iter().enumerate() {
            let activation = ACTIVATIONS[(index + 2) % ACTIVATIONS.len()];
            let sides = [4, 3];
            let cut = [0, 1].map(|axis| if index % 2 == 0 { 0 } else { (dilation[axis] * (kernel[axis] - 1)) / 2 });
            let open = [0, 1].map(|axis| if index % 4 < 2 { 0 } else { stride[axis] - 1 });
            let size = [0, 1].map(|axis| {
                (sides[axis] - 1) * stride[axis] + dilation[axis] * (kernel[axis] - 1) + 1 - 2 * cut[axis] + open[axis]
            });
            let grid = numbers([3, channels, sides[0], sides[1]], 4);
            let grid = if index % 3 == 0 { grid } else { channels_last(grid) };
            let weight = numbers([channels, filters, kernel[0], kernel[1]], 5) * 0.3;
            let bias = (index % 3 != 1).then(|| numbers([filters], 6));
            let window = Window { stride, dilation, before: cut, size };
            agree(
                &format!("conv_transpose2d case {index} {activation:?}"),
                (grid, weight, bias),
                |grid, weight, bias| {
                    super::conv_transpose2d(grid, weight, bias, window, activation).expect("on the CPU")
                },
                |grid, weight, bias| {
                    let options = ConvTransposeOptions::new(stride, cut, open, dilation, 1);
                    plain(activation, conv_transpose2d(grid, weight, bias, options))
                },
            );
        }
    });
}

#[test]
fn activations_agree_with_burns_in_whatever_order_numbers_lie() {
    with_each(|| {
        for (index, activation) in ACTIVATIONS.into_iter().enumerate() {
            for last in [false, true] {
                let input = numbers([2, 3, 5, 7], index as u32 + 1) * 3.0;
                let input = if last { channels_last(input) } else { input };
                let pull = numbers([2, 3, 5, 7], 50);
                let (one, other) = (input.clone().require_grad(), input.require_grad());
                let found = activate(&one, activation).expect("on the CPU");
                let expected = plain(activation, other.clone());
                close(&found, &expected, "the activation");
                let found = (found * pull.clone()).sum().backward();
                let expected = (expected * pull).sum().backward();
                close(&one.grad(&found).unwrap(), &other.grad(&expected).unwrap(), "its gradient");
            }
        }
    });
}

#[test]
fn normalisation_agrees_with_burns() {
    with_each(|| {
        for (index, activation) in ACTIVATIONS.into_iter().enumerate() {
            let channels = [1, 3, 16, 33, 40][index];
            let input = channels_last(numbers([4, channels, 3, 5], 7) * 2.0 + 1.0);
            let (gamma, beta) = (numbers([channels], 8) + 1.5, numbers([channels], 9));
            let pull = numbers(input.dims(), 10);
            let tracked = || {
                [input.clone().require_grad()]
                    .map(|input| (input, gamma.clone().require_grad(), beta.clone().require_grad()))
            };
            let [(image, our_gamma, our_beta)] = tracked();
            let (found, batch) = batch_norm(&image, [&our_gamma, &our_beta], 1e-3, activation).expect("on the CPU");
            let [(other, its_gamma, its_beta)] = tracked();
            let result =
                burn::tensor::module::batch_norm_train(other.clone(), its_gamma.clone(), its_beta.clone(), 1e-3);
            close(&Tensor::<1>::from_floats(&batch.mean[..], &device()), &result.mean, "mean");
            close(&Tensor::<1>::from_floats(&batch.variance[..], &device()), &result.variance, "variance");
            let expected = plain(activation, result.output);
            close(&found, &expected, "normalised");
            let found = (found * pull.clone()).sum().backward();
            let expected = (expected * pull).sum().backward();
            close(&image.grad(&found).unwrap(), &other.grad(&expected).unwrap(), "gradient of the input");
            close(&our_gamma.grad(&found).unwrap(), &its_gamma.grad(&expected).unwrap(), "gradient of gamma");
            close(&our_beta.grad(&found).unwrap(), &its_beta.grad(&expected).unwrap(), "gradient of beta");
        }
    });
}

#[test]
fn the_largest_values_agree_with_burns() {
    with_each(|| {
        for (kernel, stride, dilation, pad) in
            [([2, 2], [2, 2], [1, 1], 0), ([3, 2], [1, 2], [1, 1], 1), ([2, 2], [1, 1], [2, 2], 1)]
        {
            let input = channels_last(numbers([3, 18, 6, 8], 11));
            let size = [0, 1]
                .map(|axis| ([6, 8][axis] + 2 * pad - dilation[axis] * (kernel[axis] - 1) - 1) / stride[axis] + 1);
            let window = Window { stride, dilation, before: [pad; 2], size };
            let options = MaxPoolOptions { stride, padding: [(pad, pad); 2], dilation, ..MaxPoolOptions::new(kernel) };
            let (one, other) = (input.clone().require_grad(), input.require_grad());
            let found = super::max_pool2d(&one, kernel, window).expect("on the CPU");
            let expected = max_pool2d(other.clone(), options.clone());
            close(&found, &expected, "the largest values");
            let pull = numbers(found.dims(), 12);
            let found = (found * pull.clone()).sum().backward();
            let expected = (expected * pull).sum().backward();
            close(&one.grad(&found).unwrap(), &other.grad(&expected).unwrap(), "their gradient");
        }
    });
}

#[test]
fn nan_is_not_hidden() {
    let input = Tensor::<4>::from_floats([[[[1.0, f32::NAN], [2.0, 3.0]]]], &device());
    let window = Window { stride: [2, 2], dilation: [1, 1], before: [0, 0], size: [1, 1] };
    let largest = super::max_pool2d(&input, [2, 2], window).unwrap().into_data();
    assert!(largest.iter::<f32>().all(f32::is_nan));
    for activation in ACTIVATIONS {
        let found = activate(&input, activation).unwrap().into_data();
        assert_eq!(found.iter::<f32>().filter(|value| value.is_nan()).count(), 1, "{activation:?}");
    }
}

#[test]
fn dropout_drops_its_share_and_the_same_values_of_the_gradient() {
    with_each(|| {
        for last in [false, true] {
            device().seed(5);
            let input = numbers([16, 8, 20, 20], 13).abs() + 0.5;
            let input = if last { channels_last(input) } else { input }.require_grad();
            let found = dropout(&input, 0.3).expect("on the CPU");
            let gradient = input.grad(&found.clone().sum().backward()).unwrap();
            let expected = input.clone().inner() * gradient.clone();
            close(&found.clone().inner(), &expected, "kept values");
            let kept = gradient.clone().into_data();
            let scale = 65_536.0 / (65_536.0 - 19_661.0);
            assert!(kept.iter::<f32>().all(|value| value == 0.0 || (value - scale).abs() < 1e-6));
            let share = kept.iter::<f32>().filter(|value| *value == 0.0).count() as f64 / kept.num_elements() as f64;
            assert!((share - 0.3).abs() < 0.01, "{share}");
            let again = dropout(&input, 0.3).unwrap().into_data();
            assert_ne!(again, found.into_data());
        }
    });
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let run = || {
        device().seed(3);
        let image = numbers([37, 5, 9, 9], 1).require_grad();
        let weight = numbers([18, 5, 3, 3], 2).require_grad();
        let bias = numbers([18], 3).require_grad();
        let window = Window { stride: [2, 2], dilation: [1, 1], before: [1, 1], size: [5, 5] };
        let rectify = Activation::Rectify { slope: 0.1 };
        let convolved = super::conv2d(&image, &weight, Some(&bias), window, rectify).unwrap();
        let (gamma, beta) = (numbers([18], 4).require_grad(), numbers([18], 5).require_grad());
        let (normal, _) = batch_norm(&convolved, [&gamma, &beta], 1e-5, rectify).unwrap();
        let thin = dropout(&normal, 0.5).unwrap();
        let gradients = (thin.clone() * thin.clone()).sum().backward();
        let bytes = |data: burn::tensor::TensorData| data.iter::<f32>().map(f32::to_bits).collect::<Vec<_>>();
        [
            bytes(thin.into_data()),
            bytes(image.grad(&gradients).unwrap().into_data()),
            bytes(weight.grad(&gradients).unwrap().into_data()),
            bytes(bias.grad(&gradients).unwrap().into_data()),
            bytes(gamma.grad(&gradients).unwrap().into_data()),
        ]
    };
    let within = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(run);
    let one = within(1);
    assert_eq!(within(2), one);
    assert_eq!(within(5), one);
}

#[test]
fn a_tensor_without_gradients_gets_none() {
    let image = numbers([2, 3, 6, 6], 1);
    let weight = numbers([4, 3, 3, 3], 2).require_grad();
    let window = Window { stride: [1, 1], dilation: [1, 1], before: [0, 0], size: [4, 4] };
    let found = super::conv2d(&image, &weight, None, window, Activation::Identity).unwrap();
    let gradients = found.sum().backward();
    assert!(image.grad(&gradients).is_none());
    assert!(weight.grad(&gradients).is_some());
    let found = super::conv2d(&image.inner(), &weight.inner(), None, window, Activation::Identity).unwrap();
    assert!(!found.device().is_autodiff());
}
