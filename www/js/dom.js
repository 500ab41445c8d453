// @ts-check
/** Finding and creating elements. */

/**
 * The element with an id; throws if it is missing or not a `kind`.
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
export function element(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`The page has no ${kind.name} called ${id}`);
  return found;
}

/**
 * Creates an element. Attributes that are null, undefined or false are left out.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string | number | boolean | null | undefined>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, attributes = {}, ...children) {
  const created = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) created.setAttribute(name, value === true ? '' : String(value));
  }
  created.append(...children);
  return created;
}

/**
 * A radio button with its text and optional small print.
 * @param {string} name
 * @param {string | number} value
 * @param {string} text
 * @param {string} [small]
 */
export function choice(name, value, text, small = '') {
  const words = make('span', {}, text);
  if (small) words.append(' ', make('small', {}, small));
  return make('label', {}, make('input', { type: 'radio', name, value }), words);
}

/**
 * Selects one of the radio buttons in an element.
 * @param {HTMLElement} choices
 * @param {string | number} value
 */
export function check(choices, value) {
  for (const input of choices.querySelectorAll('input')) input.checked = input.value === String(value);
}

/** A message as a sentence: capitalised and with a full stop. @param {string} text */
export function sentence(text) {
  return text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.');
}

/** Whether the user prefers reduced motion. */
export function reducedMotion() {
  return matchMedia('(prefers-reduced-motion: reduce)').matches;
}

/** A number with two decimals and a typographic minus. @param {number} number */
export function decimals(number) {
  return number.toFixed(2).replace('-', '\u2212');
}
