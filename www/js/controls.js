// @ts-check
/** The controls beside every view: model, class, seed, temperature and backend. */
import { MAX_SEED, freshSeed, parseSeed } from './address.js';
import { check, choice, element, make } from './dom.js';
import { groupModels, labelOf } from './models.js';
import { showStatus } from './status.js';

/**
 * @typedef {import('./address.js').PageState} PageState
 * @typedef {import('./models.js').Published} Published
 */

/** The picker's value for the user's own model. */
const OWN = '/own';

export class Controls {
  #models = element('models', HTMLElement);
  #classes = element('classes', HTMLElement);
  #seed = element('seed', HTMLInputElement);
  #temperature = element('temperature', HTMLInputElement);
  #backends = element('backends', HTMLElement);
  /** The class names on offer, one per line. */
  #offered = '';

  /**
   * @param {Published[]} models
   * @param {(change: Partial<PageState>) => void} changed
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
      if (seed === null) showStatus(`A seed is a whole number from 0 to ${MAX_SEED}.`, true);
      else changed({ seed });
    });
    this.#temperature.addEventListener('input', () => changed({ temperature: Number(this.#temperature.value) }));
    this.#backends.addEventListener('change', ({ target }) => {
      const { value } = /** @type {HTMLInputElement} */ (target);
      computeOn(value === 'cpu' || value === 'webgpu' ? value : null);
    });
  }

  /** @param {PageState} state */
  show({ view, model, seed, temperature, backend }) {
    check(this.#models, model ?? OWN);
    requestAnimationFrame(() => this.#reveal());
    for (const option of this.#models.querySelectorAll('[data-classifier]')) {
      // Classifiers are listed only in the Inside view, or if one is selected.
      if (option instanceof HTMLElement) option.hidden = view !== 'inside' && !option.querySelector('input:checked');
    }
    for (const group of this.#models.children) {
      if (group instanceof HTMLElement) group.hidden = !group.querySelector('label:not([hidden])');
    }
    this.#seed.value = String(seed);
    this.#seed.removeAttribute('aria-invalid');
    this.#temperature.value = String(temperature);
    element('temperature-value', HTMLElement).textContent = temperature.toFixed(2);
    check(this.#backends, backend ?? '');
  }

  /**
   * Adds the user's own model to the picker, replacing an earlier one.
   * @param {string} name
   */
  addOwn(name) {
    this.#models.querySelector('[data-own]')?.remove();
    const group = make('div', { role: 'group', 'aria-label': 'Yours', 'data-own': true },
      make('span', { class: 'group-name', 'aria-hidden': 'true' }, 'Yours'),
      make('div', { class: 'choices' }, choice('model', OWN, name)));
    this.#models.append(group);
  }

  /** Scrolls the selected model into view where its row overflows. */
  #reveal() {
    const chip = this.#models.querySelector('input:checked')?.closest('label');
    const row = chip?.parentElement;
    if (!chip || !row || row.scrollWidth <= row.clientWidth) return;
    const start = chip.offsetLeft - row.offsetLeft;
    if (start < row.scrollLeft || start + chip.offsetWidth > row.scrollLeft + row.clientWidth) row.scrollLeft = start - 24;
  }

  /**
   * Offers all classes and each of `names`; hidden without names.
   * @param {string[]} names
   * @param {number | null} chosen
   */
  offerClasses(names, chosen) {
    element('class', HTMLElement).hidden = names.length === 0;
    if (names.length === 0) return;
    // Buttons that still fit are kept, and with them the keyboard focus.
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
    const chip = choice('model', name, label, known ? '' : family);
    chip.title = [name, family, dataset].filter(Boolean).join(', ');
    if (family === 'classifier') chip.dataset.classifier = '';
    return chip;
  });
  return make('div', { role: 'group', 'aria-label': subject },
    make('span', { class: 'group-name', 'aria-hidden': 'true' }, subject),
    make('div', { class: 'choices' }, ...choices));
}

/** Shows facts about the current model; null if there is none. @param {any} facts */
export function showFacts(facts) {
  element('family', HTMLElement).textContent = facts?.family ?? '';
  element('dataset', HTMLElement).textContent = facts?.dataset ?? '';
  element('parameters', HTMLElement).textContent = facts?.parameters.toLocaleString('en') ?? '';
  element('latent', HTMLElement).textContent = facts?.latent ? facts.latent.toLocaleString('en') : ''; // a classifier has none
  element('summary', HTMLElement).textContent = facts?.summary ?? '';
}
