/**
 * The worker behind a Trainer: one run, in slices between which it takes messages. Its name is the device, `cpu` or `webgpu`.
 *
 * Takes  { id, kind: 'start', module }            the compiled wasm
 *        { id, kind: 'check', yaml }              what is wrong with a pipeline, and what it declares
 *        { id, kind: 'open', yaml, images, source, snapshot }
 *        { id, kind: 'train', until }             goes on up to a step
 *        { id, kind: 'pause' }                    answers when the run stands still
 *        { id, kind: 'snapshot' }                 all that is needed to go on elsewhere
 *        { id, kind: 'artifact' }                 the model as it is now
 * Gives  { id, value } or { id, failure: { message, fatal } }
 *        { progress }                             at most eight times a second, see `progressOf`
 *        { failure }                              the run cannot go on
 */
const GLUE = `wasm/train-${self.name}/imago.js`;
const glue = import(`../../${GLUE}`).catch(() => {
  throw new Error(`Cannot load ${GLUE}`);
});
glue.catch(() => { /* start reports it */ });

/** How long a slice lasts, in milliseconds: between two of them messages are taken. */
const SLICE = 125;

/** The module's memory. */
let memory = null;
/** The run, if one is open. */
let run = null;
/** Seconds of training. */
let seconds = 0;
/** The step at which it pauses; 0 while it stands still. */
let until = 0;
/** One call into the module at a time. */
let queue = Promise.resolve();

const handlers = {
  async start({ module }) {
    const { default: init, start } = await glue;
    ({ memory } = await init({ module_or_path: module }));
    await start();
  },

  async check({ yaml }) {
    const { check } = await glue;
    return JSON.parse(check(yaml));
  },

  async open({ yaml, images, source, snapshot }) {
    const { Training } = await glue;
    until = 0;
    run?.free();
    run = null;
    const given = images && await trainingImages(images);
    run = await Training.open(yaml, given ?? undefined, source?.manifest, source?.weights, snapshot);
    ({ seconds } = run);
    return progressOf([]);
  },

  async train(wanted) {
    const running = until > 0;
    until = wanted.until;
    if (!running) next();
  },

  async pause() {
    until = 0;
    return progressOf([]);
  },

  snapshot: () => opened().snapshot(seconds),

  async artifact() {
    const files = await opened().artifact();
    const { manifest, weights } = files;
    files.free();
    return { manifest, weights };
  },
};

self.onmessage = async ({ data: { id, kind, ...args } }) => {
  try {
    const value = await inTurn(() => handlers[kind](args));
    const bytes = value?.weights ?? value;
    self.postMessage({ id, value }, bytes instanceof Uint8Array ? [bytes.buffer] : []);
  } catch (error) {
    const fatal = kind === 'start' || error instanceof WebAssembly.RuntimeError;
    self.postMessage({ id, failure: { message: messageOf(error), fatal } });
  }
};

// A message to oneself lets the others in, and unlike a timer it also comes in a hidden tab.
const { port1: here, port2: there } = new MessageChannel();
here.onmessage = () => inTurn(slice).catch((error) => {
  until = 0;
  self.postMessage({ failure: { message: messageOf(error), fatal: error instanceof WebAssembly.RuntimeError } });
});
const next = () => there.postMessage(null);

/** Trains for a moment. */
async function slice() {
  if (!run || until === 0) return;
  const begin = performance.now();
  const losses = new Means();
  let read = run.done;
  const readLosses = async () => {
    const steps = run.done - read;
    losses.add(await run.losses(), steps);
    read = run.done;
  };
  while (!run.ended && run.done < until && performance.now() - begin < SLICE) {
    if (run.step()) await readLosses();
  }
  if (run.done !== read) await readLosses();
  seconds += (performance.now() - begin) / 1000;
  if (run.ended || run.done >= until) until = 0;
  self.postMessage({ progress: progressOf(losses.all()) });
  if (until > 0) next();
}

/** Where the run is: `{ step, steps, seconds, running, ended, losses, bytes, epoch, epochs, rollbacks, rate, validation, test }`. */
function progressOf(losses) {
  const { done: step, steps, ended } = opened();
  return { step, steps, seconds, running: until > 0, ended: ended ?? null, losses, bytes: memory.buffer.byteLength, ...JSON.parse(run.state) };
}

/** Means of the losses of a slice, which may be read in several parts. */
class Means {
  #sums = new Map();

  add(json, weight) {
    for (const [name, mean] of JSON.parse(json)) {
      const sum = this.#sums.get(name) ?? { sum: 0, weight: 0 };
      this.#sums.set(name, { sum: sum.sum + mean * weight, weight: sum.weight + weight });
    }
  }

  all() {
    return [...this.#sums].map(([name, { sum, weight }]) => [name, sum / weight]);
  }
}

/** Images as the module takes them, from decompressed IDX files or from the pixels of single files. */
async function trainingImages({ idx, files, channels, size }) {
  const { TrainingImages } = await glue;
  if (idx) return TrainingImages.idx(...idx);
  const images = TrainingImages.files(channels, size);
  for (const { rgba, width, height, label } of files) images.add(rgba, width, height, label);
  return images;
}

/** What went wrong, for people: a trap of the module names an instruction only. */
function messageOf(error) {
  if (error instanceof WebAssembly.RuntimeError) return 'The training module stopped, perhaps for lack of memory; Reset starts it anew';
  return error?.message || String(error);
}

function opened() {
  if (!run) throw new Error('no run is open');
  return run;
}

/** Runs a job when all earlier ones have ended. */
function inTurn(job) {
  const result = queue.then(job);
  queue = result.catch(() => { /* its caller reports it */ });
  return result;
}
