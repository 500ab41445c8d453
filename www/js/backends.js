// @ts-check
/** Which backend computes, and its turns: one job at a time, each with the model that it is for. */
import { findAdapter } from './adapter.js';
import { sentence } from './dom.js';
import { Engine, EngineError } from './engine.js';

/**
 * @typedef {import('./models.js').Source} Source
 * @typedef {any} Facts what an engine tells of a model
 */

/** A job that was not done, because something newer was wanted when its turn came. */
export class Outdated extends Error {
  name = 'Outdated';
}

export class Backends {
  /** The backend in use. @type {'cpu' | 'webgpu'} */
  active = 'cpu';
  /** What it is called. */
  name = 'CPU, SIMD';
  /** What has to be said instead of "all is well". */
  notice = '';
  /** The engines that are open or opening, by backend. @type {Map<string, Promise<Engine>>} */
  #engines = new Map();
  /** The newest model of each engine. @type {WeakMap<Engine, { source: Source, facts: Promise<Facts> }>} */
  #models = new WeakMap();
  /** The job whose model is on its way. @type {(() => boolean) | null} */
  #loading = null;
  /** @type {Promise<unknown>} */
  #queue = Promise.resolve();
  #choices = 0;
  #page;

  /**
   * @param {object} page
   * @param {Promise<unknown>} page.ready            when `source` knows a model
   * @param {() => Source} page.source               the model that the page is about
   * @param {() => Promise<void>} page.draw          shows what is wanted
   * @param {(engine: Engine) => Promise<unknown>} page.rehearse  asks an engine what the page will ask
   * @param {(text: string) => void} page.say
   * @param {(news: { name: string, loaded: number }) => void} page.progress
   */
  constructor(page) {
    this.#page = page;
  }

  /**
   * The engine of a backend, which starts if it does not run.
   * @param {'cpu' | 'webgpu'} backend
   */
  engineFor(backend) {
    const running = this.#engines.get(backend);
    if (running) return running;
    const { ready, source, progress } = this.#page;
    // Only a published model is known by its name alone.
    const first = ready.then(() => (source().folder || source().files ? null : source().name));
    const opening = /** @type {Promise<Engine>} */ (Engine.open(backend, first));
    const forget = () => { if (this.#engines.get(backend) === opening) this.#engines.delete(backend); };
    this.#engines.set(backend, opening);
    opening.then((engine) => {
      /** @type {any} */ (engine).onprogress = progress;
      return engine.closed.then(forget);
    }, forget);
    return opening;
  }

  /**
   * Settles on a backend and draws. Left to choose, the CPU draws first and a hardware GPU takes over when it is ready.
   * @param {'cpu' | 'webgpu' | null} wanted
   */
  async choose(wanted) {
    const choice = ++this.#choices;
    const outdated = () => choice !== this.#choices;
    const adapterFound = wanted === 'cpu' ? null : findAdapter();

    if (wanted !== 'webgpu') {
      this.#use('cpu', 'CPU, SIMD');
      await this.#page.draw();
      const adapter = await adapterFound;
      if (outdated() || !adapter || adapter.software) return;
      try {
        await this.#warmUp(await this.engineFor('webgpu'));
      } catch (error) {
        if (!outdated()) this.#page.say(`WebGPU did not start, so the CPU goes on computing. ${sentence(messageOf(error))}`);
        return;
      }
      if (outdated()) return;
      this.#use('webgpu', `WebGPU, ${adapter.name}`);
    } else {
      this.#page.say('Starting WebGPU…');
      const adapter = await adapterFound;
      if (outdated()) return;
      if (adapter) this.#use('webgpu', `WebGPU, ${adapter.name}`);
      else this.#useCpuInstead('This browser has no WebGPU adapter');
    }
    await this.#page.draw();
  }

  /**
   * Whether the CPU has taken over, since `error` says that the GPU answers no more.
   * @param {unknown} error
   */
  fellBack(error) {
    if (this.active !== 'webgpu' || !(error instanceof EngineError)) return false;
    this.#useCpuInstead(error.message);
    return true;
  }

  /**
   * Does `job` with the model of `source`, when all earlier jobs have ended. Rejects with `Outdated` if it is no longer wanted then.
   * @template T
   * @param {Source} source
   * @param {(engine: Engine, facts: Facts) => Promise<T>} job
   * @param {() => boolean} stillWanted
   * @returns {Promise<T>}
   */
  work(source, job, stillWanted) {
    // A download that nobody waits for any more gives way at once.
    if (this.#loading && !this.#loading()) {
      this.engineFor(this.active).then((engine) => this.#loading && !this.#loading() && stillWanted() && this.#load(engine, source))
        .catch(() => { /* the job tells */ });
    }
    const turn = this.#queue.then(async () => {
      if (!stillWanted()) throw new Outdated();
      this.#loading = stillWanted;
      let facts;
      let engine;
      try {
        engine = await this.engineFor(this.active);
        if (!stillWanted()) throw new Outdated();
        facts = await this.#load(engine, source);
      } finally {
        this.#loading = null;
      }
      if (!stillWanted()) throw new Outdated();
      return job(engine, facts);
    });
    this.#queue = turn.catch(() => { /* its caller tells */ });
    return turn;
  }

  /**
   * @param {Engine} engine
   * @param {Source} source
   */
  #load(engine, source) {
    const known = this.#models.get(engine);
    if (known && isSame(known.source, source)) return known.facts;
    const { name, folder, files } = source;
    /** @type {any} */
    const calls = engine;
    const facts = files ? calls.loadFiles(name, files.manifest, files.weights) : calls.load(name, folder);
    const entry = { source, facts };
    this.#models.set(engine, entry);
    facts.catch(() => { if (this.#models.get(engine) === entry) this.#models.delete(engine); });
    return facts;
  }

  /**
   * Lets a GPU compile its shaders while the CPU still serves. What is wrong with the model itself shows when it is drawn.
   * @param {Engine} engine
   */
  async #warmUp(engine) {
    try {
      await this.#load(engine, this.#page.source());
      await this.#page.rehearse(engine);
    } catch (error) {
      if (error instanceof EngineError) throw error;
    }
  }

  /**
   * @param {'cpu' | 'webgpu'} backend
   * @param {string} name
   */
  #use(backend, name) {
    this.active = backend;
    this.name = name;
  }

  /** @param {string} reason */
  #useCpuInstead(reason) {
    this.#use('cpu', 'CPU, SIMD (no WebGPU)');
    this.notice = `WebGPU does not run here, so the CPU computes. ${sentence(reason)}`;
  }
}

/**
 * @param {Source} a
 * @param {Source} b
 */
function isSame(a, b) {
  return a.files === b.files && (Boolean(a.files) || (a.name === b.name && a.folder === b.folder));
}

/** @param {unknown} error */
export function messageOf(error) {
  return error instanceof Error && error.message ? error.message : String(error);
}
