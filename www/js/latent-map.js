// @ts-check
/** A map of a latent space: decoded images, the latents of test images, and a point that can be moved. */
import { rangeOf, testLatents } from './latents.js';
import { make } from './dom.js';
import { latestOnly } from './latest.js';
import { COLOURS, XyPad } from './xy-pad.js';
import { contextOf, paintAt, resize } from './pixels.js';

/** Decoded latents on each side, and how many rows are asked for at once: between two requests the moving point gets its turn. */
const SIDE = 16;
const ROWS = 2;

/**
 * @typedef {import('./main.js').App} App
 * @typedef {import('./latents.js').TestLatents} TestLatents
 * @typedef {import('./latents.js').Prior} Prior
 *
 * What the map is of.
 * @typedef {object} Place
 * @property {any} facts
 * @property {Prior} prior
 * @property {number | null} klass   the class that is decoded
 * @property {() => boolean} stillWanted
 */

export class LatentMap {
  #app;
  #manifold = make('canvas', { class: 'manifold' });
  #legend = make('ul', { class: 'legend', 'aria-label': 'Colours of the classes' });
  #across = make('select', { 'aria-label': 'Dimension across' });
  #up = make('select', { 'aria-label': 'Dimension up' });
  #axes = make('p', { class: 'axes', hidden: true }, make('label', {}, 'Across ', this.#across), make('label', {}, 'Up ', this.#up));
  #toggle = make('input', { type: 'checkbox', checked: true });
  #toggled = make('label', { class: 'toggle', hidden: true }, this.#toggle, ' Latents of test images');
  #pad;
  /** @type {Place | null} */
  #place = null;
  /** @type {TestLatents | null} */
  #latents = null;
  /** @type {[number, number]} */
  #dims = [0, 1];
  /** What is across and what is up. @type {[[number, number], [number, number]]} */
  #ranges = [[-3, 3], [-3, 3]];
  /** What the background shows, when it is whole. */
  #background = '';

  /**
   * @param {App} app
   * @param {string} label
   * @param {(dims: [number, number], x: number, y: number, byKey: boolean) => void} moved
   * @param {boolean} [hovers]  whether the point follows a mouse that presses no button
   */
  constructor(app, label, moved, hovers = false) {
    this.#app = app;
    this.#pad = new XyPad(label, this.#manifold, (x, y, byKey) => moved(this.#dims, x, y, byKey), hovers);
    this.root = make('div', { class: 'map' }, this.#pad.root,
      make('div', { class: 'map-tools' }, this.#toggled, this.#axes, this.#legend),
      make('p', { class: 'hint' }, hovers
        ? 'The point follows the mouse: click to hold it, click again to let it go. Touch and arrow keys move it too.'
        : 'Drag the point, or move it with the arrow keys.'));
    this.#toggle.addEventListener('change', () => this.#showDots());
    this.#axes.addEventListener('change', () => {
      app.redraw({ dims: [Number(this.#across.value), Number(this.#up.value)] });
    });
  }

  /**
   * Makes it the map of a model, with the test images if the model comes with them.
   * @param {Place} place
   */
  async open(place) {
    const { facts, prior, stillWanted } = place;
    const { folder, wanted } = this.#app;
    const size = this.#app.publishedNow()?.latents;
    // Without its dots a map is still a map.
    const latents = folder && size && size.latent === facts.latent ? await testLatents(folder, size).catch(() => null) : null;
    if (!stillWanted()) return;
    const last = facts.latent - 1;
    const dims = /** @type {[number, number]} */ (wanted.dims.map((dimension) => Math.min(dimension, last)));
    if (this.#place?.facts !== facts) this.#background = '';
    this.#place = place;
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

  /** Leaves the point where it is, whatever a mouse does that presses no button. */
  hold() {
    this.#pad.hold();
  }

  /** The dimensions on the pad. */
  get dims() {
    return this.#dims;
  }

  /**
   * Shows where a latent is, at once, and what lies around it, soon.
   * @param {Float32Array} code
   * @param {{ way?: Float32Array[], cloud?: { means: Float32Array, stds: Float32Array } | null }} [more]
   */
  show(code, { way, cloud } = {}) {
    /** @param {Float32Array} values @returns {[number, number]} */
    const pair = (values) => [values[this.#dims[0]], values[this.#dims[1]]];
    this.#pad.show({
      point: pair(code),
      way: way?.map(pair),
      cloud: cloud && { middle: pair(cloud.means), spread: pair(cloud.stds) },
    });
    this.#app.attempt(() => this.#fill(code));
  }

  /** Takes the point away and leaves the map of the middle. */
  lift() {
    this.#pad.lift();
    if (this.#place) this.#app.attempt(() => this.#fill(Float32Array.from(this.#place?.prior.middle ?? [])));
  }

  clear() {
    this.#background = '';
    this.#place = null;
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

  /** @param {number} latent */
  #offerAxes(latent) {
    this.#axes.hidden = latent < 3;
    for (const [axis, select] of [this.#across, this.#up].entries()) {
      if (select.options.length !== latent) {
        select.replaceChildren(...Array.from({ length: latent }, (_, at) => make('option', { value: at }, String(at + 1))));
      }
      select.value = String(this.#dims[axis]);
      for (const option of select.options) option.disabled = Number(option.value) === this.#dims[1 - axis];
    }
  }

  /** Decodes the plane that a latent lies on, row by row. */
  #fill = latestOnly(async (/** @type {Float32Array} */ code) => {
    const place = this.#place;
    if (!place) return;
    const { facts, klass, stillWanted } = place;
    const [[x, y], [across, up]] = [this.#dims, this.#ranges];
    const others = code.map((value, at) => (at === x || at === y ? 0 : value));
    const background = JSON.stringify([klass, x, y, across, up, Array.from(others)]);
    this.#pad.root.setAttribute('aria-busy', String(background !== this.#background));
    if (background === this.#background || !stillWanted()) return;
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
      const { pixels } = await this.#app.work((engine) => engine.decode(latents, klass), stillWanted);
      if (!stillWanted() || this.#place !== place) return;
      for (let at = 0; at < ROWS * SIDE; at += 1) {
        paintAt(context, pixels, facts, at, at % SIDE * width, (row + Math.floor(at / SIDE)) * height);
      }
    }
    this.#background = background;
    this.#pad.root.setAttribute('aria-busy', 'false');
  });
}
