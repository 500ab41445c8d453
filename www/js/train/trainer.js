// @ts-check
/**
 * The page's interface to a training run: a worker that trains in slices, and the state to resume
 * from if it has to be terminated.
 *
 *     const trainer = await Trainer.open('cpu');
 *     const { findings, pipeline } = await trainer.check(yaml);
 *     await trainer.begin({ yaml, images, source });
 *     trainer.onprogress = ({ step, losses }) => …;
 *     await trainer.train();
 */
import { download } from '../download.js';

/**
 * The inputs of a run. All of them can be stored in a database.
 * @typedef {object} Setup
 * @property {string} yaml
 * @property {Images | null} images      for data sets that are not synthetic
 * @property {Files | null} source       the model that provides the latents of a latent family
 * @property {Uint8Array | null} [snapshot]  the state to resume from
 *
 * @typedef {{ manifest: string, weights: Uint8Array }} Files
 *
 * Decompressed IDX files (training images and labels, test images and labels), or single images.
 * @typedef {object} Images
 * @property {Uint8Array[]} [idx]
 * @property {{ rgba: Uint8Array, width: number, height: number, label: number }[]} [files]
 * @property {number} [channels]
 * @property {number} [size]
 *
 * The progress of a run.
 * @typedef {object} Progress
 * @property {number} step
 * @property {number} steps
 * @property {number} seconds
 * @property {boolean} running
 * @property {string | null} ended         why the run has ended
 * @property {[string, number][]} losses   means since the last message
 * @property {number} bytes                size of the module's memory
 * @property {number} epoch
 * @property {number} epochs
 * @property {number} rollbacks
 * @property {number} rate
 * @property {[string, number][]} validation
 * @property {[string, number][]} test
 *
 * @typedef {object} Finding
 * @property {'error' | 'warning'} severity
 * @property {number} line
 * @property {number} column
 * @property {number} start
 * @property {number} end
 * @property {string} path
 * @property {string} found
 * @property {string | null} expected
 * @property {string | null} note
 * @property {string | null} suggestion
 */

/** Milliseconds that a pause may take before the worker is terminated. */
const PAUSE_TIMEOUT = 500;

/** Compiled modules by device. @type {Map<string, Promise<WebAssembly.Module>>} */
const modules = new Map();

/** @param {string} device */
function moduleFor(device) {
  let module = modules.get(device);
  if (!module) {
    module = download(`wasm/train-${device}/imago_bg.wasm`).then(async (response) => WebAssembly.compile(await response.arrayBuffer()));
    module.catch(() => modules.delete(device));
    modules.set(device, module);
  }
  return module;
}

export class Trainer {
  /** @type {'cpu' | 'webgpu'} */
  device;
  /** @type {(progress: Progress) => void} */
  onprogress = () => {};
  /** Called when the run cannot continue. @type {(message: string) => void} */
  onfailure = () => {};
  /** @type {Worker | null} */
  #worker = null;
  /** @type {Map<number, { resolve: (value: any) => void, reject: (error: Error) => void }>} */
  #waiting = new Map();
  #calls = 0;
  /** @type {Setup | null} */
  #setup = null;
  /** @type {Progress | null} */
  #progress = null;

  /** Use `Trainer.open`. @param {'cpu' | 'webgpu'} device */
  constructor(device) {
    this.device = device;
  }

  /** @param {'cpu' | 'webgpu'} device */
  static async open(device) {
    const trainer = new Trainer(device);
    await trainer.#start();
    return trainer;
  }

  /** The progress of the run; null before `begin`. */
  get progress() {
    return this.#progress;
  }

  /**
   * Checks a pipeline: all findings and, if there are no errors, the parsed pipeline.
   * @param {string} yaml
   * @returns {Promise<{ findings: Finding[], pipeline: any }>}
   */
  check(yaml) {
    return this.#call('check', { yaml });
  }

  /**
   * Opens a run, at its beginning or at the snapshot in `setup`.
   * @param {Setup} setup
   */
  async begin(setup) {
    this.#setup = null;
    this.#progress = await this.#call('open', setup);
    this.#setup = { ...setup };
    return /** @type {Progress} */ (this.#progress);
  }

  /** Trains up to step `until`, or to the end. */
  train(until = Infinity) {
    return this.#call('train', { until });
  }

  /**
   * Pauses after the current step. If that takes too long, the worker is terminated and the run
   * goes back to its last snapshot: resolves to whether that was necessary.
   */
  async pause() {
    const answered = this.#call('pause', {}).then((progress) => {
      this.#progress = progress;
      return true;
    });
    if (await Promise.race([answered, new Promise((resolve) => setTimeout(resolve, PAUSE_TIMEOUT, false))])) return false;
    answered.catch(() => { /* the worker was terminated */ });
    await this.#restart();
    return true;
  }

  /** The complete state to resume from. @returns {Promise<Uint8Array>} */
  async snapshot() {
    const snapshot = await this.#call('snapshot', {});
    if (this.#setup) this.#setup.snapshot = snapshot;
    return snapshot;
  }

  /** The current model. @returns {Promise<Files>} */
  artifact() {
    return this.#call('artifact', {});
  }

  close(reason = 'The trainer was closed') {
    this.#worker?.terminate();
    this.#worker = null;
    for (const { reject } of this.#waiting.values()) reject(new Error(reason));
    this.#waiting.clear();
  }

  async #restart() {
    this.close('The current step was aborted');
    await this.#start();
    if (this.#setup) this.#progress = await this.#call('open', this.#setup);
  }

  async #start() {
    const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: this.device });
    this.#worker = worker;
    worker.onmessage = ({ data }) => this.#onMessage(data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.close(event.message || 'Cannot start the training worker');
    };
    try {
      await this.#call('start', { module: await moduleFor(this.device) });
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * @param {string} kind
   * @param {object} args
   * @returns {Promise<any>}
   */
  #call(kind, args) {
    if (!this.#worker) return Promise.reject(new Error('The trainer was closed'));
    const id = this.#calls++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker?.postMessage({ id, kind, ...args });
    });
  }

  /**
   * @param {object} message
   * @param {number} [message.id]
   * @param {any} [message.value]
   * @param {Progress} [message.progress]
   * @param {{ message: string, fatal: boolean }} [message.failure]
   */
  #onMessage({ id, value, progress, failure }) {
    if (progress) {
      this.#progress = progress;
      return this.onprogress(progress);
    }
    if (id === undefined) return failure && this.onfailure(failure.message);
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (failure) waiting?.reject(new Error(failure.message));
    else waiting?.resolve(value);
  }
}
