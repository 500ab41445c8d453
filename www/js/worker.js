/**
 * The worker behind an Engine. Its name is the backend, `cpu` or `webgpu`.
 *
 * Receives { id, kind: 'start', module }            the compiled wasm
 *          { id, kind: 'fetch', name, folder }      downloads a model that will be loaded next
 *          { id, kind: 'load', name, folder }
 *          { id, kind: 'loadFiles', name, manifest, weights }
 *          and 'sample', 'latents', 'decode', 'encode', 'classify' and 'inside', as in Engine
 * Posts    { id, value } or { id, failure: { message, fatal } }; fatal ones make it unusable
 *          { progress: { name, loaded } }           bytes of the weights downloaded so far
 */
import { download } from './download.js';

const GLUE = `wasm/${self.name}/imago.js`;
const glue = import(`../${GLUE}`).catch(() => {
  throw new Error(`Cannot load ${GLUE}`);
});
glue.catch(() => { /* reported by start */ });

/** The loaded model, `{ folder, model }`; `folder` is null for the user's own files. */
let current = null;
/** The latest download: `{ folder, files, abort, taken }`. */
let latest = null;
/** Pending calls into the module: one at a time, so that no model is freed while in use. */
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
    // A prefetched download serves one load only, so that a failed one is tried again.
    const fetched = latest?.folder === folder && !latest.taken ? latest : fetchModel(name, folder);
    fetched.taken = true;
    const [manifest, weights] = await fetched.files;
    return inTurn(() => {
      if (fetched !== latest) throw new Error(`${name} was replaced by a newer request`);
      return makeCurrent(Model, name, folder, manifest, weights);
    });
  },

  async loadFiles({ name, manifest, weights }) {
    const { Model } = await glue;
    dropDownload();
    return inTurn(() => makeCurrent(Model, name, null, manifest, weights));
  },
};

/** Calls of the model. Any error other than a RangeError means that the device is lost. */
const modelCalls = {
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
    const value = await (modelCalls[kind] ? inTurn(() => modelCalls[kind](loaded(), args)) : handlers[kind](args));
    self.postMessage({ id, value }, value?.pixels ? [value.pixels.buffer] : []);
  } catch (error) {
    // The backend survives a bad model and a RangeError, which rejects an argument. It does not
    // survive a failed start, a lost device or a trap in the module.
    const deviceLost = kind in modelCalls && !(error instanceof RangeError) && !(error instanceof NoModel);
    const fatal = kind === 'start' || deviceLost || error instanceof WebAssembly.RuntimeError;
    self.postMessage({ id, failure: { message: error?.message || String(error), fatal } });
  }
};

/** Starts to download a model's two files, in place of an earlier download. */
function fetchModel(name, folder) {
  dropDownload();
  const abort = new AbortController();
  const options = { signal: abort.signal };
  const manifest = download(`${folder}/model.ron`, options).then((response) => response.text());
  const weights = download(`${folder}/weights.bpk`, options).then((response) => bytesOf(response, name));
  weights.catch(() => { /* reported when awaited; if both files fail, the manifest's error is */ });
  const files = (async () => [await manifest, await weights])();
  files.catch(() => { /* reported by load */ });
  latest = { folder, files, abort, taken: false };
  return latest;
}

/** The bytes of a response, with progress messages. */
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

/** Makes a model the current one; if its files are bad, the previous one stays. */
function makeCurrent(Model, name, folder, manifest, weights) {
  const model = describeFailure(`Cannot load ${name}`, () => Model.load(manifest, weights));
  current?.model.free();
  current = { folder, model };
  return factsOf(model);
}

function dropDownload() {
  latest?.abort.abort();
  latest = null;
}

class NoModel extends Error {}

function loaded() {
  if (!current) throw new NoModel('no model is loaded');
  return current.model;
}

/** Runs a job after all earlier ones. */
function inTurn(job) {
  const result = queue.then(job);
  queue = result.catch(() => { /* reported to the caller */ });
  return result;
}

/** Adds what was attempted to an error; traps of the module pass through. */
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
