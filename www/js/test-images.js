// @ts-check
/** The test images that come with a model, and a picker for them. */
import { make } from './dom.js';
import { contextOf, resize } from './pixels.js';

/** Columns of the sprite sheet, and its number of images. */
const COLUMNS = 10;
const COUNT = 60;

/**
 * @typedef {object} TestImages
 * @property {number} side
 * @property {(index: number) => Float32Array} pixels
 * @property {HTMLCanvasElement} canvas
 */

/** @type {Map<string, Promise<TestImages>>} */
const fetched = new Map();

/**
 * The test images in the folder of a model.
 * @param {string} folder
 * @returns {Promise<TestImages>}
 */
export function testImages(folder) {
  let images = fetched.get(folder);
  if (!images) {
    images = read(folder);
    fetched.set(folder, images);
    images.catch(() => fetched.delete(folder));
  }
  return images;
}

/** @param {string} folder */
async function read(folder) {
  const sprite = new Image();
  sprite.src = new URL(`${folder}/tests.png`, document.baseURI).href;
  await sprite.decode();
  const canvas = make('canvas');
  resize(canvas, sprite.naturalWidth, sprite.naturalHeight);
  const context = contextOf(canvas);
  context.drawImage(sprite, 0, 0);
  const side = sprite.naturalWidth / COLUMNS;
  const pixels = (/** @type {number} */ index) => {
    const { data } = context.getImageData(index % COLUMNS * side, Math.floor(index / COLUMNS) * side, side, side);
    return Float32Array.from({ length: side * side }, (_, at) => data[at * 4] / 255);
  };
  return { side, pixels, canvas };
}

/** A grid of test images to choose from. */
export class TestPicker {
  root = make('div', { class: 'test-images', role: 'radiogroup', 'aria-label': 'Test images' });
  #picked;
  /** @type {TestImages | null} */
  #shown = null;
  #name;

  /**
   * @param {string} name           of the radio buttons
   * @param {(index: number) => void} picked
   */
  constructor(name, picked) {
    this.#name = name;
    this.#picked = picked;
    this.root.addEventListener('change', ({ target }) => this.#picked(Number(/** @type {HTMLInputElement} */ (target).value)));
  }

  /**
   * @param {TestImages | null} tests
   * @param {number | null} chosen
   */
  show(tests, chosen) {
    this.root.hidden = !tests;
    if (tests && tests !== this.#shown) {
      this.root.replaceChildren(...Array.from({ length: COUNT }, (_, index) => {
        const canvas = make('canvas', { width: tests.side, height: tests.side });
        const [x, y] = [index % COLUMNS * tests.side, Math.floor(index / COLUMNS) * tests.side];
        contextOf(canvas).drawImage(tests.canvas, x, y, tests.side, tests.side, 0, 0, tests.side, tests.side);
        return make('label', {}, make('input', { type: 'radio', name: this.#name, value: index, 'aria-label': `Test image ${index + 1}` }), canvas);
      }));
    }
    this.#shown = tests;
    for (const input of this.root.querySelectorAll('input')) input.checked = input.value === String(chosen);
  }
}
