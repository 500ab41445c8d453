/**
 * The page's interface to a backend: a worker with one wasm module and one model.
 *
 *     const engine = await Engine.open('cpu');
 *     const facts = await engine.load('mnist-vae');
 *     const { pixels, milliseconds } = await engine.sample(7, 0, 64);
 *
 * A call that the model cannot serve rejects with an Error; the engine stays usable.
 */
import { download } from './download.js';

/** A fatal failure: the engine is closed and a new one must be opened. */
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
  /** Called with `{ name, loaded }` while a model is downloaded: bytes of its weights so far. */
  onprogress = null;
  /** Resolves when the engine has been closed. */
  closed = new Promise((resolve) => { this.#end = resolve; });

  /**
   * Starts a backend. Meanwhile `firstModel`, a name or a promise of one, is downloaded for the
   * first `load`. Throws an EngineError with a readable message if the backend cannot run here.
   */
  static async open(backend, firstModel) {
    const engine = new Engine(backend);
    Promise.resolve(firstModel)
      .then((name) => name && engine.#call('fetch', { name, folder: folderOf(name) }))
      .catch(() => { /* reported by load */ });
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
   * Loads the model in a folder, by default `models/<name>`, and resolves to its facts:
   * `{ name, family, dataset, classes, conditional, channels, height, width, parameters, latent,
   * encodes, prior, summary, layers, history }`. `prior` is `normal` for N(0, I), `gaussian`,
   * `mixture` or `learned`; `layers` lists `{ network, layer, output, parameters }`; `history`
   * describes `history.png` or is null. A newer call supersedes a pending one, which then rejects.
   */
  load(name, folder = folderOf(name)) {
    return this.#call('load', { name, folder });
  }

  /** Loads a model from the text of `model.ron` and the bytes of `weights.bpk`, like `load`. */
  loadFiles(name, manifest, weights) {
    return this.#call('loadFiles', { name, manifest, weights });
  }

  /**
   * Samples `first` to `first + count - 1` of `seed` from the current model:
   * `pixels` of shape [count, channels, height, width] in 0..1 and the time it took.
   * A conditional model generates class number `klass`, or all classes in turn if it is null.
   * A `temperature` below 1 moves the latents closer to the mean of the prior.
   */
  sample(seed, first, count, klass = null, temperature = 1) {
    return this.#call('sample', { seed, first, count, klass, temperature });
  }

  /** The latents of those samples, of shape [count, latent]. */
  latents(seed, first, count, klass = null, temperature = 1) {
    return this.#call('latents', { seed, first, count, klass, temperature });
  }

  /**
   * Decodes latents of shape [count, latent], as those of samples from number `first` on: `pixels`
   * and the time it took.
   */
  decode(latents, klass = null, first = 0) {
    return this.#call('decode', { latents, klass, first });
  }

  /**
   * Encodes `pixels` of shape [count, channels, height, width] in 0..1, if the model `encodes`:
   * the `means` and standard deviations (`stds`) of their latents, of shape [count, latent].
   */
  encode(pixels) {
    return this.#call('encode', { pixels });
  }

  /**
   * Classifies `pixels` of shape [count, channels, height, width] in 0..1, if the current model is
   * a classifier: the probabilities of all classes, of shape [count, classes].
   */
  classify(pixels) {
    return this.#call('classify', { pixels });
  }

  /**
   * The outputs of all layers for one latent (generator) or one image (classifier), in order:
   * `{ layer, shape, values }`, where `layer` is its index in `layers` of the facts.
   */
  inside(values, klass = null) {
    return this.#call('inside', { values, klass });
  }

  /** Ends the worker; pending calls reject. */
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

/** The folder of a published model. */
function folderOf(name) {
  return `models/${encodeURIComponent(name)}`;
}

/**
 * Compiles a wasm file while it downloads. In the page, not in the worker, because only the page
 * can use the file that `index.html` preloads.
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
