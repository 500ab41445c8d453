// @ts-check
/** Finding and making elements. */

/**
 * The element with an id, which has to be of the given kind.
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
 * A new element with attributes and children; an attribute that is null, undefined or false is left out.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string | number | boolean | null | undefined>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? '' : String(value));
  }
  made.append(...children);
  return made;
}

/**
 * One of several choices: a radio button with its text, and some small print if it needs that.
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
 * Marks one of the radio buttons in an element as chosen.
 * @param {HTMLElement} choices
 * @param {string | number} value
 */
export function check(choices, value) {
  for (const input of choices.querySelectorAll('input')) input.checked = input.value === String(value);
}

/** @param {string} text a message, as a sentence of its own */
export function sentence(text) {
  return text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.');
}

/** Whether the person asked for less motion. */
export function calm() {
  return matchMedia('(prefers-reduced-motion: reduce)').matches;
}

/** A number with two decimals and a minus that is as wide as a plus. @param {number} number */
export function decimals(number) {
  return number.toFixed(2).replace('-', '\u2212');
}
