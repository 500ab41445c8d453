// @ts-check
/** A grid of samples, and the model's training history. */
import { COUNTS } from '../address.js';
import { check, choice, element, make } from '../dom.js';
import { Grid } from '../grid.js';
import { TrainingHistory } from '../history.js';

/**
 * @param {HTMLElement} panel
 * @param {import('../main.js').App} app
 */
export function create(panel, app) {
  const sheet = element('grid', HTMLElement);
  const grid = new Grid(sheet, (sample) => app.update({ view: 'inside', sample }));
  const history = new TrainingHistory(element('history', HTMLElement));
  const counts = element('counts', HTMLElement);
  const save = element('save', HTMLButtonElement);

  counts.append(...COUNTS.map((count) => choice('count', count, String(count))));
  counts.addEventListener('change', ({ target }) => {
    app.update({ count: Number(/** @type {HTMLInputElement} */ (target).value) });
  });
  save.addEventListener('click', () => {
    const { seed } = app.state;
    const name = app.facts?.name ?? app.source.name;
    grid.toCanvas().toBlob((blob) => blob && offer(blob, `${name}-seed-${seed}.png`));
  });

  return {
    /** @param {() => boolean} isCurrent */
    async show(isCurrent) {
      const { seed, count, temperature } = app.state;
      check(counts, count);
      grid.setCount(count);
      await app.withModel(async (engine, facts) => {
        if (facts.family === 'classifier') throw new Error(`The model ${facts.name} is a classifier: it generates no images`);
        const klass = app.state.class;
        const { pixels, milliseconds } = await engine.sample(seed, 0, count, klass, temperature);
        if (!isCurrent()) return;
        const samples = `${count} samples of ${facts.name}${describeClass(facts, klass)}`;
        grid.show(pixels, facts, `${samples}, seed ${seed}`);
        save.disabled = false;
        app.report(milliseconds / count, `${samples}.`);
      }, isCurrent);
      if (isCurrent()) history.show(app.folder, app.facts?.history);
    },

    clear() {
      grid.clear();
      save.disabled = true;
      history.hide();
    },
  };
}

/**
 * @param {{ conditional: boolean, classes: string[] }} facts
 * @param {number | null} klass
 */
function describeClass({ conditional, classes }, klass) {
  if (!conditional) return '';
  return klass === null ? ', all classes in turn' : `, class ${classes[klass]}`;
}

/**
 * Offers a file for download.
 * @param {Blob} blob
 * @param {string} name
 */
function offer(blob, name) {
  const url = URL.createObjectURL(blob);
  make('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
