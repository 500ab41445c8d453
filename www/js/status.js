// @ts-check
/** The status line, the download progress, and the badge with the backend and its speed. */
import { element } from './dom.js';

/** The smallest download in bytes that gets a progress bar. */
const LARGE = 200_000;

/**
 * @param {string} text
 * @param {boolean} [problem]
 */
export function showStatus(text, problem = false) {
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
 * Shows the progress of a model's download; `total` is 0 if unknown.
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
  const progress = total > 0 ? `${Math.min(100, Math.round(100 * loaded / total))} %` : `${(loaded / 1e6).toFixed(1)} MB`;
  const words = element('percent', HTMLElement);
  words.hidden = false;
  words.textContent = `${name}: ${progress}`;
}

/** Called when the download has ended. */
export function hideProgress() {
  element('progress', HTMLElement).hidden = true;
  element('percent', HTMLElement).hidden = true;
}
