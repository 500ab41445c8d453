// @ts-check
/** A map of a latent space: decoded images, the latents of test images, and a movable point. */
import { rangeOf, testLatents } from './latents.js';
import { make } from './dom.js';
import { latestOnly } from './latest.js';
import { COLOURS, XyPad } from './xy-pad.js';
import { contextOf, paintAt, resize } from './pixels.js';

/** Decoded latents per side, and rows per request, so that the moving point need not wait. */
const SIDE = 16;
const ROWS = 2;

/**
 * @typedef {import('./main.js').App} App
 * @typedef {import('./latents.js').TestLatents} TestLatents
 * @typedef {import('./latents.js').Prior} Prior
 *
 * What the map shows.
 * @typedef {object} MapSource
 * @property {any} facts
 * @property {Prior} prior
 * @property {number | null} klass   the class that is decoded
 * @property {() => boolean} isCurrent
 */

export class LatentMap {
  #app;
  #manifold = make('canvas', { class: 'manifold' });
  #legend = make('ul', { class: 'legend', 'aria-label': 'Class colours' });
  #across = make('select', { 'aria-label': 'Horizontal dimension' });
  #up = make('select', { 'aria-label': 'Vertical dimension' });
  #axes = make('p', { class: 'axes', hidden: true }, make('label', {}, 'Horizontal ', this.#across), make('label', {}, 'Vertical ', this.#up));
  #toggle = make('input', { type: 'checkbox', checked: true });
  #toggled = make('label', { class: 'toggle', hidden: true }, this.#toggle, ' Latents of test images');
  #pad;
  /** @type {MapSource | null} */
  #source = null;
  /** @type {TestLatents | null} */
  #latents = null;
  /** @type {[number, number]} */
  #dims = [0, 1];
  /** The visible range of each axis. @type {[[number, number], [number, number]]} */
  #ranges = [[-3, 3], [-3, 3]];
  /** Identifies the finished background; empty while there is none. */
  #background = '';

  /**
   * @param {App} app
   * @param {string} label
   * @param {(dims: [number, number], x: number, y: number, byKey: boolean) => void} moved
   * @param {boolean} [hovers]  whether the point follows the mouse without a pressed button
   */
  constructor(app, label, moved, hovers = false) {
    this.#app = app;
    this.#pad = new XyPad(label, this.#manifold, (x, y, byKey) => moved(this.#dims, x, y, byKey), hovers);
    this.root = make('div', { class: 'map' }, this.#pad.root,
      make('div', { class: 'map-tools' }, this.#toggled, this.#axes, this.#legend),
      make('p', { class: 'hint' }, hovers
        ? 'The point follows the mouse. Click to pin it, and again to release it. Touch and arrow keys work too.'
        : 'Drag the point or use the arrow keys.'));
    this.#toggle.addEventListener('change', () => this.#showDots());
    this.#axes.addEventListener('change', () => {
      app.update({ dims: [Number(this.#across.value), Number(this.#up.value)] });
    });
  }

  /**
   * Opens the map of a model, with the latents of test images if the model comes with them.
   * @param {MapSource} source
   */
  async open(source) {
    const { facts, prior, isCurrent } = source;
    const { folder, state } = this.#app;
    const size = this.#app.publishedNow()?.latents;
    // The map also works without its dots.
    const latents = folder && size && size.latent === facts.latent ? await testLatents(folder, size).catch(() => null) : null;
    if (!isCurrent()) return;
    const last = facts.latent - 1;
    const dims = /** @type {[number, number]} */ (state.dims.map((dimension) => Math.min(dimension, last)));
    if (this.#source?.facts !== facts) this.#background = '';
    this.#source = source;
    this.#latents = latents;
    this.#dims = dims[0] === dims[1] ? [0, Math.min(1, last)] : dims;
    this.#ranges = [rangeOf(prior, latents, this.#dims[0]), rangeOf(prior, latents, this.#dims[1])];
    this.#pad.setRange(...this.#ranges);
    this.#offerAxes(facts.latent);
    this.#toggled.hidden = !latents;
    const names = latents ? facts.classes : [];
    this.#legend.replaceChildren(...names.map((/** @type {string} */ name, /** @type {number} */ at) => {
      const mark = make('span', { class: 'mark', 'aria-hidden': true });
      mark.style.background = COLOURS[at % COLOURS.length];
      return make('li', {}, mark, name);
    }));
    this.#showDots();
  }

  /** Stops following the mouse. */
  hold() {
    this.#pad.hold();
  }

  /** The dimensions on the axes. */
  get dims() {
    return this.#dims;
  }

  /**
   * Shows the position of a latent at once, and the plane around it when it is decoded.
   * @param {Float32Array} latent
   * @param {object} [more]
   * @param {Float32Array[]} [more.path]
   * @param {{ means: Float32Array, stds: Float32Array } | null} [more.posterior]
   */
  show(latent, { path, posterior } = {}) {
    /** @param {Float32Array} values @returns {[number, number]} */
    const pair = (values) => [values[this.#dims[0]], values[this.#dims[1]]];
    this.#pad.show({
      point: pair(latent),
      path: path?.map(pair),
      posterior: posterior && { mean: pair(posterior.means), std: pair(posterior.stds) },
    });
    this.#app.attempt(() => this.#fill(latent));
  }

  /** Removes the point and shows the plane through the mean of the prior. */
  removePoint() {
    this.#pad.clearMarks();
    if (this.#source) this.#app.attempt(() => this.#fill(Float32Array.from(this.#source?.prior.mean ?? [])));
  }

  clear() {
    this.#background = '';
    this.#source = null;
    contextOf(this.#manifold).clearRect(0, 0, this.#manifold.width, this.#manifold.height);
    this.#latents = null;
    this.#showDots();
  }

  #showDots() {
    const latents = this.#toggle.checked ? this.#latents : null;
    this.#pad.root.classList.toggle('dotted', Boolean(latents));
    this.#legend.hidden = !latents;
    this.#pad.showDots(latents, this.#dims);
  }

  /** @param {number} size of the latent */
  #offerAxes(size) {
    this.#axes.hidden = size < 3;
    for (const [axis, select] of [this.#across, this.#up].entries()) {
      if (select.options.length !== size) {
        select.replaceChildren(...Array.from({ length: size }, (_, at) => make('option', { value: at }, String(at + 1))));
      }
      select.value = String(this.#dims[axis]);
      for (const option of select.options) option.disabled = Number(option.value) === this.#dims[1 - axis];
    }
  }

  /** Decodes the plane through a latent, row by row. */
  #fill = latestOnly(async (/** @type {Float32Array} */ latent) => {
    const source = this.#source;
    if (!source) return;
    const { facts, klass, isCurrent } = source;
    const [[x, y], [across, up]] = [this.#dims, this.#ranges];
    const others = latent.map((value, at) => (at === x || at === y ? 0 : value));
    const background = JSON.stringify([klass, x, y, across, up, Array.from(others)]);
    this.#pad.root.setAttribute('aria-busy', String(background !== this.#background));
    if (background === this.#background || !isCurrent()) return;
    this.#background = '';
    const { width, height } = facts;
    resize(this.#manifold, SIDE * width, SIDE * height);
    const context = contextOf(this.#manifold);
    const latents = new Float32Array(ROWS * SIDE * facts.latent);
    /** @param {[number, number]} range @param {number} at */
    const along = ([low, high], at) => low + (at + 0.5) / SIDE * (high - low);
    for (let row = 0; row < SIDE; row += ROWS) {
      for (let at = 0; at < ROWS * SIDE; at += 1) {
        latents.set(others, at * facts.latent);
        latents[at * facts.latent + y] = along(up, SIDE - 1 - row - Math.floor(at / SIDE));
        latents[at * facts.latent + x] = along(across, at % SIDE);
      }
      const { pixels } = await this.#app.withModel((engine) => engine.decode(latents, klass), isCurrent);
      if (!isCurrent() || this.#source !== source) return;
      for (let at = 0; at < ROWS * SIDE; at += 1) {
        paintAt(context, pixels, facts, at, at % SIDE * width, (row + Math.floor(at / SIDE)) * height);
      }
    }
    this.#background = background;
    this.#pad.root.setAttribute('aria-busy', 'false');
  });
}
