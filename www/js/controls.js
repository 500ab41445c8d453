// @ts-check
/** The controls beside every view: model, class, seed, temperature and backend. They report changes and show what is wanted. */
import { MAX_SEED, freshSeed, parseSeed } from './address.js';
import { check, choice, element, make } from './dom.js';
import { groupModels, labelOf } from './models.js';
import { say } from './status.js';

/**
 * @typedef {import('./address.js').Wanted} Wanted
 * @typedef {import('./models.js').Published} Published
 */

/** How the picker calls the model that came from the person's own files. */
const OWN = '/own';

export class Controls {
  #models = element('models', HTMLElement);
  #classes = element('classes', HTMLElement);
  #seed = element('seed', HTMLInputElement);
  #temperature = element('temperature', HTMLInputElement);
  #backends = element('backends', HTMLElement);
  /** The classes on offer. */
  #offered = '';

  /**
   * @param {Published[]} models
   * @param {(change: Partial<Wanted>) => void} changed
   * @param {(backend: 'cpu' | 'webgpu' | null) => void} computeOn
   */
  constructor(models, changed, computeOn) {
    for (const [subject, group] of groupModels(models)) this.#models.append(groupOf(subject, group));
    this.#models.addEventListener('change', ({ target }) => {
      const { value } = /** @type {HTMLInputElement} */ (target);
      changed({ model: value === OWN ? null : value });
    });
    this.#classes.addEventListener('change', ({ target }) => {
      const { value } = /** @type {HTMLInputElement} */ (target);
      changed({ class: value === '' ? null : Number(value) });
    });
    element('fresh', HTMLElement).addEventListener('click', () => changed({ seed: freshSeed() }));
    this.#seed.addEventListener('change', () => {
      const seed = parseSeed(this.#seed.value);
      this.#seed.setAttribute('aria-invalid', String(seed === null));
      if (seed === null) say(`A seed is a whole number from 0 to ${MAX_SEED}.`, true);
      else changed({ seed });
    });
    this.#temperature.addEventListener('input', () => changed({ temperature: Number(this.#temperature.value) }));
    this.#backends.addEventListener('change', ({ target }) => {
      const { value } = /** @type {HTMLInputElement} */ (target);
      computeOn(value === 'cpu' || value === 'webgpu' ? value : null);
    });
  }

  /** @param {Wanted} wanted */
  show({ view, model, seed, temperature, backend }) {
    check(this.#models, model ?? OWN);
    requestAnimationFrame(() => this.#reveal());
    for (const option of this.#models.querySelectorAll('[data-classifier]')) {
      // What generates no images is on offer only where one looks into models, and where it is the one in use.
      if (option instanceof HTMLElement) option.hidden = view !== 'inside' && !option.querySelector('input:checked');
    }
    for (const group of this.#models.children) {
      if (group instanceof HTMLElement) group.hidden = !group.querySelector('label:not([hidden])');
    }
    this.#seed.value = String(seed);
    this.#seed.removeAttribute('aria-invalid');
    this.#temperature.value = String(temperature);
    const words = temperature.toFixed(2);
    element('heat', HTMLElement).textContent = words;
    check(this.#backends, backend ?? '');
  }

  /**
   * Adds the person's own model to the picker, in place of an earlier one.
   * @param {string} name
   */
  addOwn(name) {
    this.#models.querySelector('[data-own]')?.remove();
    const group = make('div', { role: 'group', 'aria-label': 'Yours', 'data-own': true },
      make('span', { class: 'kind', 'aria-hidden': 'true' }, 'Yours'),
      make('div', { class: 'choices' }, choice('model', OWN, name)));
    this.#models.append(group);
  }

  /** Scrolls the row of the chosen model to it, where the rows are wider than their place. */
  #reveal() {
    const chip = this.#models.querySelector('input:checked')?.closest('label');
    const row = chip?.parentElement;
    if (!chip || !row || row.scrollWidth <= row.clientWidth) return;
    const start = chip.offsetLeft - row.offsetLeft;
    if (start < row.scrollLeft || start + chip.offsetWidth > row.scrollLeft + row.clientWidth) row.scrollLeft = start - 24;
  }

  /**
   * Offers all classes and each of `names`; without names there is no choice.
   * @param {string[]} names
   * @param {number | null} chosen
   */
  offerClasses(names, chosen) {
    element('class', HTMLElement).hidden = names.length === 0;
    if (names.length === 0) return;
    // What is there stays, and with it the keyboard's focus.
    if (names.join('\n') !== this.#offered) {
      this.#classes.replaceChildren(choice('class', '', 'All'), ...names.map((name, index) => choice('class', index, name)));
      this.#offered = names.join('\n');
    }
    check(this.#classes, chosen ?? '');
  }
}

/**
 * @param {string} subject
 * @param {Published[]} models
 */
function groupOf(subject, models) {
  const choices = models.map(({ name, family, dataset }) => {
    const label = labelOf(name);
    const known = label.toLowerCase().replace(/\W/g, '').includes(family.replace(/\W/g, ''));
    const made = choice('model', name, label, known ? '' : family);
    made.title = [name, family, dataset].filter(Boolean).join(', ');
    if (family === 'classifier') made.dataset.classifier = '';
    return made;
  });
  return make('div', { role: 'group', 'aria-label': subject },
    make('span', { class: 'kind', 'aria-hidden': 'true' }, subject),
    make('div', { class: 'choices' }, ...choices));
}

/** Shows the facts of the model in use; null if there is none. @param {any} facts */
export function showFacts(facts) {
  element('family', HTMLElement).textContent = facts?.family ?? '';
  element('dataset', HTMLElement).textContent = facts?.dataset ?? '';
  element('parameters', HTMLElement).textContent = facts?.parameters.toLocaleString('en') ?? '';
  element('latent', HTMLElement).textContent = facts?.latent ? facts.latent.toLocaleString('en') : ''; // a classifier has none
  element('summary', HTMLElement).textContent = facts?.summary ?? '';
}
