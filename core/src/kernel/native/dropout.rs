use burn::tensor::{Distribution, Tensor};
use burn_flex::FlexTensor;
use pulp::{Simd, WithSimd};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rayon::prelude::*;

use super::layout::{in_one_piece, like};
use super::op::{Operand, Operation, Past, apply};
use crate::kernel::slices::arch;

/// Values that share a stream of random bits.
const STREAM: usize = 1 << 14;

/// Drops each value with probability `rate`, in 65,536ths, and divides the others by 1 − `rate`.
pub(crate) fn dropout<const D: usize>(input: &Tensor<D>, rate: f64) -> Option<Tensor<D>> {
    let operand = Operand::new(input)?;
    // The device's own randomness, seeded for every step, chooses the streams.
    let drawn = Tensor::<1>::random([2], Distribution::Uniform(0.0, 1.0), &input.device()).into_data();
    let seed = drawn.iter::<f32>().fold(0, |seed: u64, part| seed << 32 | u64::from(part.to_bits()));
    let threshold = (rate * 65_536.0).round().min(65_535.0) as u16;
    Some(apply(Dropout { seed, threshold }, [operand]).0)
}

#[derive(Debug, Clone)]
struct Dropout {
    seed: u64,
    /// Values with 16 random bits below it are dropped.
    threshold: u16,
}

impl Dropout {
    /// Drops some of `numbers`, the same ones each time.
    fn drop_values(&self, numbers: &[f32]) -> Vec<f32> {
        let mut output = vec![0.0; numbers.len()];
        let arch = arch();
        let generator = ChaCha8Rng::seed_from_u64(self.seed);
        output.par_chunks_mut(STREAM).zip(numbers.par_chunks(STREAM)).enumerate().for_each_init(
            || vec![0; 2 * STREAM],
            |bits: &mut Vec<u8>, (stream, (output, input))| {
                let mut generator = generator.clone();
                generator.set_stream(stream as u64);
                let bits = &mut bits[..2 * input.len()];
                generator.fill_bytes(bits);
                arch.dispatch(DropValues { bits, threshold: self.threshold, input, output });
            },
        );
        output
    }
}

impl Operation<1> for Dropout {
    type Kept = ();

    fn forward(&self, [input]: &[FlexTensor; 1]) -> (FlexTensor, ()) {
        let input = in_one_piece(input.clone());
        (like(self.drop_values(input.storage()), &input), ())
    }

    fn backward(&self, past: &Past<1, ()>, gradient: FlexTensor, _wanted: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let gradient = in_order_of(gradient, &past.output);
        [Some(like(self.drop_values(gradient.storage()), &past.output))]
    }
}

/// The tensor with the memory layout of `other`, which is in one piece.
fn in_order_of(tensor: FlexTensor, other: &FlexTensor) -> FlexTensor {
    let tensor = in_one_piece(tensor);
    if tensor.layout().strides() == other.layout().strides() {
        return tensor;
    }
    // In the order of its strides, the other is contiguous.
    let mut axes: Vec<usize> = (0..other.layout().num_dims()).collect();
    axes.sort_by_key(|axis| std::cmp::Reverse(other.layout().strides()[*axis]));
    tensor.permute(&axes).to_contiguous()
}

/// Drops values by their random bits.
struct DropValues<'a> {
    bits: &'a [u8],
    threshold: u16,
    input: &'a [f32],
    output: &'a mut [f32],
}

impl WithSimd for DropValues<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let scale = 65_536.0 / (65_536.0 - f32::from(self.threshold));
        let (bits, _) = self.bits.as_chunks::<2>();
        for ((y, x), bits) in self.output.iter_mut().zip(self.input).zip(bits) {
            *y = if u16::from_le_bytes(*bits) >= self.threshold { x * scale } else { 0.0 };
        }
    }
}
