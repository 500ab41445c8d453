// @ts-check
/** The output of a layer as one image: its channels side by side, or its values in rows; black is its least and white its largest value. */
import { make } from './dom.js';
import { contextOf, resize } from './pixels.js';

/** Channels, and values of a flat layer, that are shown at most. */
const CHANNELS = 256;
const VALUES = 4096;
/** How wide a picture may be for its height. */
const WIDE = 5;
/** Pixels of the screen that a value takes at most, and that the picture is wide and high if it can be. */
const LARGEST = 9;
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
    const [channels, height, width] = shape.length === 3 ? shape : [Math.min(shape[0], VALUES), 1, 1];
    const shown = shape.length === 3 ? Math.min(channels, CHANNELS) : channels;
    const gap = shape.length === 3 && shown > 1 ? 1 : 0;
    const flat = shape.length !== 3;
    const columns = flat ? Math.min(shown, shown > 512 ? 128 : 64) : Math.min(shown, Math.max(1, Math.round(Math.sqrt(shown * WIDE * height / width))));
    const rows = Math.ceil(shown / columns);
    let [least, most] = [Infinity, -Infinity];
    for (const value of values) {
      if (value < least) least = value;
      if (value > most) most = value;
    }
    const scale = most > least ? 255 / (most - least) : 0;
    resize(this.root, columns * (width + gap) - gap, rows * (height + gap) - gap);
    const context = contextOf(this.root);
    const image = context.createImageData(this.root.width, this.root.height);
    for (let channel = 0; channel < shown; channel += 1) {
      const [left, top] = [channel % columns * (width + gap), Math.floor(channel / columns) * (height + gap)];
      for (let y = 0; y < height; y += 1) {
        for (let x = 0; x < width; x += 1) {
          const to = ((top + y) * image.width + left + x) * 4;
          const grey = (values[(channel * height + y) * width + x] - least) * scale;
          image.data[to] = image.data[to + 1] = image.data[to + 2] = grey;
          image.data[to + 3] = 255;
        }
      }
    }
    context.putImageData(image, 0, 0);
    this.root.hidden = false;
    const enlarged = Math.max(1, Math.min(LARGEST, Math.floor(WIDTH / this.root.width), Math.floor(HEIGHT / this.root.height)));
    this.root.style.width = `min(100%, ${this.root.width * enlarged}px)`;
    this.root.setAttribute('aria-label', `Output of ${this.#name}, from ${least.toPrecision(3)} in black to ${most.toPrecision(3)} in white`);
  }
}
