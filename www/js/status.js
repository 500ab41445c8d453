// @ts-check
/** What the page says of itself: a line of words, how far a download is, which backend computes and how fast. */
import { element } from './dom.js';

/** A download of fewer bytes needs no bar. */
const LARGE = 200_000;

/**
 * @param {string} text
 * @param {boolean} [problem]
 */
export function say(text, problem = false) {
  const line = element('status', HTMLElement);
  if (line.textContent !== text) line.textContent = text;
  line.classList.toggle('problem', problem);
}

/**
 * @param {{ active: string, name: string }} backend
 * @param {number | null} [milliseconds] for one image
 */
export function showBadge({ active, name }, milliseconds = null) {
  const badge = element('badge', HTMLElement);
  badge.hidden = false;
  badge.dataset.backend = active;
  element('backend', HTMLElement).textContent = name;
  if (milliseconds !== null) element('speed', HTMLElement).textContent = `${formatTime(milliseconds)} per image`;
}

/** @param {number} milliseconds */
export function formatTime(milliseconds) {
  return milliseconds < 100 ? `${milliseconds.toPrecision(2)} ms` : `${Math.round(milliseconds)} ms`;
}

/**
 * How much of a model is there; `total` is 0 if it is not known how large it is.
 * @param {string} name
 * @param {number} loaded
 * @param {number} total
 */
export function showProgress(name, loaded, total) {
  if (Math.max(loaded, total) < LARGE) return;
  const bar = element('progress', HTMLProgressElement);
  bar.hidden = false;
  bar.setAttribute('aria-label', `Downloading ${name}`);
  if (total > 0) bar.value = Math.min(1, loaded / total);
  else bar.removeAttribute('value');
  const part = total > 0 ? `${Math.min(100, Math.round(100 * loaded / total))} %` : `${(loaded / 1e6).toFixed(1)} MB`;
  const words = element('percent', HTMLElement);
  words.hidden = false;
  words.textContent = `${name}: ${part}`;
}

/** The model is there, or will not come. */
export function hideProgress() {
  element('progress', HTMLElement).hidden = true;
  element('percent', HTMLElement).hidden = true;
}
