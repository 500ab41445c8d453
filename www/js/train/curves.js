// @ts-check
/** A line chart of the losses of a run over its steps. */
import { make } from '../dom.js';

/** The most points; beyond that, neighbours are averaged. */
const MAX_POINTS = 1024;
const [WIDTH, HEIGHT, LEFT, BOTTOM] = [560, 220, 48, 22];

/** @typedef {{ step: number, values: Record<string, number> }} Point */

/** Labels of loss terms, as in papers. */
const TITLES = /** @type {Record<string, string>} */ ({ real: 'D(real)', made: 'D(fake)', kl: 'KL' });
/** @param {string} name */
export const titleOf = (name) => TITLES[name] ?? name;

export class Curves {
  /** @type {Point[]} */
  #points = [];
  #figure;
  #svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  #legend = make('div', { class: 'legend' });
  #scheduled = false;

  /** @param {HTMLElement} figure */
  constructor(figure) {
    this.#figure = figure;
    this.#svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    this.#svg.setAttribute('role', 'img');
    figure.replaceChildren(this.#svg, this.#legend);
  }

  get figure() {
    return this.#figure;
  }

  /** All points, for saving. */
  get points() {
    return this.#points;
  }

  /** @param {Point[]} points */
  set points(points) {
    this.#points = points;
    this.#scheduleDraw();
  }

  /**
   * Adds the losses of the steps up to `step`. After a rollback, later points are dropped.
   * @param {number} step
   * @param {[string, number][]} losses
   */
  add(step, losses) {
    while (this.#points.length > 0 && this.#points[this.#points.length - 1].step >= step) this.#points.pop();
    if (losses.length > 0) this.#points.push({ step, values: Object.fromEntries(losses) });
    if (this.#points.length > MAX_POINTS) this.#points = halved(this.#points);
    this.#scheduleDraw();
  }

  /** Draws at the next frame, once. */
  #scheduleDraw() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => {
      this.#scheduled = false;
      this.#draw();
    });
  }

  #draw() {
    const points = this.#points;
    const names = [...new Set(points.flatMap(({ values }) => Object.keys(values)))];
    this.#figure.hidden = points.length === 0;
    if (points.length === 0) return;
    const last = points[points.length - 1].step;
    const all = points.flatMap(({ values }) => Object.values(values)).filter(Number.isFinite);
    const scale = scaleFor(all);
    const x = (/** @type {number} */ step) => LEFT + (WIDTH - LEFT - 6) * step / Math.max(1, last);
    const y = (/** @type {number} */ value) => 6 + (HEIGHT - BOTTOM - 6) * (1 - scale.of(value));
    const ticks = scale.ticks.map((tick) => `<g class="tick"><line x1="${LEFT}" x2="${WIDTH - 6}" y1="${y(tick)}" y2="${y(tick)}"/>`
      + `<text x="${LEFT - 6}" y="${y(tick) + 4}" text-anchor="end">${short(tick)}</text></g>`);
    const lines = names.map((name, index) => {
      const path = points.filter(({ values }) => Number.isFinite(values[name])).map(({ step, values }) => `${x(step).toFixed(1)},${y(values[name]).toFixed(1)}`);
      return `<polyline class="series-${index % 6}" points="${path.join(' ')}"/>`;
    });
    this.#svg.innerHTML = ticks.join('') + lines.join('')
      + `<text class="axis" x="${WIDTH - 6}" y="${HEIGHT - 4}" text-anchor="end">step ${last.toLocaleString('en')}</text>`;
    const { values } = points[points.length - 1];
    this.#svg.setAttribute('aria-label', `Losses up to step ${last}: ${names.map((name) => `${titleOf(name)} ${short(values[name])}`).join(', ')}`);
    this.#legend.replaceChildren(...names.map((name, index) => make('span', { class: `series-${index % 6}` },
      `${titleOf(name)} `, make('output', {}, values[name] === undefined ? '' : short(values[name])))));
  }
}

/** Averages pairs of neighbours. @param {Point[]} points */
function halved(points) {
  const half = [];
  for (let index = 0; index + 1 < points.length; index += 2) {
    const [first, second] = [points[index], points[index + 1]];
    const values = { ...first.values };
    for (const [name, value] of Object.entries(second.values)) values[name] = name in values ? (values[name] + value) / 2 : value;
    half.push({ step: second.step, values });
  }
  if (points.length % 2 === 1) half.push(points[points.length - 1]);
  return half;
}

/**
 * Maps values to 0..1 on the axis: logarithmically if all are positive and span a wide range.
 * @param {number[]} values
 */
function scaleFor(values) {
  let [low, high] = [Math.min(...values), Math.max(...values)];
  if (!(high > low)) [low, high] = [low - 0.5, high + 0.5];
  const logarithmic = low > 0 && high / low > 30;
  const [from, to] = logarithmic ? [Math.log(low), Math.log(high)] : [low, high];
  const of = (/** @type {number} */ value) => ((logarithmic ? Math.log(value) : value) - from) / (to - from);
  const ticks = logarithmic
    ? [-3, -2, -1, 0, 1, 2, 3, 4].map((power) => 10 ** power).filter((tick) => tick >= low && tick <= high)
    : linearTicks(low, high);
  return { of, ticks };
}

/**
 * @param {number} low
 * @param {number} high
 */
function linearTicks(low, high) {
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough) ?? rough;
  const ticks = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high; tick += step) ticks.push(tick);
  return ticks;
}

/** @param {number} value */
function short(value) {
  const text = Math.abs(value) >= 100 ? value.toFixed(0) : Number(value.toPrecision(3)).toString();
  return text.replace('-', '\u2212');
}
