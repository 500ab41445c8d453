// @ts-check
/** A grid of samples: one small canvas per image, scaled by the style sheet. */
import { make } from './dom.js';
import { contextOf, paint, resize, wipe } from './pixels.js';

/** @typedef {import('./pixels.js').Shape} Shape */

export class Grid {
  #root;
  #open;
  /** @type {HTMLCanvasElement[]} */
  #tiles = [];

  /**
   * With `open`, each tile is a button that calls it with the index of its sample; the arrow keys
   * move among them.
   * @param {HTMLElement} root
   * @param {((index: number) => void) | null} [open]
   */
  constructor(root, open = null) {
    this.#root = root;
    this.#open = open;
    root.setAttribute('role', open ? 'group' : 'img');
    if (!open) return;
    root.addEventListener('click', ({ target }) => this.#choose(target));
    root.addEventListener('keydown', (event) => this.#press(event));
  }

  /**
   * Lays out `count` tiles in a square. Existing tiles are kept.
   * @param {number} count
   */
  setCount(count) {
    while (this.#tiles.length > count) this.#tiles.pop()?.remove();
    while (this.#tiles.length < count) {
      const index = this.#tiles.length;
      const button = this.#open && { role: 'button', tabindex: index === 0 ? 0 : -1, 'aria-label': `Inspect sample ${index}` };
      const tile = make('canvas', { width: 28, height: 28, ...button });
      this.#tiles.push(tile);
      this.#root.append(tile);
    }
    if (this.#open && !this.#tiles.some(({ tabIndex }) => tabIndex === 0)) this.#tiles[0].tabIndex = 0;
    this.#root.style.setProperty('--columns', String(this.columns));
  }

  get columns() {
    return Math.ceil(Math.sqrt(this.#tiles.length));
  }

  /**
   * Draws `pixels`, [count, channels, height, width] in 0..1.
   * @param {Float32Array} pixels
   * @param {Shape} shape
   * @param {string} label
   */
  show(pixels, shape, label) {
    this.setCount(pixels.length / (shape.channels * shape.height * shape.width));
    this.#tiles.forEach((tile, index) => paint(tile, pixels, shape, index));
    this.#root.setAttribute('aria-label', label);
  }

  /** Empties all tiles. */
  clear() {
    for (const tile of this.#tiles) wipe(tile);
    this.#root.setAttribute('aria-label', 'No samples');
  }

  /** The whole grid as one image, enlarged by a whole factor to at least `width` pixels. */
  toCanvas(width = 1024) {
    const [first] = this.#tiles;
    const [columns, gap] = [this.columns, 1];
    const rows = Math.ceil(this.#tiles.length / columns);
    const scale = Math.max(1, Math.ceil(width / (columns * (first.width + gap))));
    const canvas = make('canvas');
    resize(canvas, (columns * (first.width + gap) + gap) * scale, (rows * (first.height + gap) + gap) * scale);
    const context = contextOf(canvas);
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingEnabled = false;
    this.#tiles.forEach((tile, index) => {
      const x = gap + (index % columns) * (tile.width + gap);
      const y = gap + Math.floor(index / columns) * (tile.height + gap);
      context.drawImage(tile, x * scale, y * scale, tile.width * scale, tile.height * scale);
    });
    return canvas;
  }

  /** @param {EventTarget | null} target */
  #choose(target) {
    const index = this.#tiles.findIndex((tile) => tile === target);
    if (index >= 0) this.#open?.(index);
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    const here = this.#tiles.findIndex((tile) => tile === event.target);
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.columns, ArrowUp: -this.columns }[event.key];
    if (here < 0) return;
    if (event.key === 'Enter' || event.key === ' ') this.#open?.(here);
    else if (step && this.#tiles[here + step]) this.#focus(here, here + step);
    else if (event.key === 'Home') this.#focus(here, 0);
    else if (event.key === 'End') this.#focus(here, this.#tiles.length - 1);
    else return;
    event.preventDefault();
  }

  /**
   * @param {number} from
   * @param {number} to
   */
  #focus(from, to) {
    this.#tiles[from].tabIndex = -1;
    this.#tiles[to].tabIndex = 0;
    this.#tiles[to].focus();
  }
}
