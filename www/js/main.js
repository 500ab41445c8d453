// @ts-check
/** Connects the page's state, the backends that compute and the views that show the results. */
import { addressWritten, readAddress, writeAddress } from './address.js';
import { Backends, messageOf, Outdated } from './backends.js';
import { Controls, showFacts } from './controls.js';
import { element, sentence } from './dom.js';
import { listModels } from './models.js';
import { keepForOffline } from './offline.js';
import { readModel, takeModels } from './own-model.js';
import { hideProgress, showStatus, showBadge, showProgress } from './status.js';
import { Tabs } from './tabs.js';
import * as generate from './views/generate.js';

/**
 * @typedef {import('./address.js').PageState} PageState
 * @typedef {import('./models.js').Source} Source
 * @typedef {import('./models.js').Published} Published
 * @typedef {import('./engine.js').Engine} Engine
 *
 * @typedef {object} View
 * @property {(isCurrent: () => boolean) => Promise<void>} show  shows the current state
 * @property {() => void} clear   empties the view
 * @property {() => void} [hide]  another view is being opened
 */

/**
 * All views but the first are loaded when they are opened.
 * @type {Record<string, () => Promise<{ create: (panel: HTMLElement, app: App) => View }>>}
 */
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
  state = readAddress();
  /** @type {Published[]} */
  models = [];
  /** Facts about the current model. @type {any} */
  facts = null;
  /** Drawings kept for training. @type {{ path: string, file: File }[]} */
  drawings = [];
  /** The user's own model, and the same while it is the current one. @type {Source | null} */
  #opened = null;
  /** @type {Source | null} */
  #own = null;
  #turns = 0;
  /** @type {Map<string, View>} */
  #views = new Map();
  #shown = '';
  #title = document.title;
  #tabs = new Tabs(element('tabs', HTMLElement), (view) => this.update({ view }));
  /** @type {Controls | null} */
  #controls = null;
  #listed = this.#list();
  #backends = new Backends({
    ready: this.#listed,
    source: () => this.source,
    render: () => this.render(),
    warmUp: (engine) => engine.sample(this.state.seed, 0, this.state.count),
    showStatus: (text) => showStatus(text),
    progress: ({ name, loaded }) => showProgress(name, loaded, this.published(name)?.bytes ?? 0),
  });

  async begin() {
    this.#tabs.show(this.state.view);
    if (this.state.backend !== 'webgpu') this.#backends.engineFor('cpu'); // starts while the list of models is loading
    await this.#listed;
    this.#controls = new Controls(this.models, (change) => this.update(change), (backend) => {
      this.state.backend = backend;
      this.#backends.notice = '';
      this.#backends.choose(backend);
    });
    addEventListener('popstate', () => {
      Object.assign(this.state, readAddress());
      if (this.state.model) this.#own = null;
      this.#settleModel();
      this.render();
    });
    takeModels((files) => this.attempt(() => this.#openOwn(files)));
    await this.#backends.choose(this.state.backend);
    await keepForOffline(Object.values(VIEWS), this.folder);
  }

  // ---- State ------------------------------------------------------------------------------------

  /** The current model. @returns {Source} */
  get source() {
    if (this.#own) return this.#own;
    const model = this.state.model ?? '';
    if (!model.includes('/')) return { name: model };
    const folder = URL.canParse(model, document.baseURI) ? new URL(model, document.baseURI) : null;
    if (folder?.origin !== location.origin) throw new Error(`${model} is not a folder of this site`);
    const path = folder.pathname.replace(/\/+$/, '');
    return { name: path.split('/').pop() || model, folder: path };
  }

  /** The folder of the model and the files that come with it; null for the user's own model. */
  get folder() {
    if (this.#own) return null;
    const { name, folder } = this.source;
    return folder ?? `models/${encodeURIComponent(name)}`;
  }

  /** The current model, if it is a published one. */
  publishedNow() {
    const { name, folder, files } = this.source;
    return folder || files ? undefined : this.published(name);
  }

  /** @param {string} name */
  published(name) {
    return this.models.find((model) => model.name === name);
  }

  /**
   * Changes the state without rendering it.
   * @param {Partial<PageState>} change
   */
  setState(change) {
    const step = change.view !== undefined && change.view !== this.state.view;
    Object.assign(this.state, change);
    writeAddress(this.state, step);
  }

  /**
   * Changes the state and renders it. Earlier notices are dropped.
   * @param {Partial<PageState>} change
   */
  update(change) {
    // Edited latent values mean nothing for another model or seed.
    const other = change.model !== undefined || change.seed !== undefined;
    if (change.model !== undefined) this.#own = change.model === null ? this.#opened : null;
    if (other) change = { edits: new Map(), drawingEdits: new Map(), along: 0, ...change };
    this.setState(change);
    this.#backends.notice = '';
    return this.render();
  }

  // ---- Rendering --------------------------------------------------------------------------------

  /**
   * Renders the current state. A later call supersedes an earlier one.
   * @returns {Promise<void>}
   */
  async render() {
    const turn = ++this.#turns;
    const isCurrent = () => turn === this.#turns;
    const { view: name } = this.state;
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
    writeAddress(this.state);
    this.#controls?.show(this.state);
    panel.setAttribute('aria-busy', 'true');
    this.facts = null;
    try {
      view = await this.#viewOf(name, panel);
      if (!isCurrent()) return;
      await view.show(isCurrent);
      if (!isCurrent()) return;
      markFirstImages();
    } catch (error) {
      if (!isCurrent()) return;
      if (this.#backends.fellBack(error)) return this.render();
      view?.clear();
      if (!this.facts) {
        showFacts(null);
        this.#controls?.offerClasses([], null);
      }
      showStatus(sentence(messageOf(error)), true);
    }
    hideProgress();
    await addressWritten();
    if (isCurrent()) panel.setAttribute('aria-busy', 'false');
  }

  /**
   * Runs an action of a view. If it fails, the status line shows why.
   * @param {() => Promise<unknown>} action
   */
  async attempt(action) {
    try {
      await action();
    } catch (error) {
      if (error instanceof Outdated) return;
      if (this.#backends.fellBack(error)) await this.render();
      else showStatus(sentence(messageOf(error)), true);
    }
  }

  /**
   * Runs a job with the current model, after all earlier jobs.
   * @template T
   * @param {(engine: any, facts: any) => Promise<T>} job
   * @param {() => boolean} isCurrent
   * @returns {Promise<T>}
   */
  withModel(job, isCurrent) {
    return this.#backends.withModel(this.source, async (engine, facts) => {
      hideProgress();
      if (this.facts !== facts) this.#settle(facts);
      return job(engine, facts);
    }, isCurrent);
  }

  /**
   * Runs a job with another published model.
   * @template T
   * @param {string} name
   * @param {(engine: any, facts: any) => Promise<T>} job
   * @param {() => boolean} isCurrent
   * @returns {Promise<T>}
   */
  withPublished(name, job, isCurrent) {
    return this.#backends.withModel({ name }, job, isCurrent);
  }

  /** Shows the time per image. @param {number} milliseconds */
  showTime(milliseconds) {
    showBadge(this.#backends, milliseconds);
  }

  /**
   * Shows the time per image, if any, and a status text, or a pending notice in its place.
   * @param {number | null} milliseconds
   * @param {string} text
   */
  report(milliseconds, text) {
    showBadge(this.#backends, milliseconds);
    const { notice } = this.#backends;
    showStatus(notice || text, Boolean(notice));
  }

  /**
   * The class of sample `index`, for a conditional model.
   * @param {any} facts
   * @param {number} index
   */
  classOf({ conditional, classes }, index) {
    return conditional ? this.state.class ?? index % classes.length : null;
  }

  // -----------------------------------------------------------------------------------------------

  /**
   * Shows the facts and classes of the model that was loaded. A class that it lacks is reset to all
   * classes.
   * @param {any} facts
   */
  #settle(facts) {
    this.facts = facts;
    const names = facts.conditional ? facts.classes : [];
    if (this.state.class !== null && this.state.class >= names.length) this.setState({ class: null });
    this.#controls?.offerClasses(names, this.state.class);
    // Drawings and classifiers need no random samples.
    element('sampling', HTMLElement).hidden = this.state.view === 'draw' || facts.family === 'classifier';
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
   * Switches to a model from the user's files. If they are bad, the current model stays.
   * @param {File[]} files
   */
  async #openOwn(files) {
    const source = await readModel(files);
    const { name } = await this.#backends.withModel(source, async (_, facts) => facts, () => true);
    this.#opened = source;
    this.#controls?.addOwn(name);
    await this.update({ model: null });
  }

  /**
   * Makes the current state of a model in training available to all views.
   * @param {{ manifest: string, weights: Uint8Array }} files
   * @param {string} name
   */
  adopt(files, name) {
    const inUse = this.#own !== null && this.#own === this.#opened;
    if (this.#opened?.name !== name) this.#controls?.addOwn(name);
    this.#opened = { name, files };
    if (!inUse) return;
    this.#own = this.#opened;
    if (this.state.view !== 'train') this.render();
  }

  async #list() {
    this.models = await listModels();
    this.#settleModel();
  }

  #settleModel() {
    const { model } = this.state;
    if (this.#own || model?.includes('/') || this.models.some(({ name }) => name === model)) return;
    const [{ name }] = this.models;
    this.state.model = name;
    if (model) this.#backends.notice = `There is no model called ${model}; this is ${name}.`;
  }
}

/** Records when the first images were on the screen. */
function markFirstImages() {
  const { dataset } = document.documentElement;
  if (dataset.painted) return;
  requestAnimationFrame(() => setTimeout(() => {
    if (dataset.painted) return;
    performance.mark('first-grid');
    dataset.painted = String(Math.round(performance.now()));
  }));
}

new App().begin().catch((error) => {
  showStatus(sentence(messageOf(error)), true);
  for (const panel of document.querySelectorAll('[role="tabpanel"]')) panel.setAttribute('aria-busy', 'false');
});
