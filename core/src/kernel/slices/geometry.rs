/// Where the windows of a convolution lie: they slide over the *image*, and each results in a
/// point of the *grid*. A transposed convolution maps grid to image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// `[height, width, channels]` of the image.
    pub image: [usize; 3],
    /// `[height, width, filters]` of the grid.
    pub grid: [usize; 3],
    pub kernel: [usize; 2],
    /// Steps of the window.
    pub stride: [usize; 2],
    /// Distance of a window's taps.
    pub dilation: [usize; 2],
    /// Rows above the image and columns left of it.
    pub before: [usize; 2],
}

/// A batch of images in memory, `[batch, height, width, channels]` with strides.
#[derive(Debug, Clone, Copy)]
pub struct Images<'a> {
    data: &'a [f32],
    strides: [usize; 4],
    sides: [usize; 3],
}

impl<'a> Images<'a> {
    /// Contiguous images of `[height, width, channels]`.
    pub fn dense(data: &'a [f32], sides: [usize; 3]) -> Self {
        let [height, width, channels] = sides;
        Self { data, strides: [height * width * channels, width * channels, channels, 1], sides }
    }

    /// Images with strides along `[batch, height, width, channels]`.
    pub fn strided(data: &'a [f32], strides: [usize; 4], sides: [usize; 3]) -> Self {
        Self { data, strides, sides }
    }

    /// One image, if it is contiguous.
    pub fn whole(&self, sample: usize) -> Option<&'a [f32]> {
        let [height, width, channels] = self.sides;
        let [_, rows, pixels, values] = self.strides;
        let dense = (channels == 1 || values == 1)
            && (width == 1 || pixels == channels)
            && (height == 1 || rows == width * channels);
        dense.then(|| &self.data[sample * self.strides[0]..][..height * width * channels])
    }

    /// All values of a batch, if it is contiguous.
    pub fn all(&self, batch: usize) -> Option<&'a [f32]> {
        let length: usize = self.sides.iter().product();
        let dense = batch == 1 || self.strides[0] == length;
        (dense && self.whole(0).is_some()).then(|| &self.data[..batch * length])
    }

    /// One contiguous image, copied to `scratch` if necessary.
    #[inline(always)]
    pub fn whole_or<'b>(&self, sample: usize, scratch: &'b mut Vec<f32>) -> &'b [f32]
    where
        'a: 'b,
    {
        match self.whole(sample) {
            Some(whole) => whole,
            None => {
                let [height, width, channels] = self.sides;
                scratch.resize(height * width * channels, 0.0);
                self.copy(sample, scratch, width * channels);
                scratch
            }
        }
    }

    /// Copies one image to `target`, with rows `pitch` values apart.
    #[inline(always)]
    pub fn copy(&self, sample: usize, target: &mut [f32], pitch: usize) {
        let [height, width, channels] = self.sides;
        let [samples, rows, pixels, values] = self.strides;
        for y in 0..height {
            let target = &mut target[y * pitch..][..width * channels];
            let row = &self.data[sample * samples + y * rows..];
            if (channels == 1 || values == 1) && (width == 1 || pixels == channels) {
                target.copy_from_slice(&row[..width * channels]);
            } else {
                for (x, pixel) in target.chunks_exact_mut(channels).enumerate() {
                    for (c, value) in pixel.iter_mut().enumerate() {
                        *value = row[x * pixels + c * values];
                    }
                }
            }
        }
    }
}

/// The taps of all windows: window `w` has `run` values from `bases[w] + o` for each offset `o`.
#[derive(Debug, Clone)]
pub(crate) struct Taps {
    pub bases: Vec<usize>,
    pub offsets: Vec<usize>,
    pub run: usize,
}

impl Taps {
    /// Values in a window.
    pub fn len(&self) -> usize {
        self.offsets.len() * self.run
    }
}

/// An image with its padding, as the kernels read it.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    /// `[height, width, channels]`
    sides: [usize; 3],
    /// Rows above and columns left of the image.
    before: [usize; 2],
    /// Whether there is no padding.
    bare: bool,
    /// For small windows: the taps to copy side by side, and the distance of the copies.
    patches: Option<(Taps, usize)>,
}

/// A thread's buffers for laying out images.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    frame: Vec<f32>,
    patches: Vec<f32>,
    /// The values of a block of windows.
    pub block: Vec<f32>,
}

/// Windows with runs shorter than this are laid out as patches.
const SHORT: usize = 16;

impl Frame {
    /// The padded image and the taps of its windows; patches have a multiple of `multiple` values.
    pub fn of_image(geometry: &Geometry, multiple: usize) -> (Self, Taps) {
        let Geometry { image: [height, width, channels], grid, kernel, stride, dilation, before } = *geometry;
        let reach = |axis: usize| (grid[axis] - 1) * stride[axis] + (kernel[axis] - 1) * dilation[axis] + 1;
        let sides = [reach(0).max(before[0] + height), reach(1).max(before[1] + width), channels];
        let pitch = sides[1] * channels;
        let bases = positions(grid[0], grid[1], stride[0] * pitch, stride[1] * channels);
        let mut offsets = Vec::new();
        let mut run = kernel[1] * channels;
        for row in 0..kernel[0] {
            let row = row * dilation[0] * pitch;
            if dilation[1] == 1 {
                offsets.push(row);
            } else {
                run = channels;
                offsets.extend((0..kernel[1]).map(|column| row + column * dilation[1] * channels));
            }
        }
        let bare = sides == geometry.image && before == [0, 0];
        let taps = Taps { bases, offsets, run };
        if taps.run >= SHORT || taps.offsets.len() == 1 {
            return (Self { sides, before, bare, patches: None }, taps);
        }
        let pitch = taps.len().next_multiple_of(multiple);
        let patched = Taps {
            bases: (0..taps.bases.len()).map(|window| window * pitch).collect(),
            offsets: vec![0],
            run: taps.len(),
        };
        (Self { sides, before, bare, patches: Some((taps, pitch)) }, patched)
    }

    /// The grid of `geometry`, padded so that no window reaches beyond.
    pub fn of_grid(geometry: &Geometry, before: [usize; 2], after: [usize; 2]) -> Self {
        let [height, width, filters] = geometry.grid;
        let sides = [before[0] + height + after[0], before[1] + width + after[1], filters];
        Self { sides, before, bare: before == [0, 0] && after == [0, 0], patches: None }
    }

    pub fn pitch(&self) -> usize {
        self.sides[1] * self.sides[2]
    }

    /// Values of a laid-out image.
    pub fn len(&self) -> usize {
        match &self.patches {
            Some((taps, pitch)) => taps.bases.len() * pitch,
            None => self.sides.iter().product(),
        }
    }

    /// Whether images are read in place.
    pub fn reads(&self, images: &Images<'_>) -> bool {
        self.bare && self.patches.is_none() && images.whole(0).is_some()
    }

    /// One image laid out, or in place.
    #[inline(always)]
    pub fn lay<'a>(&self, images: &Images<'a>, sample: usize, scratch: &'a mut Scratch) -> &'a [f32] {
        let whole = if self.bare { images.whole(sample) } else { None };
        let frame: &[f32] = match whole {
            Some(whole) => whole,
            None => {
                self.surround(images, sample, &mut scratch.frame);
                &scratch.frame
            }
        };
        match &self.patches {
            None => frame,
            Some((taps, pitch)) => {
                scratch.patches.resize(self.len(), 0.0);
                patch(frame, taps, *pitch, &mut scratch.patches);
                &scratch.patches
            }
        }
    }

    /// Lays out one image in `target`, which has the length of the frame.
    #[inline(always)]
    pub fn lay_into(&self, images: &Images<'_>, sample: usize, scratch: &mut Scratch, target: &mut [f32]) {
        let whole = if self.bare { images.whole(sample) } else { None };
        match (&self.patches, whole) {
            (None, Some(whole)) => target.copy_from_slice(whole),
            (None, None) => {
                let from = self.before[0] * self.pitch() + self.before[1] * self.sides[2];
                images.copy(sample, &mut target[from..], self.pitch());
            }
            (Some((taps, pitch)), Some(whole)) => patch(whole, taps, *pitch, target),
            (Some((taps, pitch)), None) => {
                self.surround(images, sample, &mut scratch.frame);
                patch(&scratch.frame, taps, *pitch, target);
            }
        }
    }

    /// Copies the image into the frame; the padding of a reused frame is zero already.
    #[inline(always)]
    fn surround(&self, images: &Images<'_>, sample: usize, frame: &mut Vec<f32>) {
        frame.resize(self.sides.iter().product(), 0.0);
        let from = self.before[0] * self.pitch() + self.before[1] * self.sides[2];
        images.copy(sample, &mut frame[from..], self.pitch());
    }
}

/// Copies the values of each window side by side.
#[inline(always)]
fn patch(frame: &[f32], taps: &Taps, pitch: usize, patches: &mut [f32]) {
    for (patch, base) in patches.chunks_exact_mut(pitch).zip(&taps.bases) {
        for (part, offset) in patch.chunks_exact_mut(taps.run).zip(&taps.offsets) {
            let from = &frame[base + offset..][..taps.run];
            for (to, from) in part.iter_mut().zip(from) {
                *to = *from;
            }
        }
    }
}

/// Positions of a field of points, row by row.
pub(crate) fn positions(rows: usize, columns: usize, row: usize, column: usize) -> Vec<usize> {
    (0..rows).flat_map(|y| (0..columns).map(move |x| y * row + x * column)).collect()
}

impl Images<'_> {
    /// Copies one image to `target`, with pixels `pitch` values apart.
    #[inline(always)]
    pub(crate) fn spread(&self, sample: usize, target: &mut [f32], pitch: usize) {
        let [_, width, channels] = self.sides;
        if pitch == channels {
            return self.copy(sample, target, width * channels);
        }
        let [samples, rows, pixels, values] = self.strides;
        for (point, target) in target.chunks_exact_mut(pitch).enumerate() {
            let from = sample * samples + point / width * rows + point % width * pixels;
            for (c, value) in target[..channels].iter_mut().enumerate() {
                *value = self.data[from + c * values];
            }
        }
    }
}
