// @ts-check
/** The losses of a run over its steps: a chart of lines, drawn with as many points as it has room for. */
import { make } from '../dom.js';

/** Points that are kept at the most; beyond, neighbours are averaged. */
const MOST = 1024;
const [WIDTH, HEIGHT, LEFT, BOTTOM] = [560, 220, 48, 22];

/** @typedef {{ step: number, values: Record<string, number> }} Point */

/** What a part of the loss is called on the page, as in papers. */
const TITLES = /** @type {Record<string, string>} */ ({ real: 'D(real)', made: 'D(fake)', kl: 'KL' });
/** @param {string} name */
export const titleOf = (name) => TITLES[name] ?? name;

export class Curves {
  /** @type {Point[]} */
  #points = [];
  #figure;
  #svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  #legend = make('div', { class: 'legend' });
  #drawn = false;

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

  /** All points, for keeping. */
  get points() {
    return this.#points;
  }

  /** @param {Point[]} points */
  set points(points) {
    this.#points = points;
    this.#plan();
  }

  /**
   * Adds the losses of the steps up to `step`. After a rollback what lies ahead goes.
   * @param {number} step
   * @param {[string, number][]} losses
   */
  add(step, losses) {
    while (this.#points.length > 0 && this.#points[this.#points.length - 1].step >= step) this.#points.pop();
    if (losses.length > 0) this.#points.push({ step, values: Object.fromEntries(losses) });
    if (this.#points.length > MOST) this.#points = halved(this.#points);
    this.#plan();
  }

  /** Draws before the next frame, once. */
  #plan() {
    if (this.#drawn) return;
    this.#drawn = true;
    requestAnimationFrame(() => {
      this.#drawn = false;
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

/** Every two neighbours become one. @param {Point[]} points */
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
 * Where values lie on the axis, 0 to 1: by their logarithms if all are above 0 and they differ much.
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
