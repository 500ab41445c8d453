// @ts-check
/** Chooses the backend and runs jobs on it: one at a time, each with its model. */
import { findAdapter } from './adapter.js';
import { sentence } from './dom.js';
import { Engine, EngineError } from './engine.js';

/**
 * @typedef {import('./models.js').Source} Source
 * @typedef {any} Facts what an engine reports about a model
 */

/** A job was skipped because a newer one had made it obsolete. */
export class Outdated extends Error {
  name = 'Outdated';
}

export class Backends {
  /** The backend in use. @type {'cpu' | 'webgpu'} */
  active = 'cpu';
  /** Its name in the badge. */
  name = 'CPU, SIMD';
  /** A problem to show in place of the usual status text. */
  notice = '';
  /** Open or opening engines by backend. @type {Map<string, Promise<Engine>>} */
  #engines = new Map();
  /**
   * The last model of each engine.
   * @type {WeakMap<Engine, { source: Source, facts: Promise<Facts> }>}
   */
  #models = new WeakMap();
  /** Whether the job whose model is loading is still current. @type {(() => boolean) | null} */
  #loading = null;
  /** @type {Promise<unknown>} */
  #queue = Promise.resolve();
  #choices = 0;
  #page;

  /**
   * @param {object} page
   * @param {Promise<unknown>} page.ready            when `source` can be called
   * @param {() => Source} page.source               the current model
   * @param {() => Promise<void>} page.render        renders the page
   * @param {(engine: Engine) => Promise<unknown>} page.warmUp  runs what the page will run next
   * @param {(text: string) => void} page.showStatus
   * @param {(news: { name: string, loaded: number }) => void} page.progress
   */
  constructor(page) {
    this.#page = page;
  }

  /**
   * The engine of a backend, started if necessary.
   * @param {'cpu' | 'webgpu'} backend
   */
  engineFor(backend) {
    const running = this.#engines.get(backend);
    if (running) return running;
    const { ready, source, progress } = this.#page;
    // Only published models can be fetched by name alone.
    const first = ready.then(() => (source().folder || source().files ? null : source().name));
    const opening = /** @type {Promise<Engine>} */ (Engine.open(backend, first));
    const drop = () => { if (this.#engines.get(backend) === opening) this.#engines.delete(backend); };
    this.#engines.set(backend, opening);
    opening.then((engine) => {
      /** @type {any} */ (engine).onprogress = progress;
      return engine.closed.then(drop);
    }, drop);
    return opening;
  }

  /**
   * Selects a backend and renders. With null, the CPU renders first and a hardware GPU takes over
   * when it is ready.
   * @param {'cpu' | 'webgpu' | null} requested
   */
  async choose(requested) {
    const choice = ++this.#choices;
    const outdated = () => choice !== this.#choices;
    const adapterFound = requested === 'cpu' ? null : findAdapter();

    if (requested !== 'webgpu') {
      this.#use('cpu', 'CPU, SIMD');
      await this.#page.render();
      const adapter = await adapterFound;
      if (outdated() || !adapter || adapter.software) return;
      try {
        await this.#warmUp(await this.engineFor('webgpu'));
      } catch (error) {
        if (!outdated()) this.#page.showStatus(`WebGPU did not start, so the page keeps using the CPU. ${sentence(messageOf(error))}`);
        return;
      }
      if (outdated()) return;
      this.#use('webgpu', `WebGPU, ${adapter.name}`);
    } else {
      this.#page.showStatus('Starting WebGPU…');
      const adapter = await adapterFound;
      if (outdated()) return;
      if (adapter) this.#use('webgpu', `WebGPU, ${adapter.name}`);
      else this.#useCpuInstead('This browser has no WebGPU adapter');
    }
    await this.#page.render();
  }

  /**
   * Switches to the CPU if `error` means that the GPU is gone. Returns whether it did.
   * @param {unknown} error
   */
  fellBack(error) {
    if (this.active !== 'webgpu' || !(error instanceof EngineError)) return false;
    this.#useCpuInstead(error.message);
    return true;
  }

  /**
   * Runs `job` with the model of `source` after all earlier jobs. Rejects with `Outdated` if it is
   * no longer current by then.
   * @template T
   * @param {Source} source
   * @param {(engine: Engine, facts: Facts) => Promise<T>} job
   * @param {() => boolean} isCurrent
   * @returns {Promise<T>}
   */
  withModel(source, job, isCurrent) {
    // A download that is no longer needed is replaced at once.
    if (this.#loading && !this.#loading()) {
      this.engineFor(this.active).then((engine) => this.#loading && !this.#loading() && isCurrent() && this.#load(engine, source))
        .catch(() => { /* reported by the job */ });
    }
    const turn = this.#queue.then(async () => {
      if (!isCurrent()) throw new Outdated();
      this.#loading = isCurrent;
      let facts;
      let engine;
      try {
        engine = await this.engineFor(this.active);
        if (!isCurrent()) throw new Outdated();
        facts = await this.#load(engine, source);
      } finally {
        this.#loading = null;
      }
      if (!isCurrent()) throw new Outdated();
      return job(engine, facts);
    });
    this.#queue = turn.catch(() => { /* reported to the caller */ });
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
   * Lets the GPU compile its shaders while the CPU still renders. Errors of the model itself show
   * up when it is rendered.
   * @param {Engine} engine
   */
  async #warmUp(engine) {
    try {
      await this.#load(engine, this.#page.source());
      await this.#page.warmUp(engine);
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
    this.notice = `WebGPU is not available here, so the page uses the CPU. ${sentence(reason)}`;
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
