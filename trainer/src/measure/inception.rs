//! Inception v3, the feature extractor of the Fréchet inception distance.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow, bail};
use burn::tensor::activation::relu;
use burn::tensor::module::{avg_pool2d, interpolate};
use burn::tensor::ops::{AvgPoolOptions, InterpolateMode, InterpolateOptions};
use burn::tensor::{Device, Tensor, TensorData, f16};
use imago_core::activation::Activation;
use imago_core::layer::{Build, Conv2d, Forward, Initializer, Layer, MaxPool2d, Padding, Pair, Value};
use imago_core::shape::Shape;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

pub const FEATURES: usize = 2048;
/// Height and width of the network's input.
const SIDE: usize = 299;
const EPSILON: f64 = 0.001;

/// Inception v3 up to its last pooling, as in pytorch-fid (`fid_inception_v3`, dimensions 2048).
/// This is the network of TensorFlow's first FID: other weights than torchvision's, average pools
/// that do not count padding, and a max pool in the last block. Batch norms are folded into
/// convolutions. Szegedy et al., "Rethinking the Inception Architecture for Computer Vision"
/// (2015); Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
/// Equilibrium" (2017).
#[derive(Debug)]
pub struct Inception {
    parts: Vec<Part>,
}

impl Inception {
    /// Reads a safetensors file with the names of pytorch-fid's state dict, from
    /// `Conv2d_1a_3x3.conv.weight` to `Mixed_7c.branch_pool.bn.bias`. `fc.*` and
    /// `*.num_batches_tracked` are ignored.
    ///
    /// # Errors
    /// It is no safetensors file, or a tensor is missing, superfluous, of another shape or type, or
    /// not finite.
    pub fn read(bytes: &[u8], device: &Device) -> Result<Self> {
        let file = SafeTensors::deserialize(bytes).context("this is not a safetensors file")?;
        let unused = |name: &str| name.starts_with("fc.") || name.ends_with(".num_batches_tracked");
        let tensors = file.iter().filter(|(name, _)| !unused(name)).collect();
        Self::of(tensors, device).context("these are not the weights of pytorch-fid's Inception v3")
    }

    fn of(tensors: BTreeMap<&str, TensorView<'_>>, device: &Device) -> Result<Self> {
        let mut reader = Reader { tensors, device };
        let (parts, _) = reader.row(network(), "", Shape::Image([3, SIDE, SIDE]))?;
        match reader.tensors.keys().next() {
            Some(name) => bail!("`{name}` is unexpected"),
            None => Ok(Self { parts }),
        }
    }

    /// The features `[batch, 2048]` of images `[batch, channels, height, width]` with pixels from 0
    /// to 1 and 1 or 3 channels.
    pub fn features(&self, pixels: Tensor<4>) -> Tensor<2> {
        let [batch, ..] = pixels.dims();
        let last = self.parts.iter().fold(prepare(pixels), |image, part| part.forward(image));
        last.flatten::<3>(2, 3).mean_dim(2).reshape([batch, FEATURES])
    }
}

/// The network's input: `[batch, 3, 299, 299]`, from −1 to 1.
fn prepare(pixels: Tensor<4>) -> Tensor<4> {
    let [batch, ..] = pixels.dims();
    let options = InterpolateOptions::new(InterpolateMode::Bilinear).with_align_corners(false);
    let resized = interpolate(pixels, options.with_output_size([SIDE, SIDE]));
    (resized * 2.0 - 1.0).expand([batch, 3, SIDE, SIDE])
}

/// A declared part of the network, with the names of torchvision.
enum Declared {
    /// A convolution with batch norm and ReLU; if `averaged`, after a 3 × 3 average pool.
    Convolution {
        name: &'static str,
        layer: Conv2d,
        averaged: bool,
    },
    Largest(MaxPool2d),
    /// Parallel branches whose outputs are concatenated by channel. Their names share this prefix.
    Branches(&'static str, Vec<Vec<Declared>>),
}

fn same(name: &'static str, filters: usize, kernel: [usize; 2]) -> Declared {
    let layer = Conv2d { padding: Padding::Same, ..Conv2d::new(filters, Pair(kernel)) };
    Declared::Convolution { name, layer, averaged: false }
}

/// A 3 × 3 convolution without padding.
fn inside(name: &'static str, filters: usize, stride: usize) -> Declared {
    let layer = Conv2d { stride: stride.into(), ..Conv2d::new(filters, 3) };
    Declared::Convolution { name, layer, averaged: false }
}

/// A 1 × 1 convolution after a 3 × 3 average pool.
fn averaged(name: &'static str, filters: usize) -> Declared {
    Declared::Convolution { name, layer: Conv2d::new(filters, 1), averaged: true }
}

/// A 3 × 3 max pool.
fn largest(stride: usize, padding: Padding) -> Declared {
    Declared::Largest(MaxPool2d { kernel: 3.into(), stride: Some(stride.into()), padding, dilation: 1.into() })
}

fn network() -> Vec<Declared> {
    vec![
        inside("Conv2d_1a_3x3", 32, 2),
        inside("Conv2d_2a_3x3", 32, 1),
        same("Conv2d_2b_3x3", 64, [3, 3]),
        largest(2, Padding::Valid),
        same("Conv2d_3b_1x1", 80, [1, 1]),
        inside("Conv2d_4a_3x3", 192, 1),
        largest(2, Padding::Valid),
        block_a("Mixed_5b.", 32),
        block_a("Mixed_5c.", 64),
        block_a("Mixed_5d.", 64),
        block_b("Mixed_6a."),
        block_c("Mixed_6b.", 128),
        block_c("Mixed_6c.", 160),
        block_c("Mixed_6d.", 160),
        block_c("Mixed_6e.", 192),
        block_d("Mixed_7a."),
        block_e("Mixed_7b.", vec![averaged("branch_pool", 192)]),
        block_e("Mixed_7c.", vec![largest(1, Padding::Same), same("branch_pool", 192, [1, 1])]),
    ]
}

fn block_a(name: &'static str, pooled: usize) -> Declared {
    let twice = vec![
        same("branch3x3dbl_1", 64, [1, 1]),
        same("branch3x3dbl_2", 96, [3, 3]),
        same("branch3x3dbl_3", 96, [3, 3]),
    ];
    Declared::Branches(
        name,
        vec![
            vec![same("branch1x1", 64, [1, 1])],
            vec![same("branch5x5_1", 48, [1, 1]), same("branch5x5_2", 64, [5, 5])],
            twice,
            vec![averaged("branch_pool", pooled)],
        ],
    )
}

fn block_b(name: &'static str) -> Declared {
    let twice =
        vec![same("branch3x3dbl_1", 64, [1, 1]), same("branch3x3dbl_2", 96, [3, 3]), inside("branch3x3dbl_3", 96, 2)];
    Declared::Branches(name, vec![vec![inside("branch3x3", 384, 2)], twice, vec![largest(2, Padding::Valid)]])
}

fn block_c(name: &'static str, inner: usize) -> Declared {
    let once =
        vec![same("branch7x7_1", inner, [1, 1]), same("branch7x7_2", inner, [1, 7]), same("branch7x7_3", 192, [7, 1])];
    let twice = vec![
        same("branch7x7dbl_1", inner, [1, 1]),
        same("branch7x7dbl_2", inner, [7, 1]),
        same("branch7x7dbl_3", inner, [1, 7]),
        same("branch7x7dbl_4", inner, [7, 1]),
        same("branch7x7dbl_5", 192, [1, 7]),
    ];
    let branches = vec![vec![same("branch1x1", 192, [1, 1])], once, twice, vec![averaged("branch_pool", 192)]];
    Declared::Branches(name, branches)
}

fn block_d(name: &'static str) -> Declared {
    let small = vec![same("branch3x3_1", 192, [1, 1]), inside("branch3x3_2", 320, 2)];
    let large = vec![
        same("branch7x7x3_1", 192, [1, 1]),
        same("branch7x7x3_2", 192, [1, 7]),
        same("branch7x7x3_3", 192, [7, 1]),
        inside("branch7x7x3_4", 192, 2),
    ];
    Declared::Branches(name, vec![small, large, vec![largest(2, Padding::Valid)]])
}

fn block_e(name: &'static str, pooled: Vec<Declared>) -> Declared {
    let fork =
        |row, column| Declared::Branches("", vec![vec![same(row, 384, [1, 3])], vec![same(column, 384, [3, 1])]]);
    let once = vec![same("branch3x3_1", 384, [1, 1]), fork("branch3x3_2a", "branch3x3_2b")];
    let twice = vec![
        same("branch3x3dbl_1", 448, [1, 1]),
        same("branch3x3dbl_2", 384, [3, 3]),
        fork("branch3x3dbl_3a", "branch3x3dbl_3b"),
    ];
    Declared::Branches(name, vec![vec![same("branch1x1", 320, [1, 1])], once, twice, pooled])
}

#[derive(Debug)]
enum Part {
    Convolution { layer: <Conv2d as Build>::Module, averaged: bool },
    Largest(<MaxPool2d as Build>::Module),
    Branches(Vec<Vec<Part>>),
}

impl Part {
    fn forward(&self, image: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Convolution { layer, averaged: false } => {
                let image = Value::Image(image);
                match layer.fused(&image, Activation::Rectify { slope: 0.0 }) {
                    Some(rectified) => rectified.image(),
                    None => relu(layer.forward(image).image()),
                }
            }
            // Pooling and a 1 × 1 convolution commute, and the convolution leaves fewer channels.
            Self::Convolution { layer, averaged: true } => {
                let options = AvgPoolOptions::new([3, 3]).with_stride([1, 1]).with_padding([1, 1]);
                let image = layer.forward(Value::Image(image)).image();
                relu(avg_pool2d(image, options.with_count_include_pad(false)))
            }
            Self::Largest(pool) => pool.forward(Value::Image(image)).image(),
            Self::Branches(branches) => {
                let through = |branch: &Vec<Self>| branch.iter().fold(image.clone(), |image, part| part.forward(image));
                // Convolutions store channels last, and this keeps them so.
                let outputs = branches.iter().map(|branch| through(branch).permute([0, 2, 3, 1])).collect();
                Tensor::cat(outputs, 3).permute([0, 3, 1, 2])
            }
        }
    }
}

/// Tensors that are not used yet.
struct Reader<'a> {
    tensors: BTreeMap<&'a str, TensorView<'a>>,
    device: &'a Device,
}

impl Reader<'_> {
    /// Consecutive parts for an input of `shape`, and the output shape. Their names begin with
    /// `prefix`.
    fn row(&mut self, row: Vec<Declared>, prefix: &str, mut shape: Shape) -> Result<(Vec<Part>, Shape)> {
        let mut parts = Vec::new();
        for declared in row {
            let (part, behind) = self.part(declared, prefix, shape)?;
            parts.push(part);
            shape = behind;
        }
        Ok((parts, shape))
    }

    fn part(&mut self, declared: Declared, prefix: &str, shape: Shape) -> Result<(Part, Shape)> {
        Ok(match declared {
            Declared::Convolution { name, layer, averaged } => {
                let behind = behind(&layer, shape)?;
                let layer = self.convolution(&format!("{prefix}{name}"), &layer, shape)?;
                (Part::Convolution { layer, averaged }, behind)
            }
            Declared::Largest(layer) => {
                (Part::Largest(layer.build(shape, &mut Initializer::zeros(self.device))), behind(&layer, shape)?)
            }
            Declared::Branches(name, rows) => {
                let prefix = format!("{prefix}{name}");
                let (mut branches, mut joined) = (Vec::new(), [0; 3]);
                for row in rows {
                    let (branch, behind) = self.row(row, &prefix, shape)?;
                    let [channels, height, width] = behind.sides();
                    branches.push(branch);
                    joined = [joined[0] + channels, height, width];
                }
                (Part::Branches(branches), Shape::Image(joined))
            }
        })
    }

    /// A convolution with its batch norm folded in: with s = γ / √(σ² + ε), the weights are s
    /// w and the bias is β − s μ.
    fn convolution(&mut self, name: &str, layer: &Conv2d, shape: Shape) -> Result<<Conv2d as Build>::Module> {
        let ([height, width], channels) = (layer.kernel.0, shape.channels());
        let sizes = [layer.filters, channels, height, width];
        let mut weight = self.take(format!("{name}.conv.weight"), &sizes)?;
        let mut norm = |part| self.take(format!("{name}.bn.{part}"), &[layer.filters]);
        let (gamma, beta, mean, variance) =
            (norm("weight")?, norm("bias")?, norm("running_mean")?, norm("running_var")?);
        let scale: Vec<f64> = gamma
            .iter()
            .zip(&variance)
            .map(|(gamma, variance)| f64::from(*gamma) / (f64::from(*variance) + EPSILON).sqrt())
            .collect();
        for (weights, scale) in weight.chunks_exact_mut(channels * height * width).zip(&scale) {
            weights.iter_mut().for_each(|weight| *weight = (f64::from(*weight) * scale) as f32);
        }
        let bias: Vec<f32> = beta
            .iter()
            .zip(mean.iter().zip(&scale))
            .map(|(beta, (mean, scale))| (f64::from(*beta) - f64::from(*mean) * scale) as f32)
            .collect();
        if !weight.iter().chain(&bias).all(|value| value.is_finite()) {
            bail!("`{name}` has values that are not finite");
        }
        let tensors = [
            ("weight".into(), TensorData::new(weight, sizes)),
            ("bias".into(), TensorData::new(bias, [layer.filters])),
        ];
        let mut start = Initializer::loaded(tensors.into(), self.device);
        let built = layer.build(shape, &mut start);
        start.finish().map_err(|fault| anyhow!("`{name}`: {fault}"))?;
        Ok(built)
    }

    fn take(&mut self, name: String, shape: &[usize]) -> Result<Vec<f32>> {
        let Some(tensor) = self.tensors.remove(name.as_str()) else { bail!("`{name}` is missing") };
        if tensor.shape() != shape {
            bail!("`{name}` has the shape {:?}, expected {shape:?}", tensor.shape());
        }
        let bytes = tensor.data();
        match tensor.dtype() {
            Dtype::F32 => Ok(bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()),
            Dtype::F16 => Ok(bytes.as_chunks().0.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect()),
            other => bail!("`{name}` is of type {other:?}, expected F32 or F16"),
        }
    }
}

fn behind(layer: &impl Layer, shape: Shape) -> Result<Shape> {
    layer.output(shape).map_err(|misfit| anyhow!(misfit.found))
}

#[cfg(test)]
mod tests;
