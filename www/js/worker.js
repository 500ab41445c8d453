/**
 * The worker behind an Engine. Its name is the backend, `cpu` or `webgpu`.
 *
 * Takes  { id, kind: 'start', module }              the compiled wasm
 *        { id, kind: 'fetch', name }                get the files of a model that will be loaded next
 *        { id, kind: 'load', name }
 *        { id, kind: 'sample', seed, first, count, klass }
 *        { id, kind: 'classify', pixels }
 * Gives  { id, value } or { id, failure: { message, fatal } }; after a fatal failure it is of no more use.
 */
import { download } from './download.js';

const GLUE = `wasm/${self.name}/imago.js`;
const glue = import(`../${GLUE}`).catch(() => {
  throw new Error(`Cannot load ${GLUE}`);
});
glue.catch(() => { /* start tells */ });

/** The model that samples come from: `{ name, model }`. */
let current = null;
/** The newest download: `{ name, files, abort, taken }`. */
let newest = null;
/** Calls into the module that have not ended. One at a time, so that no model is freed while it works. */
let queue = Promise.resolve();

const handlers = {
  async start({ module }) {
    const { default: init, start } = await glue;
    await init({ module_or_path: module });
    await start();
  },

  async fetch({ name }) {
    await fetchModel(name).files;
  },

  async load({ name }) {
    const { Model } = await glue;
    if (current?.name === name) {
      dropDownload();
      return factsOf(current.model);
    }
    // Files that were fetched ahead serve one load only: a later one tries again what failed.
    const fetched = newest?.name === name && !newest.taken ? newest : fetchModel(name);
    fetched.taken = true;
    const [plan, weights] = await fetched.files;
    return inTurn(() => {
      if (fetched !== newest) throw new Error(`${name} gave way to a newer request`);
      const model = describeFailure(`Cannot load ${name}`, () => Model.load(plan, weights));
      current?.model.free();
      current = { name, model };
      return factsOf(model);
    });
  },

  sample({ seed, first, count, klass }) {
    return inTurn(async () => {
      const model = loaded();
      const begin = performance.now();
      const pixels = await model.sample(seed, first, count, klass);
      return { pixels, milliseconds: performance.now() - begin };
    });
  },

  classify({ pixels }) {
    return inTurn(() => loaded().classify(pixels));
  },
};

self.onmessage = async ({ data: { id, kind, ...args } }) => {
  try {
    const value = await handlers[kind](args);
    self.postMessage({ id, value }, value?.pixels ? [value.pixels.buffer] : []);
  } catch (error) {
    // A model may be bad without harm to the backend, and a RangeError refuses what the model cannot do; a failed start, a device
    // that gives no answer or a trap in the module is not so.
    const unanswered = (kind === 'sample' || kind === 'classify') && !(error instanceof RangeError);
    const fatal = kind === 'start' || unanswered || error instanceof WebAssembly.RuntimeError;
    self.postMessage({ id, failure: { message: error?.message || String(error), fatal } });
  }
};

/** Begins to fetch a model's two files, in place of an older download. */
function fetchModel(name) {
  dropDownload();
  const abort = new AbortController();
  const options = { signal: abort.signal };
  const folder = `models/${encodeURIComponent(name)}`;
  const files = Promise.all([
    download(`${folder}/model.ron`, options).then((response) => response.text()),
    download(`${folder}/weights.bpk`, options).then(async (response) => new Uint8Array(await response.arrayBuffer())),
  ]);
  files.catch(() => { /* load tells */ });
  newest = { name, files, abort, taken: false };
  return newest;
}

function dropDownload() {
  newest?.abort.abort();
  newest = null;
}

function loaded() {
  if (!current) throw new Error('no model is loaded');
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

function factsOf({ name, family, dataset, classes, conditional, channels, height, width, parameters, latent, summary }) {
  return { name, family, dataset, classes, conditional, channels, height, width, parameters, latent, summary };
}
