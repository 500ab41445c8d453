// @ts-check
/** The class probabilities of a classifier, as bars; it runs in a worker of its own. */
import { make } from './dom.js';
import { Engine } from './engine.js';
import { latestOnly } from './latest.js';

export class Classifier {
  root = make('ol', { class: 'bars', 'aria-label': 'Class probabilities' });
  /** @type {Promise<any> | null} */
  #engine = null;
  #failed;

  /** @param {(action: () => Promise<unknown>) => Promise<void>} attempt does something that may fail */
  constructor(attempt) {
    this.#failed = attempt;
  }

  /**
   * Shows the class probabilities of an image from the classifier `name`.
   * @param {string} name
   * @param {Float32Array} pixels
   */
  show(name, pixels) {
    return this.#failed(() => this.#ask(name, pixels));
  }

  clear() {
    for (const row of this.root.children) {
      row.classList.remove('best');
      /** @type {HTMLElement} */ (row.children[1].firstElementChild).style.width = '0';
      row.children[2].textContent = '';
    }
  }

  #ask = latestOnly(async (/** @type {string} */ name, /** @type {Float32Array} */ pixels) => {
    this.#engine ??= this.#open();
    const engine = await this.#engine;
    const { classes } = await engine.load(name);
    this.#paint(classes, await engine.classify(pixels));
  });

  #open() {
    const opening = Engine.open('cpu', null);
    const forget = () => { this.#engine = null; };
    opening.then((engine) => engine.closed.then(forget), forget);
    return opening;
  }

  /** @param {string[]} classes @param {Float32Array} shares */
  #paint(classes, shares) {
    if (this.root.children.length !== classes.length || this.root.firstElementChild?.firstElementChild?.textContent !== classes[0]) {
      this.root.replaceChildren(...classes.map((name) => make('li', {},
        make('span', { class: 'of' }, name), make('span', { class: 'bar' }, make('span')), make('span', { class: 'share' }))));
    }
    const best = shares.indexOf(Math.max(...shares));
    [...this.root.children].forEach((row, at) => {
      const share = Math.round(shares[at] * 100);
      row.classList.toggle('best', at === best);
      /** @type {HTMLElement} */ (row.children[1].firstElementChild).style.width = `${share}%`;
      row.children[2].textContent = `${share} %`;
    });
  }
}
