// @ts-check
/** The run of the Train view: its trainer, its storage, and recovery from failures. */
import { sentence } from '../dom.js';
import { isDeployed, ownImages, deployedImages } from './images.js';
import { deleteRun, maySave, saveRun, loadRun, saveFailure } from './store.js';
import { Trainer } from './trainer.js';

/** Milliseconds between two saves. */
const SAVE_INTERVAL = 30_000;
/** The largest relative difference between the first losses of two devices. */
const TOLERANCE = 1e-2;

/**
 * @typedef {import('./trainer.js').Setup} Setup
 * @typedef {import('./trainer.js').Progress} Progress
 * @typedef {import('./curves.js').Curves} Curves
 */

export class Run {
  #view;
  /** @type {Promise<Trainer> | null} */
  #trainer = null;
  /** @type {(Setup & { name: string }) | null} */
  #setup = null;
  /** @type {Uint8Array | null} */
  #snapshot = null;
  #savedAt = 0;
  /** The last notice about saving. */
  #lastNotice = '';

  /**
   * @param {object} view
   * @param {(progress: Progress) => void} view.progress
   * @param {(text: string) => void} view.notice    shows a problem
   * @param {Curves} view.curves
   * @param {() => { device: 'cpu' | 'webgpu', until: number }} view.settings
   */
  constructor(view) {
    this.#view = view;
    addEventListener('visibilitychange', () => {
      if (document.hidden && this.progress) this.#save();
    });
  }

  /** The progress; null before the run was started. @type {Progress | null} */
  progress = null;

  get begun() {
    return this.#setup !== null;
  }

  get name() {
    return this.#setup?.name ?? '';
  }

  get yaml() {
    return this.#setup?.yaml ?? '';
  }

  /** @param {string} yaml */
  async check(yaml) {
    return (await this.#open('cpu')).check(yaml);
  }

  /**
   * Starts a run.
   * @param {object} options
   * @param {string} options.yaml
   * @param {string} options.name
   * @param {any} options.pipeline
   * @param {{ path: string, file: File }[]} options.own
   * @param {string[]} options.deployed
   * @param {any} options.source
   */
  async begin({ yaml, name, pipeline, own, deployed, source }) {
    const { device } = this.#view.settings();
    let images = null;
    if (!pipeline.set.startsWith('synthetic')) {
      images = pipeline.folder === null && own.length === 0 && isDeployed(pipeline.set, deployed)
        ? await deployedImages(pipeline.set) : await ownImages(own, pipeline);
    }
    const setup = { yaml, images, source, snapshot: null, name };
    if (device === 'webgpu' && !await this.#agrees(setup)) await this.#open('cpu');
    else await this.#open(device);
    await this.#load(setup);
    this.#snapshot = null;
    this.#savedAt = performance.now();
  }

  /** Restores a saved run. @param {import('./store.js').SavedRun} saved */
  async restore(saved) {
    await this.#open('cpu');
    this.#view.curves.points = /** @type {any} */ (saved.curves);
    await this.#load(saved);
    this.#snapshot = saved.snapshot ?? null;
    if (this.progress) this.#view.progress(this.progress);
  }

  /** @param {number} [steps] by default, up to the limit of the view */
  async train(steps) {
    const at = this.progress?.step ?? 0;
    await (await this.#trainer)?.train(steps ? at + steps : this.#view.settings().until);
    if (this.progress) this.progress.running = true;
  }

  async pause() {
    const trainer = await this.#trainer;
    if (!trainer || !this.progress) return;
    const aborted = await trainer.pause();
    this.progress = trainer.progress;
    if (aborted && this.progress) {
      this.#view.notice(`The current step took too long and was aborted; the run is back at step ${this.progress.step}.`);
      this.#view.curves.add(this.progress.step + 1, []);
    }
    if (this.progress) this.#view.progress(this.progress);
    await this.#save();
  }

  async reset() {
    this.#setup = null;
    this.progress = null;
    (await this.#trainer)?.close();
    this.#trainer = null;
    await this.discard();
  }

  async artifact() {
    const trainer = await this.#trainer;
    if (!trainer) throw new Error('No run was started');
    return trainer.artifact();
  }

  saved() {
    return loadRun().catch(() => null);
  }

  discard() {
    return deleteRun().catch(() => { /* nothing was stored */ });
  }

  // -----------------------------------------------------------------------------------------------

  /**
   * The trainer of a device.
   * @param {'cpu' | 'webgpu'} device
   */
  async #open(device) {
    const previous = await this.#trainer?.catch(() => null);
    if (previous?.device === device) return previous;
    previous?.close();
    this.#trainer = Trainer.open(device);
    const trainer = await this.#trainer;
    trainer.onprogress = (progress) => this.#onProgress(progress);
    trainer.onfailure = (message) => this.#onFailure(trainer, message);
    return trainer;
  }

  /** @param {Setup & { name: string }} setup */
  async #load(setup) {
    this.#setup = null;
    const trainer = await this.#trainer;
    if (!trainer) return;
    this.progress = await trainer.begin(setup);
    this.#setup = setup;
  }

  /** @param {Progress} progress */
  #onProgress(progress) {
    if (!this.#setup) return;
    this.progress = progress;
    this.#view.curves.add(progress.step, progress.losses);
    this.#view.progress(progress);
    if (!progress.running || performance.now() - this.#savedAt > SAVE_INTERVAL) this.#save();
  }

  /**
   * @param {Trainer} trainer
   * @param {string} message
   */
  async #onFailure(trainer, message) {
    const setup = this.#setup;
    if (this.progress) this.progress.running = false;
    if (trainer.device === 'webgpu' && setup) {
      this.#view.notice(`WebGPU failed, so training continues on the CPU from the last snapshot. ${sentence(message)}`);
      await this.#open('cpu');
      await this.#load({ ...setup, snapshot: this.#snapshot });
      await this.train();
      return;
    }
    this.#view.notice(sentence(message));
    if (this.progress) this.#view.progress(this.progress);
  }

  /**
   * Whether the first step gives the same losses on the GPU as on the CPU.
   * @param {Setup & { name: string }} setup
   */
  async #agrees(setup) {
    const losses = [];
    for (const device of /** @type {const} */ (['cpu', 'webgpu'])) {
      const trainer = await Trainer.open(device).catch(() => null);
      if (!trainer) {
        this.#view.notice('WebGPU did not start, so training uses the CPU.');
        return false;
      }
      try {
        await trainer.begin(setup);
        /** @type {Promise<Progress>} */
        const first = new Promise((resolve, reject) => {
          trainer.onprogress = resolve;
          trainer.onfailure = (message) => reject(new Error(message));
        });
        await trainer.train(1);
        losses.push((await first).losses);
      } catch (error) {
        if (device === 'cpu') throw error;
        this.#view.notice('WebGPU failed at the first step, so training uses the CPU.');
        return false;
      } finally {
        trainer.close();
      }
    }
    const [expected, found] = losses;
    const same = expected.every(([name, value], at) => found[at]?.[0] === name && Math.abs(found[at][1] - value) <= TOLERANCE * Math.max(1, Math.abs(value)));
    if (!same) this.#view.notice('The GPU gives different losses from the CPU, so training uses the CPU.');
    return same;
  }

  /** Saves the run at its current step. */
  async #save() {
    const [trainer, setup] = [await this.#trainer, this.#setup];
    if (!trainer || !setup || !this.progress) return;
    this.#savedAt = performance.now();
    try {
      const [snapshot, { step, steps }] = [await trainer.snapshot(), this.progress];
      this.#snapshot = snapshot;
      if (!await maySave()) return this.#notifyOnce('Another tab is saving its run in this browser. Training continues here, but a reload would lose it.');
      await saveRun({ ...setup, snapshot, step, steps, curves: this.#view.curves.points, device: trainer.device, kept: Date.now() });
    } catch (error) {
      // Other errors, such as those of a diverged run, have already been reported.
      if (error instanceof DOMException) this.#notifyOnce(saveFailure(error));
    }
  }

  /** @param {string} text */
  #notifyOnce(text) {
    if (this.#lastNotice !== text) this.#view.notice(text);
    this.#lastNotice = text;
  }
}
