/** The generators of shipped models as plain lists of layers with their numbers, as any library could be given them. */
import { readFile } from 'node:fs/promises';
import { decode } from 'cborg';
import { parse } from 'yaml';

const EPSILON = 1e-5;

/**
 * The layers of a generator, each `{ kind, … }`, with batch norms taken into the weights before them:
 * `linear` with `weight` [inputs, units] and `bias`, `reshape` with `shape` [channels, height, width],
 * `conv2d` (`weight` [filters, channels, k, k]) and `conv_transpose2d` (`weight` [channels, filters, k, k]) with `bias`, `stride` and
 * "same" padding, `relu`, `leaky_relu` with `slope`, `tanh`, `sigmoid`, and last `unit`, which makes 0 to 1 of −1 to 1.
 *
 * @param {string} root    the repository
 * @param {string} name    of a shipped model: a data set and the name of a pipeline
 */
export async function decoder(root, name) {
  const [set, ...rest] = name.split('-');
  const folder = set === 'fashion' ? 'fashion-mnist' : set;
  const { model } = parse(await readFile(`${root}/pipelines/${folder}/${rest.join('-')}.yaml`, 'utf8'));
  const arrays = unpack(await readFile(`${root}/www/models/${name}/weights.bpk`));
  const layers = [];
  (model.decoder ?? model.generator).forEach((declared, index) => {
    const [kind, fields] = typeof declared === 'string' ? [declared, {}] : Object.entries(declared)[0];
    const weight = (part) => arrays.get(`layers.${index}.${part}`);
    if (kind === 'linear') {
      layers.push({ kind, weight: weight('weight'), bias: weight('bias') });
    } else if (kind === 'conv2d' || kind === 'conv_transpose2d') {
      if (fields.padding !== 'same') throw new Error(`${name}: a padding that is not "same" is not measured`);
      layers.push({ kind, weight: weight('weight'), bias: weight('bias'), stride: fields.stride ?? 1 });
    } else if (kind === 'reshape') {
      layers.push({ kind, shape: fields });
    } else if (kind === 'batch_norm') {
      const [gamma, beta, mean, variance] = ['gamma', 'beta', 'running_mean', 'running_var'].map((part) => weight(part).values);
      const scale = gamma.map((value, channel) => value / Math.sqrt(variance[channel] + EPSILON));
      fold(layers, scale, beta.map((value, channel) => value - mean[channel] * scale[channel]));
    } else if (kind === 'leaky_relu') {
      layers.push({ kind, slope: fields });
    } else if (kind === 'relu' || kind === 'tanh') {
      layers.push({ kind });
    } else {
      throw new Error(`${name}: ${kind} is not measured`);
    }
  });
  layers.push({ kind: model.decoder ? 'sigmoid' : 'unit' });
  for (const layer of layers) if (layer.weight) layer.bias ??= { shape: [units(layer)], values: new Float32Array(units(layer)) };
  return layers;
}

const units = ({ kind, weight }) => weight.shape[kind === 'conv2d' ? 0 : 1];

/** Takes a scale and a shift for each channel into the layer with weights before it. */
function fold(layers, scale, shift) {
  const at = layers.findLastIndex(({ weight }) => weight);
  const layer = layers[at];
  const { shape, values } = layer.weight;
  const window = shape.slice(2).reduce((product, side) => product * side, 1);
  const count = units(layer);
  // Behind a row that became an image, a channel is a stretch of the row.
  const stretch = count / scale.length;
  const channel = (unit) => Math.floor(unit / stretch);
  const unitOf = (index) => (layer.kind === 'conv2d' ? Math.floor(index / (shape[1] * window)) : Math.floor(index / window) % shape[1]);
  layer.weight = { shape, values: values.map((value, index) => value * scale[channel(unitOf(index))]) };
  const bias = layer.bias?.values ?? new Float32Array(count);
  layer.bias = { shape: [count], values: bias.map((value, unit) => value * scale[channel(unit)] + shift[channel(unit)]) };
}

/** The tensors of a Burnpack file: a head of 10 bytes, CBOR that says where each is, and from the next multiple of 256 the numbers. */
function unpack(file) {
  const size = file.readUInt32LE(6);
  const { tensors } = decode(file.subarray(10, 10 + size));
  const start = Math.ceil((10 + size) / 256) * 256;
  return new Map(Object.entries(tensors).map(([name, { dtype, shape, data_offsets: [from, to] }]) => {
    const bytes = file.subarray(start + Number(from), start + Number(to));
    const values = new Float32Array(dtype === 'F16' ? bytes.length / 2 : bytes.length / 4);
    values.forEach((_, index) => { values[index] = dtype === 'F16' ? half(bytes.readUInt16LE(2 * index)) : bytes.readFloatLE(4 * index); });
    return [name, { shape: shape.map(Number), values }];
  }));
}

/** The number of 16 bits. */
function half(bits) {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
}
