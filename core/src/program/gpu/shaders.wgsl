// Operations of a program. A sample is [height, width, blocks] of vectors of four channels; what fills up the last block does not
// count. Every entry point is called once for each of its results, `threads` times.

struct Params {
    threads: u32,
    // Samples, and the input and output sides of one.
    batch: u32, in_channels: u32, in_height: u32, in_width: u32,
    out_channels: u32, out_height: u32, out_width: u32,
    // How a window slides; `before` is the padding above and left of the image.
    kernel_rows: u32, kernel_columns: u32,
    stride_rows: u32, stride_columns: u32,
    dilation_rows: u32, dilation_columns: u32,
    before_rows: u32, before_columns: u32,
    groups: u32,
    // What else there is to do: see the entry points.
    flags: u32,
    function: u32,
    alpha: f32, beta: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> weights: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4<f32>>;
// The same as `output`, number by number.
@group(0) @binding(3) var<storage, read_write> numbers: array<f32>;

const SIZE: u32 = 64;
// Pixels of a row that one thread computes.
const SPAN: u32 = 4;
// Makes numerators positive, so that divisions round down; a multiple of every stride times this stays in range.
const FAR: i32 = 1048576;

fn number(id: vec3<u32>, groups: vec3<u32>) -> u32 { return id.x + id.y * groups.x * SIZE; }
fn blocks(channels: u32) -> u32 { return (channels + 3u) / 4u; }

fn apply(x: vec4<f32>) -> vec4<f32> {
    switch params.function {
        case 1u: { return select(x * params.alpha, x, x > vec4(0.0)); }
        // Some GPUs divide exponentials, which are infinite far from 0.
        case 2u: { return tanh(clamp(x, vec4(-10.0), vec4(10.0))); }
        case 3u: { return 1.0 / (1.0 + exp(-x)); }
        case 4u: { return params.beta * select(params.alpha * (exp(min(x, vec4(0.0))) - 1.0), x, x > vec4(0.0)); }
        case 5u: { return x * normal(x); }
        case 6u: { return x / (1.0 + exp(-x)); }
        case 7u: { return max(x, vec4(0.0)) + log(1.0 + exp(-abs(x))); }
        default: { return x; }
    }
}

// The distribution function of N(0, 1): 1 − erfc(x / √2) / 2, by formula 7.1.26 of Abramowitz and Stegun, "Handbook of
// Mathematical Functions" (1964), whose error is below 1.5e-7.
fn normal(x: vec4<f32>) -> vec4<f32> {
    let z = min(abs(x) * 0.70710678, vec4(9.0));
    let t = 1.0 / (1.0 + 0.3275911 * z);
    let tail = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t * exp(-z * z) * 0.5;
    return select(1.0 - tail, tail, x < vec4(0.0));
}

// Where a window lies: the pixel that its tap sees along one axis, and the distance of those that the next pixels see.
struct Seen { first: i32, step: i32, there: bool }

// Flag 1: the operation is a transposed convolution.
fn seen(at: u32, tap: u32, stride: u32, dilation: u32, before: u32) -> Seen {
    if (params.flags & 1u) == 0u {
        return Seen(i32(at * stride + tap * dilation) - i32(before), i32(stride), true);
    }
    let place = i32(at + before) - i32(tap * dilation) + i32(stride) * FAR;
    return Seen(place / i32(stride) - FAR, 1, place % i32(stride) == 0);
}

// Which pixels and which channels a thread of a convolution computes.
struct Job { sample: u32, y: u32, x: u32, step: u32, block: u32 }

fn job(index: u32, out_blocks: u32) -> Job {
    // In a transposed convolution, pixels that lie a stride apart see the same taps.
    let step = select(1u, params.stride_columns, (params.flags & 1u) != 0u);
    let spans = step * ((params.out_width + step * SPAN - 1u) / (step * SPAN));
    let block = index % out_blocks;
    let place = index / out_blocks;
    let span = place % spans;
    let row = place / spans;
    return Job(row / params.out_height, row % params.out_height, span % step + span / step * step * SPAN, step, block);
}

// A convolution of a whole image. Weights: for each block of filters and each tap, for each channel four filters; then biases.
@compute @workgroup_size(SIZE)
fn convolve(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = number(id, groups);
    if index >= params.threads { return; }
    let out_blocks = blocks(params.out_channels);
    let in_blocks = blocks(params.in_channels);
    let t = job(index, out_blocks);
    let taps = params.kernel_rows * params.kernel_columns;
    let width = params.in_width;
    var a = vec4<f32>(); var b = vec4<f32>(); var c = vec4<f32>(); var d = vec4<f32>();
    for (var row = 0u; row < params.kernel_rows; row++) {
        let y = seen(t.y, row, params.stride_rows, params.dilation_rows, params.before_rows);
        if !y.there || u32(y.first) >= params.in_height { continue; }
        let line = (t.sample * params.in_height + u32(y.first)) * width;
        for (var column = 0u; column < params.kernel_columns; column++) {
            let x = seen(t.x, column, params.stride_columns, params.dilation_columns, params.before_columns);
            if !x.there { continue; }
            let places = vec4<i32>(x.first) + vec4<i32>(0, 1, 2, 3) * x.step;
            let within = vec4<u32>(places) < vec4(width);
            if !any(within) { continue; }
            let base = (line + select(vec4(0u), vec4<u32>(places), within)) * in_blocks;
            var at = ((t.block * taps) + row * params.kernel_columns + column) * in_blocks * 4u;
            for (var i = 0u; i < in_blocks; i++) {
                let w = mat4x4<f32>(weights[at], weights[at + 1u], weights[at + 2u], weights[at + 3u]);
                at += 4u;
                a += w * select(vec4(0.0), input[base.x + i], within.x);
                b += w * select(vec4(0.0), input[base.y + i], within.y);
                c += w * select(vec4(0.0), input[base.z + i], within.z);
                d += w * select(vec4(0.0), input[base.w + i], within.w);
            }
        }
    }
    let bias = weights[out_blocks * taps * in_blocks * 4u + t.block];
    let to = (t.sample * params.out_height + t.y) * params.out_width;
    put(to, t, 0u, a + bias); put(to, t, 1u, b + bias); put(to, t, 2u, c + bias); put(to, t, 3u, d + bias);
}

fn put(line: u32, t: Job, pixel: u32, value: vec4<f32>) {
    let x = t.x + pixel * t.step;
    if x < params.out_width { output[(line + x) * blocks(params.out_channels) + t.block] = apply(value); }
}

// A convolution with a single filter. Weights: for each tap four channels at a time; then the bias.
@compute @workgroup_size(SIZE)
fn convolve_single(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = number(id, groups);
    if index >= params.threads { return; }
    let in_blocks = blocks(params.in_channels);
    let t = job(index, 1u);
    let width = params.in_width;
    var sums = vec4<f32>();
    for (var row = 0u; row < params.kernel_rows; row++) {
        let y = seen(t.y, row, params.stride_rows, params.dilation_rows, params.before_rows);
        if !y.there || u32(y.first) >= params.in_height { continue; }
        let line = (t.sample * params.in_height + u32(y.first)) * width;
        for (var column = 0u; column < params.kernel_columns; column++) {
            let x = seen(t.x, column, params.stride_columns, params.dilation_columns, params.before_columns);
            if !x.there { continue; }
            let places = vec4<i32>(x.first) + vec4<i32>(0, 1, 2, 3) * x.step;
            let within = vec4<u32>(places) < vec4(width);
            if !any(within) { continue; }
            let base = (line + select(vec4(0u), vec4<u32>(places), within)) * in_blocks;
            let at = (row * params.kernel_columns + column) * in_blocks;
            var part = vec4<f32>();
            for (var i = 0u; i < in_blocks; i++) {
                let w = weights[at + i];
                part += vec4(dot(w, input[base.x + i]), dot(w, input[base.y + i]), dot(w, input[base.z + i]), dot(w, input[base.w + i]));
            }
            sums += select(vec4(0.0), part, within);
        }
    }
    let values = apply(sums + weights[params.kernel_rows * params.kernel_columns * in_blocks].x);
    let to = (t.sample * params.out_height + t.y) * params.out_width;
    for (var i = 0u; i < SPAN; i++) {
        let x = t.x + i * t.step;
        if x < params.out_width { output[to + x] = vec4(values[i], 0.0, 0.0, 0.0); }
    }
}

// A convolution in groups of channels. Weights: as the layer has them; then the biases.
@compute @workgroup_size(SIZE)
fn convolve_groups(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let p = place(number(id, groups));
    if p.outside { return; }
    if p.channel >= params.out_channels { numbers[p.index] = 0.0; return; }
    let transposed = (params.flags & 1u) != 0u;
    let sees = params.in_channels / params.groups;
    let given = params.out_channels / params.groups;
    let group = p.channel / given;
    let taps = params.kernel_rows * params.kernel_columns;
    var sum = weight(params.out_channels * sees * taps + p.channel);
    for (var row = 0u; row < params.kernel_rows; row++) {
        let y = seen(p.y, row, params.stride_rows, params.dilation_rows, params.before_rows);
        if !y.there || u32(y.first) >= params.in_height { continue; }
        for (var column = 0u; column < params.kernel_columns; column++) {
            let x = seen(p.x, column, params.stride_columns, params.dilation_columns, params.before_columns);
            if !x.there || u32(x.first) >= params.in_width { continue; }
            for (var c = 0u; c < sees; c++) {
                let channel = group * sees + c;
                let pair = select(p.channel * sees + c, channel * given + p.channel % given, transposed);
                let tap = row * params.kernel_columns + column;
                sum += value(p.sample, channel, u32(y.first), u32(x.first)) * weight(pair * taps + tap);
            }
        }
    }
    numbers[p.index] = apply(vec4(sum)).x;
}

// Flag 2: weights are scales and then shifts, one per channel. Flag 4: they are slopes below 0.
@compute @workgroup_size(SIZE)
fn each(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = number(id, groups);
    if index >= params.threads { return; }
    let count = blocks(params.out_channels);
    let block = index % count;
    var x = input[index];
    if (params.flags & 2u) != 0u { x = x * weights[block] + weights[count + block]; }
    if (params.flags & 4u) != 0u { x = select(x, x * weights[block], x < vec4(0.0)); }
    output[index] = apply(x);
}

// Adds `weights`, the output of another branch.
@compute @workgroup_size(SIZE)
fn add(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = number(id, groups);
    if index < params.threads { output[index] = input[index] + weights[index]; }
}

// Where a number of the result is; those that fill up a block count too.
struct Place { index: u32, outside: bool, sample: u32, channel: u32, y: u32, x: u32 }

fn place(index: u32) -> Place {
    let width = blocks(params.out_channels) * 4u;
    let pixel = index / width;
    let row = pixel / params.out_width;
    return Place(
        index, index >= params.threads, row / params.out_height, index % width, row % params.out_height, pixel % params.out_width,
    );
}

fn value(sample: u32, channel: u32, y: u32, x: u32) -> f32 {
    let pixel = (sample * params.in_height + y) * params.in_width + x;
    return input[pixel * blocks(params.in_channels) + channel / 4u][channel % 4u];
}

fn weight(index: u32) -> f32 { return weights[index / 4u][index % 4u]; }

// Flag 2: the mean of the pixels in a window; flag 4: the sum over the size of the window; otherwise the largest.
@compute @workgroup_size(SIZE)
fn pool(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let p = place(number(id, groups));
    if p.outside { return; }
    if p.channel >= params.out_channels { numbers[p.index] = 0.0; return; }
    var largest = -3.4028234e38;
    var sum = 0.0;
    var pixels = 0u;
    for (var row = 0u; row < params.kernel_rows; row++) {
        let y = p.y * params.stride_rows + row * params.dilation_rows - params.before_rows;
        if y >= params.in_height { continue; }
        for (var column = 0u; column < params.kernel_columns; column++) {
            let x = p.x * params.stride_columns + column * params.dilation_columns - params.before_columns;
            if x >= params.in_width { continue; }
            let seen = value(p.sample, p.channel, y, x);
            largest = max(largest, seen);
            sum += seen;
            pixels++;
        }
    }
    var result = largest;
    if (params.flags & 2u) != 0u { result = sum / f32(pixels); }
    if (params.flags & 4u) != 0u { result = sum / f32(params.kernel_rows * params.kernel_columns); }
    numbers[p.index] = result;
}

// Flag 2: pixels are mixed; otherwise the nearest one is repeated. The strides are the factors.
@compute @workgroup_size(SIZE)
fn resize(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let p = place(number(id, groups));
    if p.outside { return; }
    if p.channel >= params.out_channels { numbers[p.index] = 0.0; return; }
    let scale = vec2(params.stride_rows, params.stride_columns);
    let at = vec2(p.y, p.x);
    if (params.flags & 2u) == 0u {
        let base = at / scale;
        numbers[p.index] = value(p.sample, p.channel, base.x, base.y);
        return;
    }
    let last = vec2(params.in_height, params.in_width) - 1u;
    let point = max((vec2<f32>(at) + 0.5) / vec2<f32>(scale) - 0.5, vec2(0.0));
    let low = min(vec2<u32>(point), last);
    let high = min(low + 1u, last);
    let share = point - vec2<f32>(low);
    let top = mix(value(p.sample, p.channel, low.x, low.y), value(p.sample, p.channel, low.x, high.y), share.y);
    let bottom = mix(value(p.sample, p.channel, high.x, low.y), value(p.sample, p.channel, high.x, high.y), share.y);
    numbers[p.index] = mix(top, bottom, share.x);
}

// Channels become pixels; the stride is the factor.
@compute @workgroup_size(SIZE)
fn shuffle(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let p = place(number(id, groups));
    if p.outside { return; }
    if p.channel >= params.out_channels { numbers[p.index] = 0.0; return; }
    let factor = params.stride_rows;
    let channel = (p.channel * factor + p.y % factor) * factor + p.x % factor;
    numbers[p.index] = value(p.sample, channel, p.y / factor, p.x / factor);
}

// The same values with other sides, channel after channel.
@compute @workgroup_size(SIZE)
fn reshape(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let p = place(number(id, groups));
    if p.outside { return; }
    if p.channel >= params.out_channels { numbers[p.index] = 0.0; return; }
    let index = (p.channel * params.out_height + p.y) * params.out_width + p.x;
    let row = index / params.in_width;
    numbers[p.index] = value(p.sample, row / params.in_height, row % params.in_height, index % params.in_width);
}

// The channels of a pixel become shares of 1; a thread for each pixel.
@compute @workgroup_size(SIZE)
fn softmax(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let pixel = number(id, groups);
    if pixel >= params.threads { return; }
    let width = blocks(params.out_channels);
    let base = pixel * width;
    var largest = -3.4028234e38;
    for (var c = 0u; c < params.out_channels; c++) { largest = max(largest, input[base + c / 4u][c % 4u]); }
    var sum = 0.0;
    for (var c = 0u; c < params.out_channels; c++) { sum += exp(input[base + c / 4u][c % 4u] - largest); }
    for (var c = 0u; c < width * 4u; c++) {
        numbers[base * 4u + c] = select(0.0, exp(input[base + c / 4u][c % 4u] - largest) / sum, c < params.out_channels);
    }
}

var<workgroup> parts: array<f32, SIZE>;

// The sum of what all threads of a workgroup bring.
fn total(thread: u32, part: f32) -> f32 {
    parts[thread] = part;
    workgroupBarrier();
    for (var half = SIZE / 2u; half > 0u; half /= 2u) {
        if thread < half { parts[thread] += parts[thread + half]; }
        workgroupBarrier();
    }
    let sum = parts[0];
    workgroupBarrier();
    return sum;
}

// A group of channels is brought to mean 0 and variance 1; a workgroup for each. Weights: scales and behind them shifts, one of each for
// every channel, or with flag 2 for every value of a sample. Alpha is added to the variance.
@compute @workgroup_size(SIZE)
fn normalize(
    @builtin(local_invocation_index) thread: u32,
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    // Workgroups beyond the last one do the first one's work, so that all threads meet at each barrier, and write the same.
    let job = (id.x + id.y * groups.x) % (params.batch * params.groups);
    let sample = job / params.groups;
    let channels = params.out_channels / params.groups;
    let first = job % params.groups * channels;
    let pixels = params.out_height * params.out_width;
    let count = channels * pixels;
    var part = 0.0;
    for (var i = thread; i < count; i += SIZE) { part += value(sample, first + i % channels, 0u, i / channels); }
    let mean = total(thread, part) / f32(count);
    part = 0.0;
    for (var i = thread; i < count; i += SIZE) {
        let away = value(sample, first + i % channels, 0u, i / channels) - mean;
        part += away * away;
    }
    let factor = 1.0 / sqrt(total(thread, part) / f32(count) + params.alpha);
    let each = (params.flags & 2u) != 0u;
    let sides = select(params.out_channels, params.out_channels * pixels, each);
    for (var i = thread; i < count; i += SIZE) {
        let channel = first + i % channels;
        let pixel = i / channels;
        let at = select(channel, channel * pixels + pixel, each);
        let result = (value(sample, channel, 0u, pixel) - mean) * factor * weight(at) + weight(sides + at);
        numbers[(sample * pixels + pixel) * blocks(params.out_channels) * 4u + channel] = result;
    }
}

// Numbers as tensors have them, [channels, height, width]: what is read by the program's caller.
@compute @workgroup_size(SIZE)
fn unpack(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = number(id, groups);
    if index >= params.threads { return; }
    let row = index / params.in_width;
    let plane = row / params.in_height;
    numbers[index] = value(plane / params.in_channels, plane % params.in_channels, row % params.in_height, index % params.in_width);
}
