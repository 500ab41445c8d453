// @ts-check
/** A square on which mouse, touch or arrow keys move a point. The caller draws the background. */
import { make } from './dom.js';
import { contextOf, wipe } from './pixels.js';

/** Side in pixels. */
const SIDE = 960;
/** Pixels that the mouse may move during a click. */
const CLICK = 4;
/** Key presses from one side to the other. */
const STEPS = 60;

/** Class colours, distinguishable on black. */
export const COLOURS = ['#4ea3ff', '#ffa23a', '#5ad469', '#ff6464', '#c08bff', '#c99a6b', '#ff8ed4', '#d5dae0', '#e8e03f', '#3fe0e0'];

/**
 * @typedef {[number, number]} Pair
 *
 * The marks on the pad.
 * @typedef {object} Marks
 * @property {Pair} point
 * @property {Pair[]} [path]  from A to B
 * @property {{ mean: Pair, std: Pair } | null} [posterior]  shown at 1 and 2 sigma
 */

export class XyPad {
  #dots = make('canvas', { width: SIDE, height: SIDE });
  #marks = make('canvas', { width: SIDE, height: SIDE });
  #moved;
  /** @type {Pair} */
  #point = [0, 0];
  /** The range of each axis. @type {[Pair, Pair]} */
  #range = [[-3, 3], [-3, 3]];
  /** Whether the point ignores a mouse without a pressed button. */
  #held = true;
  /** Where the pointer was pressed. @type {Pair} */
  #pressed = [0, 0];

  /**
   * @param {string} label
   * @param {HTMLCanvasElement} background
   * @param {(x: number, y: number, byKey: boolean) => void} moved
   * @param {boolean} hovers  whether the point follows the mouse until a click pins it
   */
  constructor(label, background, moved, hovers) {
    this.#moved = moved;
    this.#held = !hovers;
    this.root = make('div', {
      class: 'pad', role: 'application', tabindex: 0, 'aria-label': label, 'aria-roledescription': '2D slider', 'aria-describedby': 'pad-keys',
    }, background, this.#dots, this.#marks);
    this.root.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      this.root.setPointerCapture(event.pointerId);
      this.#pressed = [event.clientX, event.clientY];
      this.#follow(event);
    });
    this.root.addEventListener('pointermove', (event) => {
      const dragging = event.buttons > 0 && this.root.hasPointerCapture(event.pointerId);
      const hovering = event.buttons === 0 && event.pointerType === 'mouse' && !this.#held;
      if (dragging || hovering) this.#follow(event);
    });
    this.root.addEventListener('pointerup', (event) => {
      if (!hovers || event.pointerType !== 'mouse' || event.button !== 0) return;
      const dragged = Math.hypot(event.clientX - this.#pressed[0], event.clientY - this.#pressed[1]) > CLICK;
      this.#held = dragged || !this.#held;
    });
    this.root.addEventListener('keydown', (event) => this.#press(event));
  }

  /** Stops following the mouse. */
  hold() {
    this.#held = true;
  }

  /** @param {Pair} across @param {Pair} up */
  setRange(across, up) {
    this.#range = [across, up];
  }

  /**
   * Shows the latents of test images in the colours of their classes, or none.
   * @param {import('./latents.js').TestLatents | null} latents
   * @param {[number, number]} dims
   */
  showDots(latents, [x, y]) {
    wipe(this.#dots);
    if (!latents) return;
    const context = contextOf(this.#dots);
    const { labels, values, latent } = latents;
    labels.forEach((label, at) => {
      const [across, up] = this.#place([values[at * latent + x], values[at * latent + y]]);
      context.fillStyle = COLOURS[label % COLOURS.length];
      context.beginPath();
      context.arc(across, up, 4.2, 0, 2 * Math.PI);
      context.fill();
    });
  }

  /** @param {Marks} marks */
  show({ point, path, posterior }) {
    this.#point = point;
    wipe(this.#marks);
    const context = contextOf(this.#marks);
    context.lineJoin = 'round';
    if (path) {
      context.beginPath();
      path.forEach((place, at) => context[at === 0 ? 'moveTo' : 'lineTo'](...this.#place(place)));
      this.#stroke(context, 3, [10, 10]);
      ['A', 'B'].forEach((name, last) => this.#label(context, name, this.#place(path[last ? path.length - 1 : 0])));
    }
    if (posterior) {
      const [x, y] = this.#place(posterior.mean);
      const [[left, right], [bottom, top]] = this.#range;
      const [wide, tall] = [posterior.std[0] / (right - left) * SIDE, posterior.std[1] / (top - bottom) * SIDE];
      for (const sigmas of [1, 2]) {
        context.beginPath();
        context.ellipse(x, y, Math.max(2, sigmas * wide), Math.max(2, sigmas * tall), 0, 0, 2 * Math.PI);
        this.#stroke(context, 3, []);
      }
      context.fillStyle = '#fff';
      context.fillRect(x - 4, y - 4, 8, 8);
    }
    const [x, y] = this.#place(point);
    context.beginPath();
    context.arc(x, y, 16, 0, 2 * Math.PI);
    this.#stroke(context, 5, []);
  }

  /** Removes all marks. */
  clearMarks() {
    wipe(this.#marks);
  }

  /**
   * Strokes in white on black, visible on any background.
   * @param {CanvasRenderingContext2D} context
   * @param {number} width
   * @param {number[]} dash
   */
  #stroke(context, width, dash) {
    context.setLineDash([]);
    context.lineWidth = width + 5;
    context.strokeStyle = 'rgb(0 0 0 / 0.75)';
    context.stroke();
    context.setLineDash(dash);
    context.lineWidth = width;
    context.strokeStyle = '#fff';
    context.stroke();
    context.setLineDash([]);
  }

  /** @param {CanvasRenderingContext2D} context @param {string} name @param {Pair} place */
  #label(context, name, [x, y]) {
    context.fillStyle = '#fff';
    context.beginPath();
    context.arc(x, y, 17, 0, 2 * Math.PI);
    context.fill();
    context.fillStyle = '#000';
    context.font = '600 22px system-ui, sans-serif';
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    context.fillText(name, x, y + 1);
  }

  /** The position of values on the pad, in pixels. @param {Pair} values @returns {Pair} */
  #place([x, y]) {
    const [[left, right], [bottom, top]] = this.#range;
    return [(x - left) / (right - left) * SIDE, (top - y) / (top - bottom) * SIDE];
  }

  /** @param {PointerEvent} event */
  #follow(event) {
    const { left, top, width, height } = this.root.getBoundingClientRect();
    this.#goTo((event.clientX - left) / width, 1 - (event.clientY - top) / height, false);
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] }[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const far = (event.shiftKey ? 5 : 1) / STEPS;
    const [x, y] = this.#place(this.#point);
    this.#goTo(x / SIDE + step[0] * far, 1 - y / SIDE + step[1] * far, true);
  }

  /**
   * Moves the point to fractions of the width and height.
   * @param {number} across
   * @param {number} up
   * @param {boolean} byKey
   */
  #goTo(across, up, byKey) {
    const [x, y] = [across, up].map((part, axis) => {
      const [low, high] = this.#range[axis];
      return Math.round((low + Math.min(1, Math.max(0, part)) * (high - low)) * 1000) / 1000;
    });
    this.#moved(x, y, byKey);
  }
}
