// @ts-check
/**
 * A training run seen from the page: a worker that trains in slices, and what is needed to go on if it must be ended.
 *
 *     const trainer = await Trainer.open('cpu');
 *     const { findings, pipeline } = await trainer.check(yaml);
 *     await trainer.begin({ yaml, images, source });
 *     trainer.onprogress = ({ step, losses }) => …;
 *     await trainer.train();
 */
import { download } from '../download.js';

/**
 * What a run is made of. All of it can be kept in a database.
 * @typedef {object} Setup
 * @property {string} yaml
 * @property {Images | null} images      for sets that are not drawn
 * @property {Files | null} source       for the families that learn the latents of a model
 * @property {Uint8Array | null} [snapshot]  where to go on
 *
 * @typedef {{ manifest: string, weights: Uint8Array }} Files
 *
 * Images: decompressed IDX files (training images and labels, test images and labels), or single images for a folder.
 * @typedef {{ idx?: Uint8Array[], files?: { rgba: Uint8Array, width: number, height: number, label: number }[], channels?: number, size?: number }} Images
 *
 * Where a run is.
 * @typedef {object} Progress
 * @property {number} step
 * @property {number} steps
 * @property {number} seconds
 * @property {boolean} running
 * @property {string | null} ended         why it has ended
 * @property {[string, number][]} losses   means since the last report
 * @property {number} bytes                the module's memory
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

/** How long a pause may take before the worker is ended, in milliseconds. */
const PATIENCE = 500;

/** Compiled modules, by device. @type {Map<string, Promise<WebAssembly.Module>>} */
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
  /** Called when the run cannot go on. @type {(message: string) => void} */
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

  /** Where the run is; null before `begin`. */
  get progress() {
    return this.#progress;
  }

  /**
   * Reads a pipeline: all findings and, without errors, what it declares.
   * @param {string} yaml
   * @returns {Promise<{ findings: Finding[], pipeline: any }>}
   */
  check(yaml) {
    return this.#call('check', { yaml });
  }

  /**
   * Opens a run, at its beginning or at the snapshot of `setup`.
   * @param {Setup} setup
   */
  async begin(setup) {
    this.#setup = null;
    this.#progress = await this.#call('open', setup);
    this.#setup = { ...setup };
    return /** @type {Progress} */ (this.#progress);
  }

  /** Goes on up to step `until`, or to the end. */
  train(until = Infinity) {
    return this.#call('train', { until });
  }

  /**
   * Stands still as soon as the step under way is done. If that takes too long the worker is ended, and the run is put back
   * to its last snapshot: resolves to whether that was necessary.
   */
  async pause() {
    const answered = this.#call('pause', {}).then((progress) => {
      this.#progress = progress;
      return true;
    });
    if (await Promise.race([answered, new Promise((resolve) => setTimeout(resolve, PATIENCE, false))])) return false;
    answered.catch(() => { /* the worker was ended */ });
    await this.#restart();
    return true;
  }

  /** All that is needed to go on from here. @returns {Promise<Uint8Array>} */
  async snapshot() {
    const snapshot = await this.#call('snapshot', {});
    if (this.#setup) this.#setup.snapshot = snapshot;
    return snapshot;
  }

  /** The model as it is now. @returns {Promise<Files>} */
  artifact() {
    return this.#call('artifact', {});
  }

  close(reason = 'The training was closed') {
    this.#worker?.terminate();
    this.#worker = null;
    for (const { reject } of this.#waiting.values()) reject(new Error(reason));
    this.#waiting.clear();
  }

  async #restart() {
    this.close('The step under way was ended');
    await this.#start();
    if (this.#setup) this.#progress = await this.#call('open', this.#setup);
  }

  async #start() {
    const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: this.device });
    this.#worker = worker;
    worker.onmessage = ({ data }) => this.#take(data);
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
    if (!this.#worker) return Promise.reject(new Error('The training was closed'));
    const id = this.#calls++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker?.postMessage({ id, kind, ...args });
    });
  }

  /** @param {{ id?: number, value?: any, progress?: Progress, failure?: { message: string, fatal: boolean } }} message */
  #take({ id, value, progress, failure }) {
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
