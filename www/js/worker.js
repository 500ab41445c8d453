/**
 * The worker behind an Engine. Its name is the backend, `cpu` or `webgpu`.
 *
 * Takes  { id, kind: 'start', module }              the compiled wasm
 *        { id, kind: 'fetch', name, folder }        get the files of a model that will be loaded next
 *        { id, kind: 'load', name, folder }
 *        { id, kind: 'take', name, manifest, weights }   a model whose files are there already
 *        and what the model is asked for: 'sample', 'latents', 'decode', 'encode', 'classify' and 'inside', as Engine has them
 * Gives  { id, value } or { id, failure: { message, fatal } }; after a fatal failure it is of no more use.
 *        { progress: { name, loaded } } while a model is downloaded: bytes of its weights that are there
 */
import { download } from './download.js';

const GLUE = `wasm/${self.name}/imago.js`;
const glue = import(`../${GLUE}`).catch(() => {
  throw new Error(`Cannot load ${GLUE}`);
});
glue.catch(() => { /* start tells */ });

/** The model that is asked: `{ folder, model }`, without a folder if its files came from elsewhere. */
let current = null;
/** The newest download: `{ folder, files, abort, taken }`. */
let newest = null;
/** Calls into the module that have not ended. One at a time, so that no model is freed while it works. */
let queue = Promise.resolve();

const handlers = {
  async start({ module }) {
    const { default: init, start } = await glue;
    await init({ module_or_path: module });
    await start();
  },

  async fetch({ name, folder }) {
    await fetchModel(name, folder).files;
  },

  async load({ name, folder }) {
    const { Model } = await glue;
    if (current?.folder === folder) {
      dropDownload();
      return factsOf(current.model);
    }
    // Files that were fetched ahead serve one load only: a later one tries again what failed.
    const fetched = newest?.folder === folder && !newest.taken ? newest : fetchModel(name, folder);
    fetched.taken = true;
    const [manifest, weights] = await fetched.files;
    return inTurn(() => {
      if (fetched !== newest) throw new Error(`${name} was replaced by a newer request`);
      return become(Model, name, folder, manifest, weights);
    });
  },

  async take({ name, manifest, weights }) {
    const { Model } = await glue;
    dropDownload();
    return inTurn(() => become(Model, name, null, manifest, weights));
  },
};

/** What the model is asked for. Anything but a RangeError from here says that the device answers no more. */
const questions = {
  async sample(model, { seed, first, count, klass, temperature }) {
    const begin = performance.now();
    const latents = await model.latents(seed, first, count, klass, temperature);
    const pixels = await model.decode(latents, first, klass);
    return { pixels, milliseconds: performance.now() - begin };
  },

  latents: (model, { seed, first, count, klass, temperature }) => model.latents(seed, first, count, klass, temperature),

  async decode(model, { latents, first, klass }) {
    const begin = performance.now();
    const pixels = await model.decode(latents, first, klass);
    return { pixels, milliseconds: performance.now() - begin };
  },

  async encode(model, { pixels }) {
    const both = await model.encode(pixels);
    return { means: both.slice(0, both.length / 2), stds: both.slice(both.length / 2) };
  },

  classify: (model, { pixels }) => model.classify(pixels),

  async inside(model, { values, klass }) {
    const all = await model.inside(values, klass);
    const { layers } = factsOf(model);
    const network = model.family === 'classifier' ? 'classifier' : 'generator';
    let start = 0;
    return layers.flatMap(({ network: own, output: shape }, layer) => {
      if (own !== network) return [];
      const end = start + shape.reduce((product, side) => product * side, 1);
      const step = { layer, shape, values: all.slice(start, end) };
      start = end;
      return [step];
    });
  },
};

self.onmessage = async ({ data: { id, kind, ...args } }) => {
  try {
    const value = await (questions[kind] ? inTurn(() => questions[kind](loaded(), args)) : handlers[kind](args));
    self.postMessage({ id, value }, value?.pixels ? [value.pixels.buffer] : []);
  } catch (error) {
    // A model may be bad without harm to the backend, and a RangeError refuses what the model cannot do; a failed start, a device
    // that gives no answer or a trap in the module is not so.
    const unanswered = kind in questions && !(error instanceof RangeError) && !(error instanceof NoModel);
    const fatal = kind === 'start' || unanswered || error instanceof WebAssembly.RuntimeError;
    self.postMessage({ id, failure: { message: error?.message || String(error), fatal } });
  }
};

/** Begins to fetch a model's two files, in place of an older download. */
function fetchModel(name, folder) {
  dropDownload();
  const abort = new AbortController();
  const options = { signal: abort.signal };
  const manifest = download(`${folder}/model.ron`, options).then((response) => response.text());
  const weights = download(`${folder}/weights.bpk`, options).then((response) => bytesOf(response, name));
  weights.catch(() => { /* reported when it is awaited; if both files fail, the error of the manifest is */ });
  const files = (async () => [await manifest, await weights])();
  files.catch(() => { /* load tells */ });
  newest = { folder, files, abort, taken: false };
  return newest;
}

/** The bytes of a response, with news of how many are there. */
async function bytesOf(response, name) {
  const parts = [];
  let loaded = 0;
  const reader = response.body.getReader();
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
    parts.push(value);
    loaded += value.length;
    self.postMessage({ progress: { name, loaded } });
  }
  const bytes = new Uint8Array(loaded);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Makes a model of its files the current one; if they are bad, what was there stays. */
function become(Model, name, folder, manifest, weights) {
  const model = describeFailure(`Cannot load ${name}`, () => Model.load(manifest, weights));
  current?.model.free();
  current = { folder, model };
  return factsOf(model);
}

function dropDownload() {
  newest?.abort.abort();
  newest = null;
}

/** There is nothing to ask. */
class NoModel extends Error {}

function loaded() {
  if (!current) throw new NoModel('no model is loaded');
  return current.model;
}

/** Runs a job when all earlier ones have ended. */
function inTurn(job) {
  const result = queue.then(job);
  queue = result.catch(() => { /* its caller tells */ });
  return result;
}

/** Says what was attempted when it fails; leaves traps of the module as they are. */
function describeFailure(attempt, action) {
  try {
    return action();
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) throw error;
    throw new Error(`${attempt}: ${error?.message || error}`);
  }
}

function factsOf(model) {
  const { name, family, dataset, classes, conditional, channels, height, width, parameters, latent, encodes, prior, summary } = model;
  const [layers, history] = [JSON.parse(model.layers), JSON.parse(model.history)];
  return { name, family, dataset, classes, conditional, channels, height, width, parameters, latent, encodes, prior, summary, layers, history };
}
