//! The innermost loops: small blocks of sums in registers, for any vector width.

use std::array;

use pulp::Simd;

use super::geometry::Taps;
use crate::activation::Activation;

/// Vectors of filters in a full panel.
const WIDE: usize = 2;

/// Up to this many filters, vectors run along the taps, so that no lane is idle.
const FEW: usize = 4;

/// Weights in the order in which they are read.
#[derive(Debug, Clone)]
pub(crate) struct Panels {
    /// Values in a window.
    taps: usize,
    filters: usize,
    lanes: usize,
    /// With few filters `[filters, taps]`; otherwise padded panels `[taps, lanes × vectors]`.
    data: Vec<f32>,
}

impl Panels {
    /// Packs `weights`: tap `i` of filter `f` is at `taps[i] + f × step`.
    pub fn new(weights: &[f32], taps: &[usize], filters: usize, step: usize, lanes: usize) -> Self {
        let count = taps.len();
        if filters <= FEW {
            let data =
                (0..filters).flat_map(|filter| taps.iter().map(move |tap| weights[tap + filter * step])).collect();
            return Self { taps: count, filters, lanes, data };
        }
        let mut data = vec![0.0; count * filters.next_multiple_of(lanes)];
        for (start, panel) in Self::split(filters, lanes, count, &mut data) {
            let width = (panel.len() / count.max(1)).max(1);
            let used = width.min(filters - start);
            for (tap, row) in taps.iter().zip(panel.chunks_exact_mut(width)) {
                let from = weights[tap + start * step..].iter().step_by(step);
                for (to, weight) in row[..used].iter_mut().zip(from) {
                    *to = *weight;
                }
            }
        }
        Self { taps: count, filters, lanes, data }
    }

    /// The panels with the first filter of each.
    fn split(filters: usize, lanes: usize, taps: usize, data: &mut [f32]) -> Vec<(usize, &mut [f32])> {
        let mut rest = data;
        let mut panels = Vec::new();
        for start in (0..filters).step_by(WIDE * lanes) {
            let width = (filters.next_multiple_of(lanes) - start).min(WIDE * lanes);
            let (panel, after) = rest.split_at_mut(width * taps);
            panels.push((start, panel));
            rest = after;
        }
        panels
    }
}

/// What is applied to a sum before it is stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Finish<'a> {
    /// One per filter, padded with zeros to a multiple of the lanes; or empty.
    pub bias: &'a [f32],
    pub activation: Activation,
}

/// The windows of an image, their weights, and where their sums go.
#[derive(Clone, Copy)]
pub(crate) struct Slide<'a> {
    pub frame: &'a [f32],
    pub taps: &'a Taps,
    pub panels: &'a Panels,
    /// Where each window's results start.
    pub places: &'a [usize],
    pub finish: Finish<'a>,
}

#[derive(Clone, Copy)]
struct Panel<'a> {
    weights: &'a [f32],
    bias: &'a [f32],
    start: usize,
    /// How many there are without padding.
    used: usize,
}

impl Slide<'_> {
    /// The finished weighted sums of all windows.
    #[inline(always)]
    pub fn run<S: Simd>(&self, simd: S, out: &mut [f32], scratch: &mut Vec<f32>) {
        if self.panels.filters <= FEW {
            self.few(simd, out);
        } else if S::F32_LANES <= 4 {
            self.narrow(simd, out, scratch);
        } else if S::REGISTER_COUNT >= 32 {
            self.many::<S, 12, 12>(simd, out);
        } else {
            self.many::<S, 6, 12>(simd, out);
        }
    }

    /// Blocks of `ROWS` windows by two vectors, `TALL` windows by one, or a single window.
    #[inline(always)]
    fn many<S: Simd, const ROWS: usize, const TALL: usize>(&self, simd: S, out: &mut [f32]) {
        let Panels { taps, filters, lanes, .. } = *self.panels;
        let mut rest = &self.panels.data[..];
        for start in (0..filters).step_by(WIDE * lanes) {
            let width = (filters.next_multiple_of(lanes) - start).min(WIDE * lanes);
            let (weights, after) = rest.split_at(width * taps);
            rest = after;
            let bias = if self.finish.bias.is_empty() { &[] } else { &self.finish.bias[start..][..width] };
            let panel = Panel { weights, bias, start, used: width.min(filters - start) };
            if self.places.len() == 1 && width == WIDE * lanes {
                self.rows::<S, 1, WIDE>(simd, panel, out);
            } else if width == WIDE * lanes {
                self.rows::<S, ROWS, WIDE>(simd, panel, out);
            } else {
                self.rows::<S, TALL, 1>(simd, panel, out);
            }
        }
    }

    /// All windows for one panel, `ROWS` at a time.
    #[inline(always)]
    fn rows<S: Simd, const ROWS: usize, const VECTORS: usize>(&self, simd: S, panel: Panel<'_>, out: &mut [f32]) {
        let Self { frame, taps, .. } = *self;
        let (weights, _) = S::as_simd_f32s(panel.weights);
        let (weights, _) = weights.as_chunks::<VECTORS>();
        let (bias, _) = S::as_simd_f32s(panel.bias);
        let (windows, run) = (taps.bases.len(), taps.run);
        // Copied before they are stored: otherwise the compiler keeps the sums in memory.
        let mut block = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
        let mut at = 0;
        while at < windows {
            // The last block overlaps the one before; with few windows, some are computed twice.
            let first = if windows >= ROWS { at.min(windows - ROWS) } else { 0 };
            let row = |m: usize| (first + m).min(windows - 1);
            let bases: [usize; ROWS] = array::from_fn(|m| taps.bases[row(m)]);
            let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
            for (part, offset) in weights.chunks_exact(run).zip(&taps.offsets) {
                // Equal lengths remove the bounds checks from the loop.
                let part = &part[..run];
                let seen: [&[f32]; ROWS] = array::from_fn(|m| &frame[bases[m] + offset..][..run]);
                for r in 0..run {
                    for m in 0..ROWS {
                        let x = simd.splat_f32s(seen[m][r]);
                        for v in 0..VECTORS {
                            sums[m][v] = simd.mul_add_e_f32s(x, part[r][v], sums[m][v]);
                        }
                    }
                }
            }
            for m in 0..ROWS {
                for v in 0..VECTORS {
                    block[m][v] = sums[m][v];
                }
            }
            for (m, sums) in block.iter().enumerate() {
                let out = &mut out[self.places[row(m)] + panel.start..][..panel.used];
                let (whole, part) = S::as_mut_simd_f32s(out);
                for v in 0..VECTORS {
                    let sum = if bias.is_empty() { sums[v] } else { simd.add_f32s(sums[v], bias[v]) };
                    let sum = self.finish.activation.of(simd, sum);
                    match whole.get_mut(v) {
                        Some(out) => *out = sum,
                        None => simd.partial_store_f32s(part, sum),
                    }
                }
            }
            at += ROWS;
        }
    }

    /// [`Self::many`] for short vectors: gathers the values of a block of windows first.
    #[inline(always)]
    fn narrow<S: Simd>(&self, simd: S, out: &mut [f32], scratch: &mut Vec<f32>) {
        if self.places.len() == 1 {
            self.side_by_side::<S, 1>(simd, out, scratch);
        } else {
            // Browsers run out of registers with more rows.
            self.side_by_side::<S, 4>(simd, out, scratch);
        }
    }

    #[inline(always)]
    fn side_by_side<S: Simd, const ROWS: usize>(&self, simd: S, out: &mut [f32], scratch: &mut Vec<f32>) {
        let Self { frame, taps, panels, places, finish } = *self;
        let Panels { taps: count, filters, lanes, .. } = *panels;
        let windows = taps.bases.len();
        scratch.resize(scratch.len().max(count * ROWS), 0.0);
        let (seen, _) = scratch[..count * ROWS].as_chunks_mut::<ROWS>();
        let mut at = 0;
        while at < windows {
            // The last block overlaps the one before; with few windows, some are computed twice.
            let first = if windows >= ROWS { at.min(windows - ROWS) } else { 0 };
            let row = |m: usize| (first + m).min(windows - 1);
            for (part, offset) in seen.chunks_exact_mut(taps.run.max(1)).zip(&taps.offsets) {
                for m in 0..ROWS {
                    let numbers = &frame[taps.bases[row(m)] + offset..][..taps.run];
                    part.iter_mut().zip(numbers).for_each(|(seen, number)| seen[m] = *number);
                }
            }
            let mut rest = &panels.data[..];
            for start in (0..filters).step_by(WIDE * lanes) {
                let width = (filters.next_multiple_of(lanes) - start).min(WIDE * lanes);
                let (weights, after) = rest.split_at(width * count);
                rest = after;
                let (weights, _) = S::as_simd_f32s(weights);
                let mut sums = [[simd.splat_f32s(0.0); WIDE]; ROWS];
                if width == WIDE * lanes {
                    block(simd, seen, weights.as_chunks::<WIDE>().0, &mut sums);
                } else {
                    let mut single = [[simd.splat_f32s(0.0); 1]; ROWS];
                    block(simd, seen, weights.as_chunks::<1>().0, &mut single);
                    sums.iter_mut().zip(single).for_each(|(sums, [single])| sums[0] = single);
                }
                let bias = if finish.bias.is_empty() { &[] } else { S::as_simd_f32s(&finish.bias[start..][..width]).0 };
                for (m, sums) in sums.iter().enumerate() {
                    let out = &mut out[places[row(m)] + start..][..width.min(filters - start)];
                    let (whole, part) = S::as_mut_simd_f32s(out);
                    for (v, sum) in sums[..width / lanes].iter().enumerate() {
                        let sum = bias.get(v).map_or(*sum, |bias| simd.add_f32s(*sum, *bias));
                        let sum = finish.activation.of(simd, sum);
                        match whole.get_mut(v) {
                            Some(out) => *out = sum,
                            None => simd.partial_store_f32s(part, sum),
                        }
                    }
                }
            }
            at += ROWS;
        }
    }

    /// With few filters, vectors run along the taps.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn few<S: Simd>(&self, simd: S, out: &mut [f32]) {
        const ROWS: usize = 8;
        let Self { frame, taps, panels, places, finish } = *self;
        let windows = taps.bases.len();
        for filter in 0..panels.filters {
            let weights = &panels.data[filter * panels.taps..][..panels.taps];
            let bias = finish.bias.get(filter).copied().unwrap_or(0.0);
            let mut at = 0;
            while at < windows {
                let first = if windows >= ROWS { at.min(windows - ROWS) } else { 0 };
                let row = |m: usize| (first + m).min(windows - 1);
                let mut sums = [simd.splat_f32s(0.0); ROWS];
                let mut rest = weights;
                for offset in &taps.offsets {
                    let (weights, after) = rest.split_at(taps.run);
                    rest = after;
                    let seen: [&[f32]; ROWS] = array::from_fn(|m| &frame[taps.bases[row(m)] + offset..][..taps.run]);
                    let (vectors, end) = S::as_simd_f32s(weights);
                    let count = vectors.len();
                    let whole: [&[S::f32s]; ROWS] = array::from_fn(|m| &S::as_simd_f32s(seen[m]).0[..count]);
                    for v in 0..count {
                        for m in 0..ROWS {
                            sums[m] = simd.mul_add_e_f32s(vectors[v], whole[m][v], sums[m]);
                        }
                    }
                    if !end.is_empty() {
                        let weight = simd.partial_load_f32s(end);
                        for m in 0..ROWS {
                            let (_, x) = S::as_simd_f32s(seen[m]);
                            sums[m] = simd.mul_add_e_f32s(weight, simd.partial_load_f32s(x), sums[m]);
                        }
                    }
                }
                for (m, sum) in sums.into_iter().enumerate() {
                    out[places[row(m)] + filter] = finish.activation.piecewise(simd.reduce_sum_f32s(sum) + bias);
                }
                at += ROWS;
            }
        }
    }
}

/// The products of `ROWS` windows with the weights of some filters.
#[cfg_attr(target_arch = "wasm32", inline(never))] // browsers optimize small functions sooner
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
fn block<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    seen: &[[f32; ROWS]],
    weights: &[[S::f32s; VECTORS]],
    sums: &mut [[S::f32s; VECTORS]; ROWS],
) {
    let mut all = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
    for (seen, weights) in seen.iter().zip(weights) {
        for m in 0..ROWS {
            let x = simd.splat_f32s(seen[m]);
            for v in 0..VECTORS {
                all[m][v] = simd.mul_add_e_f32s(x, weights[v], all[m][v]);
            }
        }
    }
    *sums = all;
}

/// Images and their grids.
#[derive(Clone, Copy)]
pub(crate) struct Products<'a> {
    pub frames: &'a [&'a [f32]],
    /// `[windows, pitch]` each; the pitch is a multiple of the lanes.
    pub grids: &'a [&'a [f32]],
    pub taps: &'a Taps,
    pub pitch: usize,
}

impl Products<'_> {
    /// Adds the products of taps and filters, summed over windows, to `weights`, `[taps, pitch]`.
    #[inline(always)]
    pub fn add<S: Simd>(&self, simd: S, weights: &mut [f32]) {
        if S::REGISTER_COUNT >= 32 {
            self.blocks::<S, 12, 8>(simd, weights);
        } else {
            self.blocks::<S, 6, 4>(simd, weights);
        }
    }

    /// Blocks of at most `ROWS` taps by two vectors of filters.
    #[inline(always)]
    fn blocks<S: Simd, const ROWS: usize, const HALF: usize>(&self, simd: S, weights: &mut [f32]) {
        let Self { taps, pitch, .. } = *self;
        for start in (0..pitch).step_by(WIDE * S::F32_LANES) {
            for (part, offset) in taps.offsets.iter().enumerate() {
                let mut r = 0;
                while r < taps.run {
                    let left = taps.run - r;
                    let rows = [ROWS, HALF, 4].into_iter().find(|rows| left >= *rows).unwrap_or(1);
                    let weights = &mut weights[(part * taps.run + r) * pitch..][..rows * pitch];
                    match rows {
                        _ if rows == ROWS => self.rows::<S, ROWS>(simd, offset + r, start, weights),
                        _ if rows == HALF => self.rows::<S, HALF>(simd, offset + r, start, weights),
                        4 => self.rows::<S, 4>(simd, offset + r, start, weights),
                        _ => self.rows::<S, 1>(simd, offset + r, start, weights),
                    }
                    r += rows;
                }
            }
        }
    }

    /// `ROWS` taps by at most two vectors of filters.
    #[inline(always)]
    fn rows<S: Simd, const ROWS: usize>(&self, simd: S, from: usize, start: usize, weights: &mut [f32]) {
        if self.pitch - start >= WIDE * S::F32_LANES {
            self.block::<S, ROWS, WIDE>(simd, from, start, weights);
        } else {
            self.block::<S, ROWS, 1>(simd, from, start, weights);
        }
    }

    #[inline(always)]
    fn block<S: Simd, const ROWS: usize, const VECTORS: usize>(
        &self,
        simd: S,
        from: usize,
        start: usize,
        weights: &mut [f32],
    ) {
        let Self { frames, grids, taps, pitch } = *self;
        let width = VECTORS * S::F32_LANES;
        let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
        for (frame, grid) in frames.iter().zip(grids) {
            for (base, point) in taps.bases.iter().zip(grid.chunks_exact(pitch)) {
                let Some(seen) = frame[base + from..].first_chunk::<ROWS>() else { continue };
                let (point, _) = S::as_simd_f32s(&point[start..][..width]);
                for m in 0..ROWS {
                    let x = simd.splat_f32s(seen[m]);
                    for v in 0..VECTORS {
                        sums[m][v] = simd.mul_add_e_f32s(x, point[v], sums[m][v]);
                    }
                }
            }
        }
        for (m, sums) in sums.iter().enumerate() {
            let (weights, _) = S::as_mut_simd_f32s(&mut weights[m * pitch + start..][..width]);
            for v in 0..VECTORS {
                weights[v] = simd.add_f32s(weights[v], sums[v]);
            }
        }
    }
}
