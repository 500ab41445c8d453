// @ts-check
/** The latents of test images that come with a model, and the moments of its prior. */
import { download } from './download.js';

/** The unit of the stored integers. */
const UNIT = 1 / 2048;

/** Samples from which the moments of a prior are estimated. */
const PRIOR_SAMPLES = 256;

/**
 * Latents of test images, `values` of shape [count, latent].
 * @typedef {{ labels: Uint8Array, values: Float32Array, latent: number }} TestLatents
 */

/** @type {Map<string, Promise<TestLatents>>} */
const fetched = new Map();

/**
 * The latents of the first `count` test images, from the folder of a model.
 * @param {string} folder
 * @param {{ count: number, latent: number }} size
 * @returns {Promise<TestLatents>}
 */
export function testLatents(folder, size) {
  let latents = fetched.get(folder);
  if (!latents) {
    latents = read(`${folder}/codes.bin`, size);
    fetched.set(folder, latents);
    latents.catch(() => fetched.delete(folder));
  }
  return latents;
}

/**
 * @param {string} path
 * @param {{ count: number, latent: number }} size
 */
async function read(path, { count, latent }) {
  const bytes = await (await download(path)).arrayBuffer();
  const record = 1 + 2 * latent;
  if (bytes.byteLength !== count * record) throw new Error(`${path} has ${bytes.byteLength} bytes, expected ${count * record}`);
  const view = new DataView(bytes);
  const labels = new Uint8Array(count);
  const values = new Float32Array(count * latent);
  for (let image = 0; image < count; image += 1) {
    labels[image] = view.getUint8(image * record);
    for (let at = 0; at < latent; at += 1) values[image * latent + at] = view.getInt16(image * record + 1 + 2 * at, true) * UNIT;
  }
  return { labels, values, latent };
}

/**
 * The moments of a prior per dimension, and whether it is N(0, I).
 * @typedef {{ mean: number[], std: number[], normal: boolean }} Prior
 */

/** @type {WeakMap<object, Prior>} */
const priors = new WeakMap();

/**
 * The prior of a model; its moments are estimated from samples unless it is N(0, I).
 * @param {any} engine
 * @param {any} facts
 * @returns {Promise<Prior>}
 */
export async function priorOf(engine, facts) {
  const known = priors.get(facts);
  if (known) return known;
  const { latent } = facts;
  const normal = facts.prior === 'normal';
  const mean = Array.from({ length: latent }, () => 0);
  let std = Array.from({ length: latent }, () => 1);
  if (!normal) {
    const latents = await engine.latents(1, 0, PRIOR_SAMPLES);
    const squares = Array.from({ length: latent }, () => 0);
    for (let at = 0; at < latents.length; at += 1) mean[at % latent] += latents[at] / PRIOR_SAMPLES;
    for (let at = 0; at < latents.length; at += 1) squares[at % latent] += (latents[at] - mean[at % latent]) ** 2 / PRIOR_SAMPLES;
    std = squares.map((square) => Math.max(Math.sqrt(square), 1e-3));
  }
  const prior = { mean, std, normal };
  priors.set(facts, prior);
  return prior;
}

/**
 * The range of a dimension to show: three standard deviations and 99 % of the test latents.
 * @param {Prior} prior
 * @param {TestLatents | null} latents
 * @param {number} dimension
 * @returns {[number, number]}
 */
export function rangeOf({ mean, std }, latents, dimension) {
  let [low, high] = [mean[dimension] - 3 * std[dimension], mean[dimension] + 3 * std[dimension]];
  if (latents) {
    const values = latents.values.filter((_, at) => at % latents.latent === dimension).sort();
    const outliers = Math.floor(values.length / 200);
    [low, high] = [Math.min(low, values[outliers]), Math.max(high, values[values.length - 1 - outliers])];
  }
  return [low, high];
}
