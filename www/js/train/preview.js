// @ts-check
/** The model of a run as it is now, in an engine of its own, so that looking at it does not hold up the training for long. */
import { Engine } from '../engine.js';

/** Milliseconds between two looks at the least, and the share of the time that they may take. */
const [EVERY, SHARE] = [800, 0.1];

/** @typedef {import('./trainer.js').Files} Files */

export class Preview {
  /** The newest files of the model. @type {Files | null} */
  files = null;
  /** What the engine tells of it. @type {any} */
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
   * Shows the model as it is now, unless that was done a moment ago.
   * @param {import('./run.js').Run} run
   * @param {boolean} [certainly]
   */
  async renew(run, certainly = false) {
    if (this.#busy) {
      this.#again ||= certainly;
      return;
    }
    if (!certainly && performance.now() < this.#next) return;
    this.#busy = true;
    const begin = performance.now();
    try {
      const files = await run.artifact();
      const took = performance.now() - begin;
      this.#next = begin + Math.max(EVERY, took / SHARE);
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
      await this.renew(run, true);
    }
  }
}
