// @ts-check
/** Two or three models side by side: samples of the same seed, sizes and scores. */
import { make } from '../dom.js';
import { Grid } from '../grid.js';
import { groupModels, titleOf } from '../models.js';

/** Samples per model. */
const COUNT = 36;

/**
 * @typedef {import('../models.js').Published} Published
 * @typedef {object} Column
 * @property {HTMLElement} root
 * @property {HTMLElement} name
 * @property {Grid} grid
 * @property {HTMLElement} facts
 * @property {HTMLSelectElement | null} select
 */

/**
 * @param {HTMLElement} panel
 * @param {import('../main.js').App} app
 */
export function create(panel, app) {
  const columns = ['First model', 'Second model', 'Third model'].map((label, index) => column(label, index > 0));
  panel.append(make('div', { class: 'compare' }, ...columns.map(({ root }) => root)));

  for (const [at, { select }] of columns.entries()) {
    if (!select) continue;
    if (at === 2) select.append(make('option', { value: '' }, 'Add a third model…'));
    for (const [subject, models] of groupModels(app.models.filter(({ family }) => family !== 'classifier'))) {
      select.append(make('optgroup', { label: subject }, ...models.map((model) => make('option', { value: model.name }, titleOf(model)))));
    }
    select.addEventListener('change', () => {
      app.update({ others: columns.flatMap(({ select }) => select?.value || []) });
    });
  }

  /**
   * The models to compare with the first; by default, the next one of the same data set.
   * @returns {string[]}
   */
  function others() {
    const known = app.state.others.filter((name) => app.published(name) && app.published(name)?.family !== 'classifier');
    if (known.length > 0) return known;
    const first = app.published(app.source.name);
    const rest = app.models.filter(({ name, family }) => name !== first?.name && family !== 'classifier');
    const next = rest.find(({ dataset }) => dataset === first?.dataset) ?? rest[0];
    return next ? [next.name] : [];
  }

  return {
    /** @param {() => boolean} isCurrent */
    async show(isCurrent) {
      const { seed, temperature } = app.state;
      const names = others();
      columns.forEach(({ root, select }, at) => {
        if (select) select.value = names[at - 1] ?? '';
        root.classList.toggle('none', at > names.length);
      });
      /**
       * Fills a column.
       * @param {Column} column
       * @param {any} engine
       * @param {any} facts
       * @param {Published | undefined} model
       */
      const fill = async ({ grid, facts: list, name }, engine, facts, model) => {
        if (facts.family === 'classifier') throw new Error(`The model ${facts.name} is a classifier: it generates no images`);
        const klass = facts.conditional && app.state.class !== null && app.state.class < facts.classes.length ? app.state.class : null;
        const { pixels, milliseconds } = await engine.sample(seed, 0, COUNT, klass, temperature);
        if (!isCurrent()) return;
        name.textContent = model ? titleOf(model) : facts.name;
        grid.show(pixels, facts, `${COUNT} samples of ${facts.name}, seed ${seed}`);
        list.replaceChildren(...rows(facts, model, milliseconds / COUNT));
        app.showTime(milliseconds / COUNT);
      };
      await app.withModel((engine, facts) => fill(columns[0], engine, facts, app.publishedNow()), isCurrent);
      for (const [at, name] of names.entries()) {
        await app.withPublished(name, (engine, facts) => fill(columns[at + 1], engine, facts, app.published(name)), isCurrent);
      }
      if (!isCurrent()) return;
      app.report(null, `Samples of the same seed from ${[app.facts.name, ...names].join(', ').replace(/, ([^,]*)$/, ' and $1')}.`);
    },

    clear() {
      for (const { grid, facts } of columns) {
        grid.clear();
        facts.replaceChildren();
      }
    },
  };
}

/** @param {string} label @param {boolean} choosable @returns {Column} */
function column(label, choosable) {
  const sheet = make('div', { class: 'sheet', 'aria-label': 'No samples yet' });
  const name = make('h2');
  const facts = make('dl');
  const select = choosable ? make('select', { 'aria-label': label }) : null;
  const head = make('div', { class: 'head' }, ...(select ? [select] : []), name);
  name.hidden = choosable;
  const root = make('section', { 'aria-label': label }, head, sheet, facts);
  const grid = new Grid(sheet);
  grid.setCount(COUNT);
  return { root, name, grid, facts, select };
}

/**
 * Sizes, costs and scores of a model, as rows of a list.
 * @param {any} facts
 * @param {Published | undefined} model
 * @param {number} milliseconds per image in this browser
 */
function rows(facts, model, milliseconds) {
  const { fid, floor, precision, coverage } = model?.scores ?? {};
  const share = (/** @type {number | null | undefined} */ value) => (typeof value === 'number' ? `${(value * 100).toFixed(0)} %` : null);
  const beside = typeof floor === 'number' ? ` (real images ${floor.toFixed(2)})` : '';
  /** @type {[string, string | null][]} */
  const list = [
    ['Family', facts.family],
    ['Data set', facts.dataset],
    ['Parameters', facts.parameters.toLocaleString('en')],
    ['Latent size', facts.latent.toLocaleString('en')],
    ['Files', model ? `${Math.round(model.bytes / 1000).toLocaleString('en')} KB` : null],
    ['Training', model ? `${duration(model.seconds)}, ${model.device}` : null],
    ['FID (lower is better)', typeof fid === 'number' ? `${fid.toFixed(2)}${beside}` : null],
    ['Precision', share(precision)],
    ['Coverage', share(coverage)],
    ['Sampling time', `${milliseconds.toPrecision(2)} ms per image`],
  ];
  return list.map(([term, value]) => make('div', {}, make('dt', {}, term), make('dd', {}, value ?? '')));
}

/** @param {number} seconds */
function duration(seconds) {
  if (seconds < 100) return `${Math.round(seconds)} s`;
  return seconds < 6000 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
