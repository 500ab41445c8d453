/**
 * A backend seen from the page: a worker that holds one wasm module and one model.
 *
 *     const engine = await Engine.open('cpu');
 *     const facts = await engine.load('mnist-vae');
 *     const { pixels, milliseconds } = await engine.sample(7, 0, 64);
 *
 * A call that the model cannot answer rejects with an Error and leaves the engine as it is.
 */
import { download } from './download.js';

/** A failure after which the engine is closed: open another one. */
export class EngineError extends Error {
  name = 'EngineError';
}

export class Engine {
  #worker;
  #waiting = new Map();
  #calls = 0;
  #closed = false;
  #end;

  /** The backend that computes: `cpu` or `webgpu`. */
  backend;
  /** Called with `{ name, loaded }` while a model is downloaded: bytes of its weights that are there. */
  onprogress = null;
  /** Settles when the engine can answer no more. */
  closed = new Promise((resolve) => { this.#end = resolve; });

  /**
   * Starts a backend. `firstModel`, a name or a promise of one, is fetched meanwhile for the `load` that follows.
   * Throws an EngineError with a message for people if the backend cannot run here.
   */
  static async open(backend, firstModel) {
    const engine = new Engine(backend);
    Promise.resolve(firstModel)
      .then((name) => name && engine.#call('fetch', { name, folder: folderOf(name) }))
      .catch(() => { /* load tells */ });
    try {
      await engine.#call('start', { module: await compile(`wasm/${backend}/imago_bg.wasm`) });
    } catch (error) {
      engine.close();
      throw new EngineError(error.message);
    }
    return engine;
  }

  /** Use `Engine.open`. */
  constructor(backend) {
    this.backend = backend;
    // The name tells the worker which module to import, before any message reaches it.
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: backend });
    this.#worker.onmessage = ({ data }) => this.#settle(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.close(event.message || `Cannot start the ${backend} worker`);
    };
  }

  /**
   * Makes the model in a folder, `models/<name>` unless another is given, the current one and resolves to its facts:
   * `{ name, family, dataset, classes, conditional, channels, height, width, parameters, latent, encodes, prior, summary, layers, history }`,
   * where `prior` is the kind of prior (`normal` for N(0, I), `gaussian`, `mixture`, `learned`),
   * `layers` has `{ network, layer, output, parameters }` of each layer and `history` what `history.png` shows, or null.
   * A newer call replaces an older one that still waits, which then rejects.
   */
  load(name, folder = folderOf(name)) {
    return this.#call('load', { name, folder });
  }

  /** Makes a model of its two files the current one: the text of `model.ron` and the bytes of `weights.bpk`. Resolves to its facts. */
  loadFiles(name, manifest, weights) {
    return this.#call('take', { name, manifest, weights });
  }

  /**
   * Samples `first` to `first + count - 1` of `seed` from the current model:
   * `pixels` of shape [count, channels, height, width] in 0..1 and the time it took.
   * A conditional model generates class number `klass`, or without one all classes in turn.
   * With a `temperature` below 1 the latents lie nearer to the mean of the prior.
   */
  sample(seed, first, count, klass = null, temperature = 1) {
    return this.#call('sample', { seed, first, count, klass, temperature });
  }

  /** The latents of those samples, of shape [count, latent]. */
  latents(seed, first, count, klass = null, temperature = 1) {
    return this.#call('latents', { seed, first, count, klass, temperature });
  }

  /** The images decoded from the latents `latents`, of shape [count, latent]: `pixels` and the time it took, as of samples from number `first` on. */
  decode(latents, klass = null, first = 0) {
    return this.#call('decode', { latents, klass, first });
  }

  /**
   * Encodes `pixels` of shape [count, channels, height, width] in 0..1, if the model `encodes`:
   * the `means` and standard `stds` of their latents, of shape [count, latent].
   */
  encode(pixels) {
    return this.#call('encode', { pixels });
  }

  /**
   * Classifies `pixels` of shape [count, channels, height, width] in 0..1, if the current model is a classifier:
   * the probabilities of all classes, of shape [count, classes].
   */
  classify(pixels) {
    return this.#call('classify', { pixels });
  }

  /**
   * The output of each layer for one latent in the generator, or for one image in a classifier, in order:
   * `{ layer, shape, values }`, where `layer` is its number among those of the facts.
   */
  inside(values, klass = null) {
    return this.#call('inside', { values, klass });
  }

  /** Ends the worker; what still waits rejects. */
  close(reason = 'The engine was closed') {
    this.#closed = true;
    this.#worker.terminate();
    for (const { reject } of this.#waiting.values()) reject(new EngineError(reason));
    this.#waiting.clear();
    this.#end();
  }

  #call(kind, args) {
    if (this.#closed) return Promise.reject(new EngineError('The engine is closed'));
    const id = this.#calls++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, kind, ...args });
    });
  }

  #settle({ id, value, failure, progress }) {
    if (progress) return this.onprogress?.(progress);
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    if (failure?.fatal) return this.close(failure.message);
    this.#waiting.delete(id);
    if (failure) waiting.reject(new Error(failure.message));
    else waiting.resolve(value);
  }
}

/** Where the published model of that name is. */
function folderOf(name) {
  return `models/${encodeURIComponent(name)}`;
}

/**
 * Compiles a wasm file while it downloads. This happens in the page and not in the worker, because
 * only the page's own fetch takes up the file that `index.html` preloads.
 */
async function compile(path) {
  const response = await download(path);
  try {
    const typed = response.headers.get('content-type')?.startsWith('application/wasm');
    return await (typed
      ? WebAssembly.compileStreaming(response)
      : WebAssembly.compile(await response.arrayBuffer()));
  } catch (error) {
    throw new Error(`Cannot run ${path} in this browser: ${error.message}`);
  }
}
