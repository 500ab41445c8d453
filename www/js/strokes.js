// @ts-check
/** A drawing area for mouse, pen or finger: white strokes on black. */
import { make } from './dom.js';

/** Side in pixels, and width of the pen, which matches the strokes of MNIST. */
const SIDE = 280;
const PEN = 21;

export class Strokes {
  canvas = make('canvas', { class: 'drawing', width: SIDE, height: SIDE, role: 'img', 'aria-label': 'Drawing area' });
  // Its pixels are read after every move.
  #context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext('2d', { willReadFrequently: true }));
  #changed;
  /** The last position of the pen. @type {[number, number] | null} */
  #last = null;

  /** @param {() => void} changed called after each segment of a stroke */
  constructor(changed) {
    this.#changed = changed;
    Object.assign(this.#context, { lineCap: 'round', lineJoin: 'round', lineWidth: PEN, strokeStyle: '#fff', fillStyle: '#000' });
    this.clear();
    this.canvas.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      this.canvas.setPointerCapture(event.pointerId);
      this.#stroke(event);
    });
    this.canvas.addEventListener('pointermove', (event) => {
      if (this.#last && this.canvas.hasPointerCapture(event.pointerId)) this.#stroke(event);
    });
    for (const end of ['pointerup', 'pointercancel']) this.canvas.addEventListener(end, () => { this.#last = null; });
  }

  clear() {
    this.#context.fillRect(0, 0, SIDE, SIDE);
    this.#last = null;
  }

  /**
   * Shows test image `index` instead of a drawing.
   * @param {HTMLCanvasElement} tests
   * @param {number} side of one image
   * @param {number} index
   */
  show(tests, side, index) {
    const columns = tests.width / side;
    this.#context.drawImage(tests, index % columns * side, Math.floor(index / columns) * side, side, side, 0, 0, SIDE, SIDE);
  }

  /** The drawing as values from 0 to 1, row by row. */
  ink() {
    const { data } = this.#context.getImageData(0, 0, SIDE, SIDE);
    const values = new Float32Array(SIDE * SIDE);
    for (let at = 0; at < values.length; at += 1) values[at] = data[at * 4] / 255;
    return { values, side: SIDE };
  }

  /** @param {PointerEvent} event */
  #stroke(event) {
    // Fast strokes are reported as several points at once.
    const places = event.getCoalescedEvents?.() ?? [];
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    for (const { clientX, clientY } of places.length > 0 ? places : [event]) {
      const place = /** @type {[number, number]} */ ([(clientX - left) / width * SIDE, (clientY - top) / height * SIDE]);
      this.#context.beginPath();
      this.#context.moveTo(...(this.#last ?? place));
      this.#context.lineTo(...place);
      this.#context.stroke();
      this.#last = place;
    }
    this.#changed();
  }
}
