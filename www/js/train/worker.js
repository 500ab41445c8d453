/**
 * The worker behind a Trainer: one run, in slices between which it handles messages. Its name is
 * the device, `cpu` or `webgpu`.
 *
 * Receives { id, kind: 'start', module }          the compiled wasm
 *          { id, kind: 'check', yaml }            findings and the parsed pipeline
 *          { id, kind: 'open', yaml, images, source, snapshot }
 *          { id, kind: 'train', until }           trains up to a step
 *          { id, kind: 'pause' }                  answers when the run is paused
 *          { id, kind: 'snapshot' }               the complete state to resume from
 *          { id, kind: 'artifact' }               the current model
 * Posts    { id, value } or { id, failure: { message, fatal } }
 *          { progress }                           at most eight times a second, see `progressOf`
 *          { failure }                            the run cannot continue
 */
const GLUE = `wasm/train-${self.name}/imago.js`;
const glue = import(`../../${GLUE}`).catch(() => {
  throw new Error(`Cannot load ${GLUE}`);
});
glue.catch(() => { /* reported by start */ });

/** The length of a slice in milliseconds; messages are handled between slices. */
const SLICE = 125;

/** The module's memory. */
let memory = null;
/** The run, if one is open. */
let run = null;
/** Seconds of training so far. */
let seconds = 0;
/** The step at which the run pauses; 0 while it is paused. */
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
    const dataset = images && await trainingImages(images);
    run = await Training.open(yaml, dataset ?? undefined, source?.manifest, source?.weights, snapshot);
    ({ seconds } = run);
    return progressOf([]);
  },

  async train(request) {
    const running = until > 0;
    until = request.until;
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

// A message to oneself lets others in and, unlike a timer, is not throttled in a hidden tab.
const { port1: here, port2: there } = new MessageChannel();
here.onmessage = () => inTurn(slice).catch((error) => {
  until = 0;
  self.postMessage({ failure: { message: messageOf(error), fatal: error instanceof WebAssembly.RuntimeError } });
});
const next = () => there.postMessage(null);

/** Trains for one slice. */
async function slice() {
  if (!run || until === 0) return;
  const begin = performance.now();
  const losses = new Means();
  let lastRead = run.done;
  const readLosses = async () => {
    const steps = run.done - lastRead;
    losses.add(await run.losses(), steps);
    lastRead = run.done;
  };
  while (!run.ended && run.done < until && performance.now() - begin < SLICE) {
    if (run.step()) await readLosses();
  }
  if (run.done !== lastRead) await readLosses();
  seconds += (performance.now() - begin) / 1000;
  if (run.ended || run.done >= until) until = 0;
  self.postMessage({ progress: progressOf(losses.all()) });
  if (until > 0) next();
}

/** The `Progress` that trainer.js describes. */
function progressOf(losses) {
  const { done: step, steps, ended } = opened();
  return { step, steps, seconds, running: until > 0, ended: ended ?? null, losses, bytes: memory.buffer.byteLength, ...JSON.parse(run.state) };
}

/** Mean losses of a slice, which may be read in several parts. */
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

/** Images for the module, from decompressed IDX files or the pixels of single files. */
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

/** Runs a job after all earlier ones. */
function inTurn(job) {
  const result = queue.then(job);
  queue = result.catch(() => { /* reported to the caller */ });
  return result;
}
