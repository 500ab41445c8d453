// @ts-check
/** The output of a layer as an image: its channels side by side, or its values in rows. */
import { make } from './dom.js';
import { contextOf, resize } from './pixels.js';

/** The most channels, and values of a flat layer, that are shown. */
const MAX_CHANNELS = 256;
const MAX_VALUES = 4096;
/** Target ratio of width to height. */
const ASPECT = 5;
/** The most screen pixels per value, and the size that the enlarged image should stay within. */
const MAX_SCALE = 9;
const [WIDTH, HEIGHT] = [640, 170];

export class ActivationImage {
  root = make('canvas', { class: 'layer', role: 'img', width: 1, height: 1 });
  #name;

  /** @param {string} name */
  constructor(name) {
    this.#name = name;
    this.root.hidden = true;
  }

  /**
   * @param {number[]} shape       [channels, height, width], or [values]
   * @param {Float32Array} values
   */
  show(shape, values) {
    const flat = shape.length !== 3;
    const [channels, height, width] = flat ? [Math.min(shape[0], MAX_VALUES), 1, 1] : shape;
    const shown = flat ? channels : Math.min(channels, MAX_CHANNELS);
    const gap = !flat && shown > 1 ? 1 : 0;
    const columns = flat ? Math.min(shown, shown > 512 ? 128 : 64) : Math.min(shown, Math.max(1, Math.round(Math.sqrt(shown * ASPECT * height / width))));
    const rows = Math.ceil(shown / columns);
    let [min, max] = [Infinity, -Infinity];
    for (const value of values) {
      if (value < min) min = value;
      if (value > max) max = value;
    }
    const scale = max > min ? 255 / (max - min) : 0;
    resize(this.root, columns * (width + gap) - gap, rows * (height + gap) - gap);
    const context = contextOf(this.root);
    const image = context.createImageData(this.root.width, this.root.height);
    for (let channel = 0; channel < shown; channel += 1) {
      const [left, top] = [channel % columns * (width + gap), Math.floor(channel / columns) * (height + gap)];
      for (let y = 0; y < height; y += 1) {
        for (let x = 0; x < width; x += 1) {
          const to = ((top + y) * image.width + left + x) * 4;
          const grey = (values[(channel * height + y) * width + x] - min) * scale;
          image.data[to] = image.data[to + 1] = image.data[to + 2] = grey;
          image.data[to + 3] = 255;
        }
      }
    }
    context.putImageData(image, 0, 0);
    this.root.hidden = false;
    const enlarged = Math.max(1, Math.min(MAX_SCALE, Math.floor(WIDTH / this.root.width), Math.floor(HEIGHT / this.root.height)));
    this.root.style.width = `min(100%, ${this.root.width * enlarged}px)`;
    this.root.setAttribute('aria-label', `Output of ${this.#name}, from ${min.toPrecision(3)} (black) to ${max.toPrecision(3)} (white)`);
  }
}
