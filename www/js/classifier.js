// @ts-check
/** A bar chart of a classifier's class probabilities. The classifier runs in its own worker. */
import { make } from './dom.js';
import { Engine } from './engine.js';
import { latestOnly } from './latest.js';

export class Classifier {
  root = make('ol', { class: 'bars', 'aria-label': 'Class probabilities' });
  /** @type {Promise<any> | null} */
  #engine = null;
  #attempt;

  /** @param {(action: () => Promise<unknown>) => Promise<void>} attempt reports failures */
  constructor(attempt) {
    this.#attempt = attempt;
  }

  /**
   * Classifies an image with the classifier `name` and shows the result.
   * @param {string} name
   * @param {Float32Array} pixels
   */
  show(name, pixels) {
    return this.#attempt(() => this.#classify(name, pixels));
  }

  clear() {
    for (const row of this.root.children) {
      row.classList.remove('best');
      /** @type {HTMLElement} */ (row.children[1].firstElementChild).style.width = '0';
      row.children[2].textContent = '';
    }
  }

  #classify = latestOnly(async (/** @type {string} */ name, /** @type {Float32Array} */ pixels) => {
    this.#engine ??= this.#open();
    const engine = await this.#engine;
    const { classes } = await engine.load(name);
    this.#paint(classes, await engine.classify(pixels));
  });

  #open() {
    const opening = Engine.open('cpu', null);
    const drop = () => { this.#engine = null; };
    opening.then((engine) => engine.closed.then(drop), drop);
    return opening;
  }

  /** @param {string[]} classes @param {Float32Array} probabilities */
  #paint(classes, probabilities) {
    if (this.root.children.length !== classes.length || this.root.firstElementChild?.firstElementChild?.textContent !== classes[0]) {
      this.root.replaceChildren(...classes.map((name) => make('li', {},
        make('span', { class: 'name' }, name), make('span', { class: 'bar' }, make('span')), make('span', { class: 'percent' }))));
    }
    const best = probabilities.indexOf(Math.max(...probabilities));
    [...this.root.children].forEach((row, at) => {
      const percent = Math.round(probabilities[at] * 100);
      row.classList.toggle('best', at === best);
      /** @type {HTMLElement} */ (row.children[1].firstElementChild).style.width = `${percent}%`;
      row.children[2].textContent = `${percent} %`;
    });
  }
}
