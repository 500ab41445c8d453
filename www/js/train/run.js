// @ts-check
/** The run of the Train view: its trainer, where it is kept, and what happens when its device or its worker fails. */
import { sentence } from '../dom.js';
import { isDeployed, ownImages, publishedImages } from './images.js';
import { forgetRun, isKeeper, keepRun, keptRun, notKept } from './store.js';
import { Trainer } from './trainer.js';

/** Milliseconds between two savings. */
const KEEP_EVERY = 30_000;
/** How far the first losses of two devices may be apart, relative to their size. */
const AGREEMENT = 1e-2;

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
  #keptAt = 0;
  /** What was said about keeping, once. */
  #said = '';

  /**
   * @param {object} view
   * @param {(progress: Progress) => void} view.progress
   * @param {(text: string) => void} view.notice    something that a person should know
   * @param {Curves} view.curves
   * @param {() => { device: 'cpu' | 'webgpu', until: number }} view.settings
   */
  constructor(view) {
    this.#view = view;
    addEventListener('visibilitychange', () => {
      if (document.hidden && this.progress) this.#keep();
    });
  }

  /** Where it is; null if nothing was begun. @type {Progress | null} */
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
   * Begins a run.
   * @param {{ yaml: string, name: string, pipeline: any, own: { path: string, file: File }[], deployed: string[], source: any }} wanted
   */
  async begin({ yaml, name, pipeline, own, deployed, source }) {
    const { device } = this.#view.settings();
    let images = null;
    if (!pipeline.set.startsWith('synthetic')) {
      images = pipeline.folder === null && own.length === 0 && isDeployed(pipeline.set, deployed)
        ? await publishedImages(pipeline.set) : await ownImages(own, pipeline);
    }
    const setup = { yaml, images, source, snapshot: null, name };
    if (device === 'webgpu' && !await this.#agrees(setup)) await this.#open('cpu');
    else await this.#open(device);
    await this.#put(setup);
    this.#snapshot = null;
    this.#keptAt = performance.now();
  }

  /** Continues a kept run. @param {import('./store.js').Kept} kept */
  async restore(kept) {
    await this.#open('cpu');
    this.#view.curves.points = /** @type {any} */ (kept.curves);
    await this.#put(kept);
    this.#snapshot = kept.snapshot ?? null;
    if (this.progress) this.#view.progress(this.progress);
  }

  /** @param {number} [steps] how many; without, up to the limit of the view */
  async train(steps) {
    const at = this.progress?.step ?? 0;
    await (await this.#trainer)?.train(steps ? at + steps : this.#view.settings().until);
    if (this.progress) this.progress.running = true;
  }

  async pause() {
    const trainer = await this.#trainer;
    if (!trainer || !this.progress) return;
    const ended = await trainer.pause();
    this.progress = trainer.progress;
    if (ended && this.progress) {
      this.#view.notice(`The step under way took long and was ended; the run is back at step ${this.progress.step}.`);
      this.#view.curves.add(this.progress.step + 1, []);
    }
    if (this.progress) this.#view.progress(this.progress);
    await this.#keep();
  }

  async reset() {
    this.#setup = null;
    this.progress = null;
    (await this.#trainer)?.close();
    this.#trainer = null;
    await this.forget();
  }

  async artifact() {
    const trainer = await this.#trainer;
    if (!trainer) throw new Error('Nothing was trained');
    return trainer.artifact();
  }

  kept() {
    return keptRun().catch(() => null);
  }

  forget() {
    return forgetRun().catch(() => { /* there was nothing to forget */ });
  }

  // --------------------------------------------------------------------------------------------------

  /**
   * The trainer of a device.
   * @param {'cpu' | 'webgpu'} device
   */
  async #open(device) {
    const before = await this.#trainer?.catch(() => null);
    if (before?.device === device) return before;
    before?.close();
    this.#trainer = Trainer.open(device);
    const trainer = await this.#trainer;
    trainer.onprogress = (progress) => this.#take(progress);
    trainer.onfailure = (message) => this.#failed(trainer, message);
    return trainer;
  }

  /** @param {Setup & { name: string }} setup */
  async #put(setup) {
    this.#setup = null;
    const trainer = await this.#trainer;
    if (!trainer) return;
    this.progress = await trainer.begin(setup);
    this.#setup = setup;
  }

  /** @param {Progress} progress */
  #take(progress) {
    if (!this.#setup) return;
    this.progress = progress;
    this.#view.curves.add(progress.step, progress.losses);
    this.#view.progress(progress);
    if (!progress.running || performance.now() - this.#keptAt > KEEP_EVERY) this.#keep();
  }

  /**
   * @param {Trainer} trainer
   * @param {string} message
   */
  async #failed(trainer, message) {
    const setup = this.#setup;
    if (this.progress) this.progress.running = false;
    if (trainer.device === 'webgpu' && setup) {
      this.#view.notice(`WebGPU failed, so the CPU goes on from the last snapshot. ${sentence(message)}`);
      await this.#open('cpu');
      await this.#put({ ...setup, snapshot: this.#snapshot });
      await this.train();
      return;
    }
    this.#view.notice(sentence(message));
    if (this.progress) this.#view.progress(this.progress);
  }

  /** Whether the first step on the GPU gives the losses of the CPU. @param {Setup & { name: string }} setup */
  async #agrees(setup) {
    const losses = [];
    for (const device of /** @type {const} */ (['cpu', 'webgpu'])) {
      const trainer = await Trainer.open(device).catch(() => null);
      if (!trainer) {
        this.#view.notice('WebGPU did not start, so the CPU trains.');
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
        this.#view.notice('WebGPU failed at the first step, so the CPU trains.');
        return false;
      } finally {
        trainer.close();
      }
    }
    const [expected, found] = losses;
    const same = expected.every(([name, value], at) => found[at]?.[0] === name && Math.abs(found[at][1] - value) <= AGREEMENT * Math.max(1, Math.abs(value)));
    if (!same) this.#view.notice('The GPU does not compute what the CPU does, so the CPU trains.');
    return same;
  }

  /** Keeps the run where it is. */
  async #keep() {
    const [trainer, setup] = [await this.#trainer, this.#setup];
    if (!trainer || !setup || !this.progress) return;
    this.#keptAt = performance.now();
    try {
      const [snapshot, { step, steps }] = [await trainer.snapshot(), this.progress];
      this.#snapshot = snapshot;
      if (!await isKeeper()) return this.#sayOnce('Another tab keeps its run in this browser. Training goes on here, but a reload would lose it.');
      await keepRun({ ...setup, snapshot, step, steps, curves: this.#view.curves.points, device: trainer.device, kept: Date.now() });
    } catch (error) {
      // A run that has diverged has already been reported.
      if (error instanceof DOMException) this.#sayOnce(notKept(error));
    }
  }

  /** @param {string} text */
  #sayOnce(text) {
    if (this.#said !== text) this.#view.notice(text);
    this.#said = text;
  }
}
