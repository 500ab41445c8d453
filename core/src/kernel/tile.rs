//! The innermost loops: small blocks of results that stay in registers while their sums are formed.
//!
//! All of them are written once for any width of vector; `pulp` compiles them for each instruction set and chooses at
//! run time.

use std::array;

use pulp::Simd;

use super::geometry::Taps;
use crate::nn::Activation;

/// Vectors of filters in a full panel.
const WIDE: usize = 2;

/// Up to so many filters, sums run along the taps instead, so that no lane is idle.
const FEW: usize = 4;

/// Weights in the order in which windows need them.
#[derive(Debug, Clone)]
pub(super) struct Panels {
    /// Numbers that a window sees.
    taps: usize,
    filters: usize,
    lanes: usize,
    /// With few filters `[filters, taps]`; else for each panel `[taps, lanes × vectors]`, the last one filled with zeros.
    data: Vec<f32>,
}

impl Panels {
    /// Packs `weights`: tap `i` of filter `f` is number `taps[i] + f × step`.
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

/// What is done with a sum before it is stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Finish<'a> {
    /// One number for each filter, filled with zeros up to a multiple of the lanes; or nothing.
    pub bias: &'a [f32],
    pub activation: Activation,
}

/// For each window of `frame`, the sums of its numbers times the weights, stored from `places[window]` on.
#[inline(always)]
pub(super) fn slide<S: Simd>(
    simd: S,
    frame: &[f32],
    taps: &Taps,
    panels: &Panels,
    places: &[usize],
    finish: Finish<'_>,
    out: &mut [f32],
) {
    if panels.filters <= FEW {
        few(simd, frame, taps, panels, places, finish, out);
    } else if S::REGISTER_COUNT >= 32 {
        many::<S, 12, 12>(simd, frame, taps, panels, places, finish, out);
    } else {
        many::<S, 6, 12>(simd, frame, taps, panels, places, finish, out);
    }
}

/// Blocks of `ROWS` windows by two vectors of filters, and of `TALL` windows by one vector.
#[inline(always)]
fn many<S: Simd, const ROWS: usize, const TALL: usize>(
    simd: S,
    frame: &[f32],
    taps: &Taps,
    panels: &Panels,
    places: &[usize],
    finish: Finish<'_>,
    out: &mut [f32],
) {
    let Panels { filters, lanes, .. } = *panels;
    let mut rest = &panels.data[..];
    for start in (0..filters).step_by(WIDE * lanes) {
        let width = (filters.next_multiple_of(lanes) - start).min(WIDE * lanes);
        let (panel, after) = rest.split_at(width * panels.taps);
        rest = after;
        let bias = if finish.bias.is_empty() { &[] } else { &finish.bias[start..][..width] };
        let finish = Finish { bias, ..finish };
        let used = width.min(filters - start);
        if width == WIDE * lanes {
            rows::<S, ROWS, WIDE>(simd, frame, taps, panel, places, finish, start, used, out);
        } else {
            rows::<S, TALL, 1>(simd, frame, taps, panel, places, finish, start, used, out);
        }
    }
}

/// All windows for one panel, `ROWS` at a time.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn rows<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    frame: &[f32],
    taps: &Taps,
    panel: &[f32],
    places: &[usize],
    finish: Finish<'_>,
    start: usize,
    used: usize,
    out: &mut [f32],
) {
    let (panel, _) = S::as_simd_f32s(panel);
    let (bias, _) = S::as_simd_f32s(finish.bias);
    let windows = taps.bases.len();
    // Sums are handed on through memory: read in a loop, they would live there while they are formed.
    let mut block = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
    let mut at = 0;
    while at < windows {
        // The last block overlaps the one before it; with fewer windows than rows, some are computed twice.
        let first = if windows >= ROWS { at.min(windows - ROWS) } else { 0 };
        let row = |m: usize| (first + m).min(windows - 1);
        let bases: [usize; ROWS] = array::from_fn(|m| taps.bases[row(m)]);
        let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
        let mut weights = panel.chunks_exact(taps.run * VECTORS);
        for offset in &taps.offsets {
            let seen: [&[f32]; ROWS] = array::from_fn(|m| &frame[bases[m] + offset..][..taps.run]);
            let Some(weights) = weights.next() else { break };
            for (r, weights) in weights.chunks_exact(VECTORS).enumerate() {
                for m in 0..ROWS {
                    let x = simd.splat_f32s(seen[m][r]);
                    for v in 0..VECTORS {
                        sums[m][v] = simd.mul_add_f32s(x, weights[v], sums[m][v]);
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
            let out = &mut out[places[row(m)] + start..][..used];
            let (whole, part) = S::as_mut_simd_f32s(out);
            for v in 0..VECTORS {
                let sum = if finish.bias.is_empty() { sums[v] } else { simd.add_f32s(sums[v], bias[v]) };
                let sum = finish.activation.of(simd, sum);
                match whole.get_mut(v) {
                    Some(out) => *out = sum,
                    None => simd.partial_store_f32s(part, sum),
                }
            }
        }
        at += ROWS;
    }
}

/// With a few filters only, vectors run along the taps.
#[inline(always)]
fn few<S: Simd>(
    simd: S,
    frame: &[f32],
    taps: &Taps,
    panels: &Panels,
    places: &[usize],
    finish: Finish<'_>,
    out: &mut [f32],
) {
    const ROWS: usize = 8;
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
                for (v, weight) in vectors.iter().enumerate() {
                    for m in 0..ROWS {
                        let (x, _) = S::as_simd_f32s(seen[m]);
                        sums[m] = simd.mul_add_f32s(*weight, x[v], sums[m]);
                    }
                }
                if !end.is_empty() {
                    let weight = simd.partial_load_f32s(end);
                    for m in 0..ROWS {
                        let (_, x) = S::as_simd_f32s(seen[m]);
                        sums[m] = simd.mul_add_f32s(weight, simd.partial_load_f32s(x), sums[m]);
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

/// Adds to `weights`, `[taps, pitch]`, the sums over all windows of each number that they see times each number of the
/// grid point that they give. `grid` is `[windows, pitch]`, the pitch a multiple of the lanes.
#[inline(always)]
pub(super) fn weigh<S: Simd>(
    simd: S,
    frames: &[&[f32]],
    grids: &[&[f32]],
    taps: &Taps,
    pitch: usize,
    weights: &mut [f32],
) {
    if S::REGISTER_COUNT >= 32 {
        panels_of_grid::<S, 12, 8>(simd, frames, grids, taps, pitch, weights);
    } else {
        panels_of_grid::<S, 6, 4>(simd, frames, grids, taps, pitch, weights);
    }
}

#[inline(always)]
fn panels_of_grid<S: Simd, const ROWS: usize, const HALF: usize>(
    simd: S,
    frames: &[&[f32]],
    grids: &[&[f32]],
    taps: &Taps,
    pitch: usize,
    weights: &mut [f32],
) {
    let lanes = S::F32_LANES;
    let mut start = 0;
    while start < pitch {
        let wide = pitch - start >= WIDE * lanes;
        for (part, offset) in taps.offsets.iter().enumerate() {
            let mut r = 0;
            while r < taps.run {
                let left = taps.run - r;
                let rows = [ROWS, HALF, 4, 1].into_iter().find(|rows| left >= *rows).unwrap_or(1);
                let weights = &mut weights[(part * taps.run + r) * pitch..][..rows * pitch];
                let from = offset + r;
                match (wide, rows) {
                    (true, 1) => outer::<S, 1, WIDE>(simd, frames, grids, taps, from, pitch, start, weights),
                    (false, 1) => outer::<S, 1, 1>(simd, frames, grids, taps, from, pitch, start, weights),
                    (true, 4) => outer::<S, 4, WIDE>(simd, frames, grids, taps, from, pitch, start, weights),
                    (false, 4) => outer::<S, 4, 1>(simd, frames, grids, taps, from, pitch, start, weights),
                    (true, rows) if rows == ROWS => {
                        outer::<S, ROWS, WIDE>(simd, frames, grids, taps, from, pitch, start, weights)
                    }
                    (false, rows) if rows == ROWS => {
                        outer::<S, ROWS, 1>(simd, frames, grids, taps, from, pitch, start, weights)
                    }
                    (true, _) => outer::<S, HALF, WIDE>(simd, frames, grids, taps, from, pitch, start, weights),
                    (false, _) => outer::<S, HALF, 1>(simd, frames, grids, taps, from, pitch, start, weights),
                }
                r += rows;
            }
        }
        start += if wide { WIDE * lanes } else { lanes };
    }
}

/// One block of `ROWS` taps by `VECTORS` vectors of filters.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn outer<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    frames: &[&[f32]],
    grids: &[&[f32]],
    taps: &Taps,
    from: usize,
    pitch: usize,
    start: usize,
    weights: &mut [f32],
) {
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
    for (frame, grid) in frames.iter().zip(grids) {
        for (base, point) in taps.bases.iter().zip(grid.chunks_exact(pitch)) {
            let seen: &[f32; ROWS] = match frame[base + from..].first_chunk() {
                Some(seen) => seen,
                None => continue,
            };
            let (point, _) = S::as_simd_f32s(&point[start..][..VECTORS * S::F32_LANES]);
            for m in 0..ROWS {
                let x = simd.splat_f32s(seen[m]);
                for v in 0..VECTORS {
                    sums[m][v] = simd.mul_add_f32s(x, point[v], sums[m][v]);
                }
            }
        }
    }
    for (m, sums) in sums.iter().enumerate() {
        let (weights, _) = S::as_mut_simd_f32s(&mut weights[m * pitch + start..][..VECTORS * S::F32_LANES]);
        for v in 0..VECTORS {
            weights[v] = simd.add_f32s(weights[v], sums[v]);
        }
    }
}
