// @ts-check
/** Runs the model in training in its own engine, so that sampling hardly slows the training. */
import { Engine } from '../engine.js';

/** The shortest interval in milliseconds, and the largest fraction of time for previews. */
const [MIN_INTERVAL, MAX_FRACTION] = [800, 0.1];

/** @typedef {import('./trainer.js').Files} Files */

export class Preview {
  /** The latest files of the model. @type {Files | null} */
  files = null;
  /** The facts that the engine reports. @type {any} */
  facts = null;
  #show;
  #adopt;
  /** @type {Promise<Engine> | null} */
  #engine = null;
  #busy = false;
  #again = false;
  #next = 0;

  /**
   * @param {(engine: any, facts: any) => Promise<void>} show
   * @param {(files: Files) => void} adopt  offers the model to the other views
   */
  constructor(show, adopt) {
    this.#show = show;
    this.#adopt = adopt;
  }

  /**
   * Shows the current model, unless that was done a moment ago.
   * @param {import('./run.js').Run} run
   * @param {boolean} [force]
   */
  async update(run, force = false) {
    if (this.#busy) {
      this.#again ||= force;
      return;
    }
    if (!force && performance.now() < this.#next) return;
    this.#busy = true;
    const begin = performance.now();
    try {
      const files = await run.artifact();
      const took = performance.now() - begin;
      this.#next = begin + Math.max(MIN_INTERVAL, took / MAX_FRACTION);
      this.#engine ??= /** @type {Promise<Engine>} */ (Engine.open('cpu', undefined));
      /** @type {any} */
      const engine = await this.#engine;
      this.facts = await engine.loadFiles(run.name, files.manifest, files.weights);
      this.files = files;
      await this.#show(engine, this.facts);
      this.#adopt(files);
    } finally {
      this.#busy = false;
    }
    if (this.#again) {
      this.#again = false;
      await this.update(run, true);
    }
  }
}
