// @ts-check
/** Ties together what the person wants, the backends that compute it and the views that show it. */
import { addressWritten, readAddress, writeAddress } from './address.js';
import { Backends, messageOf, Outdated } from './backends.js';
import { Controls, showFacts } from './controls.js';
import { element, sentence } from './dom.js';
import { listModels } from './models.js';
import { keepForOffline } from './offline.js';
import { readModel, takeModels } from './own-model.js';
import { hideProgress, say, showBadge, showProgress } from './status.js';
import { Tabs } from './tabs.js';
import * as generate from './views/generate.js';

/**
 * @typedef {import('./address.js').Wanted} Wanted
 * @typedef {import('./models.js').Source} Source
 * @typedef {import('./models.js').Published} Published
 * @typedef {import('./engine.js').Engine} Engine
 *
 * What a view is.
 * @typedef {object} View
 * @property {(stillWanted: () => boolean) => Promise<void>} show  shows what is wanted, as long as nothing newer is
 * @property {() => void} clear   shows nothing, since there is nothing
 * @property {() => void} [hide]  another view is shown instead
 */

/** The views but the first are fetched when they are opened. @type {Record<string, () => Promise<{ create: (panel: HTMLElement, app: App) => View }>>} */
const VIEWS = {
  generate: async () => generate,
  latent: () => import('./views/latent.js'),
  draw: () => import('./views/draw.js'),
  compare: () => import('./views/compare.js'),
  inside: () => import('./views/inside.js'),
  train: () => import('./views/train.js'),
};

/** The page as a view sees it. */
export class App {
  /** What the person asked for. */
  wanted = readAddress();
  /** @type {Published[]} */
  models = [];
  /** Facts of the model in use. @type {any} */
  facts = null;
  /** What was drawn to be trained on. @type {{ path: string, file: File }[]} */
  drawings = [];
  /** The model from files of the person's own, and the same while it is in use. @type {Source | null} */
  #opened = null;
  /** @type {Source | null} */
  #own = null;
  #turns = 0;
  /** @type {Map<string, View>} */
  #views = new Map();
  #shown = '';
  #title = document.title;
  #tabs = new Tabs(element('tabs', HTMLElement), (view) => this.redraw({ view }));
  /** @type {Controls | null} */
  #controls = null;
  #listed = this.#list();
  #backends = new Backends({
    ready: this.#listed,
    source: () => this.source,
    draw: () => this.draw(),
    rehearse: (engine) => engine.sample(this.wanted.seed, 0, this.wanted.count),
    say: (text) => say(text),
    progress: ({ name, loaded }) => showProgress(name, loaded, this.published(name)?.bytes ?? 0),
  });

  async begin() {
    this.#tabs.show(this.wanted.view);
    if (this.wanted.backend !== 'webgpu') this.#backends.engineFor('cpu'); // opens while the list of models is on its way
    await this.#listed;
    this.#controls = new Controls(this.models, (change) => this.redraw(change), (backend) => {
      this.wanted.backend = backend;
      this.#backends.notice = '';
      this.#backends.choose(backend);
    });
    addEventListener('popstate', () => {
      Object.assign(this.wanted, readAddress());
      if (this.wanted.model) this.#own = null;
      this.#settleModel();
      this.draw();
    });
    takeModels((files) => this.attempt(() => this.#openOwn(files)));
    await this.#backends.choose(this.wanted.backend);
    await keepForOffline(Object.values(VIEWS), this.folder);
  }

  // ---- What is wanted ----------------------------------------------------------------------------

  /** The model that the page is about. @returns {Source} */
  get source() {
    if (this.#own) return this.#own;
    const model = this.wanted.model ?? '';
    if (!model.includes('/')) return { name: model };
    const folder = URL.canParse(model, document.baseURI) ? new URL(model, document.baseURI) : null;
    if (folder?.origin !== location.origin) throw new Error(`${model} is not a folder of this site`);
    const path = folder.pathname.replace(/\/+$/, '');
    return { name: path.split('/').pop() || model, folder: path };
  }

  /** The folder of the files beside the model, or null if it has none. */
  get folder() {
    if (this.#own) return null;
    const { name, folder } = this.source;
    return folder ?? `models/${encodeURIComponent(name)}`;
  }

  /** The model in use, if it is a published one. */
  publishedNow() {
    const { name, folder, files } = this.source;
    return folder || files ? undefined : this.published(name);
  }

  /** @param {string} name */
  published(name) {
    return this.models.find((model) => model.name === name);
  }

  /**
   * Changes what is wanted without drawing it.
   * @param {Partial<Wanted>} change
   */
  note(change) {
    const step = change.view !== undefined && change.view !== this.wanted.view;
    Object.assign(this.wanted, change);
    writeAddress(this.wanted, step);
  }

  /**
   * Shows something else on a person's request, which puts what was said before out of date.
   * @param {Partial<Wanted>} change
   */
  redraw(change) {
    // Values of a latent mean nothing to another model, or for another sample.
    const other = change.model !== undefined || change.seed !== undefined;
    if (change.model !== undefined) this.#own = change.model === null ? this.#opened : null;
    if (other) change = { code: new Map(), nudge: new Map(), along: 0, ...change };
    this.note(change);
    this.#backends.notice = '';
    return this.draw();
  }

  // ---- Showing it --------------------------------------------------------------------------------

  /**
   * Shows what is wanted now. A later call wins: an older one ends without a trace.
   * @returns {Promise<void>}
   */
  async draw() {
    const turn = ++this.#turns;
    const stillWanted = () => turn === this.#turns;
    const { view: name } = this.wanted;
    const panel = this.#tabs.panelOf(name);
    /** @type {View | undefined} */
    let view;
    if (this.#shown !== name) this.#views.get(this.#shown)?.hide?.();
    this.#shown = name;
    this.#tabs.show(name);
    document.body.dataset.view = name;
    const tab = element(`tab-${name}`, HTMLElement);
    document.title = name === 'generate' ? this.#title : `${tab.textContent}: Imago`;
    element('lead', HTMLElement).textContent = tab.dataset.lead ?? '';
    writeAddress(this.wanted);
    this.#controls?.show(this.wanted);
    panel.setAttribute('aria-busy', 'true');
    this.facts = null;
    try {
      view = await this.#viewOf(name, panel);
      if (!stillWanted()) return;
      await view.show(stillWanted);
      if (!stillWanted()) return;
      markFirstPicture();
    } catch (error) {
      if (!stillWanted()) return;
      if (this.#backends.fellBack(error)) return this.draw();
      view?.clear();
      if (!this.facts) {
        showFacts(null);
        this.#controls?.offerClasses([], null);
      }
      say(sentence(messageOf(error)), true);
    }
    hideProgress();
    await addressWritten();
    if (stillWanted()) panel.setAttribute('aria-busy', 'false');
  }

  /**
   * Does something that a person does within a view. If it fails, the page says so and goes on.
   * @param {() => Promise<unknown>} action
   */
  async attempt(action) {
    try {
      await action();
    } catch (error) {
      if (error instanceof Outdated) return;
      if (this.#backends.fellBack(error)) await this.draw();
      else say(sentence(messageOf(error)), true);
    }
  }

  /**
   * Asks the model something, when its turn has come.
   * @template T
   * @param {(engine: any, facts: any) => Promise<T>} job
   * @param {() => boolean} stillWanted
   * @returns {Promise<T>}
   */
  work(job, stillWanted) {
    return this.#backends.work(this.source, async (engine, facts) => {
      hideProgress();
      if (this.facts !== facts) this.#settle(facts);
      return job(engine, facts);
    }, stillWanted);
  }

  /**
   * Asks another published model something.
   * @template T
   * @param {string} name
   * @param {(engine: any, facts: any) => Promise<T>} job
   * @param {() => boolean} stillWanted
   * @returns {Promise<T>}
   */
  workWith(name, job, stillWanted) {
    return this.#backends.work({ name }, job, stillWanted);
  }

  /** Shows how long an image took. @param {number} milliseconds */
  time(milliseconds) {
    showBadge(this.#backends, milliseconds);
  }

  /**
   * Tells how long an image took, if one was made, and that all is well unless there is something to know first.
   * @param {number | null} milliseconds
   * @param {string} text
   */
  tell(milliseconds, text) {
    showBadge(this.#backends, milliseconds);
    const { notice } = this.#backends;
    say(notice || text, Boolean(notice));
  }

  /** The class of sample `index`, for a conditional model. @param {any} facts @param {number} index */
  classOf({ conditional, classes }, index) {
    return conditional ? this.wanted.class ?? index % classes.length : null;
  }

  // ------------------------------------------------------------------------------------------------

  /**
   * Tells of the model that is there and offers its classes; a wanted class that it lacks gives way to all.
   * @param {any} facts
   */
  #settle(facts) {
    this.facts = facts;
    const names = facts.conditional ? facts.classes : [];
    if (this.wanted.class !== null && this.wanted.class >= names.length) this.note({ class: null });
    this.#controls?.offerClasses(names, this.wanted.class);
    // Where a person draws or a classifier looks at images, nothing is left to chance.
    element('chance', HTMLElement).hidden = this.wanted.view === 'draw' || facts.family === 'classifier';
    showFacts(facts);
  }

  /** @param {string} name @param {HTMLElement} panel */
  async #viewOf(name, panel) {
    let view = this.#views.get(name);
    if (!view) {
      const { create } = await VIEWS[name]();
      view = this.#views.get(name) ?? create(panel, this);
      this.#views.set(name, view);
    }
    return view;
  }

  /**
   * Goes over to a model of the person's own files. If they are bad, the page goes on with the model that it had.
   * @param {File[]} files
   */
  async #openOwn(files) {
    const source = await readModel(files);
    const { name } = await this.#backends.work(source, async (_, facts) => facts, () => true);
    this.#opened = source;
    this.#controls?.addOwn(name);
    await this.redraw({ model: null });
  }

  /**
   * Offers a model that is being trained to all views, in place of its earlier state.
   * @param {{ manifest: string, weights: Uint8Array }} files
   * @param {string} name
   */
  adopt(files, name) {
    const inUse = this.#own !== null && this.#own === this.#opened;
    if (this.#opened?.name !== name) this.#controls?.addOwn(name);
    this.#opened = { name, files };
    if (!inUse) return;
    this.#own = this.#opened;
    if (this.wanted.view !== 'train') this.draw();
  }

  async #list() {
    this.models = await listModels();
    this.#settleModel();
  }

  #settleModel() {
    const { model } = this.wanted;
    if (this.#own || model?.includes('/') || this.models.some(({ name }) => name === model)) return;
    const [{ name }] = this.models;
    this.wanted.model = name;
    if (model) this.#backends.notice = `There is no model called ${model}; this is ${name}.`;
  }
}

/** Notes once when the first images were on the screen. */
function markFirstPicture() {
  const { dataset } = document.documentElement;
  if (dataset.painted) return;
  requestAnimationFrame(() => setTimeout(() => {
    if (dataset.painted) return;
    performance.mark('first-grid');
    dataset.painted = String(Math.round(performance.now()));
  }));
}

new App().begin().catch((error) => {
  say(sentence(messageOf(error)), true);
  for (const panel of document.querySelectorAll('[role="tabpanel"]')) panel.setAttribute('aria-busy', 'false');
});
