// @ts-check
/** The training history of a model: images of the same latents after more and more epochs. */
import { make } from './dom.js';
import { contextOf, resize, wipe } from './pixels.js';

export class TrainingHistory {
  #root;
  #canvas = make('canvas', { role: 'img' });
  #epoch = make('output', { for: 'epoch' });
  #slider = make('input', { type: 'range', id: 'epoch', min: 0, max: 1, step: 1, 'aria-label': 'Epoch' });
  /** @type {HTMLImageElement | null} */
  #sprite = null;
  /** @type {{ epochs: number[], columns: number }} */
  #history = { epochs: [], columns: 1 };
  #address = '';

  /** @param {HTMLElement} root an empty figure */
  constructor(root) {
    this.#root = root;
    root.append(make('figcaption', {}, 'Training history: the same latents ', this.#epoch), this.#canvas, this.#slider);
    this.#slider.addEventListener('input', () => this.#paint());
  }

  /**
   * Shows the history of the model in `folder`, at its last epoch. Hidden without one.
   * @param {string | null} folder
   * @param {{ epochs: number[], columns: number } | null | undefined} history
   */
  async show(folder, history) {
    if (!folder || !history?.epochs.length) return this.hide();
    const address = new URL(`${folder}/history.png`, document.baseURI).href;
    if (address === this.#address) return;
    this.#address = address;
    const sprite = new Image();
    sprite.src = address;
    const loaded = await sprite.decode().then(() => true, () => false);
    if (address !== this.#address) return;
    if (!loaded) return this.hide();
    this.#sprite = sprite;
    this.#history = history;
    this.#slider.max = String(history.epochs.length - 1);
    this.#slider.value = this.#slider.max;
    this.#root.hidden = false;
    this.#paint();
  }

  hide() {
    this.#address = '';
    this.#root.hidden = true;
    wipe(this.#canvas);
  }

  #paint() {
    const { epochs } = this.#history;
    if (!this.#sprite) return;
    const row = Number(this.#slider.value);
    const [width, height] = [this.#sprite.naturalWidth, this.#sprite.naturalHeight / epochs.length];
    resize(this.#canvas, width, height);
    contextOf(this.#canvas).drawImage(this.#sprite, 0, row * height, width, height, 0, 0, width, height);
    const when = epochs[row] === 0 ? 'before training' : `after ${epochs[row]} ${epochs[row] === 1 ? 'epoch' : 'epochs'}`;
    this.#epoch.textContent = when;
    this.#slider.setAttribute('aria-valuetext', when);
    this.#canvas.setAttribute('aria-label', `${this.#history.columns} samples ${when}`);
  }
}
